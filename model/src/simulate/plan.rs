//! Who buys what, and who will tell the shop of it when: drawn from the seed before anything happens.

use paidonce_protocol::Value;
use paidonce_protocol::shop::{Input, Notice, PaymentStatus};

use super::Options;
use crate::chance::SplitMix;
use crate::trace::WorldPayment;

const RECEIVER: &str = "shop@example.com";
const CURRENCY: &str = "EUR";
const PROVIDER: &str = "paypal";

/// A web server's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    offset_ms: i64,
    /// So much more, or less, it counts in a million.
    drift: i64,
}

impl Server {
    /// What it shows at a true moment.
    pub(super) fn clock(self, now_ms: i64) -> i64 {
        now_ms.saturating_add(self.offset_ms).saturating_add(now_ms.saturating_mul(self.drift) / 1_000_000)
    }
}

/// Whether a sender comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It comes once.
    Never,
    /// It tries again until it is accepted, or gives up.
    UntilAccepted,
    /// A worker: it looks again and again, until nothing can be left to do.
    Always,
}

/// Who tells the shop of something, once or until it is accepted; or a worker of the shop's own.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) name: &'static str,
    pub(super) input: Input,
    /// The money of which it tells, by its number.
    pub(super) payment: Option<usize>,
    pub(super) comes_again: Again,
    pub(super) deliveries: u16,
    pub(super) accepted: bool,
    /// So many of its deliveries are in flight.
    pub(super) in_flight: u16,
}

impl Sender {
    fn new(name: &'static str, input: Input, payment: Option<usize>, comes_again: Again) -> Self {
        Sender { name, input, payment, comes_again, deliveries: 0, accepted: false, in_flight: 0 }
    }
}

/// Money that the gateway has taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) order: usize,
    pub(super) payment: WorldPayment,
    /// The shop has been told of it.
    pub(super) told: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) rows: Vec<(&'static str, Vec<Value>)>,
    pub(super) servers: Vec<Server>,
    pub(super) senders: Vec<Sender>,
    /// When senders begin.
    pub(super) firsts: Vec<(u32, i64)>,
    pub(super) taken: Vec<Taken>,
    /// The gateway's names for money that is never taken.
    pub(super) untaken: Vec<(String, usize)>,
    /// The names of the orders, and those of others that are asked for in their place.
    pub(super) orders: Vec<String>,
    pub(super) others: Vec<(String, usize)>,
}

/// An order is placed every so often, on an average.
const PACE_MS: i64 = 40;
/// So many orders make a wave.
const WAVE: i64 = 100;

/// So many workers look for jobs, where a protocol has some.
const WORKERS: u32 = 2;

pub(super) fn drawn(options: &Options, has_workers: bool) -> Plan {
    let mut chance = SplitMix::new(options.seed);
    let mut plan = Plan::default();
    for _ in 0..options.servers {
        plan.servers.push(Server { offset_ms: chance.between(-120_000, 120_000), drift: chance.between(-200, 200) });
    }
    let orders = i64::from(options.orders);
    let waves: Vec<i64> = (0..=orders / WAVE).map(|_| chance.between(0, orders * PACE_MS)).collect();
    let mut demand: Vec<i64> = vec![0; 4 + options.orders as usize / 5];
    for order in 0..options.orders as usize {
        let id = format!("o-{order}");
        let in_wave = chance.below(2) == 0;
        let placed_ms = if in_wave {
            waves[chance.below(waves.len())] + chance.between(0, 1_000)
        } else {
            chance.between(0, orders * PACE_MS)
        };
        // Whoever comes in a wave comes for what is on sale.
        let mut skus: Vec<usize> = Vec::new();
        for _ in 0..=chance.below(3) {
            skus.push(chance.below(if in_wave { 8.min(demand.len()) } else { demand.len() }));
        }
        skus.sort_unstable();
        skus.dedup();
        for sku in skus {
            let units = chance.between(1, 2);
            demand[sku] += units;
            plan.rows.push(("order_lines", vec![id.as_str().into(), sku_name(sku).as_str().into(), units.into()]));
        }
        let total_cents = chance.between(100, 20_000);
        let row = [id.as_str().into(), "pending".into(), total_cents.into(), CURRENCY.into(), RECEIVER.into()];
        plan.rows.push(("orders", row.into_iter().chain([0.into(), "".into(), 0.into()]).collect()));
        plan.orders.push(id);
        plan.payments(options, order, total_cents, placed_ms, &mut chance);
    }
    for (sku, wanted) in demand.into_iter().enumerate() {
        // Of every fifth there is not enough.
        let units = if chance.below(5) == 0 { wanted * chance.between(50, 100) / 100 } else { wanted + 1 };
        plan.rows.push(("stock", vec![sku_name(sku).as_str().into(), units.into(), units.into()]));
    }
    for _ in 0..if has_workers { WORKERS } else { 0 } {
        let worker = Sender::new("worker", Input::Work, None, Again::Always);
        let first_ms = chance.between(0, 1_000);
        plan.comes(worker, first_ms);
    }
    plan
}

fn sku_name(sku: usize) -> String {
    format!("sku-{sku}")
}

impl Plan {
    fn payments(&mut self, options: &Options, order: usize, cents: i64, placed_ms: i64, chance: &mut SplitMix) {
        let rates = &options.rates;
        let id = self.orders[order].clone();
        let paid = |txn_id: String| notice(&id, txn_id, cents, "Completed");
        let first = paid(format!("t-{order}"));
        let payment = self.takes(order, &first);
        if chance.is(rates.late) {
            // The gateway has told of it before it was sure of the money.
            let pending = Notice { payment_status: status("Pending"), ..first.clone() };
            self.ipn(pending, None, placed_ms, options, chance);
        }
        let paid_ms = placed_ms + chance.between(50, 2_000);
        self.ipn(first.clone(), Some(payment), paid_ms, options, chance);
        if chance.below(10) < 7 {
            let input = Input::Notice(first);
            let pdt = Sender::new("pdt", input, Some(payment), Again::Never);
            self.comes(pdt, placed_ms + chance.between(50, 3_000));
        }
        if chance.is(rates.second_payment) {
            let second = paid(format!("t-{order}-again"));
            let payment = self.takes(order, &second);
            // An impatient buyer, or one who comes back.
            let after_ms = if chance.below(2) == 0 { chance.between(0, 20) } else { chance.between(50, 30_000) };
            self.ipn(second, Some(payment), paid_ms + after_ms, options, chance);
        }
        if chance.is(rates.misfit) {
            let fits = paid(format!("t-{order}-misfit"));
            let mut is_taken = true;
            let misfit = match chance.below(6) {
                0 => Notice { amount_cents: cents - 1, ..fits },
                1 => Notice { currency: "USD".to_owned(), ..fits },
                2 => Notice { receiver: "other@example.com".to_owned(), ..fits },
                // Money that never comes, and money that goes back.
                which @ (3 | 4) => {
                    is_taken = false;
                    Notice { payment_status: status(if which == 3 { "Pending" } else { "Refunded" }), ..fits }
                }
                _ => {
                    let order_id = format!("{id}-unknown");
                    self.others.push((order_id.clone(), order));
                    Notice { order_id, ..fits }
                }
            };
            if !is_taken {
                self.untaken.push((misfit.txn_id.clone(), order));
            }
            let payment = is_taken.then(|| self.takes(order, &misfit));
            self.ipn(misfit, payment, placed_ms + chance.between(50, 30_000), options, chance);
        }
        if chance.is(rates.cancel) {
            let input = Input::Cancel { order_id: id.clone() };
            let admin = Sender::new("admin", input, None, Again::Never);
            // Often about when the payment comes: it is for want of it that orders are cancelled.
            let after_ms = if chance.below(2) == 0 { chance.between(-20, 20) } else { chance.between(50, 5_000) };
            self.comes(admin, paid_ms + after_ms);
        }
    }

    /// The gateway takes the money of which a notice tells.
    fn takes(&mut self, order: usize, notice: &Notice) -> usize {
        let payment = WorldPayment {
            provider: notice.provider.clone(),
            txn_id: notice.txn_id.clone(),
            order_id: notice.order_id.clone(),
            amount_cents: notice.amount_cents,
            currency: notice.currency.clone(),
            receiver: notice.receiver.clone(),
        };
        self.taken.push(Taken { order, payment, told: false });
        self.taken.len() - 1
    }

    fn ipn(
        &mut self,
        notice: Notice,
        payment: Option<usize>,
        mut at_ms: i64,
        options: &Options,
        chance: &mut SplitMix,
    ) {
        if chance.is(options.rates.late) {
            at_ms += chance.between(1_000, 60_000);
        }
        let input = Input::Notice(notice);
        let ipn = Sender::new("ipn", input, payment, Again::UntilAccepted);
        let sender = self.comes(ipn, at_ms);
        if chance.is(options.rates.duplicate) {
            self.firsts.push((sender, at_ms + chance.between(0, 10)));
        }
    }

    fn comes(&mut self, sender: Sender, at_ms: i64) -> u32 {
        let number = self.senders.len() as u32;
        self.senders.push(sender);
        self.firsts.push((number, at_ms));
        number
    }
}

fn status(name: &str) -> PaymentStatus {
    PaymentStatus::new(name)
}

fn notice(order_id: &str, txn_id: String, amount_cents: i64, payment_status: &str) -> Notice {
    Notice {
        provider: PROVIDER.to_owned(),
        txn_id,
        payment_status: status(payment_status),
        order_id: order_id.to_owned(),
        amount_cents,
        currency: CURRENCY.to_owned(),
        receiver: RECEIVER.to_owned(),
    }
}
