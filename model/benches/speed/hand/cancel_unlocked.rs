//! `cancel_unlocked` by hand.

use paidonce_protocol::shop::{Outcome, Request};
use paidonce_protocol::{Ended, Error, Value};

use super::prepare::{Lines, Prepared, Section, affected, rows};
use super::{Handled, Machine, Move, Next, UnrollError, answer_to};
use crate::db::{Answered, ReplyId, Store, Symbol, Val};

/// A position in `cancel_unlocked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    ReadStatus,
    ReadLines,
    GiveBackStock(u8),
    SaveCancelled,
    Answer(Handled),
    Over(Outcome),
}

/// `cancel_unlocked` of one order.
#[derive(Debug)]
pub(super) struct CancelUnlocked {
    paid: Symbol,
    cancelled: Symbol,
    read_status: Prepared,
    read_lines: Prepared,
    give_back_stock: Lines,
    save_cancelled: Prepared,
    section: Section,
}

impl CancelUnlocked {
    pub(super) fn new(store: &Store, request: &Request) -> Result<Self, UnrollError> {
        let order = Value::from(request.input.order_id());
        let on_order = |name| Prepared::new(store, name, std::slice::from_ref(&order));
        Ok(CancelUnlocked {
            paid: store.symbols.id(&"paid".to_owned()),
            cancelled: store.symbols.id(&"cancelled".to_owned()),
            read_status: on_order("read_status")?,
            read_lines: on_order("read_lines")?,
            give_back_stock: Lines::new(store, "give_back_stock", 2)?,
            save_cancelled: on_order("save_cancelled")?,
            section: Section::new(store, request, None),
        })
    }

    fn stepped(&self, store: &Store, at: At, answer: &Answered) -> Result<At, Error> {
        Ok(match at {
            At::ReadStatus => match rows(answer)?.first() {
                None => At::Answer(Ok(Outcome::NoSuchOrder)),
                Some(order) if order[0] == Val::Text(self.cancelled) => At::Answer(Ok(Outcome::AlreadyCancelled)),
                Some(order) if order[0] == Val::Text(self.paid) => At::ReadLines,
                Some(_) => At::SaveCancelled,
            },
            At::ReadLines => match self.give_back_stock.read(store, rows(answer)?) {
                0 => At::SaveCancelled,
                _ => At::GiveBackStock(0),
            },
            At::GiveBackStock(line) => match affected(answer)? {
                _ if line + 1 < self.give_back_stock.count() => At::GiveBackStock(line + 1),
                _ => At::SaveCancelled,
            },
            At::SaveCancelled => affected(answer).map(|_| At::Answer(Ok(Outcome::Cancelled)))?,
            At::Answer(handled) => At::Over(handled.unwrap_or(Outcome::TryAgain)),
            At::Over(_) => at,
        })
    }
}

impl At {
    pub(super) fn start() -> Self {
        At::ReadStatus
    }
}

impl Machine for CancelUnlocked {
    type At = At;

    #[inline]
    fn next(&self, at: At) -> Next {
        match at {
            At::ReadStatus => self.read_status.next(),
            At::ReadLines => self.read_lines.next(),
            At::GiveBackStock(line) => self.give_back_stock.next(line),
            At::SaveCancelled => self.save_cancelled.next(),
            At::Answer(handled) => Next::Answer(answer_to(handled)),
            At::Over(outcome) => Next::End(Ended::Shop(outcome)),
        }
    }

    #[inline]
    fn told(&self, store: &Store, at: At, (answer, _): (&Answered, ReplyId)) -> Move<At> {
        Move::to(self.stepped(store, at, answer).unwrap_or_else(|error| At::Answer(Err(error))))
    }

    fn holds(&self, _: At) -> bool {
        false
    }

    fn moment(&self, _: At) -> Option<i64> {
        None
    }

    fn head(&self, _: At) -> (Option<&'static str>, u32) {
        (None, 0)
    }

    fn section(&self) -> &Section {
        &self.section
    }
}
