//! What is outside the model's SQL is refused by name.

use paidonce_protocol::{Dialect, Schema, catalogue};

use super::super::Tables;
use super::refusal;
use crate::db::Store;
use crate::engine::Engine;

#[test]
fn every_statement_of_the_catalogue_is_taken_by_every_engine() {
    for schema in [Schema::AsFound, Schema::Paidonce] {
        for protocol in &catalogue::PROTOCOLS {
            for engine in Engine::ALL {
                let dialect = engine.dialect();
                let store = Store::new(schema.sql(Dialect::Postgres), protocol.statements, dialect);
                let suits = store.and_then(|store| store.suits(engine));
                assert_eq!(suits, Ok(()), "{} on {}", protocol.name, engine.name());
            }
        }
    }
}

#[test]
fn a_clause_is_named_and_not_the_statement_in_which_it_stands() {
    for (sql, clause) in [
        ("SELECT COUNT(*) FROM t HAVING COUNT(*) > 1", "HAVING"),
        ("SELECT n FROM t UNION SELECT m FROM t", "UNION"),
        ("SELECT n FROM t EXCEPT SELECT m FROM t", "EXCEPT"),
        ("WITH x AS (SELECT n FROM t) SELECT n FROM t", "WITH"),
        ("SELECT n FROM t WHERE n IN (SELECT a FROM u GROUP BY a)", "GROUP BY"),
        ("SELECT n FROM t ORDER BY id FETCH FIRST 1 ROWS ONLY", "FETCH"),
        ("INSERT INTO t (id, s) SELECT id, s FROM t UNION SELECT id, s FROM t", "UNION"),
        ("INSERT INTO t (id, s) VALUES (1, 'x') ORDER BY id", "ORDER BY"),
        ("UPDATE t SET m = 1 FROM u", "FROM"),
        ("UPDATE t SET m = 1 RETURNING id", "RETURNING"),
        ("DELETE FROM t USING u", "USING"),
    ] {
        let expected =
            format!("odd: `{clause}` is outside the SQL that the model knows; write the statement without it");
        assert_eq!(refusal(sql), expected, "{sql}");
    }
}

#[test]
fn what_is_wrong_comes_with_what_to_do() {
    for (sql, advice) in [
        ("SELECT m / 2 FROM t", "multiply the other side, or divide before and give the quotient as an argument"),
        ("SELECT n FROM t WHERE s = 1", "a text stands in '…', an integer does not"),
        ("SELECT n FROM t WHERE n = '1'", "a text stands in '…', an integer does not"),
        ("UPDATE t SET m = 'x'", "a text stands in '…', an integer does not"),
        ("SELECT s + 1 FROM t", "`s` needs an integer and has text; put an integer there"),
        ("SELECT n, COUNT(*) FROM t", "put it into one, or ask for it in a statement of its own"),
    ] {
        let error = refusal(sql);
        assert!(error.ends_with(advice), "{sql}: {error}");
    }
}

#[test]
fn an_unsupported_clause_is_named() {
    for (sql, named) in [
        ("SELECT n FROM t JOIN u ON true", "JOIN"),
        ("SELECT n FROM t, u", "FROM t, u"),
        ("SELECT n FROM t AS x", "t AS x"),
        ("SELECT n AS x FROM t", "n AS x"),
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
        ("INSERT INTO t (id) VALUES (DEFAULT)", "DEFAULT"),
        ("UPDATE t SET n = 1", "a column of a key"),
        ("UPDATE t SET m = 1, m = 2", "for a second time"),
        ("UPDATE t SET id = 2 FROM u", "FROM"),
        ("UPDATE t SET m = 1 ORDER BY id LIMIT 1", "found: ORDER"),
        ("DELETE FROM t LIMIT 1", "LIMIT"),
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
