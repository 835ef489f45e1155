//! What is the same on every engine: the rules of a session, the tables, a booking, the audits.

use std::task::{Context, Poll, Waker};

use paidonce_protocol::catalogue::PROTOCOLS;
use paidonce_protocol::shop::Outcome;
use paidonce_protocol::{Call, Error, Reply, Schema, Statement, Value};
use paidonce_sqlx::audit::world::{self, Outside, SentMail, TakenPayment};
use paidonce_sqlx::{Connection, Engine, OpenError, audit, book, create_demo_shop, read_notice};

use crate::shops::{ENGINES, Shop, on_each};
use crate::support::{failure, int, line, order, payment, row, run, stock, text};

static PUT: Statement = Statement::new("put", "INSERT INTO stock (sku, owned, on_hand) VALUES ($1, $2, $3)");
static TAKE: Statement = Statement::new("take", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");
static SAME: Statement = Statement::new("same", "UPDATE stock SET on_hand = on_hand WHERE sku = $1");
static LOOK: Statement = Statement::new("look", "SELECT on_hand FROM stock WHERE sku = $1");
static SUM: Statement =
    Statement::new("sum", "SELECT SUM(on_hand), COUNT(*), COALESCE(MAX(sku), 'none'), NULL FROM stock");
static EMPTY: Statement = Statement::new("empty", "UPDATE stock SET on_hand = NULL WHERE sku = $1");
static NOWHERE: Statement = Statement::new("nowhere", "SELECT a FROM nowhere");
static NONSENSE: Statement = Statement::new("nonsense", "SELEKT 1");

fn mug() -> Call {
    run(&PUT, [text("mug"), int(3), int(3)])
}

fn take() -> Call {
    run(&TAKE, [int(1), text("mug")])
}

fn look() -> Call {
    run(&LOOK, [text("mug")])
}

fn found(on_hand: i64) -> Reply {
    Reply::Rows(vec![row([int(on_hand)])])
}

/// Every level of every engine.
fn every_level() -> Vec<&'static str> {
    Engine::ALL.iter().map(|engine| engine.name()).collect()
}

#[tokio::test]
async fn every_engine_connects_and_takes_a_transaction() {
    on_each(&every_level(), Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        connection.perform(&Call::Begin).await.unwrap();
        assert_eq!(connection.perform(&mug()).await.unwrap(), Reply::Affected(1));
        assert_eq!(connection.perform(&look()).await.unwrap(), found(3), "{}", shop.engine.name());
        connection.perform(&Call::Commit).await.unwrap();
        assert_eq!(connection.rows("stock").await.unwrap(), [stock("mug", 3, 3)]);
    })
    .await;
}

#[tokio::test]
async fn both_schemas_are_the_same_tables_on_every_engine() {
    for schema in [Schema::AsFound, Schema::Paidonce] {
        on_each(&ENGINES, schema, async |shop| {
            let mut connection = shop.connect().await;
            connection.check_schema(schema).await.unwrap();
            let tables = [
                "jobs",
                "leases",
                "locks",
                "order_lines",
                "orders",
                "outbox",
                "payments",
                "refunds",
                "reviews",
                "stock",
            ];
            assert!(connection.contents().await.unwrap().keys().eq(&tables));
            let stricter = connection.check_schema(Schema::Paidonce).await;
            assert_eq!(stricter.is_ok(), schema == Schema::Paidonce);
            if let Err(error) = stricter {
                let says = error.to_string();
                assert!(says.contains("missing primary key (provider, txn_id, kind) of table payments"), "{says}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn every_statement_of_the_catalogue_is_sql_to_every_engine() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        for statement in PROTOCOLS.iter().flat_map(|protocol| protocol.statements) {
            let arguments = connection.prepare(statement).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(arguments, statement.sql.matches('$').count(), "{}", statement.name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_taken_key_and_a_missing_value_are_refused() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        let codes = match shop.engine {
            Engine::Sqlite(_) => ["1555", "1299"],
            Engine::Postgres(_) => ["23505", "23502"],
            Engine::MariaDb(_) => ["1062", "1048"],
        };
        let mut connection = shop.connect().await;
        connection.perform(&mug()).await.unwrap();
        let refused = |code: &str| (Error::Refused, Some(code.to_owned()));
        assert_eq!(failure(connection.perform(&mug()).await), refused(codes[0]));
        assert_eq!(failure(connection.perform(&run(&EMPTY, [text("mug")])).await), refused(codes[1]));
        let put = run(&PUT, [text("tee"), Value::Null, int(3)]);
        assert_eq!(failure(connection.perform(&put).await), refused(codes[1]));
    })
    .await;
}

#[tokio::test]
async fn what_the_database_does_not_understand_is_misuse() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        for call in [run(&NOWHERE, []), run(&NONSENSE, []), Call::Clock, run(&LOOK, []), run(&LOOK, [int(1), int(2)])] {
            assert_eq!(failure(connection.perform(&call).await).0, Error::Misuse, "{}", call.name());
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_saw_an_error_refuses_to_commit() {
    on_each(&every_level(), Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        connection.perform(&Call::Begin).await.unwrap();
        connection.perform(&mug()).await.unwrap();
        assert_eq!(failure(connection.perform(&mug()).await).0, Error::Refused);
        for call in [Call::Commit, look(), Call::Begin] {
            assert_eq!(failure(connection.perform(&call).await), (Error::Misuse, None), "{}", call.name());
        }
        connection.perform(&Call::Rollback).await.unwrap();
        assert_eq!(connection.perform(&look()).await.unwrap(), Reply::Rows(vec![]), "{}", shop.engine.name());
    })
    .await;
}

#[tokio::test]
async fn a_write_that_changes_nothing_has_matched_its_row() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        connection.perform(&mug()).await.unwrap();
        let same = connection.perform(&run(&SAME, [text("mug")])).await.unwrap();
        assert_eq!(same, Reply::Affected(1), "{}", shop.engine.name());
    })
    .await;
}

#[tokio::test]
async fn sums_counts_moments_and_null_come_back_as_they_are() {
    static LOCK: Statement =
        Statement::new("lock", "INSERT INTO locks (name, request_id, expires_ms) VALUES ($1, $2, $3)");
    static MOMENT: Statement = Statement::new("moment", "SELECT expires_ms FROM locks");
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        let none = row([Value::Null, int(0), text("none"), Value::Null]);
        assert_eq!(connection.perform(&run(&SUM, [])).await.unwrap(), Reply::Rows(vec![none]));
        for (sku, on_hand) in [("mug", 123_456_789_012_i64), ("tee", -30_000), ("ü", 10_000)] {
            connection.insert("stock", vec![stock(sku, 1, on_hand)]).await.unwrap();
        }
        let all = row([int(123_456_769_012), int(3), text("ü"), Value::Null]);
        assert_eq!(connection.perform(&run(&SUM, [])).await.unwrap(), Reply::Rows(vec![all]));
        let lock = [text("order-1"), text("ipn-1"), Value::Instant(1_700_000_000_000)];
        connection.perform(&run(&LOCK, lock)).await.unwrap();
        let moment = Reply::Rows(vec![row([int(1_700_000_000_000)])]);
        assert_eq!(connection.perform(&run(&MOMENT, [])).await.unwrap(), moment);
    })
    .await;
}

#[tokio::test]
async fn a_call_whose_future_is_dropped_leaves_no_transaction_open() {
    on_each(&every_level(), Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        connection.perform(&Call::Begin).await.unwrap();
        connection.perform(&mug()).await.unwrap();
        let call = take();
        {
            let mut dropped = Box::pin(connection.perform(&call));
            assert!(matches!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
        }
        // The next call has a connection of its own. The write waits until the abandoned one has been rolled back.
        connection.perform(&Call::Begin).await.unwrap();
        assert_eq!(connection.perform(&mug()).await.unwrap(), Reply::Affected(1), "{}", shop.engine.name());
        connection.perform(&Call::Commit).await.unwrap();
        assert_eq!(connection.perform(&look()).await.unwrap(), found(3));
    })
    .await;
}

#[tokio::test]
async fn a_closed_connection_carries_no_transaction_and_no_lock() {
    on_each(&every_level(), Schema::Paidonce, async |shop| {
        let mut closing = shop.connect().await;
        closing.perform(&mug()).await.unwrap();
        closing.perform(&Call::Begin).await.unwrap();
        closing.perform(&take()).await.unwrap();
        closing.close().await;
        let mut other = shop.connect().await;
        other.perform(&Call::Begin).await.unwrap();
        assert_eq!(other.perform(&take()).await.unwrap(), Reply::Affected(1));
        other.perform(&Call::Commit).await.unwrap();
        // The same handle, asked again, begins anew.
        assert_eq!(closing.perform(&look()).await.unwrap(), found(2), "{}", shop.engine.name());
    })
    .await;
}

#[tokio::test]
async fn all_rows_go_in_or_none() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        let mut connection = shop.connect().await;
        let twice = vec![stock("mug", 3, 3), stock("mug", 3, 3)];
        assert_eq!(connection.insert("stock", twice).await.unwrap_err().kind(), Error::Refused);
        assert_eq!(connection.insert("stock", vec![row([text("mug")])]).await.unwrap_err().kind(), Error::Misuse);
        assert_eq!(connection.rows("stock").await.unwrap(), vec![]);
        let [b, a, c] = [stock("b", 1, 1), stock("B", 2, 2), stock("c", 3, 0)];
        connection.insert("stock", vec![b.clone(), a.clone(), c.clone()]).await.unwrap();
        // Byte for byte: a large letter stands before a small one, and is another.
        assert_eq!(connection.rows("stock").await.unwrap(), [a, b, c]);
    })
    .await;
}

#[tokio::test]
async fn the_sample_is_booked_once_on_every_engine() {
    const IPN: &str = include_str!("../../../specs/samples/ipn.txt");
    for engine in ENGINES {
        let Some(shop) = Shop::empty(engine).await else { continue };
        let there = create_demo_shop(shop.url()).await.unwrap_err();
        assert!(matches!(there, OpenError::Exists { .. }), "{there}");
        shop.vacate().await;
        create_demo_shop(shop.url()).await.unwrap();
        for expected in [Outcome::Booked, Outcome::AlreadyBooked] {
            let booking = book(shop.connect().await, read_notice(IPN).unwrap()).await.unwrap();
            assert_eq!(booking.outcome, expected, "{engine}: {:?}", booking.errors);
            assert_eq!(booking.order.unwrap().paid_cents, 2000);
        }
        let mut auditor = shop.connect().await;
        assert_eq!(audit::run_all(&mut auditor).await.unwrap().violations(), 0);
    }
}

#[tokio::test]
async fn every_audit_finds_what_is_wrong_on_every_engine() {
    let mut told = Vec::new();
    for engine in ENGINES {
        let Some(shop) = Shop::new(engine, Schema::AsFound).await else { continue };
        let mut connection = shop.connect().await;
        let without = audit::run_all(&mut connection).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((without.violations(), without.skipped()), (0, 2), "{engine}");
        spoil(&mut connection).await;
        let report = audit::run_all(&mut connection).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(report.violations() > 8, "{report:?}");
        told.push((engine, report));
    }
    for (engine, report) in &told {
        assert_eq!(*report, told[0].1, "{engine}");
    }
}

/// Rows that break a claim of every kind.
async fn spoil(connection: &mut Connection) {
    world::create_tables(connection).await.unwrap();
    let orders = vec![order("1", "paid", 4000, "8XY"), order("2", "paid", 0, ""), order("3", "pending", 0, "")];
    connection.insert("orders", orders).await.unwrap();
    connection.insert("order_lines", vec![line("1", "mug", 2), line("2", "gone", 1)]).await.unwrap();
    connection.insert("stock", vec![stock("mug", 3, -1)]).await.unwrap();
    let payments = vec![
        payment("8XY", "ipn-1", "1", "booked"),
        payment("8XY", "pdt-1", "1", "booked"),
        payment("9AB", "ipn-2", "3", "booked"),
        payment("7CD", "ipn-3", "9", "to refund"),
    ];
    connection.insert("payments", payments).await.unwrap();
    connection.insert("refunds", vec![crate::support::refund("9AB", "admin-1", 9000)]).await.unwrap();
    let mail = SentMail { message_id: "m".into(), order_id: "1".into() };
    let [provider, currency, receiver] = ["paypal", "EUR", "shop"].map(str::to_owned);
    let taken = |txn_id: &str, order_id: &str| TakenPayment {
        provider: provider.clone(),
        txn_id: txn_id.into(),
        order_id: order_id.into(),
        amount_cents: 2000,
        currency: currency.clone(),
        receiver: receiver.clone(),
    };
    let hold =
        |actor: &str| world::Hold { section: "order-1".into(), actor: actor.into(), from_step: 1, to_step: None };
    let (mails, taken) = (vec![mail.clone(), mail], vec![taken("5EF", "3"), taken("4GH", "77")]);
    let holds = vec![hold("ipn-1"), hold("pdt-1")];
    world::write(connection, &Outside { mails, taken, holds }).await.unwrap();
}
