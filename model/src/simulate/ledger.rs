//! Claims, judged from what each commit changed: whose order it is about, and which units. At rest all of it is judged.
//!
//! The sentences are those of the checker (`claims::sentence`), on the books of one order: what they say of an order looks at
//! no other one, save for the units that all orders share, which are counted here.

use paidonce_protocol::Mail;
use rustc_hash::FxHashMap;

use super::Situation;
use super::drawn::{Drawn, Taken};
use super::report::{Found, Tally};
use crate::claims::{Books, Claim, Shop, sentence};
use crate::db::{ContentsId, Effects, KeyId, RowId, Store, Symbol, Val};
use crate::trace::{WorldMail, WorldPayment};

/// Rows that belong to one order, by table and key.
#[derive(Debug, Default)]
struct OfOrder {
    rows: Vec<(usize, KeyId, RowId)>,
    mails: Vec<WorldMail>,
    /// The money that was taken for it, by its number.
    taken: Vec<usize>,
}

/// One sku's row, and the units of it that paid orders have.
#[derive(Debug)]
struct OfSku {
    row: RowId,
    units_paid: i64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    shop: Shop,
    orders: Vec<OfOrder>,
    skus: Vec<OfSku>,
    order_of: FxHashMap<Symbol, usize>,
    order_of_txn: FxHashMap<Symbol, usize>,
    sku_of: FxHashMap<Symbol, usize>,
    paid: Symbol,
    taken: Vec<Taken>,
    found: Vec<Found>,
}

impl Ledger {
    pub(super) fn new(shop: Shop, store: &Store, committed: ContentsId, plan: &Drawn) -> Self {
        let symbol = |text: &String| store.symbols.id(text);
        let own = plan.orders.iter().enumerate().map(|(order, known)| (symbol(&known.id), order));
        let order_of = own.chain(plan.others.iter().map(|(id, order)| (symbol(id), *order))).collect();
        let mut orders: Vec<OfOrder> = plan.orders.iter().map(|_| OfOrder::default()).collect();
        for (number, taken) in plan.taken.iter().enumerate() {
            orders[taken.order].taken.push(number);
        }
        let taken = plan.taken.iter().map(|taken| (symbol(&taken.payment.txn_id), taken.order));
        let untaken = plan.untaken.iter().map(|(txn_id, order)| (symbol(txn_id), *order));
        let order_of_txn = taken.chain(untaken).collect();
        let mut ledger = Ledger {
            orders,
            skus: Vec::new(),
            order_of,
            order_of_txn,
            sku_of: FxHashMap::default(),
            paid: store.symbols.id(&"paid".to_owned()),
            taken: plan.taken.clone(),
            found: Vec::new(),
            shop,
        };
        for table in 0..store.tables.tables.len() {
            for (key, row) in store.rows_of(committed, table as u16).iter() {
                ledger.replace(store, table, *key, None, Some(*row));
            }
        }
        ledger
    }

    pub(super) fn is_broken(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn found(&self) -> &[Found] {
        &self.found
    }

    /// The mails at the mail server, and the money of which the shop was told.
    pub(super) fn outside(&self) -> (Vec<WorldMail>, Vec<WorldPayment>) {
        let mut mails: Vec<WorldMail> = self.orders.iter().flat_map(|order| order.mails.iter().cloned()).collect();
        mails.sort_by(|one, other| (&one.order_id, &one.message_id).cmp(&(&other.order_id, &other.message_id)));
        let told = self.taken.iter().filter(|taken| taken.told);
        (mails, told.map(|taken| taken.payment.clone()).collect())
    }

    pub(super) fn into_found(self) -> Vec<Found> {
        self.found
    }

    /// The shop is told of this money.
    pub(super) fn told(&mut self, payment: usize) {
        self.taken[payment].told = true;
    }

    /// A mail is at the mail server, which keeps one copy for each message id.
    pub(super) fn mailed(&mut self, store: &Store, mail: &Mail) {
        let Some(order) = self.order_of.get(&store.symbols.id(&mail.order_id)) else { return };
        let mails = &mut self.orders[*order].mails;
        if mails.iter().all(|known| known.message_id != mail.message_id) {
            mails.push(WorldMail { message_id: mail.message_id.clone(), order_id: mail.order_id.clone() });
        }
    }

    /// Two requests believe to be alone in one section.
    pub(super) fn two_holders(&mut self, section: &str, tally: &Tally) {
        self.note(Claim::OneHolder, tally, || Some(format!("two requests believe to hold {section}")));
    }

    /// What a commit changed.
    pub(super) fn committed(
        &mut self,
        store: &Store,
        before: ContentsId,
        after: ContentsId,
        effects: &Effects,
        tally: &mut Tally,
    ) {
        let (mut orders, mut skus): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (key, _) in &effects.committed {
            let table = usize::from(store.keys.get(*key).space);
            if table >= store.tables.tables.len() {
                continue;
            }
            let (was, now) = (store.committed(before, *key), store.committed(after, *key));
            if was == now {
                continue;
            }
            if table == self.shop.orders && self.is_paid(store, was) && !self.is_paid(store, now) {
                tally.reached(Situation::CancelOfPaid);
            }
            match self.replace(store, table, *key, was, now) {
                Touched::Order(order) => orders.push(order),
                Touched::Sku(sku) => skus.push(sku),
                Touched::Nothing => {}
            }
        }
        orders.sort_unstable();
        orders.dedup();
        for order in orders {
            let lines = self.rows_of(order, self.shop.order_lines);
            let of_lines = lines.filter_map(|row| self.sku_of.get(&text(store, row, 1)).copied());
            skus.extend(of_lines.collect::<Vec<_>>());
            self.judge_always(store, order, tally);
        }
        skus.sort_unstable();
        skus.dedup();
        for sku in skus {
            self.judge_sku(store, sku, tally);
        }
    }

    /// All of it, when nothing is left to happen.
    pub(super) fn judge_rest(&mut self, store: &Store, tally: &Tally) {
        for order in 0..self.orders.len() {
            self.judge_always(store, order, tally);
            let books = self.books(store, order);
            let of_order = &self.orders[order];
            let told: Vec<&WorldPayment> = of_order
                .taken
                .iter()
                .map(|number| &self.taken[*number])
                .filter(|taken| taken.told)
                .map(|taken| &taken.payment)
                .collect();
            let half = sentence::half_settled(&books);
            let lost = sentence::money_lost(&books, &told);
            let mailed = sentence::mailed_wrongly(&books, &of_order.mails);
            self.note(Claim::NotHalfSettled, tally, || half);
            self.note(Claim::MoneyNotLost, tally, || lost);
            self.note(Claim::MailedOnce, tally, || mailed);
        }
        for sku in 0..self.skus.len() {
            self.judge_sku(store, sku, tally);
            let (books, units_paid) = self.books_of_sku(store, sku);
            let wrong = books.stock.first().and_then(|stock| sentence::stock_disagrees_with(stock, units_paid));
            self.note(Claim::StockAgrees, tally, || wrong);
        }
    }

    fn judge_always(&mut self, store: &Store, order: usize, tally: &Tally) {
        let books = self.books(store, order);
        let (twice, exceed) = (sentence::booked_twice(&books), sentence::refunds_exceed(&books));
        self.note(Claim::PaymentBookedOnce, tally, || twice);
        self.note(Claim::RefundsBounded, tally, || exceed);
    }

    fn judge_sku(&mut self, store: &Store, sku: usize, tally: &Tally) {
        let (books, units_paid) = self.books_of_sku(store, sku);
        let wrong = books.stock.first().and_then(|stock| sentence::oversold_with(stock, units_paid));
        self.note(Claim::StockNotOversold, tally, || wrong);
    }

    fn note(&mut self, claim: Claim, tally: &Tally, wrong: impl FnOnce() -> Option<String>) {
        if self.found.iter().any(|found| found.claim == claim) {
            return;
        }
        if let Some(sentence) = wrong() {
            self.found.push(Found { claim, events: tally.events, at_ms: tally.now_ms, sentence });
        }
    }

    fn books<'a>(&self, store: &'a Store, order: usize) -> Books<'a> {
        let mut books = Books::default();
        for (table, _, row) in &self.orders[order].rows {
            self.shop.add(&mut books, store, *table, *row);
        }
        books
    }

    fn books_of_sku<'a>(&self, store: &'a Store, sku: usize) -> (Books<'a>, i64) {
        let mut books = Books::default();
        self.shop.add(&mut books, store, self.shop.stock, self.skus[sku].row);
        (books, self.skus[sku].units_paid)
    }

    fn rows_of(&self, order: usize, table: usize) -> impl Iterator<Item = RowId> {
        self.orders[order].rows.iter().filter(move |(of, ..)| *of == table).map(|(.., row)| *row)
    }

    /// A row takes the place of another.
    fn replace(&mut self, store: &Store, table: usize, key: KeyId, was: Option<RowId>, now: Option<RowId>) -> Touched {
        let Some(any) = now.or(was) else { return Touched::Nothing };
        let shop = &self.shop;
        if table == shop.stock {
            let Some(row) = now else { return Touched::Nothing };
            let next = self.skus.len();
            let sku = *self.sku_of.entry(text(store, row, 0)).or_insert(next);
            if sku == next {
                self.skus.push(OfSku { row, units_paid: 0 });
            }
            self.skus[sku].row = row;
            return Touched::Sku(sku);
        }
        let order = if table == shop.orders || table == shop.order_lines {
            self.order_of.get(&text(store, any, 0))
        } else if table == shop.payments {
            self.order_of.get(&text(store, any, 4))
        } else if table == shop.outbox {
            self.order_of.get(&text(store, any, 1))
        } else if table == shop.refunds || table == shop.reviews {
            self.order_of_txn.get(&text(store, any, 1))
        } else {
            None
        };
        let Some(order) = order.copied() else { return Touched::Nothing };
        if table == shop.orders {
            match (self.is_paid(store, was), self.is_paid(store, now)) {
                (false, true) => self.pays(store, order, 1),
                (true, false) => self.pays(store, order, -1),
                _ => {}
            }
        }
        let rows = &mut self.orders[order].rows;
        rows.retain(|(of, known, _)| (*of, *known) != (table, key));
        rows.extend(now.map(|row| (table, key, row)));
        Touched::Order(order)
    }

    fn is_paid(&self, store: &Store, row: Option<RowId>) -> bool {
        row.is_some_and(|row| text(store, row, 1) == self.paid)
    }

    /// An order's units are those of a paid order, or no longer.
    fn pays(&mut self, store: &Store, order: usize, sign: i64) {
        let lines: Vec<RowId> = self.rows_of(order, self.shop.order_lines).collect();
        for row in lines {
            let units = match store.rows.get(row)[2] {
                Val::Int(units) => units,
                _ => 0,
            };
            if let Some(sku) = self.sku_of.get(&text(store, row, 1)) {
                self.skus[*sku].units_paid += sign * units;
            }
        }
    }
}

/// What a row is about.
enum Touched {
    Order(usize),
    Sku(usize),
    Nothing,
}

fn text(store: &Store, row: RowId, column: usize) -> Symbol {
    match store.rows.get(row).get(column) {
        Some(Val::Text(symbol)) => *symbol,
        _ => Symbol::MAX,
    }
}
