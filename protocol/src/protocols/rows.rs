//! Statements that several protocols share.

use crate::{Error, Row, Session, Statement, Value};

/// The order's lines, in sku order: whoever takes stock takes it in this order, so that no two can wait for each other.
pub(super) static READ_LINES: Statement =
    Statement::new("read_lines", "SELECT sku, units FROM order_lines WHERE order_id = $1 ORDER BY sku");

/// Record a payment under whatever key the schema gives it.
pub(super) static RECORD_PAYMENT: Statement = Statement::new(
    "record_payment",
    "INSERT INTO payments (provider, txn_id, kind, booked_by, order_id, amount_cents, currency, state) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);

/// Take units only where they are there.
pub(super) static TAKE_STOCK: Statement =
    Statement::new("take_stock", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2 AND on_hand >= $3");

/// Put units back.
pub(super) static GIVE_BACK_STOCK: Statement =
    Statement::new("give_back_stock", "UPDATE stock SET on_hand = on_hand + $1 WHERE sku = $2");

/// Hand the mail to whoever delivers the outbox, in the same transaction as what it reports.
pub(super) static PUT_MAIL: Statement =
    Statement::new("put_mail", "INSERT INTO outbox (message_id, order_id) VALUES ($1, $2)");

/// Ask for a payment to be given back.
pub(super) static QUEUE_REFUND: Statement = Statement::new(
    "queue_refund",
    "INSERT INTO refunds (provider, txn_id, requested_by, amount_cents) VALUES ($1, $2, $3, $4)",
);

/// Lock the order by writing to it. A lock alone is no mutex between snapshots: a waiter that gets a row which nobody
/// wrote goes on reading what was there before it waited.
pub(super) static LOCK_ORDER: Statement =
    Statement::new("lock_order", "UPDATE orders SET version = version + 1 WHERE id = $1");

/// One line of an order.
pub(super) struct Line {
    pub(super) sku: String,
    pub(super) units: i64,
}

impl Line {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Line { sku: row.text(0)?.to_owned(), units: row.int(1)? })
    }
}

/// The lines of an order, in sku order.
pub(super) async fn read_lines<S: Session>(session: &mut S, order_id: &str) -> Result<Vec<Line>, Error> {
    session.read(&READ_LINES, [order_id.into()]).await?.iter().map(Line::from_row).collect()
}

/// Put a line's units back on the shelf.
pub(super) async fn give_back<S: Session>(session: &mut S, line: &Line) -> Result<(), Error> {
    session.write(&GIVE_BACK_STOCK, [Value::Int(line.units), line.sku.as_str().into()]).await.map(drop)
}
