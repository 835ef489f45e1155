//! A statement that waits and goes on.
//!
//! A statement is a plain function over steps: a record that it locks, a row that it puts in, what its sub-selects look at.
//! When one of them has to wait, the function is left, and those that are behind it are kept with the wait. Let go on, it
//! is called anew, and is told these before it takes a step itself: so no statement is written as a machine of states.

use super::Running;
use crate::db::{Cause, ContentsId, KeyId, RowId, Want};

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Seen {
    /// It is done, and there is nothing to tell of it.
    Done,
    /// There is nothing more.
    End,
    /// A record, and the row that belongs to it, by its primary key, when the statement wants that.
    Record(KeyId, Option<KeyId>),
    /// A record that others have locked, and that the statement goes on without.
    Skipped(KeyId),
    /// A key that is taken by this row.
    Taken(KeyId),
    /// These rows are looked at.
    Contents(ContentsId),
    /// A new row.
    Row(RowId),
}

impl Seen {
    pub(crate) fn rename(
        &mut self,
        key: impl Fn(KeyId) -> KeyId,
        row: impl Fn(RowId) -> RowId,
        contents: impl Fn(ContentsId) -> ContentsId,
    ) {
        *self = match *self {
            Seen::Done | Seen::End => *self,
            Seen::Record(record, of) => Seen::Record(key(record), of.map(key)),
            Seen::Skipped(record) => Seen::Skipped(key(record)),
            Seen::Taken(by) => Seen::Taken(key(by)),
            Seen::Contents(looked_at) => Seen::Contents(contents(looked_at)),
            Seen::Row(new) => Seen::Row(row(new)),
        };
    }
}

/// Why a statement goes no further.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    Waits {
        key: KeyId,
        want: Want,
    },
    /// Not because it has to: others go on at the same moment, and are faster.
    Yields,
    Fails(Cause),
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Self {
        Stop::Fails(cause)
    }
}

impl Running<'_> {
    /// Take a step, or be told again what came of it.
    pub(super) fn step(&mut self, take: impl FnOnce(&mut Self) -> Result<Seen, Stop>) -> Result<Seen, Stop> {
        if let Some(seen) = self.journal.get(self.at) {
            self.at += 1;
            return Ok(*seen);
        }
        let seen = take(self)?;
        self.resumes = None;
        self.journal.push(seen);
        self.at += 1;
        Ok(seen)
    }
}
