//! Order, limits and locks of reads.

use paidonce_protocol::Dialect;

use super::super::plan::{Locking, OnLocked, Strength};
use super::{everywhere, on, refusal, refusal_on, sheet, statement};
use crate::sql::{Plan, Tables};

fn plan(sql: &str) -> Plan {
    let tables = Tables::parse(super::TABLES).expect("it is a schema");
    Plan::compile(statement(sql), &tables, &crate::db::Symbols::new(), Dialect::Postgres).expect("it is SQL")
}

#[test]
fn all_columns_and_those_of_the_table_by_name() {
    assert_eq!(everywhere("SELECT * FROM t WHERE id = 1"), "1 10 5 a");
    assert_eq!(everywhere("SELECT t.s, t.id + 1 FROM t WHERE t.n = 10"), "a 2");
}

#[test]
fn null_comes_first_but_on_postgresql() {
    let sql = "SELECT id FROM t ORDER BY n, id";
    assert_eq!(on(Dialect::Sqlite, sql, &[]), "2; 1; 3");
    assert_eq!(on(Dialect::MariaDb, sql, &[]), "2; 1; 3");
    assert_eq!(on(Dialect::Postgres, sql, &[]), "1; 3; 2");
    assert_eq!(on(Dialect::Postgres, "SELECT id FROM t ORDER BY n DESC, id LIMIT 2", &[]), "2; 3");
}

#[test]
fn an_order_is_total_when_it_leaves_no_ties() {
    for (sql, is_ordered) in [
        ("SELECT s FROM t", false),
        ("SELECT s FROM t ORDER BY s", false),
        ("SELECT s FROM t ORDER BY n", false), // NULL may be there twice
        ("SELECT s FROM t ORDER BY s, id", true),
        ("SELECT s FROM t WHERE id = $1", true),
        ("SELECT s FROM t WHERE n = $1 AND m > 2", true),
        ("SELECT COUNT(*) FROM t", true),
        ("SELECT q FROM u WHERE a = 1", false),
        ("SELECT q FROM u WHERE a = 1 ORDER BY b", true),
        ("SELECT q FROM u WHERE a = 1 OR b = 2 ORDER BY b", false),
        ("SELECT a FROM u ORDER BY q DESC, b", true),
        ("UPDATE t SET m = 1", true),
    ] {
        let one = statement(sql);
        let sheet = sheet(Dialect::Postgres, &[one]).expect("it is SQL");
        assert_eq!(sheet.is_ordered(one), Ok(is_ordered), "{sql}");
    }
}

#[test]
fn a_limit_that_leaves_its_rows_open_is_refused() {
    for sql in ["SELECT id FROM t LIMIT 1", "SELECT id FROM t ORDER BY s LIMIT 1"] {
        let error = refusal(sql);
        assert!(error.contains("`LIMIT 1` leaves open which rows it takes; add ORDER BY"), "{error}");
    }
    assert_eq!(everywhere("SELECT id FROM t WHERE id = 2 LIMIT 1"), "2");
    assert_eq!(everywhere("SELECT id FROM t ORDER BY id DESC LIMIT 2"), "3; 2");
    assert_eq!(everywhere("SELECT id FROM t ORDER BY id LIMIT 0"), "");
}

#[test]
fn a_locking_read_says_how_it_locks() {
    let locking = |strength, wait| Some(Locking { strength, wait });
    for (clause, locks) in [
        ("", None),
        ("FOR UPDATE", locking(Strength::Update, OnLocked::Wait)),
        ("FOR SHARE", locking(Strength::Share, OnLocked::Wait)),
        ("FOR UPDATE SKIP LOCKED", locking(Strength::Update, OnLocked::Skip)),
        ("FOR SHARE NOWAIT", locking(Strength::Share, OnLocked::Fail)),
    ] {
        let plan = plan(&format!("SELECT id FROM t ORDER BY id LIMIT 1 {clause}"));
        assert_eq!((plan.locks(), plan.only_reads(), plan.writes()), (locks, locks.is_none(), false), "{clause}");
    }
}

#[test]
fn a_lock_in_a_sub_select_is_a_lock() {
    let plan = plan("SELECT id FROM t WHERE id = (SELECT a FROM u WHERE a = 1 AND b = 1 FOR UPDATE)");
    assert!(!plan.only_reads());
    assert_eq!(plan.tables().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn postgresql_locks_no_rows_for_an_aggregate() {
    let sql = "SELECT COUNT(*) FROM t FOR UPDATE";
    assert!(refusal_on(Dialect::Postgres, sql).contains("0A000"));
    assert_eq!(on(Dialect::MariaDb, sql, &[]), "3");
}

#[test]
fn a_locking_read_has_no_sub_select_among_its_columns() {
    let error = refusal("SELECT id, (SELECT COUNT(*) FROM u) FROM t FOR UPDATE");
    assert!(error.contains("a sub-select among the columns of a locking read"), "{error}");
}
