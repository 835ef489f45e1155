//! What becomes of the canonical text on the other two databases.

use super::*;

fn form(sql: &'static str, dialect: Dialect) -> String {
    Statement::new("s", sql).render(dialect).expect("it has such a form").sql.into_owned()
}

fn mariadb(sql: &'static str) -> String {
    form(sql, Dialect::MariaDb)
}

fn sqlite(sql: &'static str) -> String {
    form(sql, Dialect::Sqlite)
}

#[test]
fn a_locking_read_loses_its_lock_clause_on_sqlite_only() {
    let read = "SELECT a FROM t WHERE id = $1 FOR UPDATE";
    assert_eq!(form(read, Dialect::Postgres), read);
    assert_eq!(sqlite(read), "SELECT a FROM t WHERE id = ?1");
    assert_eq!(mariadb(read), "SELECT a FROM t WHERE id = ? FOR UPDATE");
    assert_eq!(sqlite("SELECT a FROM t ORDER BY id LIMIT 1 FOR SHARE NOWAIT"), "SELECT a FROM t ORDER BY id LIMIT 1");
}

#[test]
fn a_shared_lock_has_its_own_words_on_mariadb() {
    assert_eq!(mariadb("SELECT a FROM t FOR SHARE"), "SELECT a FROM t LOCK IN SHARE MODE");
    assert_eq!(mariadb("SELECT a FROM t FOR SHARE  NOWAIT"), "SELECT a FROM t LOCK IN SHARE MODE NOWAIT");
    assert_eq!(mariadb("SELECT a FROM t for share skip locked"), "SELECT a FROM t LOCK IN SHARE MODE SKIP LOCKED");
    assert_eq!(mariadb("SELECT a FROM t FOR UPDATE SKIP LOCKED"), "SELECT a FROM t FOR UPDATE SKIP LOCKED");
}

#[test]
fn a_lock_inside_a_sub_select_is_found() {
    let sql = "UPDATE t SET n = 1 WHERE id = (SELECT id FROM u WHERE k = $1 FOR UPDATE) AND n = $2";
    assert_eq!(sqlite(sql), "UPDATE t SET n = 1 WHERE id = (SELECT id FROM u WHERE k = ?1) AND n = ?2");
    assert_eq!(mariadb(sql), "UPDATE t SET n = 1 WHERE id = (SELECT id FROM u WHERE k = ? FOR UPDATE) AND n = ?");
}

#[test]
fn a_cast_to_bigint_is_to_signed_on_mariadb() {
    let sum = "SELECT COALESCE(CAST(SUM(q) AS BIGINT), 0) FROM t";
    assert_eq!(mariadb(sum), "SELECT COALESCE(CAST(SUM(q) AS SIGNED), 0) FROM t");
    assert_eq!(sqlite(sum), sum);
}

#[test]
fn what_stands_in_a_text_is_no_sql() {
    let read = "SELECT a FROM t WHERE s = 'it''s $1 FOR SHARE' AND b = $1";
    assert_eq!(mariadb(read), "SELECT a FROM t WHERE s = 'it''s $1 FOR SHARE' AND b = ?");
    assert_eq!(sqlite(read), "SELECT a FROM t WHERE s = 'it''s $1 FOR SHARE' AND b = ?1");
}

#[test]
fn an_insert_that_may_lose_is_insert_ignore_on_mariadb() {
    let insert = "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    assert_eq!(mariadb(insert), "INSERT IGNORE INTO t (a, b) VALUES (?, ?)");
    assert_eq!(sqlite(insert), "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    assert_eq!(
        mariadb("INSERT INTO t (a) VALUES (1) ON CONFLICT (a, b) DO NOTHING"),
        "INSERT IGNORE INTO t (a) VALUES (1)"
    );
}

#[test]
fn an_upsert_is_on_duplicate_key_update_on_mariadb() {
    let upsert = "INSERT INTO t (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n";
    assert_eq!(mariadb(upsert), "INSERT INTO t (id, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = t.n + VALUES(n)");
    assert_eq!(sqlite(upsert), upsert.replace('$', "?"));
}

#[test]
fn a_guard_of_an_upsert_is_an_if_around_each_value_and_its_columns_come_last() {
    let upsert = Statement::new(
        "take_over",
        "INSERT INTO leases (name, owner, until, fence) VALUES ($1, $2, $3, 1) ON CONFLICT (name) \
         DO UPDATE SET until = excluded.until, owner = excluded.owner, fence = leases.fence + 1 WHERE leases.until < $4",
    );
    let rendered = upsert.render(Dialect::MariaDb).expect("only one column is read by others");
    assert_eq!(
        rendered.sql,
        "INSERT INTO leases (name, owner, until, fence) VALUES (?, ?, ?, 1) ON DUPLICATE KEY UPDATE \
         owner = IF(leases.until < ?, VALUES(owner), leases.owner), \
         fence = IF(leases.until < ?, leases.fence + 1, leases.fence), \
         until = IF(leases.until < ?, VALUES(until), leases.until)"
    );
    let given = [1, 2, 3, 4].map(Value::Int);
    assert_eq!(rendered.arguments(&given).into_owned(), [1, 2, 3, 4, 4, 4].map(Value::Int));
    assert_eq!(rendered.takes(), Some(4));
}

#[test]
fn an_upsert_whose_columns_read_each_other_has_to_be_spelled_out() {
    let swap = "INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET a = t.b, b = t.a";
    let error = Statement::new("swap", swap).render(Dialect::MariaDb).expect_err("no order is right").to_string();
    assert_eq!(
        error,
        "swap: MariaDB's form of `ON CONFLICT (id) DO UPDATE SET a = t.b, b = t.a` cannot be derived; spell it out with \
         on_mariadb"
    );
    let own = Statement::new("swap", swap).on_mariadb("CALL swap($1, 'b', $1)").render(Dialect::MariaDb);
    let own = own.expect("it is spelled out");
    assert_eq!(own.sql, "CALL swap(?, 'b', ?)");
    assert_eq!(own.arguments(&[Value::Int(7)]).into_owned(), [Value::Int(7), Value::Int(7)]);
}

#[test]
fn placeholders_out_of_order_are_bound_where_they_stand() {
    let read = Statement::new("read", "SELECT a FROM t WHERE b = $2 AND c = $1").render(Dialect::MariaDb);
    let read = read.expect("it has such a form");
    assert_eq!(read.sql, "SELECT a FROM t WHERE b = ? AND c = ?");
    assert_eq!(read.arguments(&[Value::Int(1), Value::Int(2)]).into_owned(), [Value::Int(2), Value::Int(1)]);
}

#[test]
fn the_engines_clock_has_a_word_of_its_own_on_each() {
    let renew = "UPDATE lease SET until_ms = clock_ms() + $1 WHERE until_ms > CLOCK_MS ( ) AND note <> 'clock_ms()'";
    for (dialect, words) in [
        (Dialect::Postgres, "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"),
        (Dialect::MariaDb, "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"),
        (Dialect::Sqlite, "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER)"),
    ] {
        let argument = [("$1", Dialect::Postgres), ("?", Dialect::MariaDb), ("?1", Dialect::Sqlite)];
        let (argument, _) = argument.into_iter().find(|(_, of)| *of == dialect).expect("each is there");
        let told = format!(
            "UPDATE lease SET until_ms = {words} + {argument} WHERE until_ms > {words} AND note <> 'clock_ms()'"
        );
        assert_eq!(form(renew, dialect), told);
    }
}

#[test]
fn a_replay_puts_its_own_moment_in_place_of_the_clock() {
    let look = Statement::new("look", "SELECT a FROM t WHERE until_ms < clock_ms()").on_mariadb("SELECT clock_ms()");
    let at = |dialect| look.render_at(dialect, -5).expect("it has such a form").sql.into_owned();
    assert_eq!(at(Dialect::Postgres), "SELECT a FROM t WHERE until_ms < CAST(-5 AS BIGINT)");
    assert_eq!(at(Dialect::MariaDb), "SELECT (-5)");
    assert_eq!(at(Dialect::Sqlite), "SELECT a FROM t WHERE until_ms < (-5)");
}
