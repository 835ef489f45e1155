//! The drivers agree: what the exhaustive model, the simulation, shuttle and a real engine say of each protocol may differ
//! only as "not found within so many". The table is in docs/agreement.md, made by one command and compared here:
//!
//! ```sh
//! PAIDONCE_REWRITE=1 cargo test -p paidonce-tests --test agreement
//! ```
//!
//! Everything in it follows from seeds that are fixed, so that a driver that needs more of them than before is seen at once.

mod drivers;
mod table;

use table::{Row, rows, text};

const PAGE: &str = "docs/agreement.md";
const FROM: &str = "<!-- computed by tests/tests/agreement -->\n";
const TO: &str = "<!-- end -->";
const COMMAND: &str = "PAIDONCE_REWRITE=1 cargo test -p paidonce-tests --test agreement";

/// What may not be, whatever the page says.
fn disagreements(row: &Row) -> Vec<String> {
    let title = row.title();
    let mut all = Vec::new();
    let is_right = row.exhaustive.violated.is_empty();
    if row.exhaustive.scenarios == 0 {
        all.push(format!("{title}: no scenario is explored"));
    }
    for (driver, campaigns) in row.drawing() {
        if is_right && !campaigns.violated.is_empty() {
            all.push(format!(
                "{title}: holds in the exhaustive model, and by {driver} these fall: {:?}",
                campaigns.violated
            ));
        }
    }
    if !is_right && row.simulation.needed.contains(&None) {
        let most = row.simulation.most;
        all.push(format!("{title}: a campaign of simulations finds nothing within {most} seeds"));
    }
    all
}

/// The lines that differ, one below the other.
fn differences(shown: &str, computed: &str) -> String {
    let only_in = |sign: char, lines: &str, other: &str| -> String {
        let known: Vec<&str> = other.lines().collect();
        lines.lines().filter(|line| !known.contains(line)).map(|line| format!("{sign} {line}\n")).collect()
    };
    only_in('-', shown, computed) + &only_in('+', computed, shown)
}

#[test]
fn the_drivers_differ_only_in_what_they_do_not_find() {
    let rows = rows();
    let wrong: Vec<String> = rows.iter().flat_map(disagreements).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let path = paidonce_tests::root().join(PAGE);
    let page = paidonce_tests::text(PAGE).expect("the page is text");
    let (before, rest) = page.split_once(FROM).expect("the page has a place for the tables");
    let (shown, after) = rest.split_once(TO).expect("the tables have an end");
    let computed = text(&rows);
    if std::env::var_os("PAIDONCE_REWRITE").is_some() {
        let beside = path.with_extension("new");
        std::fs::write(&beside, format!("{before}{FROM}{computed}{TO}{after}")).expect("there can be files beside it");
        std::fs::rename(&beside, &path).expect("it can be replaced");
    } else {
        let differences = differences(shown, &computed);
        assert!(shown == computed, "not as pinned; `{COMMAND}` pins it anew:\n{differences}");
    }
}

/// A driver that has become weaker, or stronger, is another line.
#[test]
fn a_driver_that_needs_more_is_told() {
    let campaigns = |needed: &[u64]| drivers::Campaigns {
        most: 200,
        needed: needed.iter().map(|needed| (*needed < 200).then_some(*needed)).collect(),
        violated: std::collections::BTreeSet::new(),
    };
    let before = campaigns(&[1, 2, 3, 9]).cell();
    assert_eq!(before, "**violated** after 2.5 (15 in all)");
    let after = campaigns(&[1, 2, 5, 9]).cell();
    assert_eq!(differences(&before, &after), format!("- {before}\n+ {after}\n"));
    assert_eq!(differences(&before, &before), "");
    assert_eq!(campaigns(&[1, 200, 200, 200]).cell(), "**violated** after more than 200 (601 in all)");
    assert_eq!(campaigns(&[200, 200, 200, 200]).cell(), "not found within 800");
}
