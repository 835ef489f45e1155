//! `paidonce replay` and `paidonce show`

use serde_json::{Value, json};

use super::support::Folder;

#[test]
fn a_trace_is_shown_in_every_form() {
    let folder = Folder::with_trace();
    let show = |form: &str| folder.run(&["show", "trace.json", "--as", form]).expect(0, &[]).out;
    assert!(show("text").contains("was booked twice"));
    assert!(show("mermaid").starts_with("sequenceDiagram") || show("mermaid").contains("\nsequenceDiagram"));
    assert!(show("svg").starts_with("<svg"));
    assert_eq!(show("json"), folder.read("trace.json"));
    assert_eq!(folder.run(&["show", "trace.json"]).out, show("text"));
    assert_eq!(folder.run_with(&["show", "-"], &folder.read("trace.json")).out, show("text"));
}

#[test]
fn a_counterexample_is_one_on_a_real_database() {
    let folder = Folder::with_trace();
    let ran = folder.run(&["replay", "trace.json"]);
    assert!(ran.first_line().starts_with("a_payment_is_booked_at_most_once · unlocked · sqlite/immediate"), "{ran:?}");
    assert!(ran.last_line().ends_with("paidonce replay trace.json"), "{ran:?}");
    ran.expect(0, &["came out as in the trace", "equal"]);
    let json = folder.run(&["replay", "trace.json", "--json"]).expect(0, &[]).json();
    assert_eq!((&json["agrees"], &json["rows_equal"]), (&json!(true), &json!(true)));
    assert_eq!(json["audit"]["found"], json!(true));
}

#[test]
fn a_trace_that_says_otherwise_than_the_database_is_told_the_difference() {
    let folder = Folder::with_trace();
    let mut trace: Value = serde_json::from_str(&folder.read("trace.json")).unwrap();
    let rows = trace["rows"]["orders"].as_array_mut().unwrap();
    rows[0][1] = json!("cancelled");
    folder.write("other.json", trace.to_string());
    folder.run(&["replay", "other.json"]).expect(1, &["difference:", "orders", "'cancelled'", "different"]);
    let json = folder.run(&["replay", "other.json", "--json"]).expect(1, &[]).json();
    assert_eq!((&json["agrees"], &json["difference"]["at"]), (&json!(false), &json!("rows")));
}

#[test]
fn a_trace_is_replayed_where_it_belongs_or_not_at_all() {
    let folder = Folder::with_trace();
    folder.run(&["replay", "trace.json", "--engine", "sqlite/immediate"]).expect(0, &[]);
    folder
        .run(&["replay", "trace.json", "--engine", "sqlite/deferred"])
        .expect(2, &["this trace is of sqlite/immediate"]);
    folder.write("there.db", "");
    folder.run(&["replay", "trace.json", "--database", "sqlite:there.db"]).expect(2, &["there.db exists already"]);
    assert_eq!(folder.read("there.db"), "");
    let oracle = folder.read("trace.json").replace("\"sqlite/immediate\"", "\"oracle/serializable\"");
    folder.write("oracle.json", oracle);
    folder.run(&["replay", "oracle.json"]).expect(2, &["oracle/serializable", "no such engine", "sqlite/immediate"]);
    let postgres = folder.read("trace.json").replace("\"sqlite/immediate\"", "\"postgres/read-committed\"");
    folder.write("postgres.json", postgres);
    let without = [("PAIDONCE_POSTGRES_URL", "none")];
    folder.run_in(&["replay", "postgres.json"], "", &without).expect(2, &["no server: postgres is left out"]);
}
