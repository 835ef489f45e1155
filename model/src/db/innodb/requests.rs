//! A lock on a record, on a gap, for a new record.
//!
//! Rules (InnoDB's `lock_rec_has_to_wait`, `lock_rec_convert_impl_to_expl`, `lock_rec_insert_check_and_lock`):
//! - shared locks go together, exclusive ones with none; whoever has changed a record has it exclusively, without the gap
//!   before it; who has it asks for the gap alone;
//! - with `innodb_snapshot_isolation` a record that is newer than the snapshot is a conflict at once, whoever has locked it,
//!   unless that one has written it anew;
//! - locks on a gap go together, and keep new records out; nobody waits for a request to put one in, which waits for those who
//!   had locked the gap before it, and then asks anew;
//! - a request waits behind those that came before it and that it could not be granted beside; while it waits for a record
//!   with the gap before it, it keeps new records out already.

use smallvec::SmallVec;

use super::records::written;
use super::weights::Span;
use super::{Cause, Database, KeyId, Level, Running, Stop, Store, Want};
use crate::db::transactions::Caller;
use crate::db::{Change, Gap, Rule};
use crate::sql::Space;

/// The others who hold what is wanted of a key, or asked for it before.
pub(super) fn in_the_way<'a>(
    database: &'a Database,
    store: &'a Store,
    who: usize,
    key: KeyId,
    want: Want,
    turn: Option<u8>,
) -> impl Iterator<Item = usize> + 'a {
    let holders = holders(database, store, who, key, want);
    let others = database.connections.iter().enumerate().filter(move |(other, _)| *other != who);
    let asked_before = others.filter(move |(_, open)| {
        let beside =
            |other: Want| matches!((want, other), (Want::Share, Want::Share) | (Want::Gap, _) | (_, Want::Gap));
        open.wait.as_ref().is_some_and(|wait| {
            wait.keys.contains(&key) && !beside(wait.want) && turn.is_none_or(|turn| wait.turn < turn)
        })
    });
    holders.into_iter().chain(asked_before.map(|(other, _)| other))
}

/// The others who hold what is wanted of a key.
pub(super) fn holders(database: &Database, store: &Store, who: usize, key: KeyId, want: Want) -> SmallVec<[usize; 2]> {
    match want {
        Want::Gap => database.gap_holders(store, who, key).collect(),
        _ => database.holders(store, who, key, want).collect(),
    }
}

impl Running<'_> {
    /// Lock a record, with the gap before it or without. True when that lock is new, and came without a wait: then it can be
    /// let go again.
    pub(super) fn lock_record(&mut self, record: KeyId, want: Want, with_gap: bool) -> Result<bool, Stop> {
        let had = self.has(record, want);
        let span = if with_gap { Span::Both } else { Span::Record };
        if !had && self.is_as_committed(record) && self.is_too_new(record) {
            return Err(Stop::Fails(Cause::Stale));
        }
        if !had && self.is_in_the_way(record, want) {
            self.makes_explicit(record);
            if with_gap {
                self.lock_gap_before(record);
            }
            self.weighs_request(Some((record, want, span)));
            return Err(Stop::Waits { key: record, want });
        }
        if with_gap {
            self.lock_gap_before(record);
        }
        let waited = self.granted == Some((record, want));
        let place = (self.store.keys.get(record).space, Some(record));
        match (had, waited) {
            // Who has it asks for nothing, or for the gap alone. Who has only written it has no lock yet beside which that
            // would be one (`lock_rec_lock` looks with `lock_rec_has_expl`), and asks for both.
            (true, _) if with_gap && self.has_structure(record, want) => self.weighs(place, want, Span::Gap),
            (true, _) if with_gap => self.weighs(place, want, Span::Both),
            (true, _) => {}
            (false, true) => self.weighs_granted(record, want, span),
            (false, false) => self.weighs(place, want, span),
        }
        if !had {
            self.lock(record, want);
        }
        Ok(!had && !waited)
    }

    /// Lock a record that is to be written.
    pub(super) fn lock_to_write(&mut self, record: KeyId) -> Result<(), Stop> {
        let had = self.has(record, Want::Exclusive);
        if !had && self.is_in_the_way(record, Want::Exclusive) {
            self.makes_explicit(record);
            self.weighs_request(Some((record, Want::Exclusive, Span::Record)));
            return Err(Stop::Waits { key: record, want: Want::Exclusive });
        }
        if !had && self.granted == Some((record, Want::Exclusive)) {
            self.weighs_granted(record, Want::Exclusive, Span::Record);
        }
        self.lock(record, Want::Exclusive);
        Ok(())
    }

    /// Whoever asks for a record that another transaction has put in makes a lock of what was none before
    /// (`lock_rec_convert_impl_to_expl`): what becomes of it when the record is taken out is as of any other.
    pub(super) fn makes_explicit(&mut self, record: KeyId) {
        self.weighs_for_others(record);
        if !self.locks_gaps() {
            return;
        }
        let (store, who) = (self.store, self.who);
        let connections = &mut self.database.connections;
        for other in 0..connections.len() {
            if other != who && store.has_key(connections[other].made, record) {
                store.note(Rule::InnodbAsked);
                connections[other].shared = store.add_keys(connections[other].shared, std::iter::once(record));
            }
        }
    }

    /// True when somebody holds what is wanted of a record, or asked for it before: whoever has it already need not ask.
    pub(super) fn is_in_the_way(&self, key: KeyId, want: Want) -> bool {
        let turn = (self.granted == Some((key, want))).then_some(0);
        in_the_way(self.database, self.store, self.who, key, want, turn).next().is_some()
    }

    pub(super) fn has(&self, record: KeyId, want: Want) -> bool {
        let own = &self.database.connections[self.who];
        self.store.has_changed(own.changes, record) || want == Want::Share && self.store.has_key(own.shared, record)
    }

    /// True for a record of a row whose newest version is committed.
    pub(super) fn is_as_committed(&self, record: KeyId) -> bool {
        let store = self.store;
        let primary = store.primary_of(record);
        self.database.connections.iter().all(|open| written(store, open.changes, primary).is_none())
    }

    /// True for a marked record that no open transaction has marked. Whoever writes its row anew has it only when that is done
    /// (`row_vers_impl_x_locked` asks whether a version before had the record in another state).
    pub(super) fn is_left(&self, record: KeyId) -> bool {
        let (store, database) = (self.store, &self.database);
        let primary = store.primary_of(record);
        let is_of = |row| store.is_record_of(record, row);
        let is_of_committed = is_of(store.committed(database.committed, primary));
        database.connections.iter().all(|open| match written(store, open.changes, primary) {
            None => true,
            Some(row) => {
                let has_written = is_of(row) && store.has_changed(open.changes, record);
                record != primary && !is_of_committed && !has_written && !store.has_key(open.made, record)
            }
        })
    }

    /// True when a record is newer than the snapshot, at the level that minds.
    pub(super) fn is_too_new(&self, record: KeyId) -> bool {
        let newer = self.database.connections[self.who].newer;
        let is = self.level == Level::Snapshot && newer.is_some_and(|newer| self.store.has_key(newer, record));
        if is {
            self.store.note(Rule::InnodbStale);
        }
        is
    }

    pub(super) fn lock(&mut self, key: KeyId, want: Want) {
        let connection = &mut self.database.connections[self.who];
        if want == Want::Share {
            connection.shared = self.store.add_keys(connection.shared, std::iter::once(key));
        } else {
            connection.changes = self.store.add_changes(connection.changes, &[(key, Change::Locked)]);
        }
    }

    /// Mark a record of a further key that it has locked, or write it anew.
    ///
    /// In scripts only: who looks in between reads without locks, by that key.
    pub(super) fn marks(&mut self, record: KeyId, is_removed: bool) {
        let (store, connection) = (self.store, &mut self.database.connections[self.who]);
        let mut changes = store.changes.get(connection.changes).clone();
        if store.caller == Caller::Script
            && let Ok(place) = changes.binary_search_by_key(&record, |(known, _)| *known)
        {
            changes[place].1 = if is_removed { Change::Marked } else { Change::Locked };
            connection.changes = store.changes.id(&changes);
        }
    }

    /// Let go of a record that is of no use.
    pub(super) fn unlock(&mut self, record: KeyId, want: Want) {
        self.weighs_no_more(record, want);
        let connection = &mut self.database.connections[self.who];
        if want == Want::Share {
            let others = self.store.key_sets.get(connection.shared).iter().copied().filter(|key| *key != record);
            connection.shared = self.store.add_keys(super::NO_KEYS, others);
        } else {
            let changes = self.store.changes.get(connection.changes).iter();
            connection.changes = self.store.changes.id(&changes.filter(|(key, _)| *key != record).copied().collect());
        }
    }

    /// Lock the gap before a record, and not the record.
    pub(super) fn ask_gap_before(&mut self, record: KeyId, want: Want) {
        self.makes_explicit(record);
        self.weighs((self.store.keys.get(record).space, Some(record)), want, Span::Gap);
        self.lock_gap_before(record);
    }

    fn lock_gap_before(&mut self, record: KeyId) {
        let space = self.store.keys.get(record).space;
        let gap = self.gap_at(space, record);
        self.lock_gap(Gap { before: Some(record), ..gap });
    }

    /// Lock the gap in which a record would stand, if there is none of that key.
    pub(super) fn ask_gap_for(&mut self, space: Space, record: KeyId, want: Want) {
        let gap = self.gap_at(space, record);
        if let Some(behind) = gap.before {
            self.makes_explicit(behind);
        }
        self.weighs((space, gap.before), want, Span::Gap);
        self.lock_gap(gap);
    }

    /// Lock the gap behind the last record.
    pub(super) fn ask_end(&mut self, space: Space, want: Want) {
        self.weighs((space, None), want, Span::Gap);
        let after = self.database.last_record(self.store, space, None);
        self.lock_gap(Gap { space, after, before: None });
    }

    pub(super) fn lock_gap(&mut self, gap: Gap) {
        let connection = &mut self.database.connections[self.who];
        connection.gaps = self.store.add_gap(connection.gaps, gap);
    }

    /// The gap in which this record stands, or would stand.
    pub(super) fn gap_at(&self, space: Space, record: KeyId) -> Gap {
        self.database.gap_at(self.store, space, record)
    }

    /// Wait until nobody has locked the gap into which a new record goes.
    pub(super) fn ask_to_put(&mut self, record: KeyId) -> Result<(), Stop> {
        if self.is_in_the_way(record, Want::Gap) {
            self.store.note(Rule::InnodbNewWaits);
            self.weighs_request(None);
            return Err(Stop::Waits { key: record, want: Want::Gap });
        }
        Ok(())
    }
}
