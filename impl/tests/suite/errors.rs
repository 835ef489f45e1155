//! What SQLite says no to, and what the caller may conclude.

use std::task::{Context, Poll, Waker};

use paidonce_protocol::{Call, Error, Mail, Reply, Schema, Session, Statement, Value};
use paidonce_sqlx::{BeginMode, ShopSession};

use crate::support::{Place, failure, int, order, row, run, stock, text};

static PUT: Statement = Statement::new("put", "INSERT INTO stock (sku, owned, on_hand) VALUES ($1, $2, $3)");
static TAKE: Statement = Statement::new("take", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");
static LOOK: Statement = Statement::new("look", "SELECT on_hand FROM stock WHERE sku = $1");
static HALF: Statement = Statement::new("half", "SELECT on_hand / 2.0 FROM stock WHERE sku = $1");
static NOWHERE: Statement = Statement::new("nowhere", "SELECT a FROM nowhere");
static NONSENSE: Statement = Statement::new("nonsense", "SELEKT 1");
static EMPTY: Statement = Statement::new("empty", "UPDATE stock SET on_hand = NULL WHERE sku = $1");

fn mug() -> Call {
    run(&PUT, [text("mug"), int(3), int(3)])
}

fn take() -> Call {
    run(&TAKE, [int(1), text("mug")])
}

fn look() -> Call {
    run(&LOOK, [text("mug")])
}

#[tokio::test]
async fn a_taken_key_is_refused_and_says_so() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    assert_eq!(sqlite.perform(&mug()).await.unwrap(), Reply::Affected(1));
    let error = sqlite.perform(&mug()).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.would_wait()), (Error::Refused, Some("1555"), false));
    let says = error.to_string();
    assert!(says.contains("put on sqlite:") && says.contains("stock.sku") && says.contains("refused"), "{says}");
    assert_eq!(failure(sqlite.perform(&run(&EMPTY, [text("mug")])).await), (Error::Refused, Some("1299".into())));
}

#[tokio::test]
async fn the_keys_of_our_schema_refuse_a_payment_that_is_recorded_already() {
    for (schema, refused) in [(Schema::AsFound, false), (Schema::Paidonce, true)] {
        let place = Place::new();
        let mut sqlite = place.shop(schema).await;
        let payment = |by| vec![crate::support::payment("8XY", by, "1", "booked")];
        sqlite.insert("payments", payment("ipn-1")).await.unwrap();
        let again = sqlite.insert("payments", payment("pdt-1")).await;
        assert_eq!(again.map_err(|error| error.kind()).err(), refused.then_some(Error::Refused), "{}", schema.name());
    }
}

#[tokio::test]
async fn what_the_database_does_not_understand_is_misuse() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    sqlite.perform(&mug()).await.unwrap();
    for call in [run(&NOWHERE, []), run(&NONSENSE, []), Call::Clock] {
        assert_eq!(failure(sqlite.perform(&call).await).0, Error::Misuse, "{}", call.name());
    }
    // sqlx itself would bind NULL for what is missing.
    for arguments in [vec![], vec![text("mug"), text("tee")]] {
        assert_eq!(failure(sqlite.perform(&run(&LOOK, arguments)).await).0, Error::Misuse);
    }
    let says = sqlite.perform(&run(&HALF, [text("mug")])).await.unwrap_err().to_string();
    assert!(says.contains("column 0") && says.contains("REAL"), "{says}");
}

#[tokio::test]
async fn a_second_immediate_transaction_would_wait_for_the_first() {
    let place = Place::new();
    let mut first = place.shop(Schema::Paidonce).await;
    let mut second = place.lockstep(BeginMode::Immediate).await;
    first.perform(&Call::Begin).await.unwrap();
    let busy = second.perform(&Call::Begin).await.unwrap_err();
    assert_eq!((busy.kind(), busy.code(), busy.would_wait()), (Error::Conflict, Some("5"), true));
    // A write outside a transaction waits as well; a read does not.
    assert!(second.perform(&take()).await.unwrap_err().would_wait());
    assert_eq!(second.perform(&look()).await.unwrap(), Reply::Rows(vec![]));
    first.perform(&Call::Commit).await.unwrap();
    assert_eq!(second.perform(&Call::Begin).await.unwrap(), Reply::Done);
}

#[tokio::test]
async fn a_deferred_transaction_that_has_read_conflicts_at_once_when_another_wrote() {
    let place = Place::new();
    let mut writer = place.shop(Schema::Paidonce).await;
    writer.perform(&mug()).await.unwrap();
    let mut reader = place.lockstep(BeginMode::Deferred).await;
    reader.perform(&Call::Begin).await.unwrap();
    assert_eq!(reader.perform(&look()).await.unwrap(), Reply::Rows(vec![row([int(3)])]));
    writer.perform(&take()).await.unwrap();
    assert_eq!(reader.perform(&look()).await.unwrap(), Reply::Rows(vec![row([int(3)])]));
    let stale = reader.perform(&take()).await.unwrap_err();
    assert_eq!((stale.kind(), stale.code(), stale.would_wait()), (Error::Conflict, Some("517"), false));
    assert_eq!(failure(reader.perform(&Call::Commit).await), (Error::Misuse, None));
    reader.perform(&Call::Rollback).await.unwrap();
    assert_eq!(reader.perform(&look()).await.unwrap(), Reply::Rows(vec![row([int(2)])]));
}

/// The busy handler is not asked while a read is open, so this is a conflict for good and no wait.
#[tokio::test]
async fn a_deferred_transaction_that_has_read_does_not_wait_for_a_writer() {
    let place = Place::new();
    let mut writer = place.shop(Schema::Paidonce).await;
    let mut reader = place.lockstep(BeginMode::Deferred).await;
    reader.perform(&Call::Begin).await.unwrap();
    reader.perform(&look()).await.unwrap();
    writer.perform(&Call::Begin).await.unwrap();
    let busy = reader.perform(&take()).await.unwrap_err();
    assert_eq!((busy.kind(), busy.code(), busy.would_wait()), (Error::Conflict, Some("5"), false));
    writer.perform(&Call::Rollback).await.unwrap();
    assert_eq!(failure(reader.perform(&take()).await), (Error::Misuse, None));
}

#[tokio::test]
async fn only_the_call_that_was_told_to_wait_may_be_asked_again() {
    let place = Place::new();
    let mut writer = place.shop(Schema::Paidonce).await;
    writer.perform(&mug()).await.unwrap();
    let mut waiter = place.lockstep(BeginMode::Deferred).await;
    waiter.perform(&Call::Begin).await.unwrap();
    writer.perform(&Call::Begin).await.unwrap();
    assert!(waiter.perform(&take()).await.unwrap_err().would_wait());
    assert_eq!(failure(waiter.perform(&look()).await), (Error::Misuse, None));
    assert_eq!(failure(waiter.perform(&Call::Commit).await), (Error::Misuse, None));
    assert!(waiter.perform(&take()).await.unwrap_err().would_wait());
    writer.perform(&take()).await.unwrap();
    writer.perform(&Call::Commit).await.unwrap();
    assert_eq!(waiter.perform(&take()).await.unwrap(), Reply::Affected(1));
    waiter.perform(&Call::Commit).await.unwrap();
    assert_eq!(writer.perform(&look()).await.unwrap(), Reply::Rows(vec![row([int(1)])]));
}

#[tokio::test]
async fn nothing_but_a_rollback_is_left_after_an_error_in_a_transaction() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    sqlite.perform(&Call::Begin).await.unwrap();
    sqlite.perform(&mug()).await.unwrap();
    assert_eq!(failure(sqlite.perform(&mug()).await).0, Error::Refused);
    for call in [Call::Commit, look(), Call::Begin] {
        assert_eq!(failure(sqlite.perform(&call).await), (Error::Misuse, None), "{}", call.name());
    }
    sqlite.perform(&Call::Rollback).await.unwrap();
    assert_eq!(sqlite.perform(&look()).await.unwrap(), Reply::Rows(vec![]));
}

#[tokio::test]
async fn begin_and_commit_stand_in_pairs_and_a_rollback_may_stand_alone() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    assert_eq!(failure(sqlite.perform(&Call::Commit).await), (Error::Misuse, None));
    assert_eq!(sqlite.perform(&Call::Rollback).await.unwrap(), Reply::Done);
    sqlite.perform(&Call::Begin).await.unwrap();
    sqlite.perform(&mug()).await.unwrap();
    // Refused, and nothing else: the open transaction is as it was.
    assert_eq!(failure(sqlite.perform(&Call::Begin).await), (Error::Misuse, None));
    sqlite.perform(&Call::Commit).await.unwrap();
    assert_eq!(sqlite.perform(&look()).await.unwrap(), Reply::Rows(vec![row([int(3)])]));
}

#[tokio::test]
async fn a_call_whose_future_is_dropped_leaves_no_transaction_open() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    sqlite.perform(&Call::Begin).await.unwrap();
    sqlite.perform(&mug()).await.unwrap();
    let call = take();
    {
        let mut dropped = Box::pin(sqlite.perform(&call));
        assert!(matches!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    // The next call has a connection of its own, and waits until the abandoned one has been rolled back.
    sqlite.perform(&Call::Begin).await.unwrap();
    assert_eq!(sqlite.perform(&look()).await.unwrap(), Reply::Rows(vec![]));
    sqlite.perform(&Call::Commit).await.unwrap();
}

#[tokio::test]
async fn closing_a_connection_rolls_its_transaction_back_before_it_returns() {
    let place = Place::new();
    let mut dying = place.shop(Schema::Paidonce).await;
    dying.perform(&Call::Begin).await.unwrap();
    dying.perform(&mug()).await.unwrap();
    let mut other = place.lockstep(BeginMode::Immediate).await;
    assert!(other.perform(&Call::Begin).await.unwrap_err().would_wait());
    dying.close().await;
    other.perform(&Call::Begin).await.unwrap();
    assert_eq!(other.perform(&look()).await.unwrap(), Reply::Rows(vec![]));
}

#[tokio::test]
async fn a_moment_is_kept_as_a_plain_integer_and_null_comes_back() {
    static LOCK: Statement =
        Statement::new("lock", "INSERT INTO locks (name, request_id, expires_ms) VALUES ($1, $2, $3)");
    static NULLED: Statement = Statement::new("nulled", "SELECT expires_ms, NULL FROM locks");
    let place = Place::new();
    let mut sqlite = place.shop(Schema::AsFound).await;
    sqlite.perform(&run(&LOCK, [text("order-1"), text("ipn-1"), Value::Instant(1_700_000_000_000)])).await.unwrap();
    let expected = row([int(1_700_000_000_000), Value::Null]);
    assert_eq!(sqlite.perform(&run(&NULLED, [])).await.unwrap(), Reply::Rows(vec![expected]));
    assert_eq!(failure(sqlite.perform(&run(&LOCK, [text("a"), text("b"), Value::Null])).await).0, Error::Refused);
}

#[tokio::test]
async fn a_session_refuses_a_mail_that_nobody_would_deliver_and_says_why() {
    let place = Place::new();
    let mut session = ShopSession::new(place.shop(Schema::Paidonce).await);
    let mail = Mail { message_id: "order-1-paid".into(), order_id: "1".into() };
    assert_eq!(session.mail(mail).await, Err(Error::Refused));
    assert!(session.errors()[0].to_string().contains("outbox"));
    assert_eq!(session.wait(0).await, Ok(()));
    assert_eq!(session.checkpoint("attempt", 0).await, Ok(()));
    assert!(session.clock().await.unwrap() > 0);
}

#[tokio::test]
async fn all_rows_go_in_or_none() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    let twice = vec![stock("mug", 3, 3), stock("mug", 3, 3)];
    assert_eq!(sqlite.insert("stock", twice).await.unwrap_err().kind(), Error::Refused);
    assert_eq!(sqlite.insert("stock", vec![row([text("mug")])]).await.unwrap_err().kind(), Error::Misuse);
    assert_eq!(sqlite.insert("stocks", vec![]).await.unwrap_err().kind(), Error::Misuse);
    assert_eq!(sqlite.rows("stock").await.unwrap(), vec![]);
    sqlite.perform(&Call::Begin).await.unwrap();
    let orders = vec![order("1", "pending", 0, "")];
    assert_eq!(sqlite.insert("orders", orders).await.unwrap_err().kind(), Error::Misuse);
    assert_eq!(sqlite.rows("orders").await.unwrap_err().kind(), Error::Misuse);
}
