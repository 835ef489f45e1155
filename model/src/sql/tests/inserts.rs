//! New rows, and what becomes of those that are there.

use paidonce_protocol::{Dialect, Reply, Value};

use super::{DIALECTS, everywhere, on, refusal, refusal_on, statement};
use crate::sql::Sheet;

/// What a write answers and leaves in `k`, which has a key, a second one that refuses NULL, and a third that does not.
fn kept(dialect: Dialect, sql: &str) -> String {
    let schema = "CREATE TABLE k (id BIGINT NOT NULL PRIMARY KEY, x BIGINT, y BIGINT NOT NULL, v BIGINT NOT NULL, \
                  w TEXT NOT NULL, UNIQUE (x), UNIQUE (y))";
    let row = |id: i64| ("k", vec![id.into(), id.into(), id.into(), 0.into(), "".into()]);
    let one = statement(sql);
    let mut sheet = Sheet::new(schema, dialect, &[one], &[row(1), row(2), row(3)]).unwrap_or_else(|e| panic!("{e}"));
    let answer = match sheet.run(one, &[]).expect("no arguments") {
        Ok(Reply::Affected(count)) => count.to_string(),
        other => format!("{:?}", other.expect_err("a write affects or fails")),
    };
    let rows = sheet.rows("k").expect("k is a table");
    let values = rows.iter().map(|row| format!("{}{}", row.int(3).expect("v"), row.text(4).expect("w")));
    format!("{answer}: {}", values.collect::<Vec<_>>().join(" "))
}

#[test]
fn several_rows_go_in_or_none() {
    let sql = "INSERT INTO t (id, s) VALUES (7, 'x'), (8, 'y')";
    assert_eq!(everywhere(sql), "2 rows: 1 10 5 a; 2 NULL 7 b; 3 30 NULL c; 7 NULL NULL x; 8 NULL NULL y");
    assert_eq!(everywhere("INSERT INTO t (id, s) VALUES (7, 'x'), (7, 'y')"), "refused");
    assert_eq!(
        everywhere("INSERT INTO t (id, n, s) VALUES (7, NULL, 'x'), (8, NULL, 'y')").split(':').next(),
        Some("2 rows")
    );
    assert_eq!(everywhere("INSERT INTO t (id) VALUES (7)"), "refused");
}

#[test]
fn rows_come_from_a_select() {
    assert_eq!(
        everywhere("INSERT INTO t (id, m, s) SELECT b + 10, q, 'u' FROM u WHERE a = 1"),
        "2 rows: 1 10 5 a; 2 NULL 7 b; 3 30 NULL c; 11 NULL 4 u; 12 NULL 6 u"
    );
    let once = "INSERT INTO t (id, s) SELECT 4, 'x' WHERE NOT EXISTS (SELECT 1 FROM t WHERE n = ";
    assert_eq!(everywhere(&format!("{once}10)")).split(':').next(), Some("0 rows"));
    assert_eq!(everywhere(&format!("{once}11)")).split(':').next(), Some("1 rows"));
    assert_eq!(
        everywhere("INSERT INTO t (id, s) SELECT MAX(id) + 1, MIN(s) FROM t"),
        "1 rows: 1 10 5 a; 2 NULL 7 b; 3 30 NULL c; 4 NULL NULL a"
    );
}

#[test]
fn a_row_that_is_there_is_left_out() {
    for dialect in DIALECTS {
        let sql = "INSERT INTO k (id, x, y, v, w) VALUES (1, 9, 9, 5, ''), (4, 4, 4, 5, ''), (5, 4, 5, 5, '') \
                   ON CONFLICT DO NOTHING";
        assert_eq!(kept(dialect, sql), "1: 0 0 0 5", "{dialect:?}");
    }
}

#[test]
fn only_mariadb_ignores_a_key_that_was_not_named() {
    let sql = "INSERT INTO k (id, x, y, v, w) VALUES (9, 1, 9, 5, '') ON CONFLICT (id) DO NOTHING";
    assert_eq!(kept(Dialect::Postgres, sql), "Refused: 0 0 0");
    assert_eq!(kept(Dialect::Sqlite, sql), "Refused: 0 0 0");
    assert_eq!(kept(Dialect::MariaDb, sql), "0: 0 0 0");
    let update = "INSERT INTO k (id, x, y, v, w) VALUES (9, 1, 9, 5, '') ON CONFLICT (id) DO UPDATE SET v = excluded.v";
    assert_eq!(kept(Dialect::Postgres, update), "Refused: 0 0 0");
    assert_eq!(kept(Dialect::MariaDb, update), "2: 5 0 0");
}

#[test]
fn of_two_rows_that_are_there_the_first_keys_is_changed() {
    let row = |id: i64, x: i64, y: i64| {
        format!("INSERT INTO k (id, x, y, v, w) VALUES ({id}, {x}, {y}, 5, '') ON CONFLICT (id) DO UPDATE SET v = 7")
    };
    for dialect in DIALECTS {
        assert!(kept(dialect, &row(1, 2, 3)).ends_with(": 7 0 0"), "{dialect:?}");
    }
    // Measured on MariaDB 10.11: a key that refuses NULL comes before one that does not.
    assert_eq!(kept(Dialect::MariaDb, &row(9, 2, 3)), "2: 0 0 7");
}

#[test]
fn mariadb_counts_a_changed_row_twice_and_one_that_stays_once() {
    let set = |to: &str| {
        format!("INSERT INTO k (id, x, y, v, w) VALUES (1, 1, 1, 5, '') ON CONFLICT (id) DO UPDATE SET {to}")
    };
    for (to, others, mariadb) in [
        ("v = excluded.v", "1: 5 0 0", "2: 5 0 0"),
        ("v = k.v", "1: 0 0 0", "1: 0 0 0"),
        ("v = k.v + excluded.v WHERE k.v < excluded.v", "1: 5 0 0", "2: 5 0 0"),
        ("v = excluded.v WHERE k.v > 3", "0: 0 0 0", "1: 0 0 0"),
        ("v = excluded.v WHERE k.v > NULL", "0: 0 0 0", "1: 0 0 0"),
    ] {
        assert_eq!(kept(Dialect::Postgres, &set(to)), others, "{to}");
        assert_eq!(kept(Dialect::Sqlite, &set(to)), others, "{to}");
        assert_eq!(kept(Dialect::MariaDb, &set(to)), mariadb, "{to}");
    }
}

#[test]
fn postgresql_does_not_change_a_row_twice_in_one_statement() {
    let sql = "INSERT INTO k (id, x, y, v, w) VALUES (4, 4, 4, 1, ''), (4, 4, 4, 2, '') \
               ON CONFLICT (id) DO UPDATE SET v = k.v + excluded.v";
    assert_eq!(kept(Dialect::Postgres, sql), "Misuse: 0 0 0");
    assert_eq!(kept(Dialect::Sqlite, sql), "2: 0 0 0 3");
    assert_eq!(kept(Dialect::MariaDb, sql), "3: 0 0 0 3");
}

#[test]
fn insert_ignore_puts_something_where_null_is_refused() {
    let sql = "INSERT INTO k (id, x, y, v, w) VALUES (4, NULL, 4, NULL, NULL) ON CONFLICT DO NOTHING";
    assert_eq!(kept(Dialect::Postgres, sql), "Refused: 0 0 0");
    assert_eq!(kept(Dialect::Sqlite, sql), "Refused: 0 0 0");
    assert_eq!(kept(Dialect::MariaDb, sql), "1: 0 0 0 0");
}

#[test]
fn mariadb_lets_an_assignment_see_those_before_it() {
    let sql = "UPDATE u SET r = 7, q = q WHERE a = 1 AND b = 1";
    assert!(refusal(sql).contains("a column of a key"));
    let sql = "UPDATE k SET v = v + 1, w = 'x' WHERE v = 0 AND id = 1";
    assert!(DIALECTS.iter().all(|dialect| kept(*dialect, sql) == "1: 1x 0 0"));
    let two = statement("UPDATE c SET a = a + 1, b = a WHERE id = 1");
    let schema = "CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, a BIGINT, b BIGINT)";
    for (dialect, b) in [(Dialect::Postgres, 5), (Dialect::Sqlite, 5), (Dialect::MariaDb, 6)] {
        let rows = [("c", vec![1.into(), 5.into(), Value::Null])];
        let mut sheet = Sheet::new(schema, dialect, &[two], &rows).expect("it is SQL");
        assert_eq!(sheet.run(two, &[]), Ok(Ok(Reply::Affected(1))));
        assert_eq!(sheet.rows("c").expect("c is a table")[0].int(2), Ok(b), "{dialect:?}");
    }
}

#[test]
fn what_an_upsert_may_not_say_is_refused() {
    for (clause, named) in [
        ("(s) DO NOTHING", "`ON CONFLICT (s)`: table t has no such unique key"),
        ("DO UPDATE SET m = 1", "has to name the columns of the key"),
        ("(id) DO UPDATE SET m = m + 1", "`m` is ambiguous; write t.m or excluded.m"),
        ("(id) DO UPDATE SET n = 1", "a column of a key"),
        ("ON CONSTRAINT pk DO NOTHING", "ON CONFLICT ON CONSTRAINT pk"),
        ("(id) DO UPDATE SET m = u.a", "u.a"),
    ] {
        let error = refusal(&format!("INSERT INTO t (id, s) VALUES (1, 'x') ON CONFLICT {clause}"));
        assert!(error.contains(named), "{clause}: {error}");
    }
    let itself = "INSERT INTO t (id, s) SELECT id, s FROM t ORDER BY id ON CONFLICT (id) DO UPDATE SET m = excluded.m";
    assert!(refusal_on(Dialect::MariaDb, itself).contains("1052"));
    assert_eq!(on(Dialect::Sqlite, itself, &[]).split(':').next(), Some("3 rows"));
    let open = "INSERT INTO t (id, s) SELECT a, 'x' FROM u WHERE q > 1 ON CONFLICT DO NOTHING";
    assert!(refusal(open).contains("which of its rows comes first"));
    let joins = "INSERT INTO t (id, s) SELECT MAX(a), 'x' FROM u ON CONFLICT DO NOTHING";
    assert!(refusal(joins).contains("add WHERE 1 = 1"));
}

#[test]
fn what_mariadb_cannot_be_told_is_refused_there() {
    let schema = "CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, a BIGINT, b BIGINT)";
    let swap = statement("INSERT INTO c (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = c.b, b = c.a");
    let error = Sheet::new(schema, Dialect::MariaDb, &[swap], &[]).expect_err("no order is right").to_string();
    assert!(error.starts_with("odd: MariaDB's form of `ON CONFLICT"), "{error}");
    let rows = [("c", vec![1.into(), 2.into(), 3.into()])];
    let mut sheet = Sheet::new(schema, Dialect::Postgres, &[swap], &rows).expect("it is SQL");
    assert_eq!(sheet.run(swap, &[]), Ok(Ok(Reply::Affected(1))));
    let row = sheet.rows("c").expect("c is a table").remove(0);
    assert_eq!((row.int(1), row.int(2)), (Ok(3), Ok(2)));
}
