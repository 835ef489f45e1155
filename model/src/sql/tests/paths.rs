//! How statements come to their rows.

use paidonce_protocol::{Dialect, Value};

use super::{sheet, statement};
use crate::sql::Path;

fn path(sql: &str) -> Path {
    let one = statement(sql);
    let sheet = sheet(Dialect::MariaDb, &[one]).unwrap_or_else(|error| panic!("{error}"));
    sheet.paths(one).expect("it is on the sheet")[0].1
}

#[test]
fn equality_on_all_columns_of_a_key_is_a_path() {
    for (condition, expected) in [
        ("id = $1", Path::Primary),
        ("$1 = id AND m > 2", Path::Primary),
        ("id IN (4)", Path::Primary),
        ("id = 1 AND n = 2", Path::Primary),
        ("id = (SELECT MAX(a) FROM u)", Path::Primary),
        ("n = $1", Path::Unique(0)),
        ("n = 10 AND id > 1", Path::Unique(0)),
        ("id > 1", Path::Range),
        ("id BETWEEN 1 AND 2 AND m = 3", Path::Range),
        ("id IN (1, 2)", Path::Range),
        ("id <> 1", Path::Whole),
        ("id = m", Path::Whole),
        ("id = 1 OR id = 2", Path::Whole),
        ("NOT id = 1", Path::Whole),
        ("id + 1 = 2", Path::Whole),
        ("id IN (SELECT a FROM u)", Path::Whole),
        ("m = 1", Path::Whole),
        ("n > 1", Path::Whole),
    ] {
        assert_eq!(path(&format!("UPDATE t SET m = 0 WHERE {condition}")), expected, "{condition}");
    }
    assert_eq!(path("DELETE FROM t"), Path::Whole);
    assert_eq!(path("INSERT INTO t (id, s) VALUES (9, '')"), Path::Primary);
}

#[test]
fn a_part_of_a_key_is_a_path_of_its_own() {
    for (condition, expected) in [
        ("a = 1 AND b = 2", Path::Primary),
        ("a = 1", Path::Prefix(1)),
        ("a = 1 AND b > 2", Path::Prefix(1)),
        ("a > 1", Path::Range),
        ("b = 1 AND q = 2", Path::Unique(0)),
        ("b = 1", Path::UniquePrefix(0, 1)),
        ("q = 1", Path::Whole),
    ] {
        assert_eq!(path(&format!("SELECT q FROM u WHERE {condition}")), expected, "{condition}");
    }
}

#[test]
fn what_a_statement_reads_besides_has_paths_too() {
    let one = statement(
        "INSERT INTO t (id, s) SELECT a, 'x' FROM u WHERE a = 1 AND EXISTS (SELECT id FROM t WHERE n = 10) AND q < \
         (SELECT MAX(q) FROM u)",
    );
    let sheet = sheet(Dialect::Postgres, &[one]).expect("it is SQL");
    let expected = [("t", Path::Primary), ("t", Path::Unique(0)), ("u", Path::Whole), ("u", Path::Prefix(1))];
    assert_eq!(sheet.paths(one).expect("it is on the sheet"), expected);
}

#[test]
fn the_rows_on_a_path_are_those_that_an_engine_comes_across() {
    for (sql, arguments, ids) in [
        ("DELETE FROM t WHERE id > $1 AND s = 'none'", vec![Value::Int(1)], vec![2, 3]),
        ("DELETE FROM t WHERE n = $1 AND s = 'none'", vec![Value::Int(30)], vec![3]),
        ("DELETE FROM t WHERE n = $1", vec![Value::Null], vec![]),
        ("DELETE FROM t WHERE s = 'none'", vec![], vec![1, 2, 3]),
        ("DELETE FROM t WHERE id = (SELECT MAX(a) FROM u) AND m = 0", vec![], vec![2]),
    ] {
        let one = statement(sql);
        let sheet = sheet(Dialect::MariaDb, &[one]).expect("it is SQL");
        let rows = sheet.rows_on_path(one, &arguments).expect("the arguments fit");
        let found: Vec<i64> = rows.iter().map(|row| row.int(0).expect("an id")).collect();
        assert_eq!(found, ids, "{sql}");
    }
}
