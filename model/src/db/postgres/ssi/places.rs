//! What a read leaves behind, and the writes that meet it.
//!
//! PostgreSQL marks rows one by one where an index leads to them, the index page that led there, and a whole table that is
//! read from end to end. A write looks for marks on the row that it replaces, on its page and on its table; a new row on
//! its table, and on the page of each index that it goes into.

use super::super::super::{Cause, Change, Database, KeyId, KeySetId, NO_KEYS, Rule, Store};
use super::Ssi;
use crate::sql::Space;

/// Places are numbered behind the keys of rows.
const PLACES: KeyId = 1 << 31;
/// More marks than this on the rows of a page become one of the page (`max_pred_locks_per_page`).
const MOST_ROWS: usize = 2;

/// The rows of a table, from end to end.
pub(in super::super) fn relation_of(table: usize) -> KeyId {
    PLACES | (table as KeyId)
}

/// The page of a table on which its rows are.
fn page_of(table: usize) -> KeyId {
    PLACES | 1 << 20 | (table as KeyId)
}

/// The page of an index.
pub(in super::super) fn index_of(space: Space) -> KeyId {
    PLACES | 2 << 20 | KeyId::from(space)
}

impl Store {
    /// A set of keys without these.
    pub(super) fn without_keys(&self, keys: KeySetId, gone: &[KeyId]) -> KeySetId {
        if keys == NO_KEYS || gone.is_empty() {
            return keys;
        }
        let left = self.key_sets.get(keys).iter().filter(|key| !gone.contains(key));
        self.key_sets.id(&left.copied().collect())
    }

    /// The keys of rows with other names; places keep theirs.
    pub(crate) fn rename_reads(&self, reads: KeySetId, to: impl Fn(KeyId) -> KeyId) -> KeySetId {
        let renamed = |key: &KeyId| if *key >= PLACES { *key } else { to(*key) };
        self.add_keys(NO_KEYS, self.key_sets.get(reads).iter().map(renamed))
    }
}

impl Ssi {
    /// A transaction reads a place (`PredicateLockRelation`, `PredicateLockPage`).
    pub(in super::super) fn reads_place(&mut self, store: &Store, who: usize, table: usize, place: KeyId) {
        let Some(me) = self.of(who).filter(|_| store.is_written(table)) else { return };
        let reads = self.xacts[me].reads;
        if place == relation_of(table) {
            // Whatever it has marked of the rows is part of it.
            let of_table = |key: &KeyId| *key == page_of(table) || *key < PLACES && is_of(store, *key, table);
            let covered: Vec<KeyId> = store.key_sets.get(reads).iter().copied().filter(of_table).collect();
            self.xacts[me].reads = store.without_keys(reads, &covered);
        }
        self.xacts[me].reads = store.add_keys(self.xacts[me].reads, [place].into_iter());
    }

    /// A transaction reads the version of a row that its snapshot has (`PredicateLockTID`).
    pub(in super::super) fn reads_row(&mut self, store: &Store, who: usize, table: usize, key: KeyId) {
        let Some(me) = self.of(who).filter(|_| store.is_written(table)) else { return };
        let reads = self.xacts[me].reads;
        if store.has_key(reads, relation_of(table)) || store.has_key(reads, page_of(table)) {
            return;
        }
        let reads = store.add_keys(reads, [key].into_iter());
        let of_table = |key: &KeyId| *key < PLACES && is_of(store, *key, table);
        let rows: Vec<KeyId> = store.key_sets.get(reads).iter().copied().filter(of_table).collect();
        self.xacts[me].reads = if rows.len() > MOST_ROWS {
            store.note(Rule::SsiPage);
            store.add_keys(store.without_keys(reads, &rows), [page_of(table)].into_iter())
        } else {
            reads
        };
    }
}

/// True for the primary key of a row of this table.
fn is_of(store: &Store, key: KeyId, table: usize) -> bool {
    usize::from(store.keys.get(key).space) == table
}

impl Database {
    /// A transaction replaces or removes a row (`CheckForSerializableConflictIn`), which its own mark is not needed for
    /// any more.
    pub(in super::super) fn writes_row(&mut self, store: &Store, who: usize, key: KeyId) -> Result<(), Cause> {
        let table = usize::from(store.keys.get(key).space);
        // What it has written itself has no mark, and on a version that is not there any more a mark does not count.
        self.writes_places(store, who, &[key, page_of(table), relation_of(table)])?;
        if let Some(ssi) = &mut self.ssi
            && let Some(me) = ssi.of(who)
        {
            ssi.xacts[me].reads = store.without_keys(ssi.xacts[me].reads, &[key]);
        }
        Ok(())
    }

    /// A transaction writes where others may have read.
    pub(in super::super) fn writes_places(&mut self, store: &Store, who: usize, places: &[KeyId]) -> Result<(), Cause> {
        let Some(ssi) = &mut self.ssi else { return Ok(()) };
        let Some(me) = ssi.of(who) else { return Ok(()) };
        ssi.is_told(store, me)?;
        ssi.xacts[me].is_writer = true;
        // Its own version of the row is one that nobody has read.
        let own = store.changes.get(self.connections[who].changes);
        let is_own = |key: KeyId| own.iter().any(|(known, change)| *known == key && *change != Change::Locked);
        for place in places.iter().filter(|place| !is_own(**place)) {
            for reader in (0..ssi.xacts.len()).filter(|reader| *reader != me) {
                let xact = &ssi.xacts[reader];
                let newer = xact.who.and_then(|other| self.connections.get(usize::from(other))?.newer);
                let is_marked =
                    store.has_key(xact.reads, *place) && newer.is_none_or(|newer| !store.has_key(newer, *place));
                // A reader that ended before any transaction began that was open at the snapshot does not count.
                let overlaps = !ssi.is_finished(reader) || ssi.xacts[me].oldest < xact.ended;
                if is_marked && overlaps {
                    ssi.conflict(store, reader, me, me)?;
                }
            }
        }
        Ok(())
    }
}
