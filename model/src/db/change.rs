//! What transactions do to rows.

use super::store::RowId;

/// What a transaction did to the row under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    /// Locked it, and nothing else.
    Locked,
    /// Locked this record of a further key, and marked it as removed; in scripts only (see `innodb::records`).
    Marked,
    /// Wrote this row.
    Put(RowId),
    /// Changed the row to which this entry of a further key leads, and not the entry: no lock on it.
    Follows(RowId),
    /// Removed what was there, and put this row in its place: not the same row any more.
    Reborn(RowId),
    /// Put this row where nothing is any more, but where its own snapshot goes on showing another one: it sees both.
    Beside(RowId),
    /// Removed it.
    Gone,
    /// Put this row where none was, and removed it again; kept apart where others may meet what is left of it.
    Undone(RowId),
}

impl Change {
    /// The row that is there after it.
    pub(super) fn row(self) -> Option<RowId> {
        match self {
            Change::Put(row) | Change::Reborn(row) | Change::Follows(row) | Change::Beside(row) => Some(row),
            Change::Locked | Change::Marked | Change::Gone | Change::Undone(_) => None,
        }
    }

    /// What it comes to when this is followed by another of the same transaction.
    pub(super) fn then(self, next: Change) -> Change {
        match (self, next) {
            (before @ (Change::Put(_) | Change::Reborn(_) | Change::Gone | Change::Undone(_)), Change::Locked) => {
                before
            }
            (Change::Put(_) | Change::Locked, Change::Follows(row)) | (Change::Follows(row), Change::Locked) => {
                Change::Put(row)
            }
            (Change::Reborn(_), Change::Follows(row)) => Change::Reborn(row),
            (Change::Gone | Change::Undone(_) | Change::Reborn(_), Change::Put(row)) => Change::Reborn(row),
            (Change::Beside(row), Change::Locked) => Change::Beside(row),
            (Change::Beside(_), Change::Put(row) | Change::Follows(row)) => Change::Beside(row),
            (Change::Beside(_), Change::Gone) => Change::Locked,
            (Change::Marked, Change::Locked) => Change::Marked,
            (_, next) => next,
        }
    }
}
