//! `settle` by hand.

use paidonce_protocol::shop::{Input, Money, Notice, Outcome, Reason, Request};
use paidonce_protocol::{Ended, Error, Value};

use super::prepare::{Lines, Prepared, Section, affected, done, rows};
use super::{Handled, Machine, Move, Next, Said, UnrollError, answer_to};
use crate::db::{Answered, DbCall, ReplyId, Store, Symbol, Val};

/// A position in `settle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    /// In the transaction, on this attempt.
    Inside {
        attempt: u8,
        locked: bool,
        step: Step,
    },
    /// The attempt failed and is rolled back.
    Undo {
        attempt: u8,
        error: Error,
    },
    Answer(Handled),
    Over(Outcome),
}

/// A step of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Begin,
    LockOrder,
    ReadOrder,
    QueueReview(Reason),
    CountReview(Reason),
    /// With the reason for which it will be given back.
    RecordPayment(Option<Reason>),
    ReadLines,
    TakeStock(u8),
    GiveBackStock {
        line: u8,
        taken: u8,
    },
    MarkToRefund,
    QueueRefund(Reason),
    PayIfPending,
    PutMail,
    Commit(Outcome),
    /// Roll back, because a person has to look at it.
    SetAside(Reason),
}

/// Why a notice may have to be looked at by a person.
const REVIEWED: [Reason; 5] =
    [Reason::UnknownOrder, Reason::StatusForAPerson, Reason::WrongAmount, Reason::WrongCurrency, Reason::WrongReceiver];

/// `settle` of one notice.
#[derive(Debug)]
pub(super) struct Settle {
    attempts: u8,
    for_a_person: bool,
    /// Total, currency and receiver as they have to be.
    fits: (i64, Symbol, Symbol),
    pending: Symbol,
    paid: Symbol,
    lock_order: Prepared,
    read_order: Prepared,
    record_booked: Prepared,
    record_to_refund: Prepared,
    read_lines: Prepared,
    take_stock: Lines,
    give_back_stock: Lines,
    mark_to_refund: Prepared,
    queue_refund: Prepared,
    reviews: Vec<(Reason, Prepared, Prepared)>,
    pay_if_pending: Prepared,
    put_mail: Prepared,
    section: Section,
}

impl Settle {
    pub(super) fn new(store: &Store, request: &Request) -> Result<Self, UnrollError> {
        let Input::Notice(notice) = &request.input else { panic!("settle is for notices") };
        let Notice { provider, txn_id, order_id, amount_cents, currency, receiver, .. } = notice;
        let prepare = |name, arguments: &[Value]| Prepared::new(store, name, arguments);
        let (provider, txn_id, order) = (Value::from(provider), Value::from(txn_id), Value::from(order_id));
        let (id, amount, currency) = (Value::from(&request.id), Value::Int(*amount_cents), Value::from(currency));
        let on_order = |name| Prepared::new(store, name, std::slice::from_ref(&order));
        let record = |state: &str| {
            let payment = [&provider, &txn_id, &"payment".into(), &id, &order, &amount, &currency, &state.into()];
            prepare("record_payment_once", &payment.map(Clone::clone))
        };
        let review = |reason: Reason| {
            let status = notice.payment_status.as_str().into();
            let receiver = Value::from(receiver);
            let review = [&provider, &txn_id, &status, &order, &amount, &currency, &receiver, &reason.name().into()];
            let prepared = |name| prepare(name, &review.map(Clone::clone));
            Ok((reason, prepared("queue_review")?, prepared("count_review")?))
        };
        let reviews: Result<Vec<_>, UnrollError> = REVIEWED.into_iter().map(review).collect();
        Ok(Settle {
            attempts: request.settings.attempts as u8,
            for_a_person: notice.payment_status.money() == Money::ForAPerson,
            fits: (*amount_cents, store.symbols.id(&notice.currency), store.symbols.id(receiver)),
            pending: store.symbols.id(&"pending".to_owned()),
            paid: store.symbols.id(&"paid".to_owned()),
            lock_order: on_order("lock_order")?,
            read_order: on_order("read_order")?,
            record_booked: record("booked")?,
            record_to_refund: record("to refund")?,
            read_lines: on_order("read_lines")?,
            take_stock: Lines::new(store, "take_stock", 3)?,
            give_back_stock: Lines::new(store, "give_back_stock", 2)?,
            mark_to_refund: prepare("mark_payment_to_refund", &[provider.clone(), txn_id.clone(), "payment".into()])?,
            queue_refund: prepare("queue_refund", &[provider.clone(), txn_id.clone(), id.clone(), amount.clone()])?,
            reviews: reviews?,
            pay_if_pending: prepare("pay_if_pending", &[amount, txn_id, order.clone()])?,
            put_mail: prepare("put_mail", &[format!("order-{order_id}-paid").as_str().into(), order])?,
            section: Section::new(store, request, None),
        })
    }

    fn step(&self, step: Step) -> Next {
        match step {
            Step::Begin => Next::Database(DbCall::Begin, false),
            Step::LockOrder => self.lock_order.next(),
            Step::ReadOrder => self.read_order.next(),
            Step::QueueReview(reason) => {
                let review = self.reviews.iter().find(|(known, ..)| *known == reason);
                review.expect("every reason is prepared").1.next()
            }
            Step::CountReview(reason) => {
                let review = self.reviews.iter().find(|(known, ..)| *known == reason);
                review.expect("every reason is prepared").2.next()
            }
            Step::RecordPayment(None) => self.record_booked.next(),
            Step::RecordPayment(Some(_)) => self.record_to_refund.next(),
            Step::ReadLines => self.read_lines.next(),
            Step::TakeStock(line) => self.take_stock.next(line),
            Step::GiveBackStock { line, .. } => self.give_back_stock.next(line),
            Step::MarkToRefund => self.mark_to_refund.next(),
            Step::QueueRefund(_) => self.queue_refund.next(),
            Step::PayIfPending => self.pay_if_pending.next(),
            Step::PutMail => self.put_mail.next(),
            Step::Commit(_) => Next::Database(DbCall::Commit, false),
            Step::SetAside(_) => Next::Database(DbCall::Rollback, false),
        }
    }

    /// The next step of the transaction, or what came of it.
    fn stepped(&self, store: &Store, step: Step, answer: &Answered) -> Result<Result<Step, Outcome>, Error> {
        Ok(Ok(match step {
            Step::Begin => done(answer).map(|()| Step::LockOrder)?,
            Step::LockOrder => affected(answer).map(|_| Step::ReadOrder)?,
            Step::ReadOrder => self.judged(rows(answer)?.first()),
            Step::QueueReview(reason) => match affected(answer)? {
                0 => Step::CountReview(reason),
                _ => return Ok(Err(Outcome::ForReview(reason))),
            },
            Step::CountReview(reason) => match affected(answer)? {
                0 => return Err(Error::Conflict),
                _ => return Ok(Err(Outcome::AlreadyForReview(reason))),
            },
            Step::RecordPayment(refused) => match (affected(answer)?, refused) {
                (0, _) => Step::Commit(Outcome::AlreadyBooked),
                (_, Some(reason)) => Step::QueueRefund(reason),
                (_, None) => Step::ReadLines,
            },
            Step::ReadLines => {
                let rows = rows(answer)?;
                self.give_back_stock.read(store, rows);
                if self.take_stock.read(store, rows) > 0 { Step::TakeStock(0) } else { Step::PayIfPending }
            }
            Step::TakeStock(line) => match affected(answer)? {
                0 if line == 0 => Step::MarkToRefund,
                0 => Step::GiveBackStock { line: 0, taken: line },
                _ if line + 1 < self.take_stock.count() => Step::TakeStock(line + 1),
                _ => Step::PayIfPending,
            },
            Step::GiveBackStock { line, taken } => match affected(answer)? {
                _ if line + 1 < taken => Step::GiveBackStock { line: line + 1, taken },
                _ => Step::MarkToRefund,
            },
            Step::MarkToRefund => affected(answer).map(|_| Step::QueueRefund(Reason::StockTooShort))?,
            Step::QueueRefund(reason) => affected(answer).map(|_| Step::Commit(Outcome::ToRefund(reason)))?,
            Step::PayIfPending if affected(answer)? == 0 => return Err(Error::Conflict),
            Step::PayIfPending => Step::PutMail,
            Step::PutMail => affected(answer).map(|_| Step::Commit(Outcome::Booked))?,
            Step::SetAside(reason) => done(answer).map(|()| Step::QueueReview(reason))?,
            Step::Commit(outcome) => return done(answer).map(|()| Err(outcome)),
        }))
    }

    /// What the order's row says about the notice.
    fn judged(&self, order: Option<&Vec<Val>>) -> Step {
        let Some(order) = order else { return Step::SetAside(Reason::UnknownOrder) };
        let (total_cents, currency, receiver) = self.fits;
        if self.for_a_person {
            Step::SetAside(Reason::StatusForAPerson)
        } else if order[1] != Val::Int(total_cents) {
            Step::SetAside(Reason::WrongAmount)
        } else if order[2] != Val::Text(currency) {
            Step::SetAside(Reason::WrongCurrency)
        } else if order[3] != Val::Text(receiver) {
            Step::SetAside(Reason::WrongReceiver)
        } else if order[0] == Val::Text(self.pending) {
            Step::RecordPayment(None)
        } else if order[0] == Val::Text(self.paid) {
            Step::RecordPayment(Some(Reason::OrderAlreadyPaid))
        } else {
            Step::RecordPayment(Some(Reason::OrderCancelled))
        }
    }
}

impl At {
    pub(super) fn start(request: &Request) -> Self {
        match &request.input {
            Input::Notice(notice) if notice.payment_status.money() != Money::NotTaken => At::attempt(0),
            _ => At::Answer(Ok(Outcome::NothingToBook)),
        }
    }

    fn attempt(attempt: u8) -> Self {
        At::Inside { attempt, locked: false, step: Step::Begin }
    }
}

impl Machine for Settle {
    type At = At;

    #[inline]
    fn next(&self, at: At) -> Next {
        match at {
            At::Inside { step, .. } => self.step(step),
            At::Undo { .. } => Next::Database(DbCall::Rollback, false),
            At::Answer(handled) => Next::Answer(answer_to(handled)),
            At::Over(outcome) => Next::End(Ended::Shop(outcome)),
        }
    }

    #[inline]
    fn told(&self, store: &Store, at: At, (answer, _): (&Answered, ReplyId)) -> Move<At> {
        match at {
            At::Inside { attempt, locked, step } => match self.stepped(store, step, answer) {
                Ok(Ok(step)) => {
                    let locks = step == Step::ReadOrder && matches!(answer, Answered::Affected(1..));
                    let ends = matches!(step, Step::QueueReview(_));
                    let to = At::Inside { attempt, locked: (locked || locks) && !ends, step };
                    Move::to(to).saying(match (locks, ends) {
                        (true, _) => Said::Holds,
                        (_, true) => Said::Ends,
                        _ => Said::Nothing,
                    })
                }
                Ok(Err(outcome)) => Move::to(At::Answer(Ok(outcome))).saying(Said::Ends),
                Err(Error::Unknown) => Move::to(At::Answer(Err(Error::Unknown))).saying(Said::Ends),
                Err(error) => Move::to(At::Undo { attempt, error }).saying(Said::Ends),
            },
            At::Undo { attempt, error: Error::Conflict } if attempt + 1 < self.attempts && done(answer).is_ok() => {
                Move::to(At::attempt(attempt + 1)).past_a_head()
            }
            At::Undo { error, .. } => Move::to(At::Answer(Err(error))),
            At::Answer(handled) => Move::to(At::Over(handled.unwrap_or(Outcome::TryAgain))),
            At::Over(_) => Move::to(at),
        }
    }

    fn holds(&self, at: At) -> bool {
        matches!(at, At::Inside { locked: true, .. })
    }

    fn moment(&self, _: At) -> Option<i64> {
        None
    }

    fn head(&self, at: At) -> (Option<&'static str>, u32) {
        match at {
            At::Inside { attempt, .. } | At::Undo { attempt, .. } => (Some("attempt"), u32::from(attempt) + 1),
            At::Answer(_) | At::Over(_) => (None, 0),
        }
    }

    fn section(&self) -> &Section {
        &self.section
    }
}
