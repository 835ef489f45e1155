//! Which anomalies occur on which engine, in docs/isolation.md: computed here, with the published table beside it; and what
//! drawn scripts came to, as it is recorded.

use paidonce::report::{DrawnRun, Manifest};
use paidonce_model::Engine;

use super::support::{rewrites, root, scripts, write_anew};

const PAGE: &str = "docs/isolation.md";
const FROM: &str = "<!-- computed from specs/scripts/hermitage -->\n";
const RECORDED: &str = "<!-- recorded in specs/manifest.toml -->\n";
const TO: &str = "<!-- end -->";

/// The columns: a script and what its anomaly is called.
const ANOMALIES: [(&str, &str); 13] = [
    ("g0", "G0"),
    ("g1a", "G1a"),
    ("g1b", "G1b"),
    ("g1c", "G1c"),
    ("otv", "OTV"),
    ("pmp", "PMP"),
    ("pmp_write", "PMP (write)"),
    ("p4", "P4"),
    ("g_single", "G-single"),
    ("g_single_predicate", "G-single (predicate)"),
    ("g_single_write", "G-single (write)"),
    ("g2_item", "G2-item"),
    ("g2", "G2"),
];

/// What Hermitage has published, for PostgreSQL 9.3 and MySQL 5.6: `1` for prevented, `0` for one that occurs.
const PUBLISHED: [(&str, &str); 7] = [
    ("postgres/read-committed", "1111100000000"),
    ("postgres/repeatable-read", "1111111111100"),
    ("postgres/serializable", "1111111111111"),
    ("mariadb/read-uncommitted", "1000000000000"),
    ("mariadb/read-committed", "1111100000000"),
    ("mariadb/repeatable-read", "1111110011000"),
    ("mariadb/serializable", "1111111111111"),
];

fn published(engine: Engine, column: usize) -> Option<bool> {
    let (_, row) = PUBLISHED.iter().find(|(name, _)| *name == engine.name())?;
    row.chars().nth(column).map(|cell| cell == '1')
}

/// True when the model has the engine prevent it.
fn is_prevented(script: &str, engine: Engine) -> bool {
    let all = scripts("hermitage");
    let kept = all.iter().find(|kept| kept.name == script).unwrap_or_else(|| panic!("there is no {script}.script"));
    let shown: Vec<bool> =
        kept.allowed(engine).iter().map(|transcript| kept.script.shows_anomaly(transcript)).collect();
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "{script} on {}: it may be there or not", engine.name());
    !shown.contains(&true)
}

/// The table, and the cells that are not as published.
fn computed() -> (String, Vec<(&'static str, &'static str)>) {
    let names: Vec<&str> = ANOMALIES.iter().map(|(_, name)| *name).collect();
    let mut table = format!("| engine | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    let mut differ = Vec::new();
    for engine in Engine::ALL {
        let mut row = format!("| {}", engine.name());
        for (column, (script, name)) in ANOMALIES.iter().enumerate() {
            let prevented = is_prevented(script, engine);
            row += if prevented { " | ✓" } else { " | —" };
            if published(engine, column).is_some_and(|published| published != prevented) {
                row += if prevented { " (published: —)" } else { " (published: ✓)" };
                differ.push((engine.name(), *name));
            }
        }
        table += &row;
        table += " |\n";
    }
    (table, differ)
}

/// The runs of drawn scripts that are recorded.
fn recorded() -> String {
    let mut table = "| engine | seed | scripts | disagreements | undecided | one transcript allowed for |\n".to_owned();
    table += "|---|---|---|---|---|---|\n";
    for run in Manifest::read(None).expect("the pins").drawn {
        let DrawnRun { engine, seed, from, scripts, disagreements, with_one, undecided } = run;
        let numbers = if from == 0 { scripts.to_string() } else { format!("{from} to {}", from + scripts - 1) };
        let thousandths = with_one * 1_000 / scripts.max(1);
        let share = format!("{}.{} %", thousandths / 10, thousandths % 10);
        table += &format!("| {engine} | {seed} | {numbers} | {disagreements} | {undecided} | {share} |\n");
    }
    table
}

/// The page with a table between this mark and the end that follows.
fn with_table(page: &str, from: &str, table: &str) -> String {
    let (before, rest) = page.split_once(from).expect("the page has a place for the table");
    let (_, after) = rest.split_once(TO).expect("the table has an end");
    format!("{before}{from}{table}{TO}{after}")
}

#[test]
fn the_page_has_the_computed_table_and_explains_each_difference_from_the_published_one() {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (table, differ) = computed();
    let anew = with_table(&with_table(&page, FROM, &table), RECORDED, &recorded());
    if rewrites() {
        write_anew(&path, &anew);
    } else {
        assert_eq!(page, anew, "not as computed and recorded (PAIDONCE_REWRITE=1 writes it anew)");
    }
    for (engine, name) in differ {
        let explained = format!("**{engine}, {name}.**");
        assert!(page.contains(&explained), "{PAGE} does not explain a difference: `{explained} …`");
    }
}

#[test]
fn every_hermitage_script_has_a_column() {
    let names: Vec<String> = scripts("hermitage").into_iter().map(|kept| kept.name).collect();
    let mut columns: Vec<&str> = ANOMALIES.iter().map(|(script, _)| *script).collect();
    columns.sort_unstable();
    assert_eq!(names, columns);
}
