//! Locks by name: whose they are, and what of them is refused.

use paidonce_protocol::{Dialect, Error, Statement};

use super::{DIALECTS, refusal_on, sheet, statement};
use crate::db::{Store, Val};

const POSTGRES: [&str; 7] = [
    "SELECT pg_advisory_lock(7)",
    "SELECT pg_advisory_xact_lock(hashtext('order-7'))",
    "SELECT pg_try_advisory_lock(-7)",
    "SELECT pg_try_advisory_xact_lock(hashtext($1))",
    "SELECT pg_advisory_unlock($1)",
    "SELECT PG_ADVISORY_UNLOCK_ALL()",
    "SELECT pg_advisory_lock(NULL)",
];

const MARIADB: [&str; 5] = [
    "SELECT GET_LOCK('order-7', 10)",
    "SELECT get_lock($1, $2)",
    "SELECT RELEASE_LOCK($1)",
    "SELECT RELEASE_ALL_LOCKS()",
    "SELECT IS_FREE_LOCK('order-7')",
];

#[test]
fn each_server_has_its_own_and_sqlite_none() {
    for (sql, dialect) in
        POSTGRES.map(|sql| (sql, Dialect::Postgres)).into_iter().chain(MARIADB.map(|sql| (sql, Dialect::MariaDb)))
    {
        for other in DIALECTS {
            let said = sheet(other, &[statement(sql)]).err();
            match other {
                _ if other == dialect => assert_eq!(said, None, "{sql}"),
                Dialect::Sqlite => assert!(said.is_some_and(|said| said.contains("BEGIN IMMEDIATE")), "{sql}"),
                Dialect::Postgres => assert!(said.is_some_and(|said| said.contains("pg_advisory_lock(key)")), "{sql}"),
                Dialect::MariaDb => assert!(said.is_some_and(|said| said.contains("on_mariadb")), "{sql}"),
            }
        }
    }
}

#[test]
fn anything_else_of_the_family_is_refused_by_name() {
    let long = format!("SELECT GET_LOCK('{}', 1)", "x".repeat(65));
    for (dialect, sql, named) in [
        (Dialect::Postgres, "SELECT pg_advisory_lock_shared(1)", "no shared locks"),
        (Dialect::Postgres, "SELECT pg_advisory_lock(1, 2)", "keys of one number"),
        (Dialect::Postgres, "SELECT pg_advisory_lock('a')", "needs an integer"),
        (Dialect::Postgres, "SELECT pg_advisory_lock(hashtext(7))", "needs text"),
        (Dialect::Postgres, "SELECT pg_advisory_lock(1 + 1)", "as a constant or as an argument"),
        (Dialect::Postgres, "SELECT pg_advisory_lock()", "pg_advisory_lock()"),
        (Dialect::Postgres, "SELECT pg_advisory_lock(id) FROM t", "stands alone"),
        (Dialect::Postgres, "SELECT n FROM t WHERE n = pg_advisory_lock(1)", "stands alone"),
        (Dialect::Postgres, "SELECT pg_advisory_lock(1), pg_advisory_lock(2)", "stands alone"),
        (Dialect::MariaDb, "SELECT IS_USED_LOCK('a')", "ask IS_FREE_LOCK"),
        (Dialect::MariaDb, "SELECT GET_LOCK('a')", "GET_LOCK('a')"),
        (Dialect::MariaDb, "SELECT GET_LOCK(7, 1)", "needs text"),
        (Dialect::MariaDb, "SELECT GET_LOCK('a', 1.5)", "1.5"),
        (Dialect::MariaDb, "SELECT GET_LOCK('ü', 1)", "all of them ASCII"),
        (Dialect::MariaDb, &long, "at most 64 characters"),
        (Dialect::MariaDb, "SELECT n FROM t WHERE n = GET_LOCK('a', 1)", "stands alone"),
    ] {
        let said = refusal_on(dialect, sql);
        assert!(said.contains(named), "{sql}: {said}");
    }
}

#[test]
fn mariadbs_own_words_count_there() {
    static TAKE: Statement =
        Statement::new("take", "SELECT pg_advisory_lock(hashtext($1))").on_mariadb("SELECT GET_LOCK(?, 10)");
    static GIVE: Statement = Statement::new("give", "SELECT pg_advisory_unlock_all()").on_mariadb("SELECT GET_LOCKS()");
    let store = Store::new("", &[&TAKE], Dialect::MariaDb).expect("no table is needed");
    let request = store.request(&TAKE, &["Order-7".into()]).expect("it takes one argument");
    let named = store.plan(request).named().expect("it is about a lock by name");
    let value = |scalar: &Option<_>| scalar.as_ref().and_then(|scalar| store.named_value(request, scalar));
    assert_eq!(value(&named.seconds), Some(Val::Int(10)));
    assert_eq!(value(&named.name), Some(store.symbols.val(&"Order-7".into())));
    assert!(sheet(Dialect::MariaDb, &[&GIVE]).is_err());
}

#[test]
fn a_sheet_has_no_connection_to_hold_one() {
    let lock = statement(POSTGRES[0]);
    let mut sheet = sheet(Dialect::Postgres, &[lock]).expect("it is SQL");
    assert_eq!(sheet.run(lock, &[]), Ok(Err(Error::Misuse)));
    assert_eq!(sheet.paths(lock), Ok(Vec::new()));
    assert_eq!(sheet.rows_on_path(lock, &[]), Ok(Vec::new()));
}
