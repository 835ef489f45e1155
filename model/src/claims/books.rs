//! The shop's committed rows, as the claims read them.

use crate::db::{ContentsId, RowId, Store, Val};
use crate::sql::Space;

/// A row of `orders`.
pub(crate) struct OrderRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) status: &'a str,
    pub(crate) total_cents: i64,
    pub(crate) currency: &'a str,
    pub(crate) receiver: &'a str,
    pub(crate) paid_cents: i64,
    pub(crate) txn_id: &'a str,
}

/// A row of `order_lines`.
pub(crate) struct LineRow<'a> {
    pub(crate) order_id: &'a str,
    pub(crate) sku: &'a str,
    pub(crate) units: i64,
}

/// A row of `stock`.
pub(crate) struct StockRow<'a> {
    pub(crate) sku: &'a str,
    pub(crate) owned: i64,
    pub(crate) on_hand: i64,
}

/// A row of `payments`.
pub(crate) struct PaymentRow<'a> {
    pub(crate) provider: &'a str,
    pub(crate) txn_id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) booked_by: &'a str,
    pub(crate) order_id: &'a str,
    pub(crate) amount_cents: i64,
    pub(crate) booked: bool,
}

impl PaymentRow<'_> {
    /// What tells one payment from another.
    pub(crate) fn key(&self) -> (&str, &str, &str) {
        (self.provider, self.txn_id, self.kind)
    }
}

/// A row of `refunds`.
pub(crate) struct RefundRow<'a> {
    pub(crate) provider: &'a str,
    pub(crate) txn_id: &'a str,
    pub(crate) amount_cents: i64,
}

/// The shop's committed rows, or some of them.
#[derive(Default)]
pub(crate) struct Books<'a> {
    pub(crate) orders: Vec<OrderRow<'a>>,
    pub(crate) lines: Vec<LineRow<'a>>,
    pub(crate) stock: Vec<StockRow<'a>>,
    pub(crate) payments: Vec<PaymentRow<'a>>,
    pub(crate) refunds: Vec<RefundRow<'a>>,
    /// Provider and txn_id of the notices queued for a person.
    pub(crate) reviews: Vec<(&'a str, &'a str)>,
    /// Message id and order of the outbox's mails.
    pub(crate) outbox: Vec<(&'a str, &'a str)>,
}

/// Where the shop's tables are in a schema.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) orders: usize,
    pub(crate) order_lines: usize,
    pub(crate) stock: usize,
    pub(crate) payments: usize,
    pub(crate) refunds: usize,
    pub(crate) reviews: usize,
    pub(crate) outbox: usize,
    pub(crate) locks: usize,
    leases: usize,
}

impl Shop {
    /// The shop's tables, if the schema has all of them.
    pub(crate) fn find(store: &Store) -> Option<Self> {
        let table = |name: &str| store.tables.find(name);
        Some(Shop {
            orders: table("orders")?,
            order_lines: table("order_lines")?,
            stock: table("stock")?,
            payments: table("payments")?,
            refunds: table("refunds")?,
            reviews: table("reviews")?,
            outbox: table("outbox")?,
            locks: table("locks")?,
            leases: table("leases")?,
        })
    }

    /// The shop's committed rows.
    pub(crate) fn books<'a>(&self, store: &'a Store, contents: ContentsId) -> Books<'a> {
        let mut books = Books::default();
        for table in self.tables() {
            for (_, row) in store.rows_of(contents, table as Space).iter() {
                self.add(&mut books, store, table, *row);
            }
        }
        books
    }

    /// The tables of the shop's books.
    fn tables(&self) -> [usize; 7] {
        [self.orders, self.order_lines, self.stock, self.payments, self.refunds, self.reviews, self.outbox]
    }

    /// Put a row into the books. Columns are taken by their place in `specs/schema/`.
    pub(crate) fn add<'a>(&self, books: &mut Books<'a>, store: &'a Store, table: usize, row: RowId) {
        let row = Fields { store, row: store.rows.get(row) };
        match table {
            _ if table == self.orders => books.orders.push(OrderRow {
                id: row.text(0),
                status: row.text(1),
                total_cents: row.int(2),
                currency: row.text(3),
                receiver: row.text(4),
                paid_cents: row.int(5),
                txn_id: row.text(6),
            }),
            _ if table == self.order_lines => {
                books.lines.push(LineRow { order_id: row.text(0), sku: row.text(1), units: row.int(2) });
            }
            _ if table == self.stock => {
                books.stock.push(StockRow { sku: row.text(0), owned: row.int(1), on_hand: row.int(2) });
            }
            _ if table == self.payments => books.payments.push(PaymentRow {
                provider: row.text(0),
                txn_id: row.text(1),
                kind: row.text(2),
                booked_by: row.text(3),
                order_id: row.text(4),
                amount_cents: row.int(5),
                booked: row.text(7) == "booked",
            }),
            _ if table == self.refunds => {
                books.refunds.push(RefundRow { provider: row.text(0), txn_id: row.text(1), amount_cents: row.int(3) });
            }
            _ if table == self.reviews => books.reviews.push((row.text(0), row.text(1))),
            _ if table == self.outbox => books.outbox.push((row.text(0), row.text(1))),
            _ => {}
        }
    }

    /// Who has the lock of this name: by the row in `locks` at this moment of the asking server's clock, or by the one in
    /// `leases` at this moment of the database's.
    pub(crate) fn holder<'a>(
        &self,
        store: &'a Store,
        contents: ContentsId,
        name: &str,
        (server_ms, database_ms): (i64, i64),
    ) -> Option<&'a str> {
        let live = |(table, now_ms)| {
            self.lock_row(store, contents, table, |row| row.text(0) == name && row.int(2) > now_ms)
                .map(|row| row.text(1))
        };
        [(self.locks, server_ms), (self.leases, database_ms)].into_iter().find_map(live)
    }

    /// True when a lock row is this request's, or a lease that it has not given back.
    pub(crate) fn is_lock_owner(&self, store: &Store, contents: ContentsId, request: &str) -> bool {
        let is_locked = |row: &Fields<'_>| row.text(1) == request;
        let is_leased = |row: &Fields<'_>| row.text(1) == request && row.int(2) > 0;
        self.lock_row(store, contents, self.locks, is_locked).is_some()
            || self.lock_row(store, contents, self.leases, is_leased).is_some()
    }

    /// A row of `locks` or `leases`, which begin alike: name, request, moment.
    fn lock_row<'a>(
        &self,
        store: &'a Store,
        contents: ContentsId,
        table: usize,
        is_wanted: impl Fn(&Fields<'a>) -> bool,
    ) -> Option<Fields<'a>> {
        let rows = store.rows_of(contents, table as Space);
        rows.iter().map(|(_, row)| Fields { store, row: store.rows.get(*row) }).find(is_wanted)
    }
}

/// A row's fields. What is not of the kind asked for reads as nothing: the schema's columns are typed.
struct Fields<'a> {
    store: &'a Store,
    row: &'a [Val],
}

impl<'a> Fields<'a> {
    fn text(&self, column: usize) -> &'a str {
        match self.row.get(column) {
            Some(Val::Text(symbol)) => self.store.symbols.get(*symbol),
            _ => "",
        }
    }

    fn int(&self, column: usize) -> i64 {
        match self.row.get(column) {
            Some(Val::Int(n) | Val::Instant(n)) => *n,
            _ => 0,
        }
    }
}

impl<'a> Books<'a> {
    pub(crate) fn order(&self, id: &str) -> Option<&OrderRow<'a>> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// The units of this sku that paid orders have.
    pub(crate) fn units_paid(&self, sku: &str) -> i64 {
        let paid = |id: &str| self.order(id).is_some_and(|order| order.status == "paid");
        self.lines.iter().filter(|line| line.sku == sku && paid(line.order_id)).map(|line| line.units).sum()
    }

    /// The first sku of these whose units gone are not the units of paid orders.
    pub(crate) fn sku_that_disagrees(&self, mut wanted: impl FnMut(&str) -> bool) -> Option<&StockRow<'a>> {
        self.stock
            .iter()
            .filter(|stock| wanted(stock.sku))
            .find(|stock| stock.owned - stock.on_hand != self.units_paid(stock.sku))
    }

    /// The booked amount of an order, each payment counted once.
    pub(crate) fn booked_once_cents(&self, order_id: &str) -> i64 {
        let mut counted: Vec<(&str, &str, &str)> = Vec::new();
        let mut sum = 0;
        for payment in self.payments.iter().filter(|payment| payment.booked && payment.order_id == order_id) {
            if !counted.contains(&payment.key()) {
                counted.push(payment.key());
                sum += payment.amount_cents;
            }
        }
        sum
    }
}
