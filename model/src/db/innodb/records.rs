//! The records of an index. Locks are on records, so that it matters which of them are there, and not only which rows.
//!
//! A record of the primary key is known by that key; one of a further unique key by its columns followed by the primary key:
//! there may be several records of one key, of which one at most is not marked as removed, and rows with NULL in it have
//! records, too.
//!
//! Rules (InnoDB's `row_upd_del_mark_clust_rec`, `row_undo_ins`, `lock_update_delete`, `lock_rec_inherit_to_gap`):
//! - a removed row's records are marked, and stay until nobody can need them any more (docs/decisions/0013): in a script for
//!   as long as it takes, in an exploration until their transaction commits;
//! - a further record is marked by whoever removes its row once that one has locked it, and not while it waits for it
//!   (`row_upd_sec_index_entry`); it stays marked while whoever has removed its row writes that anew, until it is written anew
//!   itself (`row_ins`, index by index);
//! - the records of a row that was put in are taken out when that is undone; one that was only written anew, and not locked by
//!   anybody's asking, is then as free as before;
//! - who has locked a record that is taken out, or waits for it, has locked the gap that it leaves; below repeatable read not
//!   when the lock is exclusive, unless `ON DUPLICATE KEY UPDATE` waits for it (`trx_t::duplicates`); and whoever has put it
//!   in has locked it only if somebody has asked for it.

use crate::db::transactions::Caller;
use crate::db::{
    Change, ChangesId, Connection, ContentsId, Database, Gap, Key, KeyId, KeySetId, NO_KEYS, RowId, Rule, Store, Val,
    Want,
};
use crate::sql::Space;

impl Store {
    /// The table of an index, and the columns of a record's row in it.
    pub(super) fn index(&self, space: Space) -> (usize, Vec<usize>) {
        let tables = &self.tables.tables;
        if let Some(table) = tables.get(usize::from(space)) {
            return (usize::from(space), table.primary.clone());
        }
        let of =
            |table: usize| tables[table].uniques.iter().find(|(known, _)| *known == space).map(|(_, key)| (table, key));
        // Every space is a table's or a key's.
        let (table, key) = (0..tables.len()).find_map(of).unwrap_or((0, &tables[0].primary));
        (table, key.iter().chain(&tables[table].primary).copied().collect())
    }

    /// A row's record in an index.
    pub(super) fn record(&self, space: Space, row: RowId) -> KeyId {
        let row = self.rows.get(row);
        let values = self.index(space).1.into_iter().map(|column| row[column].as_key()).collect();
        self.keys.id(&Key { space, values })
    }

    /// The indexes of a table, the primary key first, the others in the order in which a new row is put into them.
    pub(super) fn indexes(&self, table: usize) -> Vec<Space> {
        let definition = &self.tables.tables[table];
        let may_be_null = |key: &[usize]| key.iter().any(|column| !definition.not_null.contains(column));
        let mut uniques: Vec<&(Space, Vec<usize>)> = definition.uniques.iter().collect();
        uniques.sort_by_key(|(_, key)| may_be_null(key));
        std::iter::once(table as Space).chain(uniques.into_iter().map(|(space, _)| *space)).collect()
    }

    /// The key under which the row of a record stands in its table.
    pub(super) fn primary_of(&self, record: KeyId) -> KeyId {
        let Key { space, values } = self.keys.get(record);
        let (table, _) = self.index(*space);
        if table as Space == *space {
            return record;
        }
        let primary = self.tables.tables[table].primary.len();
        self.keys.id(&Key { space: table as Space, values: values[values.len() - primary..].to_vec() })
    }

    /// True when this is the record of that row.
    pub(super) fn is_record_of(&self, record: KeyId, row: Option<RowId>) -> bool {
        row.is_some_and(|row| self.record(self.keys.get(record).space, row) == record)
    }

    /// True when a transaction has marked a further key's record, and not written it anew since.
    pub(super) fn has_marked(&self, changes: ChangesId, record: KeyId) -> bool {
        let changes = self.changes.get(changes);
        changes.binary_search_by_key(&record, |(known, _)| *known).is_ok_and(|at| changes[at].1 == Change::Marked)
    }

    fn records_of(&self, table: usize, row: RowId) -> impl Iterator<Item = KeyId> {
        self.indexes(table).into_iter().map(move |space| self.record(space, row))
    }
}

impl Database {
    /// All records of an index, in their order.
    pub(super) fn records(&self, store: &Store, space: Space) -> Vec<KeyId> {
        let (table, _) = store.index(space);
        let rows = store.rows_of(self.committed, table as Space);
        let mut records: Vec<KeyId> = if table as Space == space {
            rows.iter().map(|(key, _)| *key).collect()
        } else {
            rows.iter().map(|(_, row)| store.record(space, *row)).collect()
        };
        let sets = self.connections.iter().map(|open| open.made).chain([self.removed]);
        for set in sets.filter(|set| *set != NO_KEYS) {
            let set = store.key_sets.get(set).iter().copied();
            records.extend(set.filter(|key| store.keys.get(*key).space == space));
        }
        records.sort_by(|left, right| store.compare_keys(*left, *right));
        records.dedup();
        records
    }

    /// The newest row under a primary key, committed or not.
    pub(super) fn newest_row(&self, store: &Store, key: KeyId) -> Option<RowId> {
        let written = self.connections.iter().find_map(|open| written(store, open.changes, key));
        written.unwrap_or_else(|| store.committed(self.committed, key))
    }

    /// True when a record is marked as removed.
    pub(super) fn is_marked(&self, store: &Store, record: KeyId) -> bool {
        let primary = store.primary_of(record);
        if record != primary && self.connections.iter().any(|open| store.has_marked(open.changes, record)) {
            return true;
        }
        let is_removed = |open: &Connection| written(store, open.changes, primary) == Some(None);
        if record != primary
            && let Some(open) = self.connections.iter().find(|open| is_removed(open))
            && store.is_record_of(record, store.committed(self.committed, primary))
        {
            // Whoever removes a row marks a further record when it has locked it, for which it may have to wait.
            return store.has_changed(open.changes, record);
        }
        let writes = |open: &Connection| store.is_record_of(record, written(store, open.changes, primary).flatten());
        if record != primary
            && let Some(open) = self.connections.iter().find(|open| writes(open))
            && !store.is_record_of(record, store.committed(self.committed, primary))
        {
            // Whoever writes a removed row anew does so with a further record when it has locked that, too.
            return !store.has_changed(open.changes, record);
        }
        !store.is_record_of(record, self.newest_row(store, primary))
    }

    /// A transaction has committed: what it has removed, as far as it stays, and what it has put in and removed again.
    pub(in crate::db) fn leave_removed(&mut self, store: &Store, who: usize, before: ContentsId) {
        let connection = &mut self.connections[who];
        let (changes, made) = (connection.changes, std::mem::take(&mut connection.made));
        let mut marked: Vec<KeyId> = store.key_sets.get(made).clone();
        marked.extend(store.key_sets.get(self.removed));
        let mut kept = Vec::new();
        for (key, _) in store.changes.get(changes) {
            let table = usize::from(store.keys.get(*key).space);
            if table >= store.tables.tables.len() || written(store, changes, *key).is_none() {
                continue;
            }
            marked.extend(store.committed(before, *key).into_iter().flat_map(|row| store.records_of(table, row)));
            kept.extend(store.committed(self.committed, *key).into_iter().flat_map(|row| store.records_of(table, row)));
        }
        marked.retain(|record| !kept.contains(record));
        if store.caller == Caller::Script {
            self.removed = store.add_keys(NO_KEYS, marked.into_iter());
        } else {
            self.take_out(store, &marked);
        }
    }

    /// A statement is undone, and its locks stay; a record that it has written and never locked is as free as before.
    pub(in crate::db) fn undo(&mut self, store: &Store, who: usize, before: ChangesId, made_before: KeySetId) {
        self.moves_back(store, who, before);
        let connection = &self.connections[who];
        let made = connection.made;
        let out: Vec<KeyId> =
            store.key_sets.get(made).iter().copied().filter(|record| !store.has_key(made_before, *record)).collect();
        let known = store.changes.get(before);
        let is_record = |key: &KeyId| {
            let Key { space, values } = store.keys.get(*key);
            store.index(*space).1.len() == values.len()
        };
        let stays =
            |key: &KeyId| connection.has_structure((store.keys.get(*key).space, *key), Want::Exclusive) != Some(false);
        let undo = |(key, _): &(KeyId, Change)| match known.binary_search_by_key(key, |(known, _)| *known) {
            Ok(place) => Some((*key, known[place].1)),
            Err(_) => (is_record(key) && !out.contains(key) && stays(key)).then_some((*key, Change::Locked)),
        };
        let changes = store.changes.id(&store.changes.get(connection.changes).iter().filter_map(undo).collect());
        let connection = &mut self.connections[who];
        (connection.changes, connection.made) = (changes, made_before);
        self.take_out(store, &out);
    }

    /// A transaction is about to be rolled back, from its last change to its first. Whoever waits for a record that it has put
    /// in can go on as soon as that is out (`row_undo_ins`), when the changes before it are still there: where nothing that is
    /// read is locked, that shows. In what order they were made is not known here: any of the others may be still there.
    ///
    /// It lets go of its locks when all is undone. Whoever goes on before that waits for the first of them that it comes to, and
    /// does not let go of that record any more (see `scan`). In scripts only: what comes of it is waits.
    pub(in crate::db) fn undoes_last_first(&mut self, store: &Store, who: usize) {
        let Connection { changes, made, shared, .. } = self.connections[who];
        if made == NO_KEYS {
            return;
        }
        let is_lock = |change: &Change| !matches!(change, Change::Follows(_));
        let exclusive = || store.changes.get(changes).iter().filter(|(_, change)| is_lock(change)).map(|(key, _)| *key);
        for wait in self.connections.waits_mut_if(|wait| wait.keys.iter().any(|key| store.has_key(made, *key))) {
            if wait.reads_by_rows(store) {
                wait.half_undone = changes;
            }
            if store.caller == Caller::Script {
                let shared = if wait.want == Want::Share { NO_KEYS } else { shared };
                wait.half_locked = store.add_keys(shared, exclusive().filter(|key| !store.has_key(made, *key)));
            }
        }
    }

    /// These records are in their indexes no longer: locks on them become locks on the gaps that they leave.
    pub(in crate::db) fn take_out(&mut self, store: &Store, out: &[KeyId]) {
        if self.connections.iter().all(Connection::holds_nothing) {
            return;
        }
        for record in out {
            let space = store.keys.get(*record).space;
            let left = self.gap_at(store, space, *record);
            let Gap { after, before, .. } = left;
            self.is_taken_out(store, *record);
            for open in self.connections.busy_mut() {
                let gaps = store.gap_sets.get(open.gaps);
                if gaps.iter().any(|gap| gap.after == Some(*record) || gap.before == Some(*record)) {
                    let wider = |gap: &Gap| Gap {
                        after: if gap.after == Some(*record) { after } else { gap.after },
                        before: if gap.before == Some(*record) { before } else { gap.before },
                        ..*gap
                    };
                    let mut gaps: Vec<Gap> = gaps.iter().map(wider).collect();
                    gaps.sort_unstable();
                    gaps.dedup();
                    open.gaps = store.gap_sets.id(&gaps);
                }
                let has_shared = store.has_key(open.shared, *record);
                let changes = store.changes.get(open.changes);
                let held = changes.binary_search_by_key(record, |(known, _)| *known);
                let waits = open.wait.as_ref().is_some_and(|wait| {
                    let is_left = wait.want == Want::Share || self.locks_gaps || wait.upserts(store);
                    wait.keys.contains(record) && matches!(wait.want, Want::Share | Want::Exclusive) && is_left
                });
                if has_shared || waits || self.locks_gaps && held.is_ok() {
                    open.gaps = store.add_gap(open.gaps, left);
                    store.note(Rule::InnodbInherits);
                }
                if let Some(wait) = &mut open.wait {
                    if wait.want != Want::Gap && wait.keys.contains(record) {
                        wait.rest = Some(vec![*record]);
                    }
                    // Nobody waits for it any more (`lock_rec_reset_and_release_wait`).
                    wait.keys.retain(|key| key != record || wait.want == Want::Gap);
                }
                if has_shared {
                    let others = store.key_sets.get(open.shared).iter().copied().filter(|key| key != record);
                    open.shared = store.add_keys(NO_KEYS, others);
                }
                if let Ok(place) = held {
                    let mut changes = changes.clone();
                    changes.remove(place);
                    open.changes = store.changes.id(&changes);
                }
            }
        }
    }
}

/// What a transaction has written under a primary key: a row, or none any more. `None` when it has written nothing.
pub(super) fn written(store: &Store, changes: ChangesId, key: KeyId) -> Option<Option<RowId>> {
    let changes = store.changes.get(changes);
    let place = changes.binary_search_by_key(&key, |(known, _)| *known).ok()?;
    match changes[place].1 {
        Change::Put(row) | Change::Reborn(row) | Change::Follows(row) | Change::Beside(row) => Some(Some(row)),
        Change::Gone | Change::Undone(_) => Some(None),
        Change::Locked | Change::Marked => None,
    }
}

/// True when the first values of a record are these.
pub(super) fn begins_with(store: &Store, record: KeyId, values: &[Val]) -> bool {
    store.compare_prefix(record, values).is_eq()
}
