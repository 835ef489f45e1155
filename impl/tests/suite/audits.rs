//! Each audit finds what a test wrote by hand, and nothing in a clean shop.

use paidonce_protocol::{Error, Row, Schema};
use paidonce_sqlx::Connection;
use paidonce_sqlx::audit::world::{self, Hold, Outside, SentMail, TakenPayment};
use paidonce_sqlx::audit::{self, AUDITS, Audit, Finding};

use crate::support::{Place, line, mail, order, payment, refund, row, stock, text};

/// A shop in which order 1 was paid by 8XY, order 2 was cancelled after 9AB, and order 3 waits.
async fn clean(place: &Place) -> Connection {
    let mut sqlite = place.shop(Schema::AsFound).await;
    world::create_tables(&mut sqlite).await.unwrap();
    let orders = vec![order("1", "paid", 2000, "8XY"), order("2", "cancelled", 0, ""), order("3", "pending", 0, "")];
    put(&mut sqlite, "orders", orders).await;
    put(&mut sqlite, "order_lines", vec![line("1", "mug", 2), line("2", "mug", 1), line("3", "mug", 1)]).await;
    put(&mut sqlite, "stock", vec![stock("mug", 3, 1)]).await;
    let payments = vec![payment("8XY", "ipn-1", "1", "booked"), payment("9AB", "ipn-2", "2", "to refund")];
    put(&mut sqlite, "payments", payments).await;
    put(&mut sqlite, "refunds", vec![refund("9AB", "admin-1", 2000)]).await;
    put(&mut sqlite, "outbox", vec![mail("order-1-paid", "1")]).await;
    let taken = vec![taken("8XY", "1", 2000), taken("8XY", "1", 2000), taken("9AB", "2", 2000)];
    world::write(&mut sqlite, &Outside { taken, ..Outside::default() }).await.unwrap();
    sqlite
}

async fn put(sqlite: &mut Connection, table: &str, rows: Vec<Row>) {
    sqlite.insert(table, rows).await.unwrap();
}

fn taken(txn_id: &str, order_id: &str, amount_cents: i64) -> TakenPayment {
    let [provider, currency, receiver] = ["paypal", "EUR", "shop"].map(str::to_owned);
    TakenPayment { provider, txn_id: txn_id.into(), order_id: order_id.into(), amount_cents, currency, receiver }
}

fn hold(actor: &str, from_step: i64, to_step: Option<i64>) -> Hold {
    Hold { section: "order-1".into(), actor: actor.into(), from_step, to_step }
}

async fn found(sqlite: &mut Connection, claim: &str) -> Vec<String> {
    match audit::run(sqlite, claim).await.unwrap().finding {
        Finding::Ran { violations, partly: None } => violations,
        other => panic!("{claim}: {other:?}"),
    }
}

#[tokio::test]
async fn a_clean_shop_has_no_violation_under_any_claim() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    let mails = vec![SentMail { message_id: "order-1-paid".into(), order_id: "1".into() }];
    let holds = vec![hold("ipn-1", 2, Some(8)), hold("pdt-1", 8, None)];
    world::write(&mut sqlite, &Outside { mails, holds, taken: Vec::new() }).await.unwrap();
    let report = audit::run_all(&mut sqlite).await.unwrap();
    assert_eq!(report.violations(), 0, "{report:?}");
    assert_eq!((report.ran(), report.skipped(), report.without_audit()), (8, 0, 7));
}

#[tokio::test]
async fn a_payment_that_is_booked_twice_is_told_with_both_requests() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "payments", vec![payment("8XY", "pdt-1", "1", "booked")]).await;
    let violations = found(&mut sqlite, "a_payment_is_booked_at_most_once").await;
    assert_eq!(violations, ["order 1 was booked twice: payment 8XY by ipn-1 and by pdt-1"]);
}

#[tokio::test]
async fn an_order_that_counts_a_payment_twice_is_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "orders", vec![order("4", "paid", 4000, "7ZZ")]).await;
    put(&mut sqlite, "payments", vec![payment("7ZZ", "ipn-4", "4", "booked")]).await;
    let violations = found(&mut sqlite, "a_payment_is_booked_at_most_once").await;
    assert_eq!(violations, ["order 4 counts 4000 as paid, but its payments come to 2000"]);
}

#[tokio::test]
async fn oversold_stock_is_told_from_either_side() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "stock", vec![stock("tee", 1, -1), stock("hat", 1, 0)]).await;
    put(&mut sqlite, "order_lines", vec![line("1", "hat", 2), line("1", "ghost", 1)]).await;
    let violations = found(&mut sqlite, "stock_is_never_oversold").await;
    let expected = [
        "sku tee was oversold: -1 on hand",
        "sku ghost was oversold: paid orders have 1 units of the 0 that the shop owned",
        "sku hat was oversold: paid orders have 2 units of the 1 that the shop owned",
    ];
    assert_eq!(violations, expected);
}

#[tokio::test]
async fn stock_that_does_not_agree_with_the_orders_is_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "stock", vec![stock("tee", 3, 1)]).await;
    put(&mut sqlite, "order_lines", vec![line("1", "ghost", 1), line("3", "phantom", 1)]).await;
    let violations = found(&mut sqlite, "stock_agrees_with_orders").await;
    let expected = [
        "sku tee does not agree with the orders: 2 units are gone, paid orders have 0",
        "sku ghost does not agree with the orders: paid orders have 1 units, and the shop has no such stock",
    ];
    assert_eq!(violations, expected);
}

/// What is missing, the rows by table, and the sentences.
type Case = (&'static str, Vec<(&'static str, Vec<Row>)>, &'static [&'static str]);

/// Each rule alone: the rows it needs, and what it says.
#[tokio::test]
async fn each_half_of_a_settlement_is_told_when_it_is_missing() {
    let cases: [Case; 9] = [
        (
            "no order",
            vec![("payments", vec![payment("P", "ipn-9", "99", "booked")])],
            &["payment P is booked for order 99, which does not exist"],
        ),
        (
            "status",
            vec![
                ("orders", vec![order("9", "pending", 2000, "P")]),
                ("payments", vec![payment("P", "ipn-9", "9", "booked")]),
            ],
            &["payment P is booked, but order 9 is pending"],
        ),
        (
            "gateway's id",
            vec![
                ("orders", vec![order("9", "paid", 2000, "")]),
                ("payments", vec![payment("P", "ipn-9", "9", "booked")]),
            ],
            &["payment P is booked, but order 9 carries no payment's id"],
        ),
        (
            "amount",
            vec![
                ("orders", vec![order("9", "paid", 0, "P")]),
                ("payments", vec![payment("P", "ipn-9", "9", "booked")]),
            ],
            &["order 9 has 2000 booked and counts 0 as paid"],
        ),
        (
            "stock",
            vec![
                ("orders", vec![order("9", "paid", 2000, "P")]),
                ("order_lines", vec![line("9", "tee", 1)]),
                ("stock", vec![stock("tee", 1, 1)]),
                ("payments", vec![payment("P", "ipn-9", "9", "booked")]),
            ],
            &["order 9 has a booked payment, but sku tee does not agree: 0 units are gone, paid orders have 1"],
        ),
        (
            "no refund",
            vec![("payments", vec![payment("P", "ipn-9", "3", "to refund")])],
            &["payment P is to be refunded, but has 0 refunds of its amount"],
        ),
        (
            "refund of another amount",
            vec![
                ("payments", vec![payment("P", "ipn-9", "3", "to refund")]),
                ("refunds", vec![refund("P", "ipn-9", 1)]),
            ],
            &["payment P is to be refunded, but has 0 refunds of its amount"],
        ),
        (
            "both states",
            vec![
                ("payments", vec![payment("8XY", "ipn-9", "1", "to refund")]),
                ("refunds", vec![refund("8XY", "ipn-9", 2000)]),
            ],
            &[
                "payment 8XY is to be refunded, but order 1 carries its id",
                "payment 8XY is to be refunded (ipn-9) and booked (ipn-1)",
            ],
        ),
        (
            "no payment",
            vec![("orders", vec![order("9", "paid", 2000, "P")])],
            &["order 9 is paid, but no payment is booked for it"],
        ),
    ];
    for (case, tables, expected) in cases {
        let place = Place::new();
        let mut sqlite = clean(&place).await;
        for (table, rows) in tables {
            put(&mut sqlite, table, rows).await;
        }
        assert_eq!(found(&mut sqlite, "an_order_is_never_half_settled").await, expected, "{case}");
    }
}

#[tokio::test]
async fn money_that_nobody_keeps_is_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    let taken = vec![taken("P", "3", 2000), taken("Q", "3", 1), taken("R", "77", 2000), taken("S", "3", 5)];
    world::write(&mut sqlite, &Outside { taken, ..Outside::default() }).await.unwrap();
    put(&mut sqlite, "payments", vec![payment("S", "ipn-9", "3", "booked")]).await;
    let violations = found(&mut sqlite, "taken_money_is_never_lost").await;
    let expected = [
        "payment P of 2000 for order 3 was taken and forgotten: not booked, not refunded, queued for nobody",
        "payment Q of 1 does not fit order 3, and nobody was asked to look at it",
        "payment R of 2000 does not fit order 77, and nobody was asked to look at it",
        "payment S of 5 does not fit order 3, and nobody was asked to look at it",
        "payment S of 5 does not fit order 3, and was booked all the same",
    ];
    assert_eq!(violations, expected);
    let review = |txn_id: &str| {
        let [provider, status, order_id, currency, reason] = ["paypal", "Completed", "3", "EUR", "wrong"].map(text);
        row([provider, text(txn_id), status, order_id, 1.into(), currency, text("shop"), reason, 1.into()])
    };
    put(&mut sqlite, "reviews", ["P", "Q", "R", "S"].map(review).to_vec()).await;
    let left = found(&mut sqlite, "taken_money_is_never_lost").await;
    assert_eq!(left, expected[4..]);
}

#[tokio::test]
async fn a_payment_that_nobody_took_is_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "payments", vec![payment("echeck", "ipn-9", "3", "booked")]).await;
    let violations = found(&mut sqlite, "taken_money_is_never_lost").await;
    assert_eq!(violations, ["payment echeck for order 3 is in the books, and the gateway never took that money"]);
}

#[tokio::test]
async fn refunds_of_more_than_was_paid_are_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "refunds", vec![refund("9AB", "admin-2", 1), refund("ghost", "admin-2", 5)]).await;
    let violations = found(&mut sqlite, "refunds_never_exceed_payments").await;
    assert_eq!(violations, ["payment 9AB of 2000 has refunds of 2001", "payment ghost of 0 has refunds of 5"]);
}

#[tokio::test]
async fn a_buyer_with_two_mails_or_none_is_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    put(&mut sqlite, "orders", vec![order("4", "paid", 0, "")]).await;
    let mails = vec![SentMail { message_id: "order-1-paid-pdt-1".into(), order_id: "1".into() }];
    world::write(&mut sqlite, &Outside { mails, ..Outside::default() }).await.unwrap();
    let violations = found(&mut sqlite, "the_buyer_is_mailed_once").await;
    assert_eq!(violations, ["the buyer of order 1 has 2 mails", "the buyer of order 4 has 0 mails"]);
}

#[tokio::test]
async fn two_actors_inside_one_section_are_told() {
    let place = Place::new();
    let mut sqlite = clean(&place).await;
    let elsewhere = Hold { section: "order-2".into(), ..hold("ipn-4", 2, None) };
    let [first, second] = [hold("ipn-1", 2, Some(9)), hold("pdt-1", 8, None)];
    let holds = vec![first, second, hold("ipn-2", 5, Some(5)), hold("ipn-3", 1, Some(2)), elsewhere];
    world::write(&mut sqlite, &Outside { holds, ..Outside::default() }).await.unwrap();
    let violations = found(&mut sqlite, "a_lease_has_one_holder").await;
    assert_eq!(violations, ["ipn-1 and pdt-1 were both inside order-1: ipn-1 from step 2, pdt-1 from step 8"]);
}

#[tokio::test]
async fn a_live_shop_without_the_world_tables_is_skipped_there_and_not_called_clean() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    put(&mut sqlite, "orders", vec![order("1", "paid", 0, "")]).await;
    let report = audit::run_all(&mut sqlite).await.unwrap();
    assert_eq!((report.ran(), report.skipped(), report.without_audit()), (6, 2, 7));
    for audited in &report.audits {
        match (audited.claim, &audited.finding) {
            ("taken_money_is_never_lost", Finding::Skipped { why }) => assert!(why.contains("world_taken"), "{why}"),
            ("a_lease_has_one_holder", Finding::Skipped { why }) => assert!(why.contains("world_holds"), "{why}"),
            ("the_buyer_is_mailed_once", Finding::Ran { violations, partly: Some(partly) }) => {
                assert_eq!(violations, &["the buyer of order 1 has 0 mails"]);
                assert!(partly.contains("outbox"), "{partly}");
            }
            (_, Finding::Ran { partly: None, .. } | Finding::NoAudit { .. }) => {}
            (claim, finding) => panic!("{claim}: {finding:?}"),
        }
    }
    // Looking changed nothing.
    assert_eq!(sqlite.rows("world_mails").await.unwrap_err().kind(), Error::Misuse);
}

#[tokio::test]
async fn an_unknown_claim_is_refused_with_the_names_of_the_claims() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    let says = audit::run(&mut sqlite, "nothing_ever_breaks").await.unwrap_err().to_string();
    assert!(says.contains("nothing_ever_breaks") && says.contains("stock_is_never_oversold"), "{says}");
}

#[test]
fn every_query_in_the_folder_belongs_to_a_claim() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/audit");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".sql").map(str::to_owned))
        .filter(|name| name != "world")
        .collect();
    let queries = AUDITS.iter().filter(|audit| matches!(audit.audit, Audit::Query { .. }));
    let mut registered: Vec<&str> = queries.map(|audit| audit.claim).collect();
    files.sort_unstable();
    registered.sort_unstable();
    assert_eq!(files, registered);
}
