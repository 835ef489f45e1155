//! `paidonce audit`

use serde_json::json;

use super::support::Folder;

#[test]
fn a_clean_shop_is_told_what_was_not_looked_at() {
    let folder = Folder::with_shop();
    let ran = folder.run(&["audit", "--database", "sqlite:shop.db"]);
    assert_eq!(ran.first_line(), "15 claims · sqlite:shop.db");
    assert!(ran.last_line().starts_with("clean: 6 audits ran, 2 could not run here, 7 claims have none · "), "{ran:?}");
    ran.expect(0, &["skipped   taken_money_is_never_lost: there is no table world_taken"]);
    let json = folder.run(&["audit", "--json"]).expect(0, &[]).json();
    assert_eq!((&json["ran"], &json["skipped"], &json["without_audit"]), (&json!(6), &json!(2), &json!(7)));
    assert_eq!(json["audits"].as_array().unwrap().len(), 15);
}

#[test]
fn a_database_left_by_a_counterexample_is_told_what_is_wrong_in_it() {
    let folder = Folder::with_trace();
    folder.run(&["replay", "trace.json", "--database", "sqlite:wrong.db"]).expect(0, &["equal", "was booked twice"]);
    let ran = folder.run(&["audit", "--database", "sqlite:wrong.db"]);
    ran.expect(1, &["violated  a_payment_is_booked_at_most_once", "booked twice: payment"]);
    let json = folder.run(&["audit", "--database", "sqlite:wrong.db", "--json"]).expect(1, &[]).json();
    assert_eq!(json["audits"][0]["finding"], json!("violated"));
    assert!(json["violations"].as_u64().unwrap() >= 1);
}

#[test]
fn what_is_no_shop_cannot_be_audited() {
    let folder = Folder::new();
    folder.run(&["audit"]).expect(2, &["there is no database at shop.db"]);
    folder.write("foreign.db", "");
    folder.run(&["audit", "--database", "sqlite:foreign.db"]).expect(2, &["missing table orders"]);
}
