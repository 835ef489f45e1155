//! What a transaction has done itself to a row that it comes to again.

use super::{Change, KeyId, RowId, Running};

impl Running<'_> {
    /// It has put this row there itself, where others may have put and removed some since its snapshot.
    pub(super) fn has_put(&self, key: KeyId, row: RowId) -> bool {
        let connection = &self.database.connections[self.who];
        let own = self.store.changes.get(connection.changes);
        let has_done = |change: Change| own.contains(&(key, change));
        // Beside another that holds the same values, it comes to that one as well.
        let is_alike = || connection.snapshot.is_some_and(|sees| self.store.committed(sees, key) == Some(row));
        has_done(Change::Put(row)) || has_done(Change::Reborn(row)) || has_done(Change::Beside(row)) && !is_alike()
    }

    /// A change as others may meet it: what is left of a row that the transaction has put in itself and removes again.
    pub(super) fn as_left(&self, key: KeyId, change: Change) -> Change {
        let own = self.store.changes.get(self.database.connections[self.who].changes);
        let before = own.binary_search_by_key(&key, |(known, _)| *known).map(|place| own[place].1);
        match (before, change) {
            (Ok(Change::Put(row)), Change::Gone) if self.store.committed(self.database.committed, key).is_none() => {
                Change::Undone(row)
            }
            _ => change,
        }
    }
}
