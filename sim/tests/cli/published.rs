//! `paidonce check --all`

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::Folder;

/// No server is here, whatever the environment of this test says.
const ALONE: [(&str, &str); 3] =
    [("PAIDONCE_POSTGRES_URL", "none"), ("PAIDONCE_MARIADB_URL", "none"), ("PAIDONCE_ENGINES", "")];
const BOOKED_TWICE: [&str; 6] =
    ["check", "unlocked", "--all", "--claim", "a_payment_is_booked_at_most_once", "--max-states=2000"];

#[test]
fn every_published_scenario_is_checked_on_every_engine() {
    let ran = Folder::new().run_in(&["check", "settle", "--all", "--max-states", "20", "--json"], "", &ALONE);
    // Nothing is decided within so few states.
    let json = ran.expect(2, &[]).json();
    assert_eq!(json["as_pinned"], Value::Null, "not all of these bounds are pinned");
    let rows = json["rows"].as_array().unwrap();
    let values = |key: &str| rows.iter().map(|row| row[key].as_str().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(values("engine").len(), 10);
    let says = |text: &str, wanted: &str| text.lines().any(|line| line == wanted);
    let published: BTreeSet<&str> = paidonce_model::scenario::FILES
        .iter()
        // Where there are workers, nobody plays who keeps nothing for them.
        .filter(|(_, text)| says(text, "published = true") && !says(text, "work = true"))
        .map(|(file, _)| file.trim_end_matches(".toml"))
        .collect();
    assert_eq!(values("scenario"), published);
    assert_eq!(rows.len(), 10 * published.len() * 14);
}

#[test]
fn engines_without_a_server_are_checked_in_the_model() {
    let ran = Folder::new().run_in(&BOOKED_TWICE, "", &ALONE);
    let first = "a_payment_is_booked_at_most_once · unlocked · sqlite/immediate, sqlite/deferred, postgres/";
    assert!(ran.first_line().starts_with(first), "{}", ran.first_line());
    let last = "paidonce check unlocked --all --claim a_payment_is_booked_at_most_once --max-states 2000";
    assert!(ran.last_line().ends_with(last), "{}", ran.last_line());
    let line = |engine: &str| {
        let row = ran.out.lines().find(|line| line.starts_with(&format!("| {engine} ")));
        row.unwrap_or_else(|| panic!("{engine} has no line:\n{}", ran.out)).to_owned()
    };
    for engine in ["sqlite/immediate", "sqlite/deferred"] {
        assert!(line(engine).contains(" replayed, all equal"), "{}", line(engine));
    }
    for engine in ["postgres/serializable", "mariadb/repeatable-read+snapshot"] {
        assert!(line(engine).contains(" not replayed: no server"), "{}", line(engine));
    }
    ran.expect(1, &["✗ 4"]);
}

#[test]
fn each_row_of_the_machine_s_form_says_why_it_was_not_replayed() {
    let json = Folder::new().run_in(&[&BOOKED_TWICE[..], &["--json"]].concat(), "", &ALONE).expect(1, &[]).json();
    let rows = json["rows"].as_array().unwrap().iter();
    let violated = rows.filter(|row| row["verdict"] == json!("violated"));
    let (mut here, mut absent) = (0, 0);
    for row in violated {
        if row["engine"].as_str().unwrap().starts_with("sqlite/") {
            assert_eq!(row["replay"]["rows_equal"], json!(true), "{row}");
            here += 1;
        } else {
            let why = row["replay"]["skipped"].as_str().unwrap();
            assert!(why.starts_with("no server: "), "{why}");
            absent += 1;
        }
    }
    assert!(here >= 2 && absent >= 8, "{here} and {absent}");
}

#[test]
fn all_scenarios_and_engines_leave_none_to_choose() {
    for other in [["--scenario", "late_notice"], ["--engine", "sqlite/deferred"], ["--faults", "deaths=0"]] {
        Folder::new().run(&[&["check", "--all"][..], &other].concat()).expect(2, &["--all"]);
    }
}
