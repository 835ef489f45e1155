//! What the model takes SQL to mean, and what it refuses.

mod aggregates;
mod expressions;
mod inserts;
mod named;
mod paths;
mod reads;
mod refusals;
mod sub_selects;
mod texts;
mod unforeseen;

use paidonce_protocol::{Dialect, Error, Reply, Statement, Value};

use super::Sheet;

/// `t` has a key and a second one; `u` has a key of two columns.
const TABLES: &str = "
    CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, m BIGINT, s TEXT NOT NULL, UNIQUE (n));
    CREATE TABLE u (a BIGINT NOT NULL, b BIGINT NOT NULL, q BIGINT NOT NULL, r BIGINT,
        PRIMARY KEY (a, b), UNIQUE (b, q));";

/// A statement lives as long as the program; a test's does, too.
fn statement(sql: &str) -> &'static Statement {
    Box::leak(Box::new(Statement::new("odd", Box::leak(sql.to_owned().into_boxed_str()))))
}

/// Rows (1, 10, 5, 'a'), (2, NULL, 7, 'b'), (3, 30, NULL, 'c') in `t` and (1, 1, 4, NULL), (1, 2, 6, 0), (2, 1, 8, 0) in `u`.
fn sheet(dialect: Dialect, statements: &[&'static Statement]) -> Result<Sheet, String> {
    let int = Value::Int;
    let rows = [
        ("t", vec![int(1), int(10), int(5), "a".into()]),
        ("t", vec![int(2), Value::Null, int(7), "b".into()]),
        ("t", vec![int(3), int(30), Value::Null, "c".into()]),
        ("u", vec![int(1), int(1), int(4), Value::Null]),
        ("u", vec![int(1), int(2), int(6), int(0)]),
        ("u", vec![int(2), int(1), int(8), int(0)]),
    ];
    Sheet::new(TABLES, dialect, statements, &rows).map_err(|error| error.to_string())
}

/// The answer to one statement, in short: `1 a; 2 b` for rows, `2 rows` for a write, the kind of an error. Then, for a
/// write, the rows of `t`.
fn on(dialect: Dialect, sql: &str, arguments: &[Value]) -> String {
    let statement = statement(sql);
    let mut sheet = sheet(dialect, &[statement]).unwrap_or_else(|error| panic!("{error}"));
    let fields = |rows: &[paidonce_protocol::Row]| {
        let row = |row: &paidonce_protocol::Row| {
            let fields = row.0.iter().map(|value| match value {
                Value::Text(text) => text.clone(),
                other => other.to_string(),
            });
            fields.collect::<Vec<_>>().join(" ")
        };
        rows.iter().map(row).collect::<Vec<_>>().join("; ")
    };
    match sheet.run(statement, arguments).unwrap_or_else(|error| panic!("{error}")) {
        Ok(Reply::Rows(rows)) => fields(&rows),
        Ok(Reply::Affected(count)) => format!("{count} rows: {}", fields(&sheet.rows("t").expect("t is a table"))),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.name().to_owned(),
    }
}

/// The answer on all three, which is the same.
fn everywhere(sql: &str) -> String {
    let [postgres, mariadb, sqlite] = DIALECTS.map(|dialect| on(dialect, sql, &[]));
    assert!(postgres == mariadb && postgres == sqlite, "{sql}: {postgres} / {mariadb} / {sqlite}");
    postgres
}

const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::MariaDb, Dialect::Sqlite];

/// Why a statement is not taken on any of the three.
fn refusal(sql: &str) -> String {
    let [postgres, mariadb, sqlite] = DIALECTS.map(|dialect| refusal_on(dialect, sql));
    assert!(postgres == mariadb && postgres == sqlite, "{sql}: {postgres} / {mariadb} / {sqlite}");
    postgres
}

fn refusal_on(dialect: Dialect, sql: &str) -> String {
    sheet(dialect, &[statement(sql)]).err().unwrap_or_else(|| format!("`{sql}` was taken"))
}

#[test]
fn a_statement_that_fails_changes_nothing() {
    let insert = statement("INSERT INTO t (id, s) VALUES (9, 'x'), (1, 'y')");
    let mut sheet = sheet(Dialect::Postgres, &[insert]).expect("it is SQL");
    assert_eq!(sheet.run(insert, &[]), Ok(Err(Error::Refused)));
    assert_eq!(sheet.rows("t").map(|rows| rows.len()), Ok(3));
}
