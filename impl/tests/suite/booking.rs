//! Real notice bodies, settled on a real shop.

use std::collections::BTreeMap;

use paidonce_protocol::shop::{Outcome, Reason};
use paidonce_protocol::{Answer, Row, Schema, Value};
use paidonce_sqlx::{
    BookError, Booking, Connection, Engine, OpenError, Options, audit, book, create_demo_shop, read_notice,
};

use crate::support::{Place, sqlite, stock, text};

const IPN: &str = include_str!("../../../specs/samples/ipn.txt");
const PDT: &str = include_str!("../../../specs/samples/pdt.txt");
const WRONG_AMOUNT: &str = include_str!("../../../specs/samples/ipn-wrong-amount.txt");
const UNKNOWN_ORDER: &str = include_str!("../../../specs/samples/ipn-unknown-order.txt");
const SECOND_PAYMENT: &str = include_str!("../../../specs/samples/ipn-second-payment.txt");
const MALFORMED: &str = include_str!("../../../specs/samples/ipn-malformed.txt");

async fn demo() -> Place {
    let place = Place::new();
    create_demo_shop(&place.url("shop.db")).await.unwrap();
    place
}

async fn shop(place: &Place) -> Connection {
    Connection::open_shop(&place.url("shop.db"), Schema::Paidonce, sqlite()).await.unwrap()
}

async fn settled(place: &Place, body: &str) -> Booking {
    book(shop(place).await, read_notice(body).unwrap()).await.unwrap()
}

async fn all_rows(place: &Place) -> BTreeMap<String, Vec<Row>> {
    shop(place).await.contents().await.unwrap()
}

#[tokio::test]
async fn the_sample_is_booked_and_its_five_writes_are_there() {
    let place = demo().await;
    let booking = settled(&place, IPN).await;
    assert_eq!((booking.outcome, booking.answer), (Outcome::Booked, Answer::Accepted));
    assert!(booking.errors.is_empty());
    let order = booking.order.as_ref().unwrap();
    assert_eq!((order.status.as_str(), order.paid_cents, order.txn_id.as_str()), ("paid", 2000, "8XY"));
    assert_eq!(booking.payments.len(), 1);
    assert_eq!((&booking.payments[0].booked_by, booking.payments[0].state.as_str()), (&booking.request_id, "booked"));
    assert_eq!(booking.to_string(), "payment 8XY for order 1: booked");
    let mut connection = shop(&place).await;
    assert_eq!(connection.rows("stock").await.unwrap()[0], stock("mug", 3, 1));
    assert_eq!(connection.rows("outbox").await.unwrap(), [Row(vec![text("order-1-paid"), text("1")])]);
    assert_eq!(audit::run_all(&mut connection).await.unwrap().violations(), 0);
}

#[tokio::test]
async fn booking_the_sample_again_says_so_and_changes_no_row_but_the_version_of_the_order() {
    let place = demo().await;
    let first = settled(&place, IPN).await;
    let mut rows = all_rows(&place).await;
    for body in [IPN, PDT] {
        let again = settled(&place, body).await;
        assert_eq!((again.outcome, again.answer), (Outcome::AlreadyBooked, Answer::Accepted));
        assert_ne!(again.request_id, first.request_id);
        assert_eq!(again.payments, first.payments);
        // The write that is in the log behind the booking that it saw: see docs/catalogue/settle.md.
        let version = rows.get_mut("orders").and_then(|orders| orders[0].0.last_mut());
        let Some(Value::Int(version)) = version else { panic!("an order ends with its version") };
        *version += 1;
        assert_eq!(all_rows(&place).await, rows);
    }
}

#[tokio::test]
async fn a_wrong_amount_and_an_unknown_order_wait_for_a_person() {
    let place = demo().await;
    let but_reviews = async |place: &Place| {
        let rows = all_rows(place).await;
        rows.into_iter().filter(|(table, _)| table != "reviews").collect::<Vec<_>>()
    };
    let before = but_reviews(&place).await;
    for (body, reason) in [(WRONG_AMOUNT, Reason::WrongAmount), (UNKNOWN_ORDER, Reason::UnknownOrder)] {
        let booking = settled(&place, body).await;
        assert_eq!((booking.outcome, booking.answer), (Outcome::ForReview(reason), Answer::Accepted));
        assert_eq!(booking.reviews, [reason.name()]);
        assert!(booking.payments.is_empty() && booking.refunds.is_empty());
        let again = settled(&place, body).await;
        assert_eq!((again.outcome, again.answer), (Outcome::AlreadyForReview(reason), Answer::Accepted));
    }
    assert_eq!(but_reviews(&place).await, before, "order and stock untouched, with the order's version");
    let mut connection = shop(&place).await;
    assert_eq!(connection.rows("reviews").await.unwrap().len(), 2);
    assert_eq!(audit::run_all(&mut connection).await.unwrap().violations(), 0);
}

#[tokio::test]
async fn a_second_and_different_payment_is_queued_for_refund() {
    let place = demo().await;
    settled(&place, IPN).await;
    let booking = settled(&place, SECOND_PAYMENT).await;
    assert_eq!(booking.outcome, Outcome::ToRefund(Reason::OrderAlreadyPaid));
    assert_eq!((booking.payments[0].state.as_str(), booking.refunds[0].amount_cents), ("to refund", 2000));
    assert_eq!(booking.order.unwrap().txn_id, "8XY");
    assert_eq!(audit::run_all(&mut shop(&place).await).await.unwrap().violations(), 0);
}

#[tokio::test]
async fn whoever_comes_second_for_the_last_mugs_is_refunded() {
    let place = demo().await;
    settled(&place, IPN).await;
    let booking = settled(&place, &SECOND_PAYMENT.replace("invoice=1", "invoice=3")).await;
    assert_eq!(booking.outcome, Outcome::ToRefund(Reason::StockTooShort));
    assert_eq!(audit::run_all(&mut shop(&place).await).await.unwrap().violations(), 0);
}

#[test]
fn the_malformed_sample_names_the_field() {
    assert_eq!(read_notice(MALFORMED).unwrap_err().field, "mc_gross");
    assert_eq!(read_notice("FAIL\nError: 4020").unwrap_err().expected, "SUCCESS");
}

#[tokio::test]
async fn a_shop_without_our_keys_is_not_booked_into() {
    let place = Place::new();
    let connection = place.shop(Schema::AsFound).await;
    let refused = book(connection, read_notice(IPN).unwrap()).await.err().unwrap();
    assert!(matches!(refused, BookError::Shop(OpenError::Foreign { .. })), "{refused}");
}

#[tokio::test]
async fn what_could_not_be_booked_is_to_be_tried_again_and_says_why() {
    let place = demo().await;
    let mut holder = shop(&place).await;
    holder.perform(&paidonce_protocol::Call::Begin).await.unwrap();
    let hurried = Options::lockstep(Engine::find("sqlite/immediate").unwrap());
    let connection = Connection::open_shop(&place.url("shop.db"), Schema::Paidonce, hurried).await.unwrap();
    let booking = book(connection, read_notice(IPN).unwrap()).await.unwrap();
    assert_eq!((booking.outcome, booking.answer), (Outcome::TryAgain, Answer::TryAgain));
    assert_eq!(booking.errors.len(), 3);
    assert!(booking.errors[0].to_string().contains("locked"), "{}", booking.errors[0]);
    assert_eq!(booking.order.unwrap().paid_cents, 0);
}
