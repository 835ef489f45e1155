//! O2 `fenced_lease`: a lease by the database's clock, and a fence that the database checks at the last write.
//!
//! For work that has to leave the database between reading and writing. The right twin of `lock_table`: a row in a table
//! with the moment at which it ends, too, but nobody believes to be alone because of it. The lease keeps others from working
//! in vain; what keeps the second of two holders out is the fence.
//!
//! 1. `make_lease`: a lease's row is made once, free, and never deleted.
//! 2. `take_lease`: one guarded update. Whoever finds the lease over, *by the database's clock*, has it with the next fence.
//!    Not over: refused, `wait` and try again, a bounded number of times.
//! 3. `read_fence`: the number that this request has it with. Somebody else's by now: lost.
//! 4. `read_order`, `find_payment`: what to do is decided from here on, under the lease. Recorded already: `release_lease`.
//!    What no machine can book: `release_lease`, `queue_review`. The fence is not this request's any more: neither counts.
//! 5. `wait`: the work outside of the database.
//! 6. `begin`, `release_lease`: the first statement of the final write gives the lease back *if its fence is still this
//!    request's*, and locks its row until the end. It is not: `rollback`, the work is lost.
//! 7. `read_lines`, `take_stock`, `pay_if_pending`, `record_payment`, `put_mail`, `commit`. The order is not pending any more
//!    (an admin's cancel takes no lease), or the stock too short: the payment is recorded *to refund*, `queue_refund`.
//! 8. `answer`: 200 only after the commit. A `Conflict` in the final write is tried again from 4, under the same lease.
//!
//! It does not lean on a payment's unique key: the schema has none.

use crate::shop::{Input, Money, Notice, Outcome, Reason, Request};
use crate::{Answer, Body, Error, Guard, Port, Session, Statement, Value};

use super::retry;
use super::rows::{GIVE_BACK_STOCK, PUT_MAIL, QUEUE_REFUND, READ_LINES, RECORD_PAYMENT, TAKE_STOCK};
use super::settle::{
    COUNT_REVIEW, PAY_ANYWAY, PAY_IF_PENDING, QUEUE_REVIEW, READ_ORDER, TAKE_STOCK_ANYWAY, for_a_person, payment_row,
    queue_refund, queue_review, take_stock,
};

/// Make a lease's row, free, where there is none.
pub static MAKE_LEASE: Statement = Statement::new(
    "make_lease",
    "INSERT INTO leases (name, request_id, until_ms, fence) VALUES ($1, '', 0, 0) ON CONFLICT DO NOTHING",
);

/// Take a lease that is over, with the next fence.
pub static TAKE_LEASE: Statement = Statement::new(
    "take_lease",
    "UPDATE leases SET request_id = $1, until_ms = clock_ms() + $2, fence = fence + 1 \
     WHERE name = $3 AND until_ms <= clock_ms()",
);

static TAKE_WITH_OLD_FENCE: Statement = Statement::new(
    "take_with_old_fence",
    "UPDATE leases SET request_id = $1, until_ms = clock_ms() + $2 WHERE name = $3 AND until_ms <= clock_ms()",
);

static TAKE_IF_RELEASED: Statement = Statement::new(
    "take_if_released",
    "UPDATE leases SET request_id = $1, until_ms = clock_ms() + $2, fence = fence + 1 WHERE name = $3 AND until_ms = 0",
);

/// The fence with which a request has a lease.
pub static READ_FENCE: Statement =
    Statement::new("read_fence", "SELECT fence FROM leases WHERE name = $1 AND request_id = $2");

static READ_ANY_FENCE: Statement = Statement::new("read_any_fence", "SELECT fence FROM leases WHERE name = $1");

/// Give a lease back, if it still has this fence.
pub static RELEASE_LEASE: Statement =
    Statement::new("release_lease", "UPDATE leases SET until_ms = 0 WHERE name = $1 AND fence = $2");

static RELEASE_ANYWAY: Statement = Statement::new("release_anyway", "UPDATE leases SET until_ms = 0 WHERE name = $1");

static FIND_PAYMENT: Statement = Statement::new(
    "find_payment",
    "SELECT state FROM payments WHERE provider = $1 AND txn_id = $2 AND kind = $3 ORDER BY booked_by",
);

/// Every statement this protocol (or a mutant of it) may send.
pub static STATEMENTS: [&Statement; 21] = [
    &MAKE_LEASE,
    &TAKE_LEASE,
    &TAKE_WITH_OLD_FENCE,
    &TAKE_IF_RELEASED,
    &READ_FENCE,
    &READ_ANY_FENCE,
    &RELEASE_LEASE,
    &RELEASE_ANYWAY,
    &READ_ORDER,
    &FIND_PAYMENT,
    &READ_LINES,
    &TAKE_STOCK,
    &TAKE_STOCK_ANYWAY,
    &GIVE_BACK_STOCK,
    &PAY_IF_PENDING,
    &PAY_ANYWAY,
    &RECORD_PAYMENT,
    &PUT_MAIL,
    &QUEUE_REFUND,
    &QUEUE_REVIEW,
    &COUNT_REVIEW,
];

/// What is to be done, as it was read under the lease.
#[derive(Clone, Copy)]
enum Task {
    Book,
    Refund(Reason),
    Review(Reason),
    Nothing,
}

impl Task {
    /// As a checkpoint keeps it.
    fn state(self) -> u64 {
        match self {
            Task::Nothing => 1,
            Task::Book => 2,
            Task::Refund(reason) => 3 + 2 * reason as u64,
            Task::Review(reason) => 4 + 2 * reason as u64,
        }
    }
}

/// Book a notice with work outside of the database, under a lease whose fence is checked at the last write.
pub async fn fenced_lease<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    let keeps = |guard| request.without.keeps(guard);
    if notice.payment_status.money() == Money::NotTaken {
        let _ = session.answer(Answer::Accepted).await;
        return Outcome::NothingToBook;
    }
    if !keeps(Guard::LeasedAnswersAfterCommit) {
        let _ = session.answer(Answer::Accepted).await;
    }
    let settled = under_lease(session, request, notice).await;
    let accepted = settled.is_ok() || settled == Err(Error::Unknown) && !keeps(Guard::LeasedUnknownIsNotDone);
    // Nobody is left to tell when even the answer fails.
    let _ = session.answer(if accepted { Answer::Accepted } else { Answer::TryAgain }).await;
    settled.unwrap_or(Outcome::TryAgain)
}

/// `Refused` when the lease was refused or lost: nothing was done.
async fn under_lease<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<Outcome, Error> {
    let mut early = None;
    if !request.without.keeps(Guard::DecidesUnderLease) {
        early = Some(read_task(session, request, notice).await?);
    }
    let known = early.map_or(0, Task::state);
    let fence = take(session, request, known).await?;
    let mut attempt = 0;
    loop {
        session.checkpoint(retry::HEAD, fence.unsigned_abs() << 24 | attempt << 8 | known).await?;
        let tried = attempt_under(session, request, notice, fence, early).await;
        session.ends(&lease_name(request));
        if !retry::again(session, &tried, &mut attempt, request.settings.attempts).await {
            return tried;
        }
    }
}

/// Take the lease: its fence. The rest of the passes depend on how many are left, and on what is `known` before.
async fn take<S: Session>(session: &mut S, request: &Request, known: u64) -> Result<i64, Error> {
    let section = lease_name(request);
    let name = || Value::from(section.as_str());
    let keeps = |guard| request.without.keeps(guard);
    let take_lease = if !keeps(Guard::FenceGrows) {
        &TAKE_WITH_OLD_FENCE
    } else if !keeps(Guard::LeaseRunsOut) {
        &TAKE_IF_RELEASED
    } else {
        &TAKE_LEASE
    };
    session.write(&MAKE_LEASE, [name()]).await?;
    let mut polls_left = request.settings.polls;
    loop {
        session.checkpoint("take", polls_left << 8 | known).await?;
        let lease_ms = i64::try_from(request.settings.lease_ms).unwrap_or(i64::MAX);
        match session.write(take_lease, [(&request.id).into(), lease_ms.into(), name()]).await {
            Ok(0) => session.refused(&section),
            Ok(_) => break,
            // Whoever it met may be gone.
            Err(Error::Conflict) => {}
            Err(error) => return Err(error),
        }
        if polls_left == 0 {
            return Err(Error::Refused);
        }
        polls_left -= 1;
        session.wait(request.settings.poll_ms).await?;
    }
    let found = if keeps(Guard::FenceIsOwn) {
        session.read(&READ_FENCE, [name(), (&request.id).into()]).await?
    } else {
        session.read(&READ_ANY_FENCE, [name()]).await?
    };
    found.first().ok_or(Error::Refused)?.int(0)
}

/// Decide, work, write.
async fn attempt_under<S: Session>(
    session: &mut S,
    request: &Request,
    notice: &Notice,
    fence: i64,
    early: Option<Task>,
) -> Result<Outcome, Error> {
    let task = match early {
        Some(task) => task,
        None => read_task(session, request, notice).await?,
    };
    let late = match task {
        Task::Nothing => {
            release(session, request, fence).await?;
            return Ok(Outcome::AlreadyBooked);
        }
        Task::Review(reason) => {
            release(session, request, fence).await?;
            return queue_review(session, request, notice, reason).await;
        }
        Task::Book => None,
        Task::Refund(reason) => Some(reason),
    };
    if request.settings.work_ms > 0 {
        session.wait(request.settings.work_ms).await?;
    }
    write_all(session, request, notice, fence, late).await
}

/// What the notice asks for, as the books stand.
async fn read_task<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<Task, Error> {
    let rows = session.read(&READ_ORDER, [(&notice.order_id).into()]).await?;
    if let Some(reason) = for_a_person(request, notice, rows.first())? {
        return Ok(Task::Review(reason));
    }
    let Some(order) = rows.first() else { return Ok(Task::Review(Reason::UnknownOrder)) };
    let payment = [(&notice.provider).into(), (&notice.txn_id).into(), "payment".into()];
    if request.without.keeps(Guard::LooksForPayment) && !session.read(&FIND_PAYMENT, payment).await?.is_empty() {
        return Ok(Task::Nothing);
    }
    Ok(match order.text(0)? {
        "pending" => Task::Book,
        "paid" => Task::Refund(Reason::OrderAlreadyPaid),
        _ => Task::Refund(Reason::OrderCancelled),
    })
}

/// The final write: all of it or nothing, and nothing when the lease is somebody else's by now.
async fn write_all<S: Session>(
    session: &mut S,
    request: &Request,
    notice: &Notice,
    fence: i64,
    late: Option<Reason>,
) -> Result<Outcome, Error> {
    let keeps = |guard| request.without.keeps(guard);
    let order_id = notice.order_id.as_str();
    if keeps(Guard::LeasedWritesAtOnce) {
        session.begin().await?;
    }
    release(session, request, fence).await?;
    session.holds(&lease_name(request), None);
    let refused = match late {
        None if take_stock(session, request, order_id).await? => None,
        None => Some(Reason::StockTooShort),
        late => late,
    };
    if refused.is_none() {
        let paid = [notice.amount_cents.into(), (&notice.txn_id).into(), order_id.into()];
        let pay = if keeps(Guard::LeasedPaysIfPending) { &PAY_IF_PENDING } else { &PAY_ANYWAY };
        if session.write(pay, paid).await? == 0 {
            return Err(Error::Conflict);
        }
        session.write(&PUT_MAIL, [format!("order-{order_id}-paid").as_str().into(), order_id.into()]).await?;
    }
    if refused.is_none() || keeps(Guard::LeasedLateNoticeQueued) {
        session.write(&RECORD_PAYMENT, payment_row(request, notice, refused.is_some())).await?;
    }
    if refused.is_some() && keeps(Guard::LeasedLateNoticeQueued) {
        queue_refund(session, request, notice).await?;
    }
    if keeps(Guard::LeasedWritesAtOnce) {
        session.commit().await?;
    }
    Ok(refused.map_or(Outcome::Booked, Outcome::ToRefund))
}

/// Give the lease back. `Refused` when it is somebody else's by now: then what was read under it may be true no longer.
async fn release<S: Session>(session: &mut S, request: &Request, fence: i64) -> Result<(), Error> {
    let name = lease_name(request);
    let matched = if request.without.keeps(Guard::FenceChecked) {
        session.write(&RELEASE_LEASE, [name.as_str().into(), fence.into()]).await?
    } else {
        session.write(&RELEASE_ANYWAY, [name.as_str().into()]).await?
    };
    if matched == 0 { Err(Error::Refused) } else { Ok(()) }
}

/// Not the section of the order, which an admin is in, too: the lease is among those who bring payments.
fn lease_name(request: &Request) -> String {
    format!("payments-of-{}", request.section())
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { fenced_lease(&mut port, &request).await })
}
