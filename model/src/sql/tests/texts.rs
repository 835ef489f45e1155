//! Texts that are longer than their column.

use paidonce_protocol::{Dialect, Reply, Statement, Value};

use super::super::Sheet;
use super::{DIALECTS, statement};

const TABLES: &str = "
    CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, s VARCHAR(3) NOT NULL, long TEXT);
    CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY, s VARCHAR(2));";

/// What a statement comes to in a table with one row, (1, 'a', 'abc'): the row, or the kind of the error.
fn on(dialect: Dialect, sql: &str, arguments: &[Value]) -> Result<String, String> {
    let one: &'static Statement = statement(sql);
    let rows = [("t", vec![Value::Int(1), "a".into(), "abc".into()]), ("u", vec![Value::Int(1), "xy".into()])];
    let mut sheet = Sheet::new(TABLES, dialect, &[one], &rows).map_err(|error| error.to_string())?;
    Ok(match sheet.run(one, arguments).map_err(|error| error.to_string())? {
        Ok(Reply::Affected(0)) => "0 rows".to_owned(),
        Ok(_) => {
            let last = sheet.rows("t").map_err(|error| error.to_string())?.pop();
            last.and_then(|row| row.text(1).map(str::to_owned).ok()).unwrap_or_default()
        }
        Err(error) => error.name().to_owned(),
    })
}

fn everywhere(sql: &str, arguments: &[Value]) -> [String; 3] {
    DIALECTS.map(|dialect| on(dialect, sql, arguments).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn servers_refuse_a_text_that_is_too_long_and_sqlite_keeps_it() {
    for sql in ["INSERT INTO t (id, s) VALUES (2, $1)", "UPDATE t SET s = $1 WHERE id = 1"] {
        assert_eq!(everywhere(sql, &["abcd".into()]), ["refused", "refused", "abcd"], "{sql}");
        assert_eq!(everywhere(sql, &["äöü".into()]), ["äöü", "äöü", "äöü"], "{sql}");
        assert_eq!(everywhere(sql, &["abc  ".into()]), ["abc", "abc", "abc  "], "{sql}");
    }
}

#[test]
fn a_text_that_no_row_needs_is_an_error_on_postgresql_only() {
    assert_eq!(everywhere("UPDATE t SET s = 'abcd' WHERE id = 9", &[]), ["refused", "0 rows", "0 rows"]);
    assert_eq!(
        everywhere("INSERT INTO t (id, s) SELECT 2, 'abcd' FROM u WHERE id = 9", &[]),
        ["refused", "0 rows", "0 rows"]
    );
}

#[test]
fn mariadb_cuts_off_what_it_ignores() {
    let sql = "INSERT INTO t (id, s) VALUES (2, 'abcd') ON CONFLICT DO NOTHING";
    assert_eq!(everywhere(sql, &[]), ["refused", "abc", "abcd"]);
}

#[test]
fn a_text_from_a_wider_column_is_refused_by_name_where_a_server_would_look_at_each() {
    for sql in [
        "UPDATE t SET s = long WHERE id = 1",
        "INSERT INTO t (id, s) SELECT id + 1, long FROM t WHERE id = 1",
        "UPDATE t SET s = COALESCE(long, 'x') WHERE id = 1",
        "UPDATE t SET s = (SELECT MAX(long) FROM t) WHERE id = 1",
    ] {
        for dialect in [Dialect::Postgres, Dialect::MariaDb] {
            let error = on(dialect, sql, &[]).expect_err(sql);
            assert!(error.contains("may be longer than the 3 characters of t.s"), "{error}");
        }
        assert_eq!(on(Dialect::Sqlite, sql, &[]), Ok("abc".to_owned()), "{sql}");
    }
    assert_eq!(everywhere("UPDATE t SET s = (SELECT MAX(s) FROM u) WHERE id = 1", &[]), ["xy", "xy", "xy"]);
}
