//! O6 `cancel`: cancel an order in one transaction, with its stock and its money.
//!
//! 1. `begin`, `lock_order`: the first statement locks *and updates* the order's row.
//! 2. `read_status`: cancelled already: `commit`, so that what it saw lasts, as in `settle`.
//! 3. Paid: `read_lines`, `give_back_stock`; `read_booked`, and for each payment `queue_refund`; `mark_to_refund`.
//! 4. `cancel_if_still`: the order is cancelled, if its status is the one that was read.
//! 5. `commit`, `answer`. A `Conflict` is tried again, a bounded number of times.

use crate::shop::{Input, Outcome, Request};
use crate::{Answer, Body, Error, Guard, Port, Session, Statement};

use super::retry;
use super::rows::{GIVE_BACK_STOCK, LOCK_ORDER, QUEUE_REFUND, READ_LINES, give_back, read_lines};
use super::unlocked::READ_STATUS;

static READ_BOOKED: Statement = Statement::new(
    "read_booked",
    "SELECT provider, txn_id, amount_cents FROM payments WHERE order_id = $1 AND state = 'booked' ORDER BY txn_id",
);

static MARK_TO_REFUND: Statement = Statement::new(
    "mark_to_refund",
    "UPDATE payments SET state = 'to refund' WHERE order_id = $1 AND state = 'booked'",
);

static CANCEL_IF_STILL: Statement = Statement::new(
    "cancel_if_still",
    "UPDATE orders SET status = 'cancelled', paid_cents = 0, txn_id = '' WHERE id = $1 AND status = $2",
);

static CANCEL_ANYWAY: Statement = Statement::new(
    "cancel_anyway",
    "UPDATE orders SET status = 'cancelled', paid_cents = 0, txn_id = '' WHERE id = $1",
);

/// Every statement this protocol (or a mutant of it) may send.
pub static STATEMENTS: [&Statement; 9] = [
    &LOCK_ORDER,
    &READ_STATUS,
    &READ_LINES,
    &GIVE_BACK_STOCK,
    &READ_BOOKED,
    &QUEUE_REFUND,
    &MARK_TO_REFUND,
    &CANCEL_IF_STILL,
    &CANCEL_ANYWAY,
];

/// Cancel an order: all of it or nothing.
pub async fn cancel<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let mut attempt = 0;
    let cancelled = loop {
        if let Err(error) = session.checkpoint(retry::HEAD, attempt).await {
            break Err(error);
        }
        let tried = in_one_transaction(session, request).await;
        session.ends(&request.section());
        if !retry::again(session, &tried, &mut attempt, request.settings.attempts).await {
            break tried;
        }
    };
    let answer = if cancelled.is_ok() { Answer::Accepted } else { Answer::TryAgain };
    let _ = session.answer(answer).await;
    cancelled.unwrap_or(Outcome::TryAgain)
}

async fn in_one_transaction<S: Session>(session: &mut S, request: &Request) -> Result<Outcome, Error> {
    let order_id = request.input.order_id();
    let keeps = |guard| request.without.keeps(guard);
    if keeps(Guard::CancelInOneTransaction) {
        session.begin().await?;
    }
    if keeps(Guard::CancelLocksFirst) && session.write(&LOCK_ORDER, [order_id.into()]).await? > 0 {
        session.holds(&request.section(), None);
    }
    let rows = session.read(&READ_STATUS, [order_id.into()]).await?;
    let status = match rows.first() {
        None => {
            session.rollback().await?;
            return Ok(Outcome::NoSuchOrder);
        }
        Some(order) => order.text(0)?.to_owned(),
    };
    match status.as_str() {
        "cancelled" => {
            if keeps(Guard::CancelInOneTransaction) {
                session.commit().await?;
            }
            return Ok(Outcome::AlreadyCancelled);
        }
        "paid" => undo_payment(session, request).await?,
        _ => {}
    }
    if keeps(Guard::CancelIfStill) {
        if session.write(&CANCEL_IF_STILL, [order_id.into(), status.as_str().into()]).await? == 0 {
            return Err(Error::Conflict);
        }
    } else {
        session.write(&CANCEL_ANYWAY, [order_id.into()]).await?;
    }
    if keeps(Guard::CancelInOneTransaction) {
        session.commit().await?;
    }
    Ok(Outcome::Cancelled)
}

/// The units go back on the shelf, and the money back to the buyer.
async fn undo_payment<S: Session>(session: &mut S, request: &Request) -> Result<(), Error> {
    let order_id = request.input.order_id();
    if request.without.keeps(Guard::CancelGivesBack) {
        for line in read_lines(session, order_id).await? {
            give_back(session, &line).await?;
        }
    }
    if request.without.keeps(Guard::CancelQueuesRefund) {
        for payment in session.read(&READ_BOOKED, [order_id.into()]).await? {
            let (provider, txn_id, cents) = (payment.text(0)?, payment.text(1)?, payment.int(2)?);
            session.write(&QUEUE_REFUND, [provider.into(), txn_id.into(), (&request.id).into(), cents.into()]).await?;
        }
    }
    if request.without.keeps(Guard::CancelMarksToRefund) {
        session.write(&MARK_TO_REFUND, [order_id.into()]).await?;
    }
    Ok(())
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move {
        let Input::Cancel { .. } = request.input else { return Outcome::TryAgain };
        cancel(&mut port, &request).await
    })
}
