//! Sub-selects of one level.

use paidonce_protocol::Dialect;

use super::{everywhere, on, refusal};

#[test]
fn a_sub_select_is_a_value_where_one_may_stand() {
    assert_eq!(everywhere("SELECT id FROM t WHERE m = (SELECT q + 1 FROM u WHERE a = 1 AND b = 1)"), "1");
    assert_eq!(everywhere("SELECT id, (SELECT COUNT(*) FROM u) FROM t WHERE id = 1"), "1 3");
    assert_eq!(
        everywhere("UPDATE t SET m = (SELECT CAST(SUM(q) AS BIGINT) FROM u WHERE a = 1) - m WHERE id = 1"),
        "1 rows: 1 10 5 a; 2 NULL 7 b; 3 30 NULL c"
    );
    assert_eq!(
        everywhere(
            "INSERT INTO t (id, m, s) VALUES ((SELECT MAX(id) FROM t) + 1, (SELECT q FROM u WHERE a = 9 AND b = 9), 'z')"
        ),
        "1 rows: 1 10 5 a; 2 NULL 7 b; 3 30 NULL c; 4 NULL NULL z"
    );
    assert_eq!(everywhere("SELECT id FROM t WHERE id = (SELECT a FROM u ORDER BY a DESC, b LIMIT 1)"), "2");
}

#[test]
fn exists_and_in_look_into_another_table() {
    let ids = |condition: &str| everywhere(&format!("SELECT id FROM t WHERE {condition} ORDER BY id"));
    assert_eq!(ids("EXISTS (SELECT 1 FROM u WHERE q > 7)"), "1; 2; 3");
    assert_eq!(ids("NOT EXISTS (SELECT q FROM u WHERE q > 7)"), "");
    assert_eq!(ids("id IN (SELECT a FROM u)"), "1; 2");
    assert_eq!(ids("id NOT IN (SELECT a FROM u)"), "3");
}

#[test]
fn a_null_among_the_found_leaves_not_in_unknown_and_nothing_found_does_not() {
    let ids = |condition: &str| everywhere(&format!("SELECT id FROM t WHERE {condition} ORDER BY id"));
    assert_eq!(ids("n NOT IN (SELECT r FROM u)"), "");
    assert_eq!(ids("n IN (SELECT r FROM u)"), "");
    assert_eq!(ids("n NOT IN (SELECT r FROM u WHERE q > 99)"), "1; 2; 3");
}

#[test]
fn a_statement_sees_its_own_table_as_it_was() {
    assert_eq!(
        everywhere("UPDATE t SET m = 1 WHERE m >= (SELECT MIN(m) FROM t)"),
        "2 rows: 1 10 1 a; 2 NULL 1 b; 3 30 NULL c"
    );
    assert_eq!(everywhere("DELETE FROM t WHERE EXISTS (SELECT 1 FROM t WHERE id = 2)"), "3 rows: ");
}

#[test]
fn a_sub_select_that_looks_out_or_finds_too_much_is_refused() {
    for (sql, named) in [
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.id)", "`t.id` looks out of its sub-select"),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE a = id)", "table u has no column id"),
        ("SELECT id FROM t WHERE m = (SELECT q FROM u WHERE a = 1)", "may find several rows"),
        ("SELECT id FROM t WHERE m = (SELECT a, b FROM u WHERE a = 1 AND b = 1)", "several columns in a sub-select"),
        (
            "SELECT id FROM t WHERE m IN (SELECT q FROM u WHERE a = (SELECT MAX(a) FROM u))",
            "a sub-select inside a sub-select",
        ),
        ("SELECT id FROM t WHERE id IN (SELECT a FROM u ORDER BY a, b LIMIT 1)", "LIMIT inside IN"),
        ("SELECT id FROM t WHERE id = (SELECT 1)", "without FROM"),
        ("SELECT id FROM (SELECT id FROM t)", "(SELECT id FROM t)"),
        ("SELECT id FROM t WHERE id = ANY (SELECT a FROM u)", "ANY"),
        ("SELECT id FROM t UNION SELECT a FROM u", "UNION"),
        ("WITH x AS (SELECT 1) SELECT id FROM t", "WITH"),
    ] {
        let error = refusal(sql);
        assert!(error.starts_with("odd: ") && error.contains(named), "{sql}: {error}");
    }
}

#[test]
fn an_error_in_a_sub_select_is_the_statements() {
    let sql = "DELETE FROM t WHERE id = (SELECT MAX(a + $1) FROM u)";
    assert_eq!(on(Dialect::Postgres, sql, &[i64::MAX.into()]), "refused");
}
