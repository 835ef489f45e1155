//! Where the path of a statement is not to be foreseen it is refused, if something depends on it.

use super::{TABLES, statement};
use crate::db::Store;
use crate::engine::Engine;

fn taken(sql: &str, engine: Engine) -> Result<(), String> {
    let one = statement(sql);
    let store = Store::new(TABLES, &[one], engine.dialect()).map_err(|error| error.to_string())?;
    store.suits(engine).map_err(|error| error.to_string())
}

/// The engines on which a statement is refused.
fn refusing(sql: &str) -> Vec<&'static str> {
    Engine::ALL.into_iter().filter(|engine| taken(sql, *engine).is_err()).map(Engine::name).collect()
}

const SERIALIZABLE: [&str; 2] = ["postgres/serializable", "mariadb/serializable"];

/// Those that lock their way, or note it.
const BY_WAY: [&str; 6] = [
    "postgres/serializable",
    "mariadb/read-uncommitted",
    "mariadb/read-committed",
    "mariadb/repeatable-read",
    "mariadb/repeatable-read+snapshot",
    "mariadb/serializable",
];

#[test]
fn a_condition_on_a_further_key_that_is_no_equality_is_refused_where_its_way_is_locked() {
    for condition in
        ["n > 1", "n BETWEEN 1 AND 2", "n IN (1, 2)", "n IS NULL", "NOT n = 1", "n = 1 OR id = 2", "id <> 1"]
    {
        assert_eq!(refusing(&format!("UPDATE t SET m = 1 WHERE {condition}")), BY_WAY, "{condition}");
        assert_eq!(refusing(&format!("SELECT m FROM t WHERE {condition} FOR UPDATE")), BY_WAY, "{condition}");
    }
    // A plain read below serializable locks nothing; at read uncommitted it matters which records it looks at.
    let plain = ["postgres/serializable", "mariadb/read-uncommitted", "mariadb/serializable"];
    assert_eq!(refusing("SELECT m FROM t WHERE n > 1"), plain);
    assert_eq!(refusing("SELECT m FROM t WHERE id <> 1"), SERIALIZABLE);
}

#[test]
fn two_keys_in_one_condition_are_refused_where_it_is_open_which_leads() {
    assert_eq!(refusing("DELETE FROM t WHERE id = 1 AND n = 2"), BY_WAY);
    assert_eq!(refusing("DELETE FROM t WHERE id > 1 AND n = 2"), &BY_WAY[1..]);
    // A SELECT reads a row of a whole key before anything is planned.
    assert_eq!(refusing("SELECT m FROM t WHERE id > 1 AND n = 2 FOR UPDATE"), [""; 0]);
}

#[test]
fn more_than_the_beginning_of_a_key_is_refused() {
    assert_eq!(refusing("DELETE FROM u WHERE a = 1 AND b > 2"), BY_WAY);
    assert_eq!(refusing("DELETE FROM t WHERE id IN (1, 3) AND id > 2"), BY_WAY);
    assert_eq!(refusing("DELETE FROM u WHERE a = 1 AND r = 2"), [""; 0]);
}

#[test]
fn a_further_column_of_a_key_alone_is_refused_where_postgresql_notes_its_way() {
    assert_eq!(refusing("DELETE FROM u WHERE q = 2"), ["postgres/serializable"]);
    assert_eq!(refusing("DELETE FROM u WHERE r = 2"), [""; 0]);
}

#[test]
fn a_sub_select_is_refused_where_it_is_not_known_when_it_is_read() {
    let exists = "EXISTS (SELECT 1 FROM u WHERE r = 1)";
    for misplaced in [
        format!("DELETE FROM t WHERE {exists}"),
        format!("UPDATE t SET m = 1 WHERE {exists}"),
        format!("SELECT m FROM t WHERE {exists} FOR UPDATE"),
        "INSERT INTO u (a, b, q, r) VALUES (1, 1, (SELECT COUNT(*) FROM t), 1)".to_owned(),
        format!("INSERT INTO u (a, b, q, r) SELECT id, 1, 1, 1 FROM t WHERE {exists}"),
        "INSERT INTO u (a, b, q, r) SELECT id, 1, 1, 1 FROM t ORDER BY id".to_owned(),
    ] {
        assert_eq!(refusing(&misplaced), BY_WAY, "{misplaced}");
    }
    let locking = "SELECT m FROM t WHERE EXISTS (SELECT 1 FROM u WHERE r = 1 FOR UPDATE)";
    assert_eq!(refusing(locking), BY_WAY);
    assert_eq!(refusing(&format!("SELECT m FROM t WHERE {exists}")), SERIALIZABLE);
    for known in [
        "UPDATE t SET m = (SELECT COUNT(*) FROM u WHERE r = 1)".to_owned(),
        "SELECT m FROM t WHERE m IN (SELECT r FROM u)".to_owned(),
        format!("INSERT INTO u (a, b, q, r) SELECT 1, 1, 1, 1 WHERE NOT {exists}"),
        "INSERT INTO u (a, b, q, r) SELECT id, 1, 1, 1 FROM t".to_owned(),
    ] {
        assert_eq!(refusing(&known), [""; 0], "{known}");
    }
}

#[test]
fn the_way_back_along_a_key_is_refused() {
    assert_eq!(refusing("SELECT m FROM t ORDER BY id DESC LIMIT 1 FOR UPDATE"), BY_WAY);
    assert_eq!(refusing("SELECT m FROM t ORDER BY id DESC LIMIT 1"), SERIALIZABLE);
    assert_eq!(refusing("SELECT q FROM u WHERE a = 1 ORDER BY b DESC"), SERIALIZABLE);
    assert_eq!(refusing("SELECT m FROM t ORDER BY m DESC, id"), [""; 0]);
    assert_eq!(refusing("SELECT m FROM t ORDER BY id LIMIT 1 FOR UPDATE"), [""; 0]);
    assert_eq!(refusing("SELECT m FROM t ORDER BY n, id LIMIT 1 FOR UPDATE"), BY_WAY);
}

#[test]
fn the_end_of_a_key_is_refused_but_for_what_the_model_knows() {
    for sql in ["SELECT MAX(id) FROM t", "SELECT MIN(id) FROM t", "SELECT MAX(b) FROM u WHERE a = 1"] {
        assert_eq!(refusing(sql), SERIALIZABLE, "{sql}");
    }
    assert_eq!(refusing("SELECT MAX(n) FROM t"), ["postgres/serializable"]);
    assert_eq!(refusing("SELECT COUNT(*), MAX(n) FROM t"), [""; 0]);
    let locked = [
        "postgres/serializable",
        "mariadb/repeatable-read",
        "mariadb/repeatable-read+snapshot",
        "mariadb/serializable",
    ];
    assert_eq!(refusing("INSERT INTO t (id, s) SELECT MAX(a) + 1, 'x' FROM u"), locked);
    assert_eq!(refusing("SELECT MAX(m) FROM t"), [""; 0]);
}

#[test]
fn an_error_names_the_statement_the_key_and_what_to_do() {
    let error = taken("UPDATE t SET m = 1 WHERE n > 1", Engine::MariaDbRepeatableRead).expect_err("it is open");
    let expected =
        "odd: on mariadb/repeatable-read, what WHERE says of `n`, may be looked for by the key (n) of t or without it";
    assert!(error.starts_with(expected) && error.contains("ask with = for all columns of one key"), "{error}");
}

#[test]
fn every_engine_takes_what_leads_by_one_key() {
    for engine in Engine::ALL {
        for sql in [
            "UPDATE t SET m = 1 WHERE id = $1 AND m = 2",
            "UPDATE t SET m = 1 WHERE n = $1",
            "UPDATE t SET m = 1 WHERE id > $1",
            "UPDATE t SET m = 1 WHERE id IN (1, 2)",
            "UPDATE t SET m = 1",
            "DELETE FROM u WHERE a = 1",
            "SELECT COUNT(*), CAST(SUM(m) AS BIGINT) FROM t WHERE m > 1",
        ] {
            assert_eq!(taken(sql, engine), Ok(()), "{}: {sql}", engine.name());
        }
    }
}
