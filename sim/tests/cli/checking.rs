//! `paidonce check`

use serde_json::{Value, json};

use super::support::Folder;

const TWICE: [&str; 4] = ["check", "unlocked", "--scenario", "unlocked_ipn_twice"];

#[test]
fn a_broken_claim_is_told_with_its_schedule_and_replayed() {
    let ran = Folder::new().run(&TWICE);
    assert!(ran.first_line().starts_with("14 claims · unlocked · sqlite/immediate · unlocked_ipn_twice: "));
    assert!(ran.first_line().ends_with("seed none"));
    let command = "paidonce check unlocked --scenario unlocked_ipn_twice --engine sqlite/immediate";
    assert!(ran.last_line().ends_with(command), "{}", ran.last_line());
    ran.expect(1, &["was booked twice", "all answers and rows equal, the audit finds it", "distinct states"]);
}

#[test]
fn only_the_claims_asked_for_are_told() {
    let ran = Folder::new().run(&[&TWICE[..], &["--claim", "the_buyer_is_mailed_once"]].concat());
    assert!(!ran.out.contains("a_payment_is_booked_at_most_once"), "{}", ran.out);
    ran.expect(1, &["the_buyer_is_mailed_once", "1 violated ·"]);
}

#[test]
fn a_clean_check_exits_with_0() {
    let few = ["--actors", "ipn=1/1,pdt=1,admin=0", "--faults", "deaths=0,lost_replies=0,ticks=0"];
    let ran = Folder::new().run(&[&["check", "settle"][..], &few].concat());
    assert!(ran.last_line().contains("--actors ipn=1/1,pdt=1/1,admin=0 --faults deaths=0,lost_replies=0,ticks=0"));
    ran.expect(0, &["holds"]);
}

#[test]
fn a_limit_leaves_the_verdict_undecided() {
    let ran = Folder::new().run(&["check", "settle", "--scenario", "wrong_amount", "--max-states", "50", "--json"]);
    let json = ran.expect(2, &[]).json();
    assert_eq!(json["as_pinned"], json!(false));
    assert!(json["rows"].as_array().unwrap().iter().any(|row| row["verdict"] == "undecided"));
}

#[test]
fn the_machine_s_form_is_one_object_of_the_published_shape() {
    let json = Folder::new().run(&[&TWICE[..], &["--json"]].concat()).expect(1, &[]).json();
    assert_eq!(keys(&json), ["as_pinned", "rows"]);
    assert_eq!(json["as_pinned"], json!(true));
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 14);
    for row in rows {
        let expected = ["bounds", "claim", "engine", "protocol", "replay", "scenario", "states", "steps", "verdict"];
        assert_eq!(keys(row), expected);
        assert!(row["states"].as_u64().unwrap() > 0);
        if row["verdict"] == "violated" {
            assert!(row["steps"].as_u64().unwrap() > 0);
            assert_eq!(keys(&row["replay"]), ["audit_found", "engine", "rows_equal"]);
            assert_eq!(row["replay"]["rows_equal"], json!(true));
        } else {
            assert_eq!((&row["steps"], &row["replay"]), (&Value::Null, &Value::Null));
        }
    }
}

#[test]
fn bounds_of_ones_own_are_not_pinned() {
    let folder = Folder::new();
    let other = [&TWICE[..], &["--actors", "ipn=3/3", "--claim", "no_update_is_lost", "--json"]].concat();
    assert_eq!(folder.run(&other).json()["as_pinned"], Value::Null);
    let same = [&TWICE[..], &["--actors", "ipn=2/2", "--claim", "no_update_is_lost", "--json"]].concat();
    assert_eq!(folder.run(&same).json()["as_pinned"], json!(true));
}

#[test]
fn what_has_no_server_here_is_said_not_to_be_replayed() {
    let claim = ["--claim", "a_payment_is_booked_at_most_once", "--json"];
    let postgres = [&TWICE[..], &["--engine", "postgres/read-committed"], &claim].concat();
    let without = [("PAIDONCE_POSTGRES_URL", "none"), ("PAIDONCE_ENGINES", "")];
    let json = Folder::new().run_in(&postgres, "", &without).expect(1, &[]).json();
    assert_eq!(json["as_pinned"], Value::Null);
    let skipped = "no server: postgres is left out by PAIDONCE_POSTGRES_URL=none";
    assert_eq!(json["rows"][0]["replay"], json!({ "skipped": skipped }));
    let wanted = [("PAIDONCE_POSTGRES_URL", "none"), ("PAIDONCE_ENGINES", "all")];
    Folder::new().run_in(&postgres, "", &wanted).expect(2, &["left out by PAIDONCE_POSTGRES_URL"]);
}

#[test]
fn a_scenario_of_ones_own_is_read_from_its_file() {
    let folder = Folder::new();
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/scenarios/unlocked_ipn_twice.toml"));
    let text = text.unwrap();
    folder.write("mine.toml", &text);
    let check = ["check", "unlocked", "--scenario", "mine.toml", "--claim", "no_update_is_lost"];
    let ran = folder.run(&[&check[..], &["--json"]].concat()).expect(1, &[]);
    assert_eq!((&ran.json()["as_pinned"], &ran.json()["rows"][0]["scenario"]), (&Value::Null, &json!("mine")));
    folder.write("mine.toml", text.replace("servers = [\"web-1\"]", "servers = [\"web-9\"]"));
    folder.run(&check).expect(2, &["mine.toml:", "actors[0].servers[0]", "expected one of: web-1"]);
}

#[test]
fn without_a_violation_no_trace_is_written() {
    let folder = Folder::new();
    let check = [&TWICE[..], &["--claim", "refunds_never_exceed_payments", "--trace-out", "none.json"]].concat();
    folder.run(&check).expect(0, &["none.json is not written"]);
    assert!(!folder.path("none.json").exists());
}

fn keys(json: &Value) -> Vec<&str> {
    json.as_object().unwrap().keys().map(String::as_str).collect()
}
