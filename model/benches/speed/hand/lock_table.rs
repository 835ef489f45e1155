//! `lock_table` by hand.

use paidonce_protocol::shop::{Input, Money, Notice, Outcome, Request};
use paidonce_protocol::{Answer, Ended, Error, Value};

use super::prepare::{Lines, Prepared, Section, affected, done, rows};
use super::{Handled, Machine, Move, Next, Said, UnrollError, answer_to};
use crate::db::{Answered, ReplyId, RequestId, Store, Symbol, Val};

/// A moment in milliseconds since the start: a scenario lasts hours, not weeks.
type Moment = i32;

/// A position in `lock_table`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Clock(Try),
    InsertLock(Try, RequestId),
    ReadLock(Try),
    /// With the moment at which the lock that was found expires.
    ClockAgain(Try, Moment),
    DeleteExpired(Try, Moment),
    /// Refused, with the moment until which, if a lock was found.
    Wait(Try, Option<Moment>),
    Refused(Option<Moment>),
    Booking(Step),
    DeleteLock(Handled),
    Answer(Handled),
    DeleteOwnLocks,
    Over(Outcome),
}

/// A try to get the lock: how many are left after it, and whether this request has the lock already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Try {
    polls_left: u8,
    inside: bool,
}

/// A step with the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    ReadStatus,
    RecordPayment,
    SaveTxn,
    SaveStatus,
    ReadLines,
    ReduceStock(u8),
    Mail,
}

/// `lock_table` of one notice.
#[derive(Debug)]
pub(super) struct LockTable {
    polls: u8,
    poll_ms: u64,
    lease_ms: i64,
    refused_answer: Answer,
    hook_inside: bool,
    paid: Symbol,
    insert_lock: Prepared,
    read_lock: Prepared,
    delete_lock: Prepared,
    delete_own_locks: Prepared,
    read_status: Prepared,
    record_payment: Prepared,
    save_txn: Prepared,
    save_status: Prepared,
    read_lines: Prepared,
    reduce_stock: Lines,
    message_id: Symbol,
    order_id: Symbol,
    section: Section,
}

impl LockTable {
    pub(super) fn new(store: &Store, request: &Request) -> Result<Self, UnrollError> {
        let Input::Notice(notice) = &request.input else { panic!("lock_table is for notices") };
        let Notice { provider, txn_id, order_id, amount_cents, currency, .. } = notice;
        let prepare = |name, arguments: &[Value]| Prepared::new(store, name, arguments);
        let on = |name, argument: &Value| Prepared::new(store, name, std::slice::from_ref(argument));
        let (section, id, order) = (Value::Text(request.section()), Value::from(&request.id), Value::from(order_id));
        let (txn, amount) = (Value::from(txn_id), Value::Int(*amount_cents));
        let payment = [
            provider.into(),
            txn.clone(),
            "payment".into(),
            id.clone(),
            order.clone(),
            amount.clone(),
            currency.into(),
            "booked".into(),
        ];
        let settings = &request.settings;
        Ok(LockTable {
            polls: settings.polls as u8,
            poll_ms: settings.poll_ms,
            lease_ms: settings.lease_ms as i64,
            refused_answer: settings.refused_answer,
            hook_inside: settings.hook_inside,
            paid: store.symbols.id(&"paid".to_owned()),
            insert_lock: prepare("insert_lock", &[section.clone(), id.clone(), Value::Instant(0)])?,
            read_lock: on("read_lock", &section)?,
            delete_lock: on("delete_lock", &section)?,
            delete_own_locks: on("delete_own_locks", &id)?,
            read_status: on("read_status", &order)?,
            record_payment: prepare("record_payment", &payment)?,
            save_txn: prepare("save_txn", &[txn, amount, order.clone()])?,
            save_status: on("save_status", &order)?,
            read_lines: on("read_lines", &order)?,
            reduce_stock: Lines::new(store, "reduce_stock", 2)?,
            message_id: store.symbols.id(&format!("order-{order_id}-paid-{}", request.id)),
            order_id: store.symbols.id(order_id),
            section: Section::new(store, request, Some(settings.lease_ms as i64)),
        })
    }

    /// The row is there and it is this request's.
    fn got_it(&self, trying: Try) -> Move<At> {
        let to = if !trying.inside && self.hook_inside {
            At::Clock(Try { polls_left: self.polls, inside: true })
        } else {
            At::Booking(Step::ReadStatus)
        };
        Move::to(to).past_a_head().saying(Said::Holds)
    }

    /// Another request's row is there, until this moment, or it was there when this one's should have come.
    fn refused(&self, trying: Try, until: Option<Moment>) -> Move<At> {
        match trying {
            Try { polls_left: 1.., .. } => Move::to(At::Wait(trying, until)),
            Try { inside: true, .. } => Move::to(At::Booking(Step::ReadStatus)).past_a_head().saying(Said::Refused),
            Try { inside: false, .. } => Move::to(At::Refused(until)).saying(Said::Refused),
        }
    }

    fn clock(answer: &Answered) -> i64 {
        if let Answered::Clock(now_ms) = answer { *now_ms } else { panic!("a clock says what time it is") }
    }

    fn step(&self, step: Step) -> Next {
        match step {
            Step::ReadStatus => self.read_status.next(),
            Step::RecordPayment => self.record_payment.next(),
            Step::SaveTxn => self.save_txn.next(),
            Step::SaveStatus => self.save_status.next(),
            Step::ReadLines => self.read_lines.next(),
            Step::ReduceStock(line) => self.reduce_stock.next(line),
            Step::Mail => Next::Mail { message_id: self.message_id, order_id: self.order_id },
        }
    }

    /// The next step with the lock, or what came of all of them.
    fn stepped(&self, store: &Store, step: Step, answer: &Answered) -> Result<Result<Step, Outcome>, Error> {
        Ok(Ok(match step {
            Step::ReadStatus => {
                let order = rows(answer)?.first().ok_or(Error::Refused)?;
                if order[0] == Val::Text(self.paid) {
                    return Ok(Err(Outcome::AlreadyHandled));
                }
                Step::RecordPayment
            }
            Step::RecordPayment => affected(answer).map(|_| Step::SaveTxn)?,
            Step::SaveTxn => affected(answer).map(|_| Step::SaveStatus)?,
            Step::SaveStatus => affected(answer).map(|_| Step::ReadLines)?,
            Step::ReadLines => match self.reduce_stock.read(store, rows(answer)?) {
                0 => Step::Mail,
                _ => Step::ReduceStock(0),
            },
            Step::ReduceStock(line) => match affected(answer)? {
                _ if line + 1 < self.reduce_stock.count() => Step::ReduceStock(line + 1),
                _ => Step::Mail,
            },
            Step::Mail => return done(answer).map(|()| Err(Outcome::Booked)),
        }))
    }
}

impl At {
    pub(super) fn start(request: &Request, shuts_down: bool) -> Self {
        match &request.input {
            _ if shuts_down => At::DeleteOwnLocks,
            Input::Notice(notice) if notice.payment_status.money() == Money::Taken => {
                At::Clock(Try { polls_left: request.settings.polls as u8, inside: false })
            }
            _ => At::Answer(Ok(Outcome::NothingToBook)),
        }
    }
}

impl Machine for LockTable {
    type At = At;

    #[inline]
    fn next(&self, at: At) -> Next {
        match at {
            At::Clock(_) | At::ClockAgain(..) => Next::Clock,
            At::InsertLock(_, request) => self.insert_lock.of(request),
            At::ReadLock(_) => self.read_lock.next(),
            At::DeleteExpired(..) | At::DeleteLock(_) => self.delete_lock.next(),
            At::Wait(..) => Next::Wait(self.poll_ms),
            At::Refused(_) => Next::Answer(self.refused_answer),
            At::Booking(step) => self.step(step),
            At::Answer(handled) => Next::Answer(answer_to(handled)),
            At::DeleteOwnLocks => self.delete_own_locks.next(),
            At::Over(outcome) => Next::End(Ended::Shop(outcome)),
        }
    }

    #[inline]
    fn told(&self, store: &Store, at: At, (answer, _): (&Answered, ReplyId)) -> Move<At> {
        match at {
            At::Clock(trying) => {
                let expires_ms = Val::Instant(Self::clock(answer) + self.lease_ms);
                Move::to(At::InsertLock(trying, self.insert_lock.with(store, &[(2, expires_ms)])))
            }
            At::InsertLock(trying, _) => match affected(answer) {
                Ok(1..) => self.got_it(trying),
                Ok(0) | Err(_) => Move::to(At::ReadLock(trying)),
            },
            At::ReadLock(trying) => match rows(answer).ok().and_then(<[_]>::first).map(|row| row[0]) {
                Some(Val::Int(ms) | Val::Instant(ms)) => Move::to(At::ClockAgain(trying, ms as Moment)),
                _ => self.refused(trying, None),
            },
            At::ClockAgain(trying, until) if i64::from(until) > Self::clock(answer) => {
                self.refused(trying, Some(until))
            }
            At::ClockAgain(trying, until) => Move::to(At::DeleteExpired(trying, until)),
            At::DeleteExpired(trying, _) => Move::to(At::Clock(trying)).past_a_head(),
            At::Wait(Try { polls_left, inside }, _) => {
                Move::to(At::Clock(Try { polls_left: polls_left - 1, inside })).past_a_head()
            }
            At::Refused(_) | At::DeleteOwnLocks => Move::to(At::Over(Outcome::TryAgain)),
            At::Booking(step) => match self.stepped(store, step, answer) {
                // How the request came here no longer matters.
                Ok(Ok(Step::RecordPayment)) => Move::to(At::Booking(Step::RecordPayment)).past_a_head(),
                Ok(Ok(step)) => Move::to(At::Booking(step)),
                Ok(Err(outcome)) => Move::to(At::DeleteLock(Ok(outcome))),
                Err(error) => Move::to(At::DeleteLock(Err(error))),
            },
            At::DeleteLock(handled) => Move::to(At::Answer(handled)).saying(Said::Ends),
            At::Answer(handled) => Move::to(At::Over(handled.unwrap_or(Outcome::TryAgain))),
            At::Over(_) => Move::to(at),
        }
    }

    fn holds(&self, at: At) -> bool {
        match at {
            At::Clock(trying)
            | At::InsertLock(trying, _)
            | At::ReadLock(trying)
            | At::ClockAgain(trying, _)
            | At::DeleteExpired(trying, _)
            | At::Wait(trying, _) => trying.inside,
            At::Booking(_) | At::DeleteLock(_) => true,
            At::Refused(_) | At::Answer(_) | At::DeleteOwnLocks | At::Over(_) => false,
        }
    }

    fn moment(&self, at: At) -> Option<i64> {
        match at {
            At::ClockAgain(_, until) | At::DeleteExpired(_, until) => Some(until.into()),
            At::Wait(_, until) | At::Refused(until) => until.map(i64::from),
            _ => None,
        }
    }

    fn head(&self, at: At) -> (Option<&'static str>, u32) {
        match at {
            At::Clock(trying)
            | At::InsertLock(trying, _)
            | At::ReadLock(trying)
            | At::ClockAgain(trying, _)
            | At::DeleteExpired(trying, _)
            | At::Wait(trying, _) => {
                (Some("create_lock"), 3 + u32::from(trying.polls_left) * 2 + u32::from(trying.inside))
            }
            At::Booking(Step::ReadStatus) => (Some("inside"), 1),
            At::Booking(_) => (Some("book"), 2),
            At::DeleteLock(_) | At::Refused(_) | At::Answer(_) | At::DeleteOwnLocks | At::Over(_) => (None, 0),
        }
    }

    fn section(&self) -> &Section {
        &self.section
    }
}
