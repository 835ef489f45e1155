//! What may happen to the shop, one thing after the other, drawn at random.

use std::collections::BTreeMap;
use std::fmt;

use paidonce_protocol::Value;
use paidonce_protocol::shop::{Notice, Outcome, PaymentStatus};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use crate::shop::{CURRENCY, LEASE_MS, Lost, Order, RECEIVER, Shop};

/// One thing that happens.
#[derive(Clone, PartialEq)]
pub(crate) enum Step {
    /// A notice comes, and is settled at once.
    Settle(Notice, Option<Lost>),
    /// A notice comes, and is kept for a worker.
    Queue(Notice, Option<Lost>),
    /// A worker comes.
    Work(Option<Lost>),
    /// An admin cancels an order.
    Cancel(&'static str, Option<Lost>),
    /// So many milliseconds go by.
    Pass(i64),
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, lost) = match self {
            Step::Settle(notice, lost) => (format!("settle {}", told(notice)), lost),
            Step::Queue(notice, lost) => (format!("queue {}", told(notice)), lost),
            Step::Work(lost) => ("a worker comes".to_owned(), lost),
            Step::Cancel(order_id, lost) => (format!("cancel order {order_id}"), lost),
            Step::Pass(ms) => (format!("{ms} ms go by"), &None),
        };
        f.write_str(&what)?;
        match lost {
            None => Ok(()),
            Some(Lost { write, done }) => {
                write!(f, "; the answer to write {write} is lost, which was {}done", if *done { "" } else { "not " })
            }
        }
    }
}

fn told(notice: &Notice) -> String {
    let Notice { txn_id, payment_status, order_id, amount_cents, currency, receiver, .. } = notice;
    format!(
        "payment {txn_id} of {amount_cents} {currency} to {receiver} for order {order_id} ({})",
        payment_status.as_str()
    )
}

/// The shop with what it needs to be driven.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) shop: Shop,
    /// How many steps were taken: the number of a request.
    pub(crate) steps: usize,
    /// How the last one ended; none where nobody asked for anything.
    pub(crate) outcome: Option<Outcome>,
    /// The notices that came, for the gateway to deliver again.
    notices: Vec<Notice>,
}

/// What is drawn of a shop is what it has in stock.
impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a shop with (owned, on hand) {:?}", self.shop.stock)
    }
}

impl Told {
    /// A shop with so many units of each sku.
    pub(crate) fn with_stock(stock: [(&'static str, i64); 3]) -> Self {
        let stock = stock.into_iter().map(|(sku, units)| (sku, (units, units))).collect();
        let order = |total_cents: i64, lines: &[(&'static str, i64)]| Order {
            status: "pending",
            total_cents,
            paid_cents: 0,
            txn_id: String::new(),
            version: 0,
            lines: lines.iter().copied().collect::<BTreeMap<_, _>>(),
        };
        let orders = BTreeMap::from([
            ("1", order(2000, &[("mug", 2)])),
            ("2", order(2500, &[("mug", 1), ("poster", 1), ("tee", 1)])),
            ("3", order(0, &[("poster", 2), ("unknown", 1)])),
        ]);
        Told { shop: Shop::new(orders, stock), steps: 0, outcome: None, notices: Vec::new() }
    }

    /// The name of the request that came last. In the order in which they came, as far as any test goes.
    pub(crate) fn request_id(&self) -> String {
        format!("request-{:03}", self.steps)
    }

    /// The rows that are there before the first step, by table.
    pub(crate) fn rows(&self) -> Vec<(String, Vec<Value>)> {
        let tables = self.shop.tables().into_iter();
        tables.flat_map(|(table, rows)| rows.into_iter().map(move |row| (table.clone(), row.0))).collect()
    }

    /// The next step is taken.
    pub(crate) fn take(&mut self, step: &Step) {
        self.steps += 1;
        let by = self.request_id();
        let shop = &mut self.shop;
        if let Step::Settle(notice, _) | Step::Queue(notice, _) = step {
            self.notices.push(notice.clone());
        }
        self.outcome = match step {
            Step::Settle(notice, lost) => Some(shop.settle(&by, notice, *lost)),
            Step::Queue(notice, lost) => Some(shop.queue(&by, notice, *lost)),
            Step::Work(lost) => Some(shop.work(&by, *lost)),
            Step::Cancel(order_id, lost) => Some(shop.cancel(&by, order_id, *lost)),
            Step::Pass(ms) => {
                shop.now_ms += ms;
                None
            }
        };
    }
}

/// The orders that requests are about, some more often than others; the last one is nobody's.
const ORDERS: &[&str] = &["1", "1", "1", "2", "2", "3", "77"];

/// A notice, right in most cases. What comes first in a list is what a failure is shrunk to.
fn any_notice() -> impl Strategy<Value = Notice> {
    let status =
        select(&["Completed", "Completed", "Completed", "Processed", "Pending", "Denied", "Refunded", "Strange"][..]);
    // More than one thing may be wrong with a notice: then it counts which is looked at first.
    let odd = || proptest::bool::weighted(0.1);
    let odds = (odd(), odd(), odd());
    (select(ORDERS), select(&["A", "B", "C", "D"][..]), status, odds).prop_map(|(order_id, txn_id, status, odds)| {
        let (amount_is_odd, currency_is_odd, receiver_is_odd) = odds;
        let amount_cents = match order_id {
            "2" => 2500,
            "3" => 0,
            _ => 2000,
        };
        Notice {
            provider: "paypal".to_owned(),
            txn_id: txn_id.to_owned(),
            payment_status: PaymentStatus::from(status),
            order_id: order_id.to_owned(),
            amount_cents: amount_cents - i64::from(amount_is_odd),
            currency: if currency_is_odd { "USD" } else { CURRENCY }.to_owned(),
            receiver: if receiver_is_odd { "other@example.com" } else { RECEIVER }.to_owned(),
        }
    })
}

/// Mostly nothing is lost.
fn lost() -> impl Strategy<Value = Option<Lost>> {
    let lost = (0_u8..3, any::<bool>()).prop_map(|(write, done)| Some(Lost { write, done }));
    prop_oneof![4 => Just(None), 1 => lost]
}

/// The random sequences.
pub(crate) struct Sequences;

impl ReferenceStateMachine for Sequences {
    type State = Told;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Told> {
        let stock = (0_i64..6, 0_i64..3, 0_i64..3);
        stock.prop_map(|(mug, poster, tee)| Told::with_stock([("mug", mug), ("poster", poster), ("tee", tee)])).boxed()
    }

    fn transitions(told: &Told) -> BoxedStrategy<Step> {
        let notice = match &told.notices[..] {
            [] => any_notice().boxed(),
            // The gateway delivers again what it was not told 200 for, and sometimes what it was.
            known => prop_oneof![2 => any_notice(), 1 => select(known.to_vec())].boxed(),
        };
        prop_oneof![
            4 => (notice.clone(), lost()).prop_map(|(notice, lost)| Step::Settle(notice, lost)),
            2 => (notice, lost()).prop_map(|(notice, lost)| Step::Queue(notice, lost)),
            2 => lost().prop_map(Step::Work),
            2 => (select(ORDERS), lost()).prop_map(|(order_id, lost)| Step::Cancel(order_id, lost)),
            1 => select(&[LEASE_MS, LEASE_MS - 1, 1][..]).prop_map(Step::Pass),
        ]
        .boxed()
    }

    fn apply(mut told: Told, step: &Step) -> Told {
        told.take(step);
        told
    }
}
