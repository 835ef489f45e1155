//! What PostgreSQL says no to, what a caller may conclude, and the traps on the way.

use std::time::Duration;

use paidonce_protocol::{Call, Error, Reply, Schema, Statement};
use paidonce_sqlx::{Connection, Options};

use crate::shops::Shop;
use crate::support::{failure, int, row, run, stock, text};

static TAKE: Statement = Statement::new("take", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");
static LOOK: Statement = Statement::new("look", "SELECT on_hand FROM stock WHERE sku = $1");
static SUM: Statement = Statement::new("sum", "SELECT SUM(on_hand) FROM stock");
static LOCK_NOW: Statement = Statement::new("lock_now", "SELECT on_hand FROM stock WHERE sku = $1 FOR UPDATE NOWAIT");
static HALF: Statement = Statement::new("half", "SELECT on_hand / 2.0 FROM stock WHERE sku = $1");
static LARGE: Statement = Statement::new("large", "UPDATE stock SET on_hand = 9223372036854775807 + on_hand");
static PID: Statement = Statement::new("pid", "SELECT pg_backend_pid()");
static END: Statement = Statement::new("end", "SELECT pg_terminate_backend($1)");
static LEVEL: Statement = Statement::new("level", "SELECT current_setting('transaction_isolation')");
static NUMBERS: Statement =
    Statement::new("numbers", "SELECT 0.00::numeric, 100000000::numeric, -12345678901::numeric, 1 < 2, $1::int");

fn take(units: i64, sku: &str) -> Call {
    run(&TAKE, [int(units), text(sku)])
}

fn conflict(code: &str) -> (Error, Option<String>) {
    (Error::Conflict, Some(code.to_owned()))
}

/// A shop with two skus.
async fn shop() -> Option<Shop> {
    let shop = Shop::new("postgres/read-committed", Schema::Paidonce).await?;
    shop.connect().await.insert("stock", vec![stock("mug", 3, 3), stock("tee", 3, 3)]).await.unwrap();
    Some(shop)
}

async fn begin(connection: &mut Connection, call: &Call) {
    connection.perform(&Call::Begin).await.unwrap();
    connection.perform(call).await.unwrap();
}

#[tokio::test]
async fn a_level_is_that_of_every_transaction_and_of_every_statement() {
    let Some(shop) = shop().await else { return };
    for (engine, level) in [
        ("postgres/read-committed", "read committed"),
        ("postgres/repeatable-read", "repeatable read"),
        ("postgres/serializable", "serializable"),
    ] {
        let mut connection = shop.connect_at(engine).await;
        let expected = Reply::Rows(vec![row([text(level)])]);
        assert_eq!(connection.perform(&run(&LEVEL, [])).await.unwrap(), expected);
        connection.perform(&Call::Begin).await.unwrap();
        assert_eq!(connection.perform(&run(&LEVEL, [])).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_row_that_is_newer_than_the_snapshot_is_a_conflict() {
    let Some(shop) = shop().await else { return };
    let mut late = shop.connect_at("postgres/repeatable-read").await;
    begin(&mut late, &run(&LOOK, [text("mug")])).await;
    shop.connect().await.perform(&take(1, "mug")).await.unwrap();
    assert_eq!(failure(late.perform(&take(1, "mug")).await), conflict("40001"));
    // The trap: PostgreSQL itself would answer COMMIT here, and keep nothing.
    assert_eq!(failure(late.perform(&Call::Commit).await), (Error::Misuse, None));
    late.perform(&Call::Rollback).await.unwrap();
    late.perform(&take(1, "mug")).await.unwrap();
}

#[tokio::test]
async fn what_fits_no_serial_order_is_a_conflict_that_a_commit_may_tell_of() {
    let Some(shop) = shop().await else { return };
    let mut first = shop.connect_at("postgres/serializable").await;
    let mut second = shop.connect_at("postgres/serializable").await;
    for connection in [&mut first, &mut second] {
        begin(connection, &run(&SUM, [])).await;
    }
    first.perform(&take(1, "mug")).await.unwrap();
    second.perform(&take(1, "tee")).await.unwrap();
    first.perform(&Call::Commit).await.unwrap();
    assert_eq!(failure(second.perform(&Call::Commit).await), conflict("40001"));
    second.perform(&Call::Rollback).await.unwrap();
}

#[tokio::test]
async fn waiting_too_long_and_not_wanting_to_wait_are_conflicts() {
    let Some(shop) = shop().await else { return };
    let mut holder = shop.connect().await;
    begin(&mut holder, &take(1, "mug")).await;
    let lock_timeout = Some(Duration::from_millis(1));
    let mut waiter = shop.connect_with(Options { lock_timeout, ..Options::shop(shop.engine) }).await;
    assert_eq!(failure(waiter.perform(&take(1, "mug")).await), conflict("55P03"));
    assert_eq!(failure(waiter.perform(&run(&LOCK_NOW, [text("mug")])).await), conflict("55P03"));
}

#[tokio::test]
async fn an_ended_connection_is_unknown_and_the_next_call_has_another() {
    let Some(shop) = shop().await else { return };
    let mut ended = shop.connect().await;
    begin(&mut ended, &take(1, "mug")).await;
    let Reply::Rows(rows) = ended.perform(&run(&PID, [])).await.unwrap() else { panic!("rows were expected") };
    let pid = rows[0].int(0).unwrap();
    shop.connect().await.perform(&run(&END, [int(pid)])).await.unwrap();
    assert_eq!(failure(ended.perform(&take(1, "mug")).await).0, Error::Unknown);
    assert_eq!(ended.perform(&Call::Rollback).await.unwrap(), Reply::Done);
    let untouched = Reply::Rows(vec![row([int(3)])]);
    assert_eq!(ended.perform(&run(&LOOK, [text("mug")])).await.unwrap(), untouched);
}

#[tokio::test]
async fn a_transaction_that_idles_too_long_is_ended_and_its_next_call_is_unknown() {
    static OPEN: Statement = Statement::new("open", "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1");
    let Some(shop) = shop().await else { return };
    let idle_timeout = Some(Duration::from_millis(500));
    let mut idle = shop.connect_with(Options { idle_timeout, ..Options::shop(shop.engine) }).await;
    let Reply::Rows(rows) = idle.perform(&run(&PID, [])).await.unwrap() else { panic!("rows were expected") };
    let pid = rows[0].int(0).unwrap();
    begin(&mut idle, &take(1, "mug")).await;
    let mut observer = shop.connect().await;
    let open = run(&OPEN, [int(pid)]);
    while observer.perform(&open).await.unwrap() != Reply::Rows(vec![row([int(0)])]) {}
    assert_eq!(failure(idle.perform(&take(1, "mug")).await).0, Error::Unknown);
    assert_eq!(observer.perform(&take(1, "mug")).await.unwrap(), Reply::Affected(1));
}

#[tokio::test]
async fn values_have_the_types_that_the_server_takes() {
    let Some(shop) = shop().await else { return };
    let mut connection = shop.connect().await;
    let says = connection.perform(&run(&LOOK, [int(1)])).await.unwrap_err().to_string();
    assert!(says.contains("argument 1 is TEXT, not 1"), "{says}");
    let says = connection
        .perform(&take(1, "mug"))
        .await
        .map(drop)
        .and(connection.perform(&run(&TAKE, [text("one"), text("mug")])).await.map(drop));
    assert!(says.unwrap_err().to_string().contains("argument 1 is INT8, not 'one'"));
    let numbers = row([int(0), int(100_000_000), int(-12_345_678_901), int(1), int(7)]);
    assert_eq!(connection.perform(&run(&NUMBERS, [int(7)])).await.unwrap(), Reply::Rows(vec![numbers]));
    assert_eq!(failure(connection.perform(&run(&NUMBERS, [int(1 << 40)])).await).0, Error::Misuse);
    let says = connection.perform(&run(&HALF, [text("tee")])).await.unwrap_err().to_string();
    assert!(says.contains("column 0") && says.contains("NUMERIC"), "{says}");
    let large = failure(connection.perform(&run(&LARGE, [])).await);
    assert_eq!(large, (Error::Refused, Some("22003".to_owned())));
}
