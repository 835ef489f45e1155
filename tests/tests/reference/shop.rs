//! The shop told plainly: one thing after the other, each whole. No SQL, no transaction, no lock.
//!
//! The rules are those of the book's pages `docs/catalogue/settle.md`, `cancel.md` and `worker.md`. What a database adds to
//! them is the one thing that can go wrong here: the answer to a write that lasts is lost, and the write was done, or was not.

use std::collections::BTreeMap;

use paidonce_protocol::shop::{Money, Notice, Outcome, Reason};
use paidonce_protocol::{Row, Value};

/// How long a worker has a job.
pub(crate) const LEASE_MS: i64 = 1_000;

/// The answer to one of the writes of a request is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// To which, counted from 0: a commit, or a statement that is a transaction of its own.
    pub(crate) write: u8,
    /// True when it was done all the same.
    pub(crate) done: bool,
}

/// Nobody knows whether it was done.
#[derive(Debug)]
struct Unknown;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) status: &'static str,
    pub(crate) total_cents: i64,
    pub(crate) paid_cents: i64,
    pub(crate) txn_id: String,
    /// How often somebody had it for himself and was not in vain: it was changed, or what he came for was done already.
    pub(crate) version: i64,
    /// Units by sku.
    pub(crate) lines: BTreeMap<&'static str, i64>,
}

#[derive(Clone, Debug)]
struct Payment {
    booked_by: String,
    notice: Notice,
    to_refund: bool,
}

#[derive(Clone, Debug)]
struct Job {
    notice: Notice,
    is_done: bool,
    claimed_by: String,
    until_ms: i64,
    fence: i64,
    told: i64,
}

/// The currency of every order, and the account that every buyer was told to pay.
pub(crate) const CURRENCY: &str = "EUR";
pub(crate) const RECEIVER: &str = "shop@example.com";

/// All that the shop has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    pub(crate) now_ms: i64,
    pub(crate) orders: BTreeMap<&'static str, Order>,
    /// Units owned ever and units on the shelf, by sku.
    pub(crate) stock: BTreeMap<&'static str, (i64, i64)>,
    /// By the gateway's name for it.
    payments: BTreeMap<String, Payment>,
    /// Who asked for it and how much it is, by the payment's name.
    refunds: BTreeMap<String, (String, i64)>,
    /// How often an event came that a person has to look at, by the event and why.
    reviews: BTreeMap<(Vec<Value>, &'static str), i64>,
    /// The order that each mail is about.
    outbox: BTreeMap<String, String>,
    jobs: BTreeMap<String, Job>,
}

impl Shop {
    /// A shop to which nothing has happened yet.
    pub(crate) fn new(orders: BTreeMap<&'static str, Order>, stock: BTreeMap<&'static str, (i64, i64)>) -> Self {
        Shop { orders, stock, ..Shop::default() }
    }

    /// A notice is settled at once.
    pub(crate) fn settle(&mut self, by: &str, notice: &Notice, lost: Option<Lost>) -> Outcome {
        if notice.payment_status.money() == Money::NotTaken {
            return Outcome::NothingToBook;
        }
        self.settled(by, notice, &mut Writes::new(lost)).unwrap_or(Outcome::TryAgain)
    }

    /// A notice is kept for a worker.
    pub(crate) fn queue(&mut self, by: &str, notice: &Notice, lost: Option<Lost>) -> Outcome {
        if notice.payment_status.money() == Money::NotTaken {
            return Outcome::NothingToBook;
        }
        self.queued(by, notice, &mut Writes::new(lost)).unwrap_or(Outcome::TryAgain)
    }

    fn queued(&mut self, by: &str, notice: &Notice, writes: &mut Writes) -> Result<Outcome, Unknown> {
        let known = self.jobs.iter().find(|(_, job)| job.notice == *notice).map(|(id, _)| id.clone());
        let notice = notice.clone();
        let job = Job { notice, is_done: false, claimed_by: String::new(), until_ms: 0, fence: 0, told: 1 };
        let Some(id) = known else {
            writes.lasts(self, |shop| shop.jobs.insert(by.to_owned(), job))?;
            return Ok(Outcome::Queued);
        };
        writes.changes_nothing()?;
        writes.lasts(self, |shop| drop(shop.jobs.entry(id).and_modify(|job| job.told += 1)))?;
        Ok(Outcome::AlreadyQueued)
    }

    /// A worker comes, for one job.
    pub(crate) fn work(&mut self, by: &str, lost: Option<Lost>) -> Outcome {
        let now_ms = self.now_ms;
        let waits = |(_, job): &(&String, &Job)| !job.is_done && job.until_ms <= now_ms;
        let Some((id, notice)) = self.jobs.iter().find(waits).map(|(id, job)| (id.clone(), job.notice.clone())) else {
            return Outcome::NothingToDo;
        };
        self.settle_job(by, &id, &notice, &mut Writes::new(lost)).unwrap_or(Outcome::TryAgain)
    }

    fn settle_job(&mut self, by: &str, id: &str, notice: &Notice, writes: &mut Writes) -> Result<Outcome, Unknown> {
        let job = |shop: &mut Shop, change: fn(&mut Job, &str, i64)| {
            let now_ms = shop.now_ms;
            if let Some(job) = shop.jobs.get_mut(id) {
                change(job, by, now_ms);
            }
        };
        writes.lasts(self, |shop| {
            job(shop, |job, by, now_ms| {
                job.claimed_by = by.to_owned();
                job.until_ms = now_ms + LEASE_MS;
                job.fence += 1;
            });
        })?;
        // Whoever does not know what came of it leaves the job alone: it is there again when the claim is over.
        let outcome = self.settled(by, notice, writes)?;
        writes.lasts(self, |shop| job(shop, |job, _, _| job.is_done = true))?;
        Ok(outcome)
    }

    /// An admin cancels an order.
    pub(crate) fn cancel(&mut self, by: &str, order_id: &str, lost: Option<Lost>) -> Outcome {
        match self.orders.get(order_id).map(|order| order.status) {
            None => return Outcome::NoSuchOrder,
            Some("cancelled") => {
                let counted = Writes::new(lost).lasts(self, |shop| shop.count(order_id));
                return counted.map_or(Outcome::TryAgain, |()| Outcome::AlreadyCancelled);
            }
            Some(_) => {}
        }
        let cancelled = Writes::new(lost).lasts(self, |shop| {
            shop.count(order_id);
            let Some(order) = shop.orders.get_mut(order_id) else { return };
            if order.status == "paid" {
                for (sku, units) in &order.lines {
                    shop.stock.entry(sku).and_modify(|(_, on_hand)| *on_hand += units);
                }
            }
            (order.status, order.paid_cents) = ("cancelled", 0);
            order.txn_id.clear();
            let own = |payment: &&mut Payment| payment.notice.order_id == order_id && !payment.to_refund;
            for payment in shop.payments.values_mut().filter(own) {
                payment.to_refund = true;
                let Notice { txn_id, amount_cents, .. } = &payment.notice;
                shop.refunds.insert(txn_id.clone(), (by.to_owned(), *amount_cents));
            }
        });
        cancelled.map_or(Outcome::TryAgain, |()| Outcome::Cancelled)
    }

    /// A payment that was taken, or something that only a person can book.
    fn settled(&mut self, by: &str, notice: &Notice, writes: &mut Writes) -> Result<Outcome, Unknown> {
        if let Some(reason) = self.for_a_person(notice) {
            let review = (event(notice), reason.name());
            if !self.reviews.contains_key(&review) {
                writes.lasts(self, |shop| shop.reviews.insert(review, 1))?;
                return Ok(Outcome::ForReview(reason));
            }
            writes.changes_nothing()?;
            writes.lasts(self, |shop| drop(shop.reviews.entry(review).and_modify(|told| *told += 1)))?;
            return Ok(Outcome::AlreadyForReview(reason));
        }
        if self.payments.contains_key(&notice.txn_id) {
            writes.lasts(self, |shop| shop.count(&notice.order_id))?;
            return Ok(Outcome::AlreadyBooked);
        }
        let refused = match self.orders.get(notice.order_id.as_str()).map(|order| order.status) {
            Some("cancelled") => Some(Reason::OrderCancelled),
            Some("paid") => Some(Reason::OrderAlreadyPaid),
            _ if !self.has_units_for(&notice.order_id) => Some(Reason::StockTooShort),
            _ => None,
        };
        writes.lasts(self, |shop| {
            let payment = Payment { booked_by: by.to_owned(), notice: notice.clone(), to_refund: refused.is_some() };
            shop.payments.insert(notice.txn_id.clone(), payment);
            match refused {
                Some(_) => drop(shop.refunds.insert(notice.txn_id.clone(), (by.to_owned(), notice.amount_cents))),
                None => shop.pay(notice),
            }
            shop.count(&notice.order_id);
        })?;
        Ok(refused.map_or(Outcome::Booked, Outcome::ToRefund))
    }

    fn count(&mut self, order_id: &str) {
        if let Some(order) = self.orders.get_mut(order_id) {
            order.version += 1;
        }
    }

    fn pay(&mut self, notice: &Notice) {
        let order_id = &notice.order_id;
        let Some(order) = self.orders.get_mut(order_id.as_str()) else { return };
        order.status = "paid";
        order.paid_cents += notice.amount_cents;
        order.txn_id.clone_from(&notice.txn_id);
        for (sku, units) in &order.lines {
            self.stock.entry(sku).and_modify(|(_, on_hand)| *on_hand -= units);
        }
        self.outbox.insert(format!("order-{order_id}-paid"), order_id.clone());
    }

    /// Why no machine can book this, if none can.
    fn for_a_person(&self, notice: &Notice) -> Option<Reason> {
        let Some(order) = self.orders.get(notice.order_id.as_str()) else { return Some(Reason::UnknownOrder) };
        if notice.payment_status.money() == Money::ForAPerson {
            Some(Reason::StatusForAPerson)
        } else if notice.amount_cents != order.total_cents {
            Some(Reason::WrongAmount)
        } else if notice.currency != CURRENCY {
            Some(Reason::WrongCurrency)
        } else if notice.receiver != RECEIVER {
            Some(Reason::WrongReceiver)
        } else {
            None
        }
    }

    fn has_units_for(&self, order_id: &str) -> bool {
        let lines = self.orders.get(order_id).into_iter().flat_map(|order| &order.lines);
        lines.into_iter().all(|(sku, units)| self.stock.get(sku).is_some_and(|(_, on_hand)| on_hand >= units))
    }
}

/// The writes of one request, of which one may be lost.
struct Writes {
    made: u8,
    lost: Option<Lost>,
}

impl Writes {
    fn new(lost: Option<Lost>) -> Self {
        Writes { made: 0, lost }
    }

    /// A statement that finds that it has nothing to do.
    fn changes_nothing(&mut self) -> Result<(), Unknown> {
        let is_lost = self.lost.is_some_and(|lost| lost.write == self.made);
        self.made += 1;
        if is_lost { Err(Unknown) } else { Ok(()) }
    }

    /// A change that lasts, unless it is the one that is lost and was not done.
    fn lasts<T>(&mut self, shop: &mut Shop, change: impl FnOnce(&mut Shop) -> T) -> Result<T, Unknown> {
        let lost = self.lost.filter(|lost| lost.write == self.made);
        self.made += 1;
        match lost {
            Some(Lost { done: false, .. }) => Err(Unknown),
            Some(Lost { done: true, .. }) => {
                change(shop);
                Err(Unknown)
            }
            None => Ok(change(shop)),
        }
    }
}

/// What tells an event of the gateway's from others.
fn event(notice: &Notice) -> Vec<Value> {
    let Notice { provider, txn_id, payment_status, order_id, amount_cents, currency, receiver } = notice;
    let texts = [provider, txn_id, payment_status.as_str(), order_id].map(Value::from);
    texts.into_iter().chain([(*amount_cents).into(), currency.into(), receiver.into()]).collect()
}

/// The rows of all tables, each table's in the order of their values.
pub(crate) type Tables = BTreeMap<String, Vec<Row>>;

impl Shop {
    /// The rows that a database has to have.
    pub(crate) fn tables(&self) -> Tables {
        let rows = |rows: Vec<Vec<Value>>| rows.into_iter().map(Row).collect::<Vec<Row>>();
        let orders = self.orders.iter().map(|(id, order)| {
            let Order { status, total_cents, paid_cents, txn_id, version, .. } = order;
            let texts = [(*id).into(), (*status).into(), (*total_cents).into(), CURRENCY.into(), RECEIVER.into()];
            texts.into_iter().chain([(*paid_cents).into(), txn_id.into(), (*version).into()]).collect()
        });
        let lines = self.orders.iter().flat_map(|(id, order)| {
            order.lines.iter().map(|(sku, units)| vec![(*id).into(), (*sku).into(), (*units).into()])
        });
        let stock =
            self.stock.iter().map(|(sku, (owned, on_hand))| vec![(*sku).into(), (*owned).into(), (*on_hand).into()]);
        let payments = self.payments.values().map(|Payment { booked_by, notice, to_refund }| {
            let Notice { provider, txn_id, order_id, amount_cents, currency, .. } = notice;
            let state = if *to_refund { "to refund" } else { "booked" };
            let key = [provider.into(), txn_id.into(), "payment".into(), booked_by.into()];
            key.into_iter().chain([order_id.into(), (*amount_cents).into(), currency.into(), state.into()]).collect()
        });
        let refunds = self
            .refunds
            .iter()
            .map(|(txn_id, (by, cents))| vec!["paypal".into(), txn_id.into(), by.into(), (*cents).into()]);
        let reviews = self
            .reviews
            .iter()
            .map(|((event, reason), told)| event.iter().cloned().chain([(*reason).into(), (*told).into()]).collect());
        let outbox = self.outbox.iter().map(|(id, order_id)| vec![id.into(), order_id.into()]);
        let jobs = self.jobs.iter().map(|(id, Job { notice, is_done, claimed_by, until_ms, fence, told })| {
            let state = if *is_done { "done" } else { "waiting" };
            let end = [state.into(), claimed_by.into(), (*until_ms).into(), (*fence).into(), (*told).into()];
            [id.into()].into_iter().chain(event(notice)).chain(end).collect()
        });
        let tables = [
            ("orders", orders.collect()),
            ("order_lines", lines.collect()),
            ("stock", stock.collect()),
            ("payments", payments.collect()),
            ("refunds", refunds.collect()),
            ("reviews", reviews.collect()),
            ("outbox", outbox.collect()),
            ("jobs", jobs.collect()),
            ("locks", Vec::new()),
            ("leases", Vec::new()),
        ];
        sorted(tables.into_iter().map(|(table, all)| (table.to_owned(), rows(all))).collect())
    }
}

/// Rows as values alone: in one order, and a moment as the number that a database keeps.
pub(crate) fn sorted(mut tables: Tables) -> Tables {
    for rows in tables.values_mut() {
        for value in rows.iter_mut().flat_map(|row| &mut row.0) {
            if let Value::Instant(moment) = value {
                *value = Value::Int(*moment);
            }
        }
        rows.sort();
    }
    tables
}
