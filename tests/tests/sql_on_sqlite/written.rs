//! Statements written to hit one rule each.

use paidonce_protocol::Value;

use super::{Real, compare};

const STATEMENTS: [&str; 44] = [
    "SELECT * FROM t",
    "SELECT t.id, -m, m * 2 - 1, (m + id) * -2 FROM t ORDER BY id DESC",
    "SELECT m % 3, m % -3, -m % 2 FROM t WHERE m IS NOT NULL",
    "SELECT COALESCE(n, m, -1), COALESCE(NULL, s) FROM t",
    "SELECT 1, 'x', NULL FROM t WHERE id = 1",
    "SELECT id FROM t ORDER BY n, id",
    "SELECT id FROM t ORDER BY n DESC, id DESC LIMIT 3",
    "SELECT id FROM t ORDER BY id LIMIT 0",
    "SELECT id FROM t WHERE n = 1 FOR UPDATE",
    "SELECT id FROM t ORDER BY id LIMIT 1 FOR SHARE SKIP LOCKED",
    "SELECT id FROM t WHERE NOT (n = 1 AND m = 5)",
    "SELECT id FROM t WHERE n IN (1, NULL)",
    "SELECT id FROM t WHERE n NOT IN (1, NULL)",
    "SELECT id FROM t WHERE s NOT IN ('a', 'd')",
    "SELECT id FROM t WHERE m NOT BETWEEN -7 AND NULL",
    "SELECT id FROM t WHERE m BETWEEN -7 AND 5",
    "SELECT COUNT(*), COUNT(n), CAST(SUM(m) AS BIGINT), MIN(m), MAX(s) FROM t",
    "SELECT COUNT(*), CAST(SUM(m) AS BIGINT), MIN(s) FROM t WHERE id > 9",
    "SELECT COALESCE(CAST(SUM(m * id) AS BIGINT), 0) + COUNT(*) FROM t WHERE id > 9",
    "SELECT id FROM t WHERE m = (SELECT q + 1 FROM u WHERE a = 1 AND b = 1)",
    "SELECT id FROM t WHERE m > (SELECT r FROM u WHERE a = 9 AND b = 9)",
    "SELECT id FROM t WHERE n IN (SELECT r FROM u)",
    "SELECT id FROM t WHERE n NOT IN (SELECT r FROM u WHERE q > 90)",
    "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE r IS NULL) AND NOT EXISTS (SELECT * FROM t WHERE m = 5)",
    "SELECT id, (SELECT COUNT(*) FROM u WHERE a = 1) FROM t",
    "UPDATE t SET m = COALESCE(m, 0) + $1, s = 'z' WHERE id <= $1",
    "UPDATE t SET m = (SELECT MIN(m) FROM t) WHERE m >= (SELECT MIN(m) FROM t)",
    "UPDATE t SET m = NULL, s = NULL",
    "DELETE FROM t WHERE EXISTS (SELECT 1 FROM t WHERE id = 2)",
    "DELETE FROM t WHERE id IN (SELECT a FROM u) AND s <> $1",
    "INSERT INTO t (id, s) VALUES (7, 'x'), (8, 'y')",
    "INSERT INTO t (id, s) VALUES (7, 'x'), (7, 'y')",
    "INSERT INTO t (id, n, s) VALUES (7, 3, 'x')",
    "INSERT INTO t (id, n) VALUES (7, 7)",
    "INSERT INTO t (id, n, s) VALUES (1, 9, 'x'), (7, 7, 'x'), (8, 7, 'x') ON CONFLICT DO NOTHING",
    "INSERT INTO t (id, n, s) VALUES (1, 3, 'x') ON CONFLICT (id) DO NOTHING",
    "INSERT INTO t (id, n, s) VALUES (7, 3, 'x') ON CONFLICT (id) DO NOTHING",
    "INSERT INTO t (id, n, m, s) VALUES (1, 3, 9, 'x') ON CONFLICT (id) DO UPDATE SET m = t.m + excluded.m, s = excluded.s",
    "INSERT INTO t (id, n, m, s) VALUES (7, 3, 9, 'x') ON CONFLICT (id) DO UPDATE SET m = 1",
    "INSERT INTO t (id, m, s) VALUES (7, 1, 'x'), (7, 2, 'y') ON CONFLICT (id) DO UPDATE SET m = t.m + excluded.m",
    "INSERT INTO t (id, m, s) VALUES (1, 1, 'x'), (2, 2, 'y') ON CONFLICT (id) DO UPDATE SET m = excluded.m WHERE t.m > 0",
    "INSERT INTO t (id, n, m, s) SELECT a, b + 6, q, 'u' FROM u ORDER BY a, b ON CONFLICT (id) DO UPDATE SET m = t.m - 1",
    "INSERT INTO t (id, s) SELECT MAX(id) + 1, MIN(s) FROM t",
    "INSERT INTO t (id, s) SELECT 9, 'once' WHERE NOT EXISTS (SELECT 1 FROM t WHERE id = 9)",
];

#[tokio::test]
async fn each_rule_is_sqlites_own() {
    let mut real = Real::new().await;
    for sql in STATEMENTS {
        let arguments: &[Value] = match (sql.contains("$1"), sql.contains("s <> $1")) {
            (false, _) => &[],
            (true, true) => &[Value::Text("a".to_owned())],
            (true, false) => &[Value::Int(2)],
        };
        if let Err(difference) = compare(&mut real, sql, arguments).await {
            panic!("{difference}");
        }
    }
}
