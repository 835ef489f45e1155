//! W1 `unlocked`: read the status; if the order is not paid, write. Nothing keeps a second request out.
//!
//! The incident as the shops had it: the IPN and the buyer's PDT both read *pending*, and both book.
//!
//! 1. `read_status`: what is the order's status?
//! 2. `record_payment`: keep the payment.
//! 3. `save_txn`: the amount paid and the gateway's id.
//! 4. `save_status`: the order is paid.
//! 5. `read_lines`, `reduce_stock`: take the units.
//! 6. `mail`: tell the buyer, with a new message id for every mail.
//! 7. `answer`.

use crate::shop::{Input, Money, Notice, Outcome, Request};
use crate::{Answer, Body, Error, Mail, Port, Session, Statement, Value};

use super::rows::{READ_LINES, RECORD_PAYMENT, read_lines};

pub(super) static READ_STATUS: Statement = Statement::new("read_status", "SELECT status FROM orders WHERE id = $1");

static SAVE_TXN: Statement =
    Statement::new("save_txn", "UPDATE orders SET txn_id = $1, paid_cents = paid_cents + $2 WHERE id = $3");

static SAVE_STATUS: Statement = Statement::new("save_status", "UPDATE orders SET status = 'paid' WHERE id = $1");

static REDUCE_STOCK: Statement =
    Statement::new("reduce_stock", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");

/// Every statement this protocol may send.
pub static STATEMENTS: [&Statement; 6] =
    [&READ_STATUS, &RECORD_PAYMENT, &SAVE_TXN, &SAVE_STATUS, &READ_LINES, &REDUCE_STOCK];

/// Book a notice with nothing to keep another request out.
pub async fn unlocked<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    let booked = match notice.payment_status.money() {
        Money::Taken => payment_complete(session, request, notice, 0).await,
        Money::NotTaken | Money::ForAPerson => Ok(Outcome::NothingToBook),
    };
    let answer = if booked.is_ok() { Answer::Accepted } else { Answer::TryAgain };
    // Nobody is left to tell when even the answer fails.
    let _ = session.answer(answer).await;
    booked.unwrap_or(Outcome::TryAgain)
}

/// The shop's own "payment complete", which trusts that it is alone. `lock_table` and `queue` call it too; what the
/// caller goes on to do depends on its request and on what is `known`.
///
/// A cancelled order counts as unpaid, as it does in the shop platform.
pub(super) async fn payment_complete<S: Session>(
    session: &mut S,
    request: &Request,
    notice: &Notice,
    known: u64,
) -> Result<Outcome, Error> {
    let order_id = notice.order_id.as_str();
    let rows = session.read(&READ_STATUS, [order_id.into()]).await?;
    let Some(order) = rows.first() else { return Err(Error::Refused) };
    if order.text(0)? == "paid" {
        return Ok(Outcome::AlreadyHandled);
    }
    // How the request came here no longer matters, only that it did, and what is `known`.
    session.checkpoint("book", known).await?;
    let payment: [Value; 8] = [
        (&notice.provider).into(),
        (&notice.txn_id).into(),
        "payment".into(),
        (&request.id).into(),
        order_id.into(),
        notice.amount_cents.into(),
        (&notice.currency).into(),
        "booked".into(),
    ];
    session.write(&RECORD_PAYMENT, payment).await?;
    session.write(&SAVE_TXN, [(&notice.txn_id).into(), notice.amount_cents.into(), order_id.into()]).await?;
    session.write(&SAVE_STATUS, [order_id.into()]).await?;
    for line in read_lines(session, order_id).await? {
        session.write(&REDUCE_STOCK, [Value::Int(line.units), line.sku.as_str().into()]).await?;
    }
    let message_id = format!("order-{order_id}-paid-{}", request.id);
    session.mail(Mail { message_id, order_id: order_id.to_owned() }).await?;
    Ok(Outcome::Booked)
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { unlocked(&mut port, &request).await })
}
