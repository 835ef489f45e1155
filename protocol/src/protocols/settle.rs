//! O1 `settle`: ours. One short transaction that locks the order by writing to it, and leaves no money without a place.
//!
//! 1. `begin`, `lock_order`: the first statement locks *and updates* the order's row.
//! 2. `read_order`: unknown order, or an amount, currency or receiver that is not the order's: `rollback`, `queue_review` as
//!    a statement of its own. What the notice says is wrong whatever becomes of the order, and the order stays untouched.
//!    Queued already: `count_review`.
//! 3. `record_payment_once` under the key (provider, txn_id, kind): there already: `commit`, it is booked.
//!    A status that says that no money was taken books nothing; one that only a person can book goes to a person.
//! 4. The order is cancelled or was paid by another payment: the payment is recorded *to refund*; `queue_refund`,
//!    `commit`.
//! 5. `read_lines`, `take_stock` where there is enough, in sku order. Short: `give_back_stock` for what was taken,
//!    `mark_payment_to_refund`, `queue_refund`, `commit`.
//! 6. `pay_if_pending`: amount, gateway's id and status, if the order is still pending.
//! 7. `put_mail`, `commit`.
//! 8. `answer`: 200 only after the commit, and never on `Unknown`. A `Conflict` is tried again, a bounded number of times.
//!
//! Whoever finds that another has done the work commits a write of its own before it answers 200: the order's version, or
//! how often the notice came. On MariaDB others see a commit before it is in the log, and a crash may still undo it; a
//! commit of one's own that is answered is behind it in the log, and both are there.
//!
//! No lease is needed: the database's own lock ends with the transaction, however its holder ends.

use crate::shop::{Input, Money, Notice, Outcome, Reason, Request};
use crate::{Answer, Body, Error, Guard, Mail, Port, Row, Session, Statement, Value};

use super::retry;
use super::rows::{
    GIVE_BACK_STOCK, LOCK_ORDER, Line, PUT_MAIL, QUEUE_REFUND, READ_LINES, TAKE_STOCK, give_back, read_lines,
};

pub(super) static READ_ORDER: Statement =
    Statement::new("read_order", "SELECT status, total_cents, currency, receiver FROM orders WHERE id = $1");

static RECORD_PAYMENT_ONCE: Statement = Statement::new(
    "record_payment_once",
    "INSERT INTO payments (provider, txn_id, kind, booked_by, order_id, amount_cents, currency, state) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
);

static MARK_PAYMENT_TO_REFUND: Statement = Statement::new(
    "mark_payment_to_refund",
    "UPDATE payments SET state = 'to refund' WHERE provider = $1 AND txn_id = $2 AND kind = $3 \
     AND state = 'booked'",
);

pub(super) static PAY_IF_PENDING: Statement = Statement::new(
    "pay_if_pending",
    "UPDATE orders SET status = 'paid', paid_cents = paid_cents + $1, txn_id = $2 WHERE id = $3 AND status = 'pending'",
);

pub(super) static PAY_ANYWAY: Statement = Statement::new(
    "pay_anyway",
    "UPDATE orders SET status = 'paid', paid_cents = paid_cents + $1, txn_id = $2 WHERE id = $3",
);

pub(super) static TAKE_STOCK_ANYWAY: Statement =
    Statement::new("take_stock_anyway", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");

pub(super) static QUEUE_REVIEW: Statement = Statement::new(
    "queue_review",
    "INSERT INTO reviews (provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, reason, told) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT DO NOTHING",
);

pub(super) static COUNT_REVIEW: Statement = Statement::new(
    "count_review",
    "UPDATE reviews SET told = told + 1 WHERE provider = $1 AND txn_id = $2 AND payment_status = $3 AND order_id = $4 \
     AND amount_cents = $5 AND currency = $6 AND receiver = $7 AND reason = $8",
);

/// Every statement this protocol (or a mutant of it) may send.
pub static STATEMENTS: [&Statement; 14] = [
    &LOCK_ORDER,
    &READ_ORDER,
    &RECORD_PAYMENT_ONCE,
    &MARK_PAYMENT_TO_REFUND,
    &PAY_IF_PENDING,
    &PAY_ANYWAY,
    &TAKE_STOCK,
    &TAKE_STOCK_ANYWAY,
    &GIVE_BACK_STOCK,
    &READ_LINES,
    &PUT_MAIL,
    &QUEUE_REFUND,
    &QUEUE_REVIEW,
    &COUNT_REVIEW,
];

/// Book a notice: all five writes or none, and no money without a place.
pub async fn settle<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    let keeps = |guard| request.without.keeps(guard);
    if notice.payment_status.money() == Money::NotTaken && keeps(Guard::PendingBooksNothing) {
        let _ = session.answer(Answer::Accepted).await;
        return Outcome::NothingToBook;
    }
    if !keeps(Guard::AnswersAfterCommit) {
        let _ = session.answer(Answer::Accepted).await;
    }
    let settled = settled(session, request, notice, 0).await;
    let mut accepted = settled.is_ok();
    if settled == Err(Error::Unknown) && !keeps(Guard::UnknownIsNotDone) {
        accepted = true;
    }
    // Nobody is left to tell when even the answer fails.
    let _ = session.answer(if accepted { Answer::Accepted } else { Answer::TryAgain }).await;
    settled.unwrap_or(Outcome::TryAgain)
}

/// All of it but the answer. What the caller goes on to do depends on its request and on what is `known`, in 32 bits.
pub(super) async fn settled<S: Session>(
    session: &mut S,
    request: &Request,
    notice: &Notice,
    known: u64,
) -> Result<Outcome, Error> {
    let mut attempt = 0;
    let settled = loop {
        session.checkpoint(retry::HEAD, known << 8 | attempt).await?;
        let tried = in_one_transaction(session, request, notice).await;
        session.ends(&request.section());
        if !retry::again(session, &tried, &mut attempt, request.settings.attempts).await {
            break tried;
        }
    };
    if settled == Ok(Outcome::Booked) && !request.without.keeps(Guard::MailInTransaction) {
        let order_id = notice.order_id.clone();
        let _ = session.mail(Mail { message_id: format!("order-{order_id}-paid"), order_id }).await;
    }
    settled
}

async fn in_one_transaction<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<Outcome, Error> {
    let order_id = notice.order_id.as_str();
    let keeps = |guard| request.without.keeps(guard);
    if keeps(Guard::OneTransaction) {
        session.begin().await?;
    }
    // No row, no lock: an unknown order keeps nobody out.
    if keeps(Guard::LocksFirst) && session.write(&LOCK_ORDER, [order_id.into()]).await? > 0 {
        session.holds(&request.section(), None);
    }
    let rows = session.read(&READ_ORDER, [order_id.into()]).await?;
    if let Some(reason) = for_a_person(request, notice, rows.first())? {
        rollback(session, request).await?;
        session.ends(&request.section());
        return if keeps(Guard::MisfitQueued) {
            queue_review(session, request, notice, reason).await
        } else {
            Ok(Outcome::ForReview(reason))
        };
    }
    let Some(order) = rows.first() else { return Ok(Outcome::NoSuchOrder) };
    let refused = match order.text(0)? {
        "pending" => None,
        "paid" => Some(Reason::OrderAlreadyPaid),
        _ => Some(Reason::OrderCancelled),
    };
    if refused == Some(Reason::OrderCancelled) && !keeps(Guard::LateNoticeQueued)
        || refused == Some(Reason::OrderAlreadyPaid) && !keeps(Guard::SecondPaymentQueued)
    {
        rollback(session, request).await?;
        return Ok(Outcome::AlreadyHandled);
    }
    if record_payment_once(session, request, notice, refused.is_some()).await? == 0 {
        // The order's new version is all that is written.
        if keeps(Guard::BookedIsDurable) {
            commit(session, request).await?;
        } else {
            rollback(session, request).await?;
        }
        return Ok(Outcome::AlreadyBooked);
    }
    if let Some(reason) = refused {
        queue_refund(session, request, notice).await?;
        commit(session, request).await?;
        return Ok(Outcome::ToRefund(reason));
    }
    if !take_stock(session, request, order_id).await? {
        if keeps(Guard::ShortStockMarked) {
            let key = [(&notice.provider).into(), (&notice.txn_id).into(), "payment".into()];
            session.write(&MARK_PAYMENT_TO_REFUND, key).await?;
        }
        queue_refund(session, request, notice).await?;
        commit(session, request).await?;
        return Ok(Outcome::ToRefund(Reason::StockTooShort));
    }
    pay(session, request, notice).await?;
    commit(session, request).await?;
    Ok(Outcome::Booked)
}

/// Why this notice cannot be booked by a machine, if it cannot.
pub(super) fn for_a_person(request: &Request, notice: &Notice, order: Option<&Row>) -> Result<Option<Reason>, Error> {
    let keeps = |guard| request.without.keeps(guard);
    let Some(order) = order else { return Ok(Some(Reason::UnknownOrder)) };
    Ok(if notice.payment_status.money() == Money::ForAPerson && keeps(Guard::StatusChecked) {
        Some(Reason::StatusForAPerson)
    } else if order.int(1)? != notice.amount_cents && keeps(Guard::AmountChecked) {
        Some(Reason::WrongAmount)
    } else if order.text(2)? != notice.currency && keeps(Guard::CurrencyChecked) {
        Some(Reason::WrongCurrency)
    } else if order.text(3)? != notice.receiver && keeps(Guard::ReceiverChecked) {
        Some(Reason::WrongReceiver)
    } else {
        None
    })
}

/// Keep the payment under its unique key: 0 when it is in the books already.
async fn record_payment_once<S: Session>(
    session: &mut S,
    request: &Request,
    notice: &Notice,
    to_refund: bool,
) -> Result<u64, Error> {
    session.write(&RECORD_PAYMENT_ONCE, payment_row(request, notice, to_refund)).await
}

/// The row of the payment that a notice tells of.
pub(super) fn payment_row(request: &Request, notice: &Notice, to_refund: bool) -> [Value; 8] {
    [
        (&notice.provider).into(),
        (&notice.txn_id).into(),
        "payment".into(),
        (&request.id).into(),
        (&notice.order_id).into(),
        notice.amount_cents.into(),
        (&notice.currency).into(),
        if to_refund { "to refund" } else { "booked" }.into(),
    ]
}

/// Take the order's units, or none of them: false when one sku is short.
pub(super) async fn take_stock<S: Session>(session: &mut S, request: &Request, order_id: &str) -> Result<bool, Error> {
    let keeps = |guard| request.without.keeps(guard);
    let mut taken: Vec<Line> = Vec::new();
    for line in read_lines(session, order_id).await? {
        let units = Value::Int(line.units);
        let matched = if keeps(Guard::StockGuard) {
            session.write(&TAKE_STOCK, [units.clone(), line.sku.as_str().into(), units]).await?
        } else {
            session.write(&TAKE_STOCK_ANYWAY, [units, line.sku.as_str().into()]).await?
        };
        if matched == 0 {
            if keeps(Guard::GivesBack) {
                for line in &taken {
                    give_back(session, line).await?;
                }
            }
            return Ok(false);
        }
        taken.push(line);
    }
    Ok(true)
}

/// Mark the order paid and put the buyer's mail into the outbox.
async fn pay<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<(), Error> {
    let order_id = notice.order_id.as_str();
    let paid = [notice.amount_cents.into(), (&notice.txn_id).into(), order_id.into()];
    if request.without.keeps(Guard::PaysIfPending) {
        if session.write(&PAY_IF_PENDING, paid).await? == 0 {
            return Err(Error::Conflict);
        }
    } else {
        session.write(&PAY_ANYWAY, paid).await?;
    }
    if request.without.keeps(Guard::MailInTransaction) {
        session.write(&PUT_MAIL, [format!("order-{order_id}-paid").as_str().into(), order_id.into()]).await?;
    }
    Ok(())
}

pub(super) async fn queue_refund<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<(), Error> {
    if !request.without.keeps(Guard::QueuesRefund) {
        return Ok(());
    }
    let refund = [(&notice.provider).into(), (&notice.txn_id).into(), (&request.id).into(), notice.amount_cents.into()];
    session.write(&QUEUE_REFUND, refund).await.map(drop)
}

/// Keep a notice for a person, or count that it came again. `Conflict` when it was there and is gone.
pub(super) async fn queue_review<S: Session>(
    session: &mut S,
    request: &Request,
    notice: &Notice,
    reason: Reason,
) -> Result<Outcome, Error> {
    let review: [Value; 8] = [
        (&notice.provider).into(),
        (&notice.txn_id).into(),
        notice.payment_status.as_str().into(),
        (&notice.order_id).into(),
        notice.amount_cents.into(),
        (&notice.currency).into(),
        (&notice.receiver).into(),
        reason.name().into(),
    ];
    if session.write(&QUEUE_REVIEW, review.clone()).await? > 0 {
        return Ok(Outcome::ForReview(reason));
    }
    if request.without.keeps(Guard::MisfitIsDurable) && session.write(&COUNT_REVIEW, review).await? == 0 {
        return Err(Error::Conflict);
    }
    Ok(Outcome::AlreadyForReview(reason))
}

async fn commit<S: Session>(session: &mut S, request: &Request) -> Result<(), Error> {
    if request.without.keeps(Guard::OneTransaction) { session.commit().await } else { Ok(()) }
}

async fn rollback<S: Session>(session: &mut S, request: &Request) -> Result<(), Error> {
    if request.without.keeps(Guard::OneTransaction) { session.rollback().await } else { Ok(()) }
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { settle(&mut port, &request).await })
}
