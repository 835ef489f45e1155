//! `COUNT`, `SUM`, `MIN`, `MAX`.

use super::{everywhere, refusal};

#[test]
fn aggregates_leave_nulls_out() {
    assert_eq!(everywhere("SELECT COUNT(*), COUNT(n), CAST(SUM(m) AS BIGINT), MIN(n), MAX(s) FROM t"), "3 2 12 10 c");
    assert_eq!(everywhere("SELECT COUNT(m + n), 2 * COUNT(*) + 1, 'x' FROM t WHERE id < 3"), "1 5 x");
}

#[test]
fn over_no_rows_only_a_count_is_a_number() {
    let none = "FROM t WHERE id > 9";
    assert_eq!(everywhere(&format!("SELECT COUNT(*), CAST(SUM(m) AS BIGINT), MIN(m) {none}")), "0 NULL NULL");
    assert_eq!(everywhere(&format!("SELECT COALESCE(CAST(SUM(m) AS BIGINT), 0) {none}")), "0");
    assert_eq!(everywhere(&format!("SELECT CAST(COALESCE(SUM(m * 2), 0) AS BIGINT) {none}")), "0");
}

#[test]
fn a_sum_needs_a_cast() {
    for sql in ["SELECT SUM(m) FROM t", "SELECT COALESCE(SUM(m), 0) FROM t", "SELECT CAST(1 + SUM(m) AS BIGINT) FROM t"]
    {
        let error = refusal(sql);
        assert!(error.contains("`SUM(m)`: its type differs") && error.contains("CAST(SUM(…) AS BIGINT)"), "{error}");
    }
}

#[test]
fn what_engines_refuse_of_aggregates_is_refused() {
    for (sql, named) in [
        ("SELECT id, COUNT(*) FROM t", "`id` stands beside an aggregate"),
        ("SELECT COUNT(MAX(id)) FROM t", "`MAX(id)` stands where there are no rows"),
        ("SELECT id FROM t WHERE COUNT(*) = 1", "`COUNT(*)` stands where"),
        ("UPDATE t SET m = MAX(m)", "`MAX(m)` stands where"),
        ("SELECT COUNT(*) FROM t ORDER BY id", "ORDER BY or LIMIT of an aggregate"),
        ("SELECT COUNT(DISTINCT n) FROM t", "COUNT(DISTINCT n)"),
        ("SELECT *, COUNT(*) FROM t", "`*`"),
        ("SELECT COUNT(*) OVER () FROM t", "COUNT(*) OVER ()"),
        ("SELECT AVG(m) FROM t", "AVG(m)"),
    ] {
        let error = refusal(sql);
        assert!(error.starts_with("odd: ") && error.contains(named), "{sql}: {error}");
    }
}
