//! `cancel` by hand.

use paidonce_protocol::shop::{Outcome, Request};
use paidonce_protocol::{Ended, Error, Value};

use super::prepare::{Lines, Prepared, Section, affected, done, rows};
use super::{Handled, Machine, Move, Next, Said, UnrollError, answer_to};
use crate::db::{Answered, DbCall, ReplyId, RequestId, Store, Symbol, Val};
use crate::intern::Interner;

/// A position in `cancel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    /// In the transaction, on this attempt. `was_paid` once the status has been read.
    Inside {
        attempt: u8,
        locked: bool,
        was_paid: bool,
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
    ReadStatus,
    ReadLines,
    GiveBackStock(u8),
    ReadBooked,
    /// The number of a [`Refund`].
    QueueRefund(u32),
    MarkToRefund,
    CancelIfStill,
    Commit(Outcome),
    RollBack(Outcome),
}

/// Of this one among the payments that were read.
type Refund = (ReplyId, u8, RequestId);

/// `cancel` of one order.
#[derive(Debug)]
pub(super) struct Cancel {
    attempts: u8,
    paid: Symbol,
    cancelled: Symbol,
    lock_order: Prepared,
    read_status: Prepared,
    read_lines: Prepared,
    give_back_stock: Lines,
    read_booked: Prepared,
    queue_refund: Prepared,
    refunds: Interner<Refund>,
    mark_to_refund: Prepared,
    cancel_if_pending: Prepared,
    cancel_if_paid: Prepared,
    section: Section,
}

impl Cancel {
    pub(super) fn new(store: &Store, request: &Request) -> Result<Self, UnrollError> {
        let order = Value::from(request.input.order_id());
        let on_order = |name| Prepared::new(store, name, std::slice::from_ref(&order));
        let if_still = |status: &str| Prepared::new(store, "cancel_if_still", &[order.clone(), status.into()]);
        let refund = ["".into(), "".into(), Value::from(&request.id), Value::Int(0)];
        Ok(Cancel {
            attempts: request.settings.attempts as u8,
            paid: store.symbols.id(&"paid".to_owned()),
            cancelled: store.symbols.id(&"cancelled".to_owned()),
            lock_order: on_order("lock_order")?,
            read_status: on_order("read_status")?,
            read_lines: on_order("read_lines")?,
            give_back_stock: Lines::new(store, "give_back_stock", 2)?,
            read_booked: on_order("read_booked")?,
            queue_refund: Prepared::new(store, "queue_refund", &refund)?,
            refunds: Interner::new(),
            mark_to_refund: on_order("mark_to_refund")?,
            cancel_if_pending: if_still("pending")?,
            cancel_if_paid: if_still("paid")?,
            section: Section::new(store, request, None),
        })
    }

    fn step(&self, step: Step, was_paid: bool) -> Next {
        match step {
            Step::Begin => Next::Database(DbCall::Begin, false),
            Step::LockOrder => self.lock_order.next(),
            Step::ReadStatus => self.read_status.next(),
            Step::ReadLines => self.read_lines.next(),
            Step::GiveBackStock(line) => self.give_back_stock.next(line),
            Step::ReadBooked => self.read_booked.next(),
            Step::QueueRefund(refund) => self.queue_refund.of(self.refunds.get(refund).2),
            Step::MarkToRefund => self.mark_to_refund.next(),
            Step::CancelIfStill if was_paid => self.cancel_if_paid.next(),
            Step::CancelIfStill => self.cancel_if_pending.next(),
            Step::Commit(_) => Next::Database(DbCall::Commit, false),
            Step::RollBack(_) => Next::Database(DbCall::Rollback, false),
        }
    }

    /// The next step of the transaction, or what came of it.
    fn stepped(
        &self,
        store: &Store,
        step: Step,
        (answer, id): (&Answered, ReplyId),
    ) -> Result<Result<Step, Outcome>, Error> {
        Ok(Ok(match step {
            Step::Begin => done(answer).map(|()| Step::LockOrder)?,
            Step::LockOrder => affected(answer).map(|_| Step::ReadStatus)?,
            Step::ReadStatus => match rows(answer)?.first() {
                None => Step::RollBack(Outcome::NoSuchOrder),
                Some(order) if order[0] == Val::Text(self.cancelled) => Step::Commit(Outcome::AlreadyCancelled),
                Some(order) if order[0] == Val::Text(self.paid) => Step::ReadLines,
                Some(_) => Step::CancelIfStill,
            },
            Step::ReadLines => match self.give_back_stock.read(store, rows(answer)?) {
                0 => Step::ReadBooked,
                _ => Step::GiveBackStock(0),
            },
            Step::GiveBackStock(line) => match affected(answer)? {
                _ if line + 1 < self.give_back_stock.count() => Step::GiveBackStock(line + 1),
                _ => Step::ReadBooked,
            },
            Step::ReadBooked => self.refund(store, rows(answer)?, id, 0),
            Step::QueueRefund(refund) => {
                affected(answer)?;
                let (booked, payment, _) = *self.refunds.get(refund);
                self.refund(store, rows(store.replies.get(booked))?, booked, payment + 1)
            }
            Step::MarkToRefund => affected(answer).map(|_| Step::CancelIfStill)?,
            Step::CancelIfStill if affected(answer)? == 0 => return Err(Error::Conflict),
            Step::CancelIfStill => Step::Commit(Outcome::Cancelled),
            Step::Commit(outcome) => return done(answer).map(|()| Err(outcome)),
            Step::RollBack(outcome) => return done(answer).map(|()| Err(outcome)),
        }))
    }

    /// The refund of this payment, or what comes after the last.
    fn refund(&self, store: &Store, payments: &[Vec<Val>], booked: ReplyId, payment: u8) -> Step {
        let Some(row) = payments.get(usize::from(payment)) else { return Step::MarkToRefund };
        let request = self.queue_refund.with(store, &[(0, row[0]), (1, row[1]), (3, row[2])]);
        Step::QueueRefund(self.refunds.id(&(booked, payment, request)))
    }
}

impl At {
    pub(super) fn start() -> Self {
        At::attempt(0)
    }

    fn attempt(attempt: u8) -> Self {
        At::Inside { attempt, locked: false, was_paid: false, step: Step::Begin }
    }
}

impl Machine for Cancel {
    type At = At;

    #[inline]
    fn next(&self, at: At) -> Next {
        match at {
            At::Inside { step, was_paid, .. } => self.step(step, was_paid),
            At::Undo { .. } => Next::Database(DbCall::Rollback, false),
            At::Answer(handled) => Next::Answer(answer_to(handled)),
            At::Over(outcome) => Next::End(Ended::Shop(outcome)),
        }
    }

    #[inline]
    fn told(&self, store: &Store, at: At, answer: (&Answered, ReplyId)) -> Move<At> {
        match at {
            At::Inside { attempt, locked, was_paid, step } => match self.stepped(store, step, answer) {
                Ok(Ok(step)) => {
                    let locks = step == Step::ReadStatus && matches!(answer.0, Answered::Affected(1..));
                    let (locked, was_paid) = (locked || locks, was_paid || step == Step::ReadLines);
                    let to = At::Inside { attempt, locked, was_paid, step };
                    Move::to(to).saying(if locks { Said::Holds } else { Said::Nothing })
                }
                Ok(Err(outcome)) => Move::to(At::Answer(Ok(outcome))).saying(Said::Ends),
                Err(Error::Unknown) => Move::to(At::Answer(Err(Error::Unknown))).saying(Said::Ends),
                Err(error) => Move::to(At::Undo { attempt, error }).saying(Said::Ends),
            },
            At::Undo { attempt, error: Error::Conflict } if attempt + 1 < self.attempts && done(answer.0).is_ok() => {
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
