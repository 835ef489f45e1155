//! Who buys what, and who will tell the shop of it when: drawn from the seed before anything happens, or given by a plan.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_protocol::shop::{Input, Notice, PaymentStatus};

use super::{Options, Unusable};
use crate::chance::SplitMix;
use crate::scenario::{Order, OrderLine, Stock};
use crate::trace::WorldPayment;

const RECEIVER: &str = "shop@example.com";
const CURRENCY: &str = "EUR";
const PROVIDER: &str = "paypal";

/// A web server's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) offset_ms: i64,
    /// So much more, or less, it counts in a million.
    pub(super) drift: i64,
}

impl Server {
    /// What it shows at a true moment.
    pub(super) fn clock(self, now_ms: i64) -> i64 {
        now_ms.saturating_add(self.offset_ms).saturating_add(now_ms.saturating_mul(self.drift) / 1_000_000)
    }
}

/// A web server's name, by its number.
pub(super) fn server_name(server: usize) -> String {
    format!("web-{}", server + 1)
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
    /// `ipn-o3`: its requests are `ipn-o3-1`, `ipn-o3-2`, …
    pub(super) name: String,
    /// The order that it is about, by its number.
    pub(super) order: Option<usize>,
    pub(super) input: Input,
    /// The money of which it tells, by its number.
    pub(super) payment: Option<usize>,
    pub(super) comes_again: Again,
    pub(super) deliveries: u16,
    /// So often it comes by itself, and not because it was not accepted.
    pub(super) at_once: u16,
    /// So many of its deliveries were begun.
    pub(super) begun: u32,
    pub(super) accepted: bool,
    /// So many of its deliveries are in flight.
    pub(super) in_flight: u16,
    /// The servers that its deliveries have reached, where that is written down.
    pub(super) reached: Vec<u16>,
}

impl Sender {
    fn new(name: String, order: Option<usize>, input: Input, payment: Option<usize>, comes_again: Again) -> Self {
        Sender {
            name,
            order,
            input,
            payment,
            comes_again,
            deliveries: 0,
            at_once: 0,
            begun: 0,
            accepted: false,
            in_flight: 0,
            reached: Vec::new(),
        }
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
pub(super) struct Drawn {
    /// The orders that are there. One that a plan has left out has no lines.
    pub(super) orders: Vec<Order>,
    pub(super) stock: Vec<Stock>,
    pub(super) servers: Vec<Server>,
    pub(super) senders: Vec<Sender>,
    /// When senders begin.
    pub(super) firsts: Vec<(u32, i64)>,
    pub(super) taken: Vec<Taken>,
    /// The gateway's names for money that is never taken.
    pub(super) untaken: Vec<(String, usize)>,
    /// The names of orders that are asked for in an order's place.
    pub(super) others: Vec<(String, usize)>,
}

/// An order is placed every so often, on an average. With every fault some requests are paused for minutes, or leave locks behind
/// on what is on sale: all connections are busy now and then, and nobody stands in line for the whole of the simulation.
const PACE_MS: i64 = 200;
/// So many orders make a wave.
const WAVE: i64 = 100;

/// Workers look for jobs, where a protocol has some.
const WORKERS: [&str; 2] = ["worker-a", "worker-b"];

pub(super) fn drawn(options: &Options, has_workers: bool) -> Result<Drawn, Unusable> {
    let mut chance = SplitMix::new(options.seed);
    let mut drawn = Drawn::default();
    for _ in 0..options.servers {
        drawn.servers.push(Server { offset_ms: chance.between(-120_000, 120_000), drift: chance.between(-200, 200) });
    }
    let orders = i64::from(options.orders);
    let waves: Vec<i64> = (0..=orders / WAVE).map(|_| chance.between(0, orders * PACE_MS)).collect();
    let mut demand: Vec<i64> = vec![0; 4 + options.orders as usize / 5];
    for order in 0..options.orders as usize {
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
        let mut lines = Vec::new();
        for sku in skus {
            let units = chance.between(1, 2);
            demand[sku] += units;
            lines.push(OrderLine { sku: sku_name(sku), units });
        }
        let total_cents = chance.between(100, 20_000);
        drawn.orders.push(Order {
            id: format!("o{order}"),
            total_cents,
            currency: CURRENCY.to_owned(),
            receiver: RECEIVER.to_owned(),
            status: "pending".to_owned(),
            lines,
        });
        drawn.payments(options, order, total_cents, placed_ms, &mut chance);
    }
    for (sku, wanted) in demand.into_iter().enumerate() {
        // Of every fifth there is not enough.
        let on_hand = if chance.below(5) == 0 { wanted * chance.between(50, 100) / 100 } else { wanted + 1 };
        drawn.stock.push(Stock { sku: sku_name(sku), on_hand });
    }
    for name in WORKERS.into_iter().filter(|_| has_workers) {
        let worker = Sender::new(name.to_owned(), None, Input::Work, None, Again::Always);
        let first_ms = chance.between(0, 1_000);
        drawn.comes(worker, first_ms);
    }
    drawn.keep(options)?;
    for (sender, _) in &drawn.firsts {
        drawn.senders[*sender as usize].at_once += 1;
    }
    if options.plan.in_turn {
        drawn.servers.iter_mut().for_each(|server| server.drift = 0);
    }
    Ok(drawn)
}

fn sku_name(sku: usize) -> String {
    format!("sku-{sku}")
}

impl Drawn {
    fn payments(&mut self, options: &Options, order: usize, cents: i64, placed_ms: i64, chance: &mut SplitMix) {
        let rates = &options.rates;
        let id = self.orders[order].id.clone();
        let named = |stem: &str| format!("{stem}-{id}");
        let paid = |txn_id: String| notice(&id, txn_id, cents, "Completed");
        let first = paid(format!("t-{id}"));
        let payment = self.takes(order, &first);
        if chance.is(rates.late) {
            // The gateway has told of it before it was sure of the money.
            let pending = Notice { payment_status: status("Pending"), ..first.clone() };
            self.ipn(named("pending"), order, pending, None, placed_ms, options, chance);
        }
        let paid_ms = placed_ms + chance.between(50, 2_000);
        self.ipn(named("ipn"), order, first.clone(), Some(payment), paid_ms, options, chance);
        if chance.below(10) < 7 {
            let pdt = Sender::new(named("pdt"), Some(order), Input::Notice(first), Some(payment), Again::Never);
            self.comes(pdt, placed_ms + chance.between(50, 3_000));
        }
        if chance.is(rates.second_payment) {
            let second = paid(format!("t-{id}-again"));
            let payment = self.takes(order, &second);
            // An impatient buyer, or one who comes back.
            let after_ms = if chance.below(2) == 0 { chance.between(0, 20) } else { chance.between(50, 30_000) };
            self.ipn(named("again"), order, second, Some(payment), paid_ms + after_ms, options, chance);
        }
        if chance.is(rates.misfit) {
            let fits = paid(format!("t-{id}-misfit"));
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
            let at_ms = placed_ms + chance.between(50, 30_000);
            self.ipn(named("misfit"), order, misfit, payment, at_ms, options, chance);
        }
        if chance.is(rates.cancel) {
            let input = Input::Cancel { order_id: id.clone() };
            let admin = Sender::new(named("admin"), Some(order), input, None, Again::Never);
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

    #[expect(clippy::too_many_arguments, reason = "all that is drawn of one notice")]
    fn ipn(
        &mut self,
        name: String,
        order: usize,
        notice: Notice,
        payment: Option<usize>,
        mut at_ms: i64,
        options: &Options,
        chance: &mut SplitMix,
    ) {
        if chance.is(options.rates.late) {
            at_ms += chance.between(1_000, 60_000);
        }
        let ipn = Sender::new(name, Some(order), Input::Notice(notice), payment, Again::UntilAccepted);
        let sender = self.comes(ipn, at_ms);
        if chance.is(options.rates.duplicate) {
            self.firsts.push((sender, at_ms + chance.between(0, 10)));
        }
    }

    fn comes(&mut self, sender: Sender, at_ms: i64) -> u32 {
        let number = self.senders.len() as u32;
        self.senders.push(sender);
        self.firsts.push((number, at_ms.max(0)));
        number
    }

    /// Who comes first when, by name.
    pub(super) fn coming(&self) -> BTreeMap<String, Vec<i64>> {
        let mut comes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (sender, at_ms) in &self.firsts {
            comes.entry(self.senders[*sender as usize].name.clone()).or_default().push(*at_ms);
        }
        comes
    }

    /// A sender's number, by its name.
    pub(super) fn sender(&self, name: &str) -> Option<u32> {
        self.senders.iter().position(|sender| sender.name == name).map(|place| place as u32)
    }

    /// What a plan gives takes the place of what was drawn.
    fn keep(&mut self, options: &Options) -> Result<(), Unusable> {
        if let Some(clocks) = &options.plan.clocks {
            let names: Vec<String> = (0..self.servers.len()).map(server_name).collect();
            if let Some(name) = clocks.keys().find(|name| !names.contains(name)) {
                return Err(Unusable::NoSuchServer { name: name.clone(), known: names.join(", ") });
            }
            for (server, name) in self.servers.iter_mut().zip(&names) {
                *server = Server { offset_ms: clocks.get(name).copied().unwrap_or(0), drift: 0 };
            }
        }
        let Some(comes) = &options.plan.comes else { return Ok(()) };
        let numbers: BTreeMap<&str, u32> =
            self.senders.iter().enumerate().map(|(number, sender)| (sender.name.as_str(), number as u32)).collect();
        let mut firsts = Vec::new();
        let mut orders: BTreeSet<usize> = BTreeSet::new();
        for (name, moments) in comes {
            let number = numbers.get(name.as_str()).copied();
            let number = number.ok_or_else(|| Unusable::NoSuchSender { name: name.clone() })?;
            orders.extend(self.senders[number as usize].order);
            firsts.extend(moments.iter().map(|at_ms| (number, *at_ms)));
        }
        // As in what is drawn: one sender after the other.
        firsts.sort_by_key(|(number, _)| *number);
        self.firsts = firsts;
        let mut gone: BTreeMap<String, i64> = BTreeMap::new();
        for (number, order) in self.orders.iter_mut().enumerate() {
            if !orders.contains(&number) {
                order.lines.drain(..).for_each(|line| *gone.entry(line.sku).or_default() += line.units);
            }
        }
        for stock in &mut self.stock {
            stock.on_hand = (stock.on_hand - gone.get(&stock.sku).copied().unwrap_or(0)).max(0);
        }
        let wanted: BTreeSet<&String> =
            self.orders.iter().flat_map(|order| order.lines.iter().map(|line| &line.sku)).collect();
        self.stock.retain(|stock| wanted.contains(&stock.sku));
        Ok(())
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
