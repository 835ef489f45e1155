//! What the world takes from a scenario.

use std::collections::BTreeMap;

use paidonce_model::scenario::{FILES, Scenario};
use paidonce_protocol::shop::Input;
use paidonce_protocol::{Answer, Dialect, Schema, Value};
use sqlparser::ast::Statement;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

fn load(file: &str) -> Scenario {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file).unwrap();
    Scenario::from_toml(file, text).unwrap()
}

#[test]
fn requests_are_numbered_within_their_entry_and_reach_its_servers_in_turn() {
    let mut scenario = load("default.toml");
    scenario.actors[0].servers = vec!["web-2".to_owned(), "web-1".to_owned()];
    let requests = scenario.requests();
    let told: Vec<_> = requests.iter().map(|r| (r.name.as_str(), r.group, r.delivery, r.server)).collect();
    assert_eq!(
        told,
        [("ipn-1", 0, 0, 1), ("ipn-2", 0, 1, 0), ("ipn-3", 0, 2, 1), ("pdt-1", 1, 0, 1), ("admin-1", 2, 0, 0),]
    );
    let Input::Notice(notice) = &requests[0].input else { panic!("an IPN is a notice") };
    assert_eq!((notice.amount_cents, notice.receiver.as_str()), (2000, "shop@example.com"));
    assert_eq!(requests[0].input, requests[3].input, "the IPN and the PDT tell of the same payment");
    assert_eq!(requests[4].input, Input::Cancel { order_id: "1".to_owned() });
}

#[test]
fn a_protocol_of_its_own_is_handed_on() {
    let scenario = load("mixed_unlocked.toml");
    let protocols: Vec<_> = scenario.requests().iter().map(|request| request.protocol).collect();
    assert_eq!(protocols, [None, None, None, Some("unlocked")]);
}

#[test]
fn initial_rows_have_the_columns_of_the_schema_in_their_order() {
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let schema = Schema::Paidonce.sql(Dialect::Sqlite);
    for statement in Parser::parse_sql(&SQLiteDialect {}, schema).unwrap() {
        let Statement::CreateTable(table) = statement else { panic!("the schema is tables only") };
        let names = table.columns.iter().map(|column| column.name.value.clone()).collect();
        columns.insert(table.name.to_string(), names);
    }
    let rows: BTreeMap<_, _> = load("f2_stolen_delete.toml").initial_rows().into_iter().collect();
    let named = |table: &str| -> Vec<(&str, String)> {
        assert_eq!(columns[table].len(), rows[table].len(), "{table}");
        columns[table].iter().map(String::as_str).zip(rows[table].iter().map(Value::to_string)).collect()
    };
    let pair = |(column, value): (&'static str, &str)| (column, value.to_owned());
    assert_eq!(
        named("orders"),
        [
            ("id", "'1'"),
            ("status", "'pending'"),
            ("total_cents", "2000"),
            ("currency", "'EUR'"),
            ("receiver", "'shop@example.com'"),
            ("paid_cents", "0"),
            ("txn_id", "''"),
            ("version", "0"),
        ]
        .map(pair)
    );
    assert_eq!(named("order_lines"), [("order_id", "'1'"), ("sku", "'mug'"), ("units", "2")].map(pair));
    assert_eq!(named("stock"), [("sku", "'mug'"), ("owned", "3"), ("on_hand", "3")].map(pair));
    assert_eq!(named("locks"), [("name", "'order-1'"), ("request_id", "'gone'"), ("expires_ms", "@-1")].map(pair));
}

#[test]
fn taken_money_counts_each_payment_once_and_only_where_money_was_taken() {
    let taken = |file: &str| -> Vec<(String, i64, String)> {
        let taken = load(file).taken();
        taken.into_iter().map(|paid| (paid.txn_id, paid.amount_cents, paid.currency)).collect()
    };
    let paid = |txn_id: &str| (txn_id.to_owned(), 2000, "EUR".to_owned());
    assert_eq!(taken("default.toml"), [paid("61E67681CH3238416")]);
    assert_eq!(taken("processed_and_completed.toml"), [paid("61E67681CH3238416")]);
    assert_eq!(taken("completed_then_pending.toml"), [paid("61E67681CH3238416")]);
    assert_eq!(taken("refunded.toml"), [paid("61E67681CH3238416")]);
    assert_eq!(taken("two_payments.toml"), [paid("61E67681CH3238416"), paid("8JU21934PL0064731")]);
    assert_eq!(taken("wrong_currency.toml"), [("61E67681CH3238416".to_owned(), 2000, "JPY".to_owned())]);
}

#[test]
fn settings_are_those_of_the_protocols() {
    let mut scenario = load("f8_not_reentrant.toml");
    scenario.settings.refused_answer = "200".to_owned();
    let settings = scenario.settings();
    assert!(settings.hook_inside);
    assert_eq!((settings.lease_ms, settings.polls, settings.refused_answer), (60_000, 0, Answer::Accepted));
}

#[test]
fn bounds_are_one_line_for_people_and_an_object_for_machines() {
    let bounds = load("default.toml").bounds();
    assert_eq!(
        bounds.to_string(),
        "admin, ipn x3 (2 at once), pdt; web-1, web-2 +120000 ms; 1 death (soft, reset, silent), 1 lost reply of a commit, \
         2 ticks; 7 attempts"
    );
    assert_eq!(
        serde_json::to_value(&bounds).unwrap(),
        serde_json::json!({
            "actors": {
                "admin": { "overlapping": 1, "deliveries": 1 },
                "ipn": { "overlapping": 2, "deliveries": 3 },
                "pdt": { "overlapping": 1, "deliveries": 1 },
            },
            "servers": { "web-1": 0, "web-2": 120_000 },
            "faults": {
                "deaths": 1, "death_forms": ["soft", "reset", "silent"], "lost_replies": 1, "lost_on": "commit", "ticks": 2,
                "crashes": 0,
            },
            "attempts": 7, "polls": 0, "lease_ms": 3_600_000,
            "assume": [],
            "limits": { "lock_timeout_ms": 5_000, "idle_limit_ms": 10_000, "freeze_ms": 60_000 },
        })
    );
    let story = load("f2_stolen_delete.toml").bounds();
    assert_eq!(story.to_string(), "ipn, pdt; web-1; 1 tick; 5 attempts; assuming nobody_outlives_a_lease");
    let crash = load("server_crash.toml").bounds();
    assert_eq!(crash.to_string(), "ipn x3 (2 at once); web-1; 1 crash of the database; 5 attempts");
}
