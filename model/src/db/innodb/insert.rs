//! New records.
//!
//! Rules (InnoDB's `row_ins`, `row_ins_duplicate_error_in_clust`, `row_ins_scan_sec_index_for_duplicate`,
//! `row_ins_clust_index_entry_by_modify`; MariaDB's manual, "INSERT ON DUPLICATE KEY UPDATE"):
//! - rows are put in one after the other, those of a `SELECT` each as it is found, which shows where it is locked, or read
//!   without a snapshot; and a row into one index after the other,
//!   the primary key first: what is in stays there while the row waits at the next one;
//! - a record that is there already is locked in share mode, or, for `ON DUPLICATE KEY UPDATE`, exclusively, before anybody
//!   says that the key is taken; that lock stays, also when the statement fails; by a further key, at every level, with the
//!   gap before it, and when none of its records takes the key, with the record behind them, too;
//! - a marked record of the same key is written anew, for which it has to be locked exclusively;
//! - a new record waits for whoever has locked the gap it goes into; it does not keep others from locking that gap;
//! - a row whose further key is taken is in under its first one until then, and is met there by those who go on meanwhile, as
//!   is a row before the next one goes in.

use super::{Cause, Effects, KeyId, Level, NOTHING, ReplyId, Running, Seen, Stop, Want, blockers};
use crate::db::transactions::Caller;
use crate::db::{Answered, Change, Choices, ContentsId, RowId, Rule};
use crate::sql::{Insert, OnConflict, PlanKind, Select, Space};

/// What became of a record that was to be put into an index.
enum Put {
    /// It is in: a new one, or a marked one that was written anew.
    New,
    Anew,
    /// The key is taken, by this record.
    Taken(KeyId),
}

impl Running<'_> {
    pub(super) fn insert(&mut self, choices: &mut Choices, effects: &mut Effects) -> Result<ReplyId, Stop> {
        let store = self.store;
        let plan = store.plan(self.request);
        let PlanKind::Insert(insert) = &plan.kind else { return Err(Stop::Fails(Cause::Unusable)) };
        let subs: Vec<usize> = (0..plan.subs.len()).collect();
        if !subs.is_empty() {
            self.read_subs(&subs)?;
        }
        let mut affected = 0;
        match (plan.source_by_rows(), plan.source()) {
            (Some(select), _) if self.level == Level::ReadUncommitted => {
                return self.insert_as_read(insert, select, choices, effects);
            }
            (Some(select), _) if self.locks_reads() => {
                self.read(select, |run, key| {
                    let new = run.step(|run| run.new_row(select, key))?;
                    if let Seen::Row(new) = new {
                        affected += run.put_row(insert, (new, affected > 0), choices, effects)?;
                    }
                    Ok(true)
                })?;
                return Ok(store.replies.keep(Answered::Affected(affected)));
            }
            (None, Some(select)) if self.locks_reads() => self.read(select, |_, _| Ok(true))?,
            _ => {}
        }
        let looks_at = if plan.reads().next().is_some() { self.look()? } else { self.database.committed };
        // A row is in before the values of the next one are computed.
        let (rows, failed) = store.new_rows_until(looks_at, self.before, self.request)?;
        for row in rows {
            affected += self.put_row(insert, (row, affected > 0), choices, effects)?;
        }
        if let Some(cause) = failed {
            return Err(Stop::Fails(cause));
        }
        Ok(store.replies.keep(Answered::Affected(affected)))
    }

    /// Put in the rows of a source that is read without a lock and without a snapshot: each is read when the one before it
    /// is in, which may have waited.
    fn insert_as_read(
        &mut self,
        insert: &Insert,
        select: &Select,
        choices: &mut Choices,
        effects: &mut Effects,
    ) -> Result<ReplyId, Stop> {
        let store = self.store;
        let mut affected = 0;
        let mut last: Option<KeyId> = None;
        if self.half_undone != NOTHING {
            match choices.pick(2) {
                0 => self.half_undone = NOTHING,
                _ => store.note(Rule::InnodbHalfUndone),
            }
        }
        loop {
            let is_behind = |key: KeyId| last.is_none_or(|last| store.compare_keys(key, last).is_gt());
            let seen = self.step(|run| {
                let found = store.sources(run.newest_of(run.newest(), select), NOTHING, run.request, select)?;
                let next = found.into_iter().find(|(key, _)| is_behind(*key));
                Ok(next.map_or(Seen::End, |(key, _)| Seen::Record(key, None)))
            })?;
            let Seen::Record(key, _) = seen else { break };
            last = Some(key);
            let seen = self.step(|run| {
                let found = store.sources(run.newest_of(run.newest(), select), NOTHING, run.request, select)?;
                let next = found.into_iter().find(|(known, _)| *known == key);
                Ok(next.map_or(Seen::End, |(_, new)| Seen::Row(new)))
            })?;
            if let Seen::Row(new) = seen {
                affected += self.put_row(insert, (new, affected > 0), choices, effects)?;
            }
        }
        Ok(store.replies.keep(Answered::Affected(affected)))
    }

    /// The new row that comes of one that the source has found.
    fn new_row(&mut self, select: &Select, key: KeyId) -> Result<Seen, Stop> {
        let (committed, changes) = (self.database.committed, self.changes());
        let Some(row) = self.store.seen(committed, changes, key) else { return Ok(Seen::End) };
        Ok(Seen::Row(self.store.new_row_of(self.request, select, row, committed, changes)?))
    }

    /// Put one row in, or do what the statement says about a key that is taken. How many rows that counts for. `is_further`: of
    /// the rows before it some are in.
    fn put_row(
        &mut self,
        insert: &Insert,
        (row, is_further): (RowId, bool),
        choices: &mut Choices,
        effects: &mut Effects,
    ) -> Result<u32, Stop> {
        let store = self.store;
        let table = store.plan(self.request).table;
        self.takes_number();
        let row = store.accepted(table, row, matches!(insert.on_conflict, OnConflict::Skip { .. }))?;
        let updates = matches!(insert.on_conflict, OnConflict::Update { .. });
        if is_further {
            self.is_met_meanwhile(choices)?;
        }
        let indexes = store.indexes(table);
        let mut put = Vec::new();
        for space in &indexes {
            let seen = self.step(|run| {
                Ok(match run.put_record(*space, row, updates, effects)? {
                    Put::New => Seen::Done,
                    Put::Anew => Seen::End,
                    Put::Taken(by) => Seen::Taken(by),
                })
            })?;
            let Seen::Taken(by) = seen else {
                put.push((*space, seen == Seen::Done));
                continue;
            };
            if is_further || !put.is_empty() {
                self.is_met_meanwhile(choices)?;
            }
            if matches!(insert.on_conflict, OnConflict::Refuse) {
                return Err(Stop::Fails(Cause::Duplicate));
            }
            self.step(|run| {
                run.take_back(&put, row, updates);
                Ok(Seen::Done)
            })?;
            return if updates { self.update_instead(by, row, effects) } else { Ok(0) };
        }
        Ok(1)
    }

    /// What is in waits for the next row, or goes out again since a further key is taken. Others that go on at the same moment
    /// may come to it before.
    ///
    /// In scripts only: what comes of it is that somebody waits for a commit in place of the end of a statement, which is
    /// nothing that an exploration tells apart from somebody who is late.
    fn is_met_meanwhile(&mut self, choices: &mut Choices) -> Result<(), Stop> {
        if self.store.caller != Caller::Script {
            return Ok(());
        }
        let is_new = self.at == self.journal.len();
        let seen = self.step(|run| {
            let others = (0..run.database.connections.len()).filter(|other| *other != run.who);
            let can_go = |other: usize| {
                let waits = run.database.connections[other].wait.is_some();
                waits && blockers(run.database, run.store, other).is_empty()
            };
            Ok(if others.into_iter().any(can_go) && choices.pick(2) == 1 { Seen::End } else { Seen::Done })
        })?;
        if is_new && seen == Seen::End {
            self.store.note(Rule::InnodbMeanwhile);
            return Err(Stop::Yields);
        }
        Ok(())
    }

    /// Put a row's record into one index.
    fn put_record(&mut self, space: Space, row: RowId, updates: bool, effects: &mut Effects) -> Result<Put, Stop> {
        let store = self.store;
        let record = store.record(space, row);
        let (table, _) = store.index(space);
        self.weighs_table(table, Want::Exclusive);
        let want = if updates { Want::Exclusive } else { Want::Share };
        if let Some(by) = self.taken(space, row, want)? {
            store.note(Rule::InnodbTaken);
            return Ok(Put::Taken(by));
        }
        let is_further = usize::from(space) != table;
        let is_there = self.database.has_record(store, record);
        if is_there {
            store.note(Rule::InnodbAnew);
            self.lock_to_write(record)?;
        } else {
            self.ask_to_put(record)?;
            let connection = &mut self.database.connections[self.who];
            connection.made = store.add_keys(connection.made, std::iter::once(record));
            self.weighs_new(record);
        }
        if is_further {
            self.leaves_number(space);
            self.lock(record, Want::Exclusive);
            self.marks(record, false);
        } else {
            let keys = store.keys_of(table, store.rows.get(row));
            let changed: Vec<(KeyId, Change)> = keys.into_iter().map(|key| (key, Change::Put(row))).collect();
            self.weighs_row(true);
            self.database.is_written(store, record, row);
            self.write(&changed, effects);
        }
        Ok(if is_there { Put::Anew } else { Put::New })
    }

    /// Lock the records under which a row's key may be taken: the one by which it is.
    fn taken(&mut self, space: Space, row: RowId, want: Want) -> Result<Option<KeyId>, Stop> {
        let store = self.store;
        let record = store.record(space, row);
        let (table, columns) = store.index(space);
        if usize::from(space) == table {
            if !self.database.has_record(store, record) {
                return Ok(None);
            }
            self.lock_record(record, want, false)?;
            return Ok((!self.database.is_marked(store, record)).then_some(record));
        }
        let key = columns.len() - store.tables.tables[table].primary.len();
        let values = store.keys.get(record).values[..key].to_vec();
        let is_of_key = |known: &KeyId| store.compare_prefix(*known, &values).is_eq();
        if values.contains(&crate::db::Val::Null) {
            return Ok(None);
        }
        let records = self.database.records_with(store, space, &values);
        if !records.iter().any(is_of_key) {
            return Ok(None);
        }
        for known in &records {
            self.lock_record(*known, want, true)?;
            if !is_of_key(known) {
                return Ok(None);
            }
            // What is to be put in is not there yet, whatever the row says by now.
            if *known != record && !self.database.is_marked(store, *known) {
                return Ok(Some(*known));
            }
        }
        self.ask_end(space, want);
        Ok(None)
    }

    /// Take a row's records back out of these indexes.
    fn take_back(&mut self, put: &[(Space, bool)], row: RowId, updates: bool) {
        let store = self.store;
        let out: Vec<KeyId> =
            put.iter().filter(|(_, is_new)| *is_new).map(|(space, _)| store.record(*space, row)).collect();
        let Some((table, is_new)) = put.first() else { return };
        if !is_new {
            self.database.is_written(store, store.record(*table, row), row);
        }
        self.weighs_row(false);
        let keys = store.keys_of(usize::from(*table), store.rows.get(row));
        // What has been written anew, and was never locked, is as free as before the statement.
        let anew: Vec<KeyId> =
            put.iter().filter(|(_, is_new)| !is_new).map(|(space, _)| store.record(*space, row)).collect();
        let stays = |key: &KeyId| {
            store.caller != Caller::Script
                || store.has_changed(self.before, *key)
                || self.has_structure(*key, Want::Exclusive)
        };
        let asked_for: Vec<KeyId> =
            out.iter().copied().filter(|record| self.has_structure(*record, Want::Exclusive)).collect();
        let connection = &self.database.connections[self.who];
        let back = |(key, change): &(KeyId, Change)| match change {
            Change::Put(_) if keys.contains(key) => {
                (*key == keys[0] && !out.contains(key) && stays(key)).then_some((*key, Change::Locked))
            }
            Change::Reborn(_) if keys.contains(key) => Some((*key, Change::Gone)),
            _ => (!out.contains(key) && (!anew.contains(key) || stays(key))).then_some((*key, *change)),
        };
        let changes = store.changes.id(&store.changes.get(connection.changes).iter().filter_map(back).collect());
        let made = store.key_sets.get(connection.made).iter().copied().filter(|record| !out.contains(record));
        let made = store.add_keys(super::NO_KEYS, made);
        let connection = &mut self.database.connections[self.who];
        (connection.changes, connection.made) = (changes, made);
        if updates && !self.locks_gaps() {
            // What others have asked for stays locked as the gap that it leaves (`lock_rec_inherit_to_gap` looks at
            // `trx_t::duplicates`).
            for record in asked_for {
                let gap = self.gap_at(store.keys.get(record).space, record);
                self.lock_gap(gap);
            }
        }
        self.database.take_out(store, &out);
    }

    /// Change the row whose key is taken.
    fn update_instead(&mut self, by: KeyId, new: RowId, effects: &mut Effects) -> Result<u32, Stop> {
        let store = self.store;
        let primary = store.primary_of(by);
        for record in [by, primary] {
            self.step(|run| {
                run.lock_record(record, Want::Exclusive, false)?;
                Ok(Seen::Done)
            })?;
        }
        let plan = store.plan(self.request);
        let looks_at: ContentsId = if plan.subs.is_empty() { self.database.committed } else { self.look()? };
        let seen = self.step(|run| {
            let changes = run.changes();
            let Some(there) = store.seen(run.database.committed, changes, primary) else { return Ok(Seen::Done) };
            let Some(updated) = store.updated_for((there, new), looks_at, changes, run.request)? else {
                return Ok(Seen::Done);
            };
            if store.are_one(there, updated) {
                return Ok(Seen::Done);
            }
            let keys = store.keys_of(plan.table, store.rows.get(there)).into_iter().enumerate();
            let change = |(place, key)| (key, if place == 0 { Change::Put(updated) } else { Change::Follows(updated) });
            let changed: Vec<(KeyId, Change)> = keys.map(change).collect();
            run.weighs_row(true);
            run.write(&changed, effects);
            Ok(Seen::Row(updated))
        })?;
        Ok(if seen == Seen::Done { 1 } else { 2 })
    }
}
