//! W12 `cancel_unlocked`: an admin (or the cron job for unpaid orders) cancels while a notice settles.
//!
//! 1. `read_status`: already cancelled? Then nothing.
//! 2. Paid: `read_lines`, `give_back_stock`.
//! 3. `save_cancelled`: whatever the status is by now.
//! 4. `answer`.

use crate::shop::{Input, Outcome, Request};
use crate::{Answer, Body, Error, Port, Session, Statement};

use super::rows::{GIVE_BACK_STOCK, READ_LINES, give_back, read_lines};
use super::unlocked::READ_STATUS;

static SAVE_CANCELLED: Statement =
    Statement::new("save_cancelled", "UPDATE orders SET status = 'cancelled' WHERE id = $1");

/// Every statement this protocol may send.
pub static STATEMENTS: [&Statement; 4] = [&READ_STATUS, &READ_LINES, &GIVE_BACK_STOCK, &SAVE_CANCELLED];

/// Cancel an order with nothing to keep another request out.
pub async fn cancel_unlocked<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let cancelled = read_then_write(session, request.input.order_id()).await;
    let answer = if cancelled.is_ok() { Answer::Accepted } else { Answer::TryAgain };
    let _ = session.answer(answer).await;
    cancelled.unwrap_or(Outcome::TryAgain)
}

async fn read_then_write<S: Session>(session: &mut S, order_id: &str) -> Result<Outcome, Error> {
    let rows = session.read(&READ_STATUS, [order_id.into()]).await?;
    let Some(order) = rows.first() else { return Ok(Outcome::NoSuchOrder) };
    match order.text(0)? {
        "cancelled" => return Ok(Outcome::AlreadyCancelled),
        "paid" => {
            for line in read_lines(session, order_id).await? {
                give_back(session, &line).await?;
            }
        }
        _ => {}
    }
    session.write(&SAVE_CANCELLED, [order_id.into()]).await?;
    Ok(Outcome::Cancelled)
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move {
        let Input::Cancel { .. } = request.input else { return Outcome::TryAgain };
        cancel_unlocked(&mut port, &request).await
    })
}
