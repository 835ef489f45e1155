//! What MariaDB says no to, what a caller may conclude, and the traps on the way.

use std::time::Duration;

use paidonce_protocol::{Call, Error, Reply, Schema, Statement};
use paidonce_sqlx::{Connection, OpenError, Options};

use crate::shops::Shop;
use crate::support::{failure, int, row, run, stock, text};

static TAKE: Statement = Statement::new("take", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");
static LOOK: Statement = Statement::new("look", "SELECT on_hand FROM stock WHERE sku = $1");
static LARGE: Statement = Statement::new("large", "UPDATE stock SET on_hand = 9223372036854775807 + on_hand");
static CHECKED: Statement = Statement::new("checked", "ALTER TABLE stock ADD CHECK (on_hand >= 0)");
static MYISAM: Statement = Statement::new("myisam", "ALTER TABLE stock ENGINE = MyISAM");
static ID: Statement = Statement::new("id", "SELECT CONNECTION_ID()");
static LEVEL: Statement =
    Statement::new("level", "SELECT @@tx_isolation, @@innodb_snapshot_isolation, @@innodb_lock_wait_timeout");
static JOINED: Statement = Statement::new("joined", "SELECT 'a' || sku FROM stock WHERE sku = $1");

fn take(units: i64, sku: &str) -> Call {
    run(&TAKE, [int(units), text(sku)])
}

fn conflict(code: &str) -> (Error, Option<String>) {
    (Error::Conflict, Some(code.to_owned()))
}

/// A shop with two skus.
async fn shop() -> Option<Shop> {
    let shop = Shop::new("mariadb/repeatable-read", Schema::Paidonce).await?;
    shop.connect().await.insert("stock", vec![stock("mug", 3, 3), stock("tee", 3, 3)]).await.unwrap();
    Some(shop)
}

async fn begin(connection: &mut Connection, call: &Call) {
    connection.perform(&Call::Begin).await.unwrap();
    connection.perform(call).await.unwrap();
}

fn on_hand(units: i64) -> Reply {
    Reply::Rows(vec![row([int(units)])])
}

#[tokio::test]
async fn a_level_is_that_of_the_connection() {
    let Some(shop) = shop().await else { return };
    for (engine, level, snapshot) in [
        ("mariadb/read-uncommitted", "READ-UNCOMMITTED", 0),
        ("mariadb/read-committed", "READ-COMMITTED", 0),
        ("mariadb/repeatable-read", "REPEATABLE-READ", 0),
        ("mariadb/repeatable-read+snapshot", "REPEATABLE-READ", 1),
        ("mariadb/serializable", "SERIALIZABLE", 0),
    ] {
        let mut connection = shop.connect_at(engine).await;
        let expected = Reply::Rows(vec![row([text(level), int(snapshot), int(5)])]);
        assert_eq!(connection.perform(&run(&LEVEL, [])).await.unwrap(), expected, "{engine}");
    }
}

#[tokio::test]
async fn a_row_that_is_newer_than_the_snapshot_is_a_conflict_where_snapshots_are_isolated() {
    let Some(shop) = shop().await else { return };
    for (engine, isolated) in [("mariadb/repeatable-read", false), ("mariadb/repeatable-read+snapshot", true)] {
        let mut late = shop.connect_at(engine).await;
        begin(&mut late, &run(&LOOK, [text("mug")])).await;
        shop.connect().await.perform(&take(1, "mug")).await.unwrap();
        let answer = late.perform(&take(1, "mug")).await;
        if isolated {
            assert_eq!(failure(answer), conflict("1020"));
        } else {
            assert_eq!(answer.unwrap(), Reply::Affected(1));
        }
        late.perform(&Call::Rollback).await.unwrap();
    }
}

#[tokio::test]
async fn waiting_too_long_is_a_conflict_and_the_trap_behind_it_stays_shut() {
    let Some(shop) = shop().await else { return };
    let mut holder = shop.connect().await;
    begin(&mut holder, &take(1, "mug")).await;
    let lock_timeout = Some(Duration::ZERO);
    let mut waiter = shop.connect_with(Options { lock_timeout, ..Options::shop(shop.engine) }).await;
    begin(&mut waiter, &take(1, "tee")).await;
    assert_eq!(failure(waiter.perform(&take(1, "mug")).await), conflict("1205"));
    // MariaDB has undone the statement alone, and would commit the rest.
    assert_eq!(failure(waiter.perform(&Call::Commit).await), (Error::Misuse, None));
    waiter.perform(&Call::Rollback).await.unwrap();
    assert_eq!(waiter.perform(&run(&LOOK, [text("tee")])).await.unwrap(), on_hand(3));
}

#[tokio::test]
async fn a_deadlock_is_a_conflict_and_nothing_lasts_that_comes_after_it() {
    let Some(shop) = shop().await else { return };
    let mut first = shop.connect().await;
    let mut second = shop.connect().await;
    begin(&mut first, &take(1, "mug")).await;
    begin(&mut second, &take(1, "tee")).await;
    let (mug, tee) = (take(1, "mug"), take(1, "tee"));
    let (one, two) = tokio::join!(first.perform(&tee), second.perform(&mug));
    let (answer, mut victim) = if one.is_err() { (one, first) } else { (two, second) };
    assert_eq!(failure(answer), conflict("1213"));
    // MariaDB has rolled back already: what is asked now would be a transaction of its own, and last.
    assert_eq!(failure(victim.perform(&take(3, "mug")).await), (Error::Misuse, None));
    assert_eq!(failure(victim.perform(&Call::Commit).await), (Error::Misuse, None));
    victim.perform(&Call::Rollback).await.unwrap();
}

#[tokio::test]
async fn an_ended_connection_is_unknown_and_the_next_call_has_another() {
    let Some(shop) = shop().await else { return };
    let mut ended = shop.connect().await;
    begin(&mut ended, &take(1, "mug")).await;
    let Reply::Rows(rows) = ended.perform(&run(&ID, [])).await.unwrap() else { panic!("rows were expected") };
    let statement: &'static str = format!("KILL {}", rows[0].int(0).unwrap()).leak();
    let kill: &'static Statement = Box::leak(Box::new(Statement::new("kill", statement)));
    shop.connect().await.perform(&run(kill, [])).await.unwrap();
    assert_eq!(failure(ended.perform(&take(1, "mug")).await).0, Error::Unknown);
    assert_eq!(ended.perform(&Call::Rollback).await.unwrap(), Reply::Done);
    assert_eq!(ended.perform(&run(&LOOK, [text("mug")])).await.unwrap(), on_hand(3));
}

#[tokio::test]
async fn a_transaction_that_idles_too_long_is_ended_and_its_next_call_is_unknown() {
    static OPEN: Statement =
        Statement::new("open", "SELECT COUNT(*) FROM information_schema.processlist WHERE id = $1");
    let Some(shop) = shop().await else { return };
    let idle_timeout = Some(Duration::from_millis(1));
    let mut idle = shop.connect_with(Options { idle_timeout, ..Options::shop(shop.engine) }).await;
    let Reply::Rows(rows) = idle.perform(&run(&ID, [])).await.unwrap() else { panic!("rows were expected") };
    let id = rows[0].int(0).unwrap();
    begin(&mut idle, &take(1, "mug")).await;
    let mut observer = shop.connect().await;
    let open = run(&OPEN, [int(id)]);
    while observer.perform(&open).await.unwrap() != Reply::Rows(vec![row([int(0)])]) {}
    assert_eq!(failure(idle.perform(&take(1, "mug")).await).0, Error::Unknown);
    assert_eq!(observer.perform(&take(1, "mug")).await.unwrap(), Reply::Affected(1));
}

#[tokio::test]
async fn text_is_joined_and_a_check_and_a_number_too_large_are_refused() {
    let Some(shop) = shop().await else { return };
    let mut connection = shop.connect().await;
    let joined = Reply::Rows(vec![row([text("amug")])]);
    assert_eq!(connection.perform(&run(&JOINED, [text("mug")])).await.unwrap(), joined);
    assert_eq!(failure(connection.perform(&run(&LARGE, [])).await), (Error::Refused, Some("1690".to_owned())));
    connection.perform(&run(&CHECKED, [])).await.unwrap();
    assert_eq!(failure(connection.perform(&take(9, "mug")).await), (Error::Refused, Some("4025".to_owned())));
}

#[tokio::test]
async fn a_table_without_transactions_is_no_shop() {
    let Some(shop) = shop().await else { return };
    let mut connection = shop.connect().await;
    connection.perform(&run(&MYISAM, [])).await.unwrap();
    let Err(OpenError::Foreign { missing, .. }) = connection.check_schema(Schema::Paidonce).await else {
        panic!("it was let in");
    };
    assert_eq!(missing, ["transactions in table stock (its engine is MyISAM)"]);
}
