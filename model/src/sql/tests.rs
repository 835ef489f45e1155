//! What is outside the model's SQL is refused by name.

use paidonce_protocol::{Dialect, Schema, Statement, catalogue};

use super::Tables;
use crate::db::Store;

const TABLES: &str = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, UNIQUE (n))";

fn refusal(sql: &'static str) -> String {
    // A statement lives as long as the program; a test's does, too.
    let statement: &'static Statement = Box::leak(Box::new(Statement::new("odd", sql)));
    match Store::new(TABLES, &[statement]) {
        Ok(_) => format!("`{sql}` was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_statement_of_the_catalogue_is_in_the_models_sql() {
    for schema in [Schema::AsFound, Schema::Paidonce] {
        for protocol in &catalogue::PROTOCOLS {
            let store = Store::new(schema.sql(Dialect::Postgres), protocol.statements);
            assert!(store.is_ok(), "{}: {:?}", protocol.name, store.err());
        }
    }
}

#[test]
fn an_unsupported_clause_is_named() {
    for (sql, named) in [
        ("SELECT COUNT(*) FROM t", "COUNT(*)"),
        ("SELECT n FROM t JOIN u ON true", "JOIN"),
        ("SELECT n FROM t GROUP BY n", "GROUP BY"),
        ("SELECT DISTINCT n FROM t", "DISTINCT"),
        ("SELECT n FROM t FOR SHARE", "FOR SHARE"),
        ("SELECT n FROM t FOR UPDATE SKIP LOCKED", "SKIP LOCKED"),
        ("SELECT n FROM t LIMIT 1 OFFSET 2", "OFFSET 2"),
        ("SELECT n FROM t WHERE n IN (1, 2)", "IN (1, 2)"),
        ("SELECT n FROM t WHERE n = now()", "now()"),
        ("INSERT INTO t (id) SELECT n FROM t", "SELECT"),
        ("INSERT INTO t (id) VALUES (1), (2)", "several rows"),
        ("INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET n = 1", "DO UPDATE"),
        ("UPDATE t SET n = 1", "a column of a key"),
        ("UPDATE t SET id = 2 FROM u", "FROM"),
        ("DELETE FROM t RETURNING id", "RETURNING"),
        ("DROP TABLE t", "DROP TABLE t"),
    ] {
        let error = refusal(sql);
        assert!(error.starts_with("odd: ") && error.contains(named), "{sql}: {error}");
    }
}

#[test]
fn an_unknown_table_or_column_is_named_with_the_known_ones() {
    assert_eq!(refusal("SELECT n FROM u"), "odd: there is no table u; the schema has t");
    assert_eq!(refusal("SELECT m FROM t"), "odd: table t has no column m; it has id, n");
}

#[test]
fn a_table_without_a_primary_key_is_refused() {
    let error = Tables::parse("CREATE TABLE t (id BIGINT)").expect_err("no key").to_string();
    assert!(error.contains("table t: has no primary key"), "{error}");
}
