//! What is outside the model's SQL is refused by name.

use paidonce_protocol::{Dialect, Schema, catalogue};

use super::super::Tables;
use super::{DIALECTS, refusal};
use crate::db::Store;

#[test]
fn every_statement_of_the_catalogue_is_in_the_models_sql() {
    for schema in [Schema::AsFound, Schema::Paidonce] {
        for protocol in &catalogue::PROTOCOLS {
            for dialect in DIALECTS {
                let store = Store::new(schema.sql(Dialect::Postgres), protocol.statements, dialect);
                assert!(store.is_ok(), "{}: {:?}", protocol.name, store.err());
            }
        }
    }
}

#[test]
fn an_unsupported_clause_is_named() {
    for (sql, named) in [
        ("SELECT n FROM t JOIN u ON true", "JOIN"),
        ("SELECT n FROM t, u", "FROM t, u"),
        ("SELECT n FROM t AS x", "t AS x"),
        ("SELECT n AS x FROM t", "n AS x"),
        ("SELECT n FROM t GROUP BY n", "GROUP BY"),
        ("SELECT DISTINCT n FROM t", "DISTINCT"),
        ("SELECT 1", "without FROM"),
        ("SELECT n FROM t FOR UPDATE OF t", "FOR UPDATE OF t"),
        ("SELECT n FROM t FOR UPDATE FOR SHARE", "FOR UPDATE"),
        ("SELECT n FROM t ORDER BY id LIMIT 1 OFFSET 2", "OFFSET 2"),
        ("SELECT n FROM t ORDER BY id LIMIT $1", "LIMIT $1"),
        ("SELECT n FROM t ORDER BY id LIMIT 99999999999999999999", "LIMIT 99999999999999999999"),
        ("SELECT n FROM t ORDER BY n NULLS FIRST", "NULLS FIRST"),
        ("SELECT n FROM t ORDER BY n + 1", "n + 1"),
        ("SELECT n FROM t WHERE n = now()", "now()"),
        ("SELECT n FROM t WHERE s LIKE 'a%'", "LIKE"),
        ("SELECT n FROM t WHERE n", "`n`"),
        ("SELECT n = 1 FROM t", "n = 1"),
        ("SELECT m / 2 FROM t", "`m / 2`: the quotient"),
        ("SELECT m % n FROM t", "divides by a constant other than zero"),
        ("SELECT m % 0 FROM t", "divides by a constant other than zero"),
        ("SELECT m % $1 FROM t", "divides by a constant other than zero"),
        ("SELECT CAST(m AS INTEGER) FROM t", "CAST(m AS INTEGER)"),
        ("SELECT m::BIGINT FROM t", "m::BIGINT"),
        ("SELECT \"n\" FROM t", "\"n\""),
        ("SELECT n FROM t WHERE s = 'a\\b'", "a backslash"),
        ("SELECT CASE WHEN n = 1 THEN 2 END FROM t", "CASE"),
        ("INSERT INTO t VALUES (1, 2, 3, 'x')", "names no columns"),
        ("INSERT INTO t (id, id) VALUES (1, 1)", "for a second time"),
        ("INSERT INTO t (id) VALUES (1, 2)", "names 1 columns and 2 values"),
        ("INSERT INTO t (id) VALUES (n)", "`n`: there is no row here"),
        ("INSERT INTO t (id, s) VALUES (1, 'x') RETURNING id", "RETURNING"),
        ("INSERT INTO t (id) VALUES (DEFAULT)", "DEFAULT"),
        ("UPDATE t SET n = 1", "a column of a key"),
        ("UPDATE t SET m = 1, m = 2", "for a second time"),
        ("UPDATE t SET id = 2 FROM u", "FROM"),
        ("UPDATE t SET m = 1 ORDER BY id LIMIT 1", "found: ORDER"),
        ("UPDATE t SET m = 1 LIMIT 1", "LIMIT"),
        ("DELETE FROM t LIMIT 1", "LIMIT"),
        ("DELETE FROM t RETURNING id", "RETURNING"),
        ("SELECT n FROM t; SELECT n FROM t", "is not exactly one statement"),
        ("DROP TABLE t", "DROP TABLE t"),
    ] {
        let error = refusal(sql);
        assert!(error.starts_with("odd: ") && error.contains(named), "{sql}: {error}");
    }
}

#[test]
fn an_unknown_table_or_column_is_named_with_the_known_ones() {
    assert_eq!(refusal("SELECT n FROM v"), "odd: there is no table v; the schema has t, u");
    assert_eq!(refusal("SELECT x FROM t"), "odd: table t has no column x; it has id, n, m, s");
}

#[test]
fn a_table_without_a_primary_key_is_refused() {
    let error = Tables::parse("CREATE TABLE t (id BIGINT)").expect_err("no key").to_string();
    assert!(error.contains("table t: has no primary key"), "{error}");
}

#[test]
fn a_type_that_engines_keep_differently_is_refused() {
    for odd in ["INTEGER", "BOOLEAN", "NUMERIC", "TIMESTAMP", "CHAR(3)"] {
        let error =
            Tables::parse(&format!("CREATE TABLE t (id {odd} NOT NULL PRIMARY KEY)")).expect_err(odd).to_string();
        assert!(error.contains(&format!("`{odd}` is a type that the model does not know; use BIGINT")), "{error}");
    }
}
