//! S3 `row_lock`: lock the order's row, check, write under guards, commit.
//!
//! The audit guide's cure. It books once, but it has no answer to money that it cannot book: what finds the order
//! already paid or cancelled is skipped, what finds the stock short or the order missing fails for ever.
//!
//! 1. `begin`, `lock_and_read`: `SELECT … FOR UPDATE`.
//! 2. Not pending: `rollback`, and 200.
//! 3. `pay_pending`: the order is paid, if it is still pending.
//! 4. `record_payment`.
//! 5. `read_lines`, `take_stock`: short means an exception.
//! 6. `put_mail`, `commit`, `answer`.

use crate::shop::{Input, Money, Notice, Outcome, Request};
use crate::{Answer, Body, Error, Port, Session, Statement, Value};

use super::rows::{PUT_MAIL, READ_LINES, RECORD_PAYMENT, TAKE_STOCK, read_lines};

static LOCK_AND_READ: Statement = Statement::new("lock_and_read", "SELECT status FROM orders WHERE id = $1 FOR UPDATE");

static PAY_PENDING: Statement = Statement::new(
    "pay_pending",
    "UPDATE orders SET status = 'paid', paid_cents = paid_cents + $1, txn_id = $2 WHERE id = $3 AND status = 'pending'",
);

/// Every statement this protocol may send.
pub static STATEMENTS: [&Statement; 6] =
    [&LOCK_AND_READ, &PAY_PENDING, &RECORD_PAYMENT, &READ_LINES, &TAKE_STOCK, &PUT_MAIL];

/// Book a notice under the order's row lock.
pub async fn row_lock<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    let booked = match notice.payment_status.money() {
        Money::Taken => in_one_transaction(session, request, notice).await,
        Money::NotTaken | Money::ForAPerson => Ok(Outcome::NothingToBook),
    };
    session.ends(&request.section());
    if booked.is_err_and(|error| error != Error::Unknown) {
        let _ = session.rollback().await;
    }
    let answer = if booked.is_ok() { Answer::Accepted } else { Answer::TryAgain };
    let _ = session.answer(answer).await;
    booked.unwrap_or(Outcome::TryAgain)
}

async fn in_one_transaction<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<Outcome, Error> {
    let order_id = notice.order_id.as_str();
    session.begin().await?;
    let rows = session.read(&LOCK_AND_READ, [order_id.into()]).await?;
    let Some(order) = rows.first() else { return Err(Error::Refused) };
    session.holds(&request.section(), None);
    if order.text(0)? != "pending" {
        session.rollback().await?;
        return Ok(Outcome::AlreadyHandled);
    }
    let paid = [notice.amount_cents.into(), (&notice.txn_id).into(), order_id.into()];
    if session.write(&PAY_PENDING, paid).await? == 0 {
        return Err(Error::Refused);
    }
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
    for line in read_lines(session, order_id).await? {
        let units = Value::Int(line.units);
        if session.write(&TAKE_STOCK, [units.clone(), line.sku.as_str().into(), units]).await? == 0 {
            return Err(Error::Refused);
        }
    }
    session.write(&PUT_MAIL, [format!("order-{order_id}-paid").as_str().into(), order_id.into()]).await?;
    session.commit().await?;
    Ok(Outcome::Booked)
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { row_lock(&mut port, &request).await })
}
