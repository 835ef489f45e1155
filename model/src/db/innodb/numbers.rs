//! The numbers of transactions that write, and the pages of further keys that know of them.
//!
//! Rules (InnoDB's `lock_sec_rec_read_check_and_lock`, `lock_sec_rec_some_has_impl`, `row_vers_impl_x_locked_low`):
//! - a transaction has a number from its first write on, and a page of a further key that of the last one that has put a record
//!   in there or marked one;
//! - who asks for a further record without the gap before it, on a page whose number is no less than that of every open
//!   transaction, is taken to have it already when it was the last to write the row, whatever it has written there: it gets no
//!   lock, and waits for nobody.
//!
//! A table of a script is one page. Only scripts know numbers: in an exploration the lock is asked for.

use smallvec::SmallVec;

use super::records::written;
use super::{KeyId, Running};
use crate::db::Rule;
use crate::db::transactions::Caller;
use crate::sql::Space;

/// A transaction's number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Number {
    /// Its place among those that are open; 0 when it has none.
    place: u8,
    /// The further keys whose page has its number, or one that was given later.
    pages: SmallVec<[Space; 2]>,
}

impl Running<'_> {
    /// It writes a row, or is about to.
    pub(super) fn takes_number(&mut self) {
        if self.store.caller != Caller::Script {
            return;
        }
        let numbers = self.database.connections.iter().filter_map(|open| open.number());
        let last = numbers.map(|number| number.place).max().unwrap_or(0);
        let own = self.database.connections[self.who].number_mut();
        if own.place == 0 {
            own.place = last + 1;
        }
    }

    /// It puts a record into a further key, or marks one there.
    pub(super) fn leaves_number(&mut self, space: Space) {
        if self.store.caller != Caller::Script {
            return;
        }
        let own = self.database.connections[self.who].number_mut().place;
        let older = |place: u8| (1..=own).contains(&place);
        let is_older = |number: &Number| older(number.place) && !number.pages.contains(&space);
        for open in self.database.connections.busy_mut_if(|open| open.number().is_some_and(is_older)) {
            open.number_mut().pages.push(space);
        }
    }

    /// True for a record of a further key that it is taken to have because it has written the row.
    pub(super) fn is_taken_to_have(&self, record: KeyId) -> bool {
        let (store, own) = (self.store, &self.database.connections[self.who]);
        let (space, primary) = (store.keys.get(record).space, store.primary_of(record));
        let knows = |number: &Number| number.pages.contains(&space);
        let has = !self.locks_gaps()
            && record != primary
            && written(store, own.changes, primary).is_some()
            && self.database.connections.iter().filter_map(|open| open.number()).any(knows);
        if has {
            store.note(Rule::InnodbByNumber);
        }
        has
    }
}
