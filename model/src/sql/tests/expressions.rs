//! Arithmetic, comparisons and three-valued logic.

use paidonce_protocol::{Dialect, Value};

use super::{DIALECTS, everywhere, on, refusal};

#[test]
fn arithmetic_is_that_of_whole_numbers() {
    assert_eq!(everywhere("SELECT id, m * 2 - id, -m, (m + 1) * -id FROM t WHERE id = 1"), "1 9 -5 -6");
    assert_eq!(everywhere("SELECT m % 3, -m % 3, m % -3, - -id FROM t WHERE id = 2"), "1 -1 1 2");
}

#[test]
fn null_spreads_and_coalesce_ends_it() {
    assert_eq!(everywhere("SELECT m + 1, COALESCE(m, n, 0), COALESCE(NULL, m) FROM t WHERE id = 3"), "NULL 30 NULL");
}

#[test]
fn an_overflow_is_an_error_and_never_another_number() {
    let most = [Value::Int(i64::MAX)];
    for sql in ["SELECT $1 + id FROM t", "SELECT $1 * 2 FROM t", "SELECT -(-$1 - 1) FROM t"] {
        assert_eq!(on(Dialect::Postgres, sql, &most), "refused", "{sql}");
        assert_eq!(on(Dialect::MariaDb, sql, &most), "refused", "{sql}");
        // It goes on with a floating-point number, and the model does not.
        assert_eq!(on(Dialect::Sqlite, sql, &most), "misuse", "{sql}");
    }
    let sum = "SELECT CAST(SUM($1 + id - id) AS BIGINT) FROM t";
    assert_eq!(DIALECTS.map(|dialect| on(dialect, sum, &[(i64::MAX - 3).into()])), ["refused", "misuse", "misuse"]);
    let there_and_back = "SELECT CAST(SUM($1 * (id - 2)) AS BIGINT) FROM t";
    assert_eq!(on(Dialect::Postgres, there_and_back, &most), "0");
    assert_eq!(on(Dialect::Postgres, "SELECT (-$1 - 1) % -1 FROM t WHERE id = 1", &most), "0");
}

#[test]
fn postgresql_computes_constants_before_it_looks_for_a_row() {
    let most = [Value::Int(i64::MAX)];
    for (sql, on_mariadb) in [
        ("UPDATE t SET m = $1 + 1 WHERE id = 9", "0 rows"),
        // MariaDB may or may not compute it, and the model does not tell.
        ("DELETE FROM t WHERE id = 9 AND m = $1 + 1", "misuse"),
    ] {
        assert_eq!(on(Dialect::Postgres, sql, &most), "refused", "{sql}");
        assert!(on(Dialect::MariaDb, sql, &most).starts_with(on_mariadb), "{sql}");
    }
    assert!(on(Dialect::Postgres, "UPDATE t SET m = m + $1 WHERE id = 9", &most).starts_with("0 rows"));
}

#[test]
fn what_is_not_on_the_path_is_not_computed() {
    let most = [Value::Int(i64::MAX - 5)];
    for (sql, expected) in [
        ("SELECT id FROM t WHERE m + $1 > 0 AND id = 1", "1"),
        ("SELECT id FROM t WHERE id <> 2 AND m + $1 > 0", "1"),
        ("SELECT id FROM t WHERE m + $1 > 0", "refused"),
    ] {
        assert_eq!(
            [Dialect::Postgres, Dialect::MariaDb].map(|dialect| on(dialect, sql, &most)),
            [expected; 2],
            "{sql}"
        );
    }
}

#[test]
fn a_comparison_with_null_is_unknown() {
    let ids = |condition: &str| everywhere(&format!("SELECT id FROM t WHERE {condition} ORDER BY id"));
    assert_eq!(ids("n = NULL"), "");
    assert_eq!(ids("NOT n = 10"), "3");
    assert_eq!(ids("n = 10 OR id = 2"), "1; 2");
    assert_eq!(ids("NOT (n = 10 AND id = 2)"), "1; 3");
    assert_eq!(ids("n IS NULL OR m IS NOT NULL"), "1; 2");
}

#[test]
fn a_null_in_a_list_leaves_not_in_unknown() {
    let ids = |condition: &str| everywhere(&format!("SELECT id FROM t WHERE {condition} ORDER BY id"));
    assert_eq!(ids("n IN (10, NULL)"), "1");
    assert_eq!(ids("n NOT IN (10, NULL)"), "");
    assert_eq!(ids("n NOT IN (10, 11)"), "3");
    assert_eq!(ids("s IN ('a', 'c')"), "1; 3");
}

#[test]
fn between_has_both_ends() {
    let ids = |condition: &str| everywhere(&format!("SELECT id FROM t WHERE {condition} ORDER BY id"));
    assert_eq!(ids("n BETWEEN 10 AND 30"), "1; 3");
    assert_eq!(ids("n NOT BETWEEN 11 AND 30"), "1");
    assert_eq!(ids("n NOT BETWEEN NULL AND 5"), "1; 3");
}

#[test]
fn a_moment_is_moved_and_measured() {
    let moment = |ms| Value::Instant(ms);
    let sql = "SELECT $1 + 5, 5 + $1, $1 - 5, $1 - $2 FROM t WHERE id = 1";
    assert_eq!(on(Dialect::Postgres, sql, &[moment(100), moment(40)]), "@105 @105 @95 60");
}

#[test]
fn text_beside_a_number_is_refused_before_anything_runs() {
    for sql in [
        "SELECT id FROM t WHERE s = 1",
        "SELECT id FROM t WHERE id IN (1, 'a')",
        "SELECT id FROM t WHERE s BETWEEN 'a' AND 2",
        "SELECT COALESCE(s, 0) FROM t",
        "UPDATE t SET m = 'a'",
        "UPDATE t SET m = s",
        "INSERT INTO t (id, s) VALUES (1, 2)",
        "INSERT INTO t (id, s) SELECT id, m FROM t",
        "SELECT id FROM t WHERE s = (SELECT COUNT(*) FROM u)",
    ] {
        let error = refusal(sql);
        assert!(error.contains("puts ") && error.contains("an integer") && error.contains("text"), "{sql}: {error}");
    }
    for sql in ["SELECT s + 1 FROM t", "SELECT -s FROM t", "SELECT CAST(s AS BIGINT) FROM t", "SELECT 'a' * 2 FROM t"] {
        let error = refusal(sql);
        assert!(error.contains("needs an integer and has text"), "{sql}: {error}");
    }
    let error = refusal("SELECT id FROM t WHERE s = $1 AND m = $1");
    assert!(error.contains("`m = $1` puts an integer beside text"), "{error}");
}

#[test]
fn a_null_without_a_type_is_refused_where_postgresql_needs_one() {
    for sql in
        ["SELECT -NULL FROM t", "SELECT m + NULL FROM t", "SELECT MAX(NULL) FROM t", "SELECT 1 + COALESCE(NULL) FROM t"]
    {
        let error = refusal(sql);
        assert!(error.contains("has no type to PostgreSQL; write CAST("), "{sql}: {error}");
    }
    assert_eq!(everywhere("SELECT m + CAST(NULL AS BIGINT), NULL FROM t WHERE id = 1 AND n NOT IN (NULL, 10)"), "");
}

#[test]
fn an_argument_of_the_wrong_kind_is_named() {
    let take = super::statement("UPDATE t SET m = m - $1 WHERE s = $2");
    let mut sheet = super::sheet(Dialect::Postgres, &[take]).expect("it is SQL");
    let error = sheet.run(take, &["x".into(), "a".into()]).expect_err("m is a number").to_string();
    assert_eq!(error, "odd: needs an integer for $1 and was given 'x'");
    let error = sheet.run(take, &[Value::Int(1), Value::Int(2)]).expect_err("s is text").to_string();
    assert_eq!(error, "odd: needs text for $2 and was given 2");
    assert!(sheet.run(take, &[Value::Null, Value::Null]).is_ok());
}
