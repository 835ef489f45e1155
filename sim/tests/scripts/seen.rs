//! Of what the model allows, what does a real engine ever do? Each outcome of each script is looked for, and what is not
//! seen has a reason in `specs/scripts/unseen.toml`, which docs/seen.md shows.

use std::collections::BTreeMap;

use paidonce::script::Real;
use paidonce::seek::{Entry, Often, Record, Sought, seek};
use paidonce_model::{Engine, Family};
use paidonce_sqlx::server::{Server, Software};

use super::support::{Kept, alone, block_on, is_here, rewrites, root, scripts, write_anew};

const RECORD: &str = "specs/scripts/unseen.toml";
const PAGE: &str = "docs/seen.md";
const FROM: &str = "<!-- computed from specs/scripts -->\n";
const TO: &str = "<!-- end -->";
const FOLDERS: [&str; 2] = ["hermitage", "kept"];

/// A longer search is `paidonce seek`.
const ROUNDS: u64 = 25;

fn record() -> Record {
    let text = std::fs::read_to_string(root().join(RECORD)).expect("the record");
    Record::parse(&text).unwrap_or_else(|error| panic!("{RECORD}: {error}"))
}

/// Every script with its folder: `kept/queue_at_a_row`.
fn all_scripts() -> Vec<(String, Kept)> {
    let named =
        |folder: &'static str| scripts(folder).into_iter().map(move |kept| (format!("{folder}/{}", kept.name), kept));
    FOLDERS.into_iter().flat_map(named).collect()
}

/// What is not as the record has it.
fn complaints(name: &str, engine: Engine, record: &Record, sought: &Sought, is_directed: bool) -> String {
    let about = format!("{name} on {}", engine.name());
    let mut complaints = String::new();
    for (place, transcript) in sought.allowed.iter().enumerate() {
        let entry = record.entry(name, engine.name(), place + 1);
        let what = match (sought.seen.get(transcript), entry.map(|entry| entry.seen)) {
            (Some((_, way)), Some(Often::Never)) => format!("is said never to be seen, and was, with: {way:?}"),
            (None, None) if is_directed => format!("was not seen in {} plays, and has no reason", sought.plays),
            _ => continue,
        };
        complaints += &format!("{about}: number {} {what}:\n{transcript}\n", place + 1);
    }
    for transcript in sought.forbidden() {
        complaints += &format!("{about}: the model does not allow\n{transcript}\n");
    }
    complaints
}

/// On a server that was not started here, nothing can be done about who is first.
fn is_directed(family: Family) -> bool {
    let software = match family {
        Family::Sqlite => return true,
        Family::Postgres => Software::Postgres,
        Family::MariaDb => Software::MariaDb,
    };
    Server::shared(software).is_ok_and(|server| server.is_private())
}

fn look(family: Family) {
    let (record, all) = (record(), all_scripts());
    let mut found = String::new();
    for engine in Engine::ALL.into_iter().filter(|engine| engine.family() == family && is_here(*engine)) {
        block_on(async {
            let _alone = alone(engine).await;
            let mut real = Real::open(engine.name()).await.expect("the engine is here");
            for (name, kept) in all.iter().filter(|(_, kept)| kept.script.is_for(engine.name())) {
                let prepared = kept.prepared(engine);
                if kept.allowed(engine).len() < 2 {
                    continue;
                }
                let wanted = |place: usize| record.entry(name, engine.name(), place + 1).is_none();
                let sought = seek(&mut real, engine, &prepared, &kept.order(), (ROUNDS, wanted)).await;
                let sought = sought.unwrap_or_else(|error| panic!("{name} on {}: {error}", engine.name()));
                found += &complaints(name, engine, &record, &sought, is_directed(family));
            }
            real.close().await;
        });
    }
    assert!(found.is_empty(), "{RECORD} does not say so:\n{found}");
}

#[test]
fn each_outcome_is_seen_on_postgresql_or_has_a_reason() {
    look(Family::Postgres);
}

#[test]
fn each_outcome_is_seen_on_mariadb_or_has_a_reason() {
    look(Family::MariaDb);
}

/// SQLite goes by the order in which rows were put in, and the model does not keep it.
const BY_THE_ORDER_OF_ROWS: &str = "kept/a_source_comes_as_it_was_put_in";

#[test]
fn a_script_comes_to_one_outcome_on_sqlite() {
    for engine in Engine::ALL.into_iter().filter(|engine| engine.family() == Family::Sqlite) {
        for (name, kept) in all_scripts().iter().filter(|(_, kept)| kept.script.is_for(engine.name())) {
            let is_open = *name == BY_THE_ORDER_OF_ROWS && engine == Engine::SqliteDeferred;
            assert_eq!(kept.allowed(engine).len(), 1 + usize::from(is_open), "{name} on {}", engine.name());
        }
    }
}

#[test]
fn each_reason_is_for_an_outcome_that_the_model_allows_beside_others() {
    let all = all_scripts();
    for Entry { script, engines, number, .. } in record().outcome {
        let (_, kept) = all.iter().find(|(name, _)| *name == script).unwrap_or_else(|| panic!("no script {script}"));
        for name in engines {
            let engine = Engine::find(&name).unwrap_or_else(|| panic!("{script}: there is no engine {name}"));
            let allowed = kept.allowed(engine).len();
            assert!(allowed > 1 && (1..=allowed).contains(&number), "{script} on {name}: number {number} of {allowed}");
        }
    }
}

/// What is said of one script on the engines for which the model allows the same.
struct Row {
    script: String,
    engines: Vec<&'static str>,
    transcripts: Vec<String>,
    entries: Vec<(usize, Entry)>,
}

fn rows() -> Vec<Row> {
    let record = record();
    let mut rows: Vec<Row> = Vec::new();
    for (script, kept) in all_scripts() {
        for engine in kept.engines() {
            let transcripts: Vec<String> = kept.allowed(engine).iter().map(ToString::to_string).collect();
            if transcripts.len() < 2 {
                continue;
            }
            let entry = |number: usize| Some((number, record.entry(&script, engine.name(), number)?.clone()));
            let entries: Vec<(usize, Entry)> = (1..=transcripts.len()).filter_map(entry).collect();
            let same =
                |row: &&mut Row| row.script == script && row.transcripts == transcripts && row.entries == entries;
            match rows.iter_mut().find(same) {
                Some(row) => row.engines.push(engine.name()),
                None => {
                    rows.push(Row { script: script.clone(), engines: vec![engine.name()], transcripts, entries });
                }
            }
        }
    }
    rows
}

/// Allowed, never seen, seldom seen.
type Sum = (usize, usize, usize);

fn sum_of(row: &Row) -> Sum {
    let count = |often: Often| row.entries.iter().filter(|(_, entry)| entry.seen == often).count();
    (row.transcripts.len(), count(Often::Never), count(Often::Seldom))
}

fn computed() -> String {
    let rows = rows();
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut table =
        "\n| script | engines | allowed | seen | of these seldom | never seen |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let mut reasons = String::new();
    for row in &rows {
        let (allowed, never, seldom) = sum_of(row);
        let engines = row.engines.join(", ");
        table += &format!("| {} | {engines} | {allowed} | {} | {seldom} | {never} |\n", row.script, allowed - never);
        for engine in &row.engines {
            let sum = sums.entry(engine).or_default();
            *sum = (sum.0 + allowed, sum.1 + never, sum.2 + seldom);
        }
        for (number, entry) in &row.entries {
            let often = if entry.seen == Often::Never { "never seen" } else { "seldom seen" };
            let (script, transcript) = (&row.script, &row.transcripts[number - 1]);
            reasons +=
                &format!("\n### {script}, number {number}: {often}\n\nOn {engines}.\n\n{}\n", entry.reason.trim());
            reasons += &format!("\n```text\n{transcript}```\n");
        }
    }
    let mut page = "| engine | allowed | seen | of these seldom | never seen |\n|---|---|---|---|---|\n".to_owned();
    for engine in Engine::ALL {
        if let Some((allowed, never, seldom)) = sums.get(engine.name()) {
            page += &format!("| {} | {allowed} | {} | {seldom} | {never} |\n", engine.name(), allowed - never);
        }
    }
    page + &table + &reasons
}

#[test]
fn the_page_lists_what_was_never_or_seldom_seen() {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(FROM).expect("the page has a place for the tables");
    let (shown, after) = rest.split_once(TO).expect("the tables have an end");
    let computed = computed();
    if rewrites() {
        write_anew(&path, &format!("{before}{FROM}{computed}{TO}{after}"));
    } else {
        assert_eq!(shown, computed, "not as computed (PAIDONCE_REWRITE=1 writes it anew)");
    }
}
