//! The records on a path, and the gaps between them.
//!
//! Rules (InnoDB's `row_search_mvcc`, `sel_set_rec_lock`, `row_unlock_for_mysql`):
//! - by the whole of the primary key: the record is locked; where there is none, from repeatable read on the gap in which it
//!   would stand;
//! - by the whole of a further key: its records are locked, from repeatable read on with the gaps before them, as far as the
//!   first that is not marked; where there is none, the gap behind them, too; then the row's own record, unless a shared
//!   read finds all it needs in the first (measured on 10.11 with `innodb_status_output_locks`);
//! - otherwise every record on the way is locked in the order of its key, from repeatable read on with the gap before it,
//!   and the record or the end behind the last one; of a path that begins with a key that is there, not the gap before that;
//! - below repeatable read a record is let go again when its row does not satisfy the condition, unless it was waited for;
//!   not so of a read by the whole of a unique key, which tests its condition later; one that was marked by a transaction
//!   that has committed is not locked at all, also while somebody waits to write it anew;
//! - who waited for a record that was taken out goes on behind its place, at a further key with a record of the same key that
//!   has come right before that place (`btr_pcur_t::SAME_UNIQ`, `sel_restore_position_for_mysql`);
//! - below repeatable read an `UPDATE` that is not by a unique key passes over a locked record when what is committed
//!   there does not satisfy its condition ("semi-consistent read");
//! - a path ends when as many rows as wanted are found;
//! - a read that goes on without a locked record looks for the next one, also where there is one key only: from repeatable
//!   read on it locks the gap behind the record.

use super::records::begins_with;
use super::{Cause, KeyId, NO_KEYS, Running, Seen, Stop, Want};
use crate::db::{Key, Rule, Val};
use crate::sql::{OnLocked, Space};

/// One part of a path.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// One primary key.
    Key(KeyId),
    /// The entries of a further unique key with these values.
    Entries(Space, Vec<Val>),
    /// The records of an index that begin with these values.
    Prefix(Space, Vec<Val>),
    /// The records of the primary key from these values on, or from the first.
    From { space: Space, least: Option<(Vec<Val>, bool)> },
    /// Every record of a further key.
    All(Space),
}

/// What a statement does on a path.
pub(super) struct Scan<'s> {
    pub(super) table: usize,
    pub(super) parts: Vec<Part>,
    pub(super) want: Want,
    pub(super) on_locked: OnLocked,
    /// A shared read that finds all it needs in a further key's record.
    pub(super) covered: bool,
    /// A read, which keeps the one record that it comes to by the whole of a key.
    pub(super) keeps: bool,
    /// An `UPDATE`, below repeatable read.
    pub(super) passes_over: bool,
    /// True for a row that satisfies the condition; and when the path ends with a record, by its key alone.
    pub(super) satisfies: &'s dyn Fn(&Running<'_>, KeyId) -> Result<bool, Cause>,
    pub(super) is_on_path: &'s dyn Fn(KeyId) -> Result<bool, Cause>,
}

impl Running<'_> {
    /// Come to the rows on a path one after the other, until there are no more or one is enough.
    pub(super) fn scan(
        &mut self,
        scan: &Scan<'_>,
        mut each: impl FnMut(&mut Self, KeyId) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        for part in &scan.parts {
            let mut from = None;
            loop {
                let seen = self.step(|run| run.next(scan, part, from))?;
                let (Seen::Record(record, _) | Seen::Skipped(record)) = seen else { break };
                let row = if let Seen::Record(_, row) = seen { row } else { None };
                from = Some(record);
                if let Some(row) = row
                    && !each(self, row)?
                {
                    return Ok(());
                }
                let is_single = match part {
                    Part::Key(_) => matches!(seen, Seen::Record(..)),
                    _ => matches!(part, Part::Entries(..)) && row.is_some(),
                };
                if is_single {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The next record of a part: locked, and looked at.
    fn next(&mut self, scan: &Scan<'_>, part: &Part, from: Option<KeyId>) -> Result<Seen, Stop> {
        let store = self.store;
        let gaps = self.locks_gaps();
        self.weighs_table(scan.table, scan.want);
        let space = match part {
            Part::Key(key) => store.keys.get(*key).space,
            Part::Entries(space, _) | Part::Prefix(space, _) | Part::From { space, .. } | Part::All(space) => *space,
        };
        let is_before = |record: &KeyId| match (from, part) {
            (Some(from), _) => store.compare_keys(*record, from).is_le(),
            (None, Part::Key(key)) => store.compare_keys(*record, *key).is_lt(),
            (None, Part::Entries(_, values) | Part::Prefix(_, values)) => store.compare_prefix(*record, values).is_lt(),
            (None, Part::From { least: Some((values, true)), .. }) => store.compare_prefix(*record, values).is_lt(),
            (None, Part::From { least: Some((values, false)), .. }) => store.compare_prefix(*record, values).is_le(),
            (None, Part::From { least: None, .. } | Part::All(_)) => false,
        };
        // Who has waited for a record goes on from there, whatever has been put in before it meanwhile.
        let resumes = self.resumes.filter(|at| store.keys.get(*at).space == space);
        let put_back = resumes.and_then(|at| self.put_back(at));
        let is_passed = |record: &KeyId| {
            put_back != Some(*record) && resumes.is_some_and(|at| store.compare_keys(*record, at).is_lt())
        };
        let is_next = |record: KeyId| !is_before(&record) && !is_passed(&record);
        let start: &[Val] = match (from, part) {
            (Some(from), _) => &store.keys.get(from).values,
            (None, Part::Key(key)) => &store.keys.get(*key).values,
            (None, Part::Entries(_, values) | Part::Prefix(_, values)) => values,
            (None, Part::From { least: Some((values, _)), .. }) => values,
            (None, Part::From { least: None, .. } | Part::All(_)) => &[],
        };
        let Some(record) = self.database.first_record(store, space, start, is_next) else {
            if gaps {
                self.ask_end(space, scan.want);
            }
            return Ok(Seen::End);
        };
        if put_back == Some(record) {
            store.note(Rule::InnodbPutBack);
        }
        let fits = match part {
            Part::Key(key) => record == *key,
            Part::Entries(_, values) | Part::Prefix(_, values) => begins_with(store, record, values),
            Part::From { .. } => (scan.is_on_path)(record)?,
            Part::All(_) => true,
        };
        if !fits && !matches!(part, Part::From { .. }) {
            if gaps {
                match part {
                    Part::Key(key) if from.is_none() => self.ask_gap_for(space, *key, scan.want),
                    _ => self.ask_gap_before(record, scan.want),
                }
            }
            return Ok(Seen::End);
        }
        let is_marked = self.database.is_marked(store, record);
        let is_first_key = match part {
            Part::From { least: Some((values, true)), .. } => {
                from.is_none()
                    && values.len() == store.keys.get(record).values.len()
                    && begins_with(store, record, values)
            }
            _ => false,
        };
        let is_unique = matches!(part, Part::Key(_) | Part::Entries(..));
        let with_gap = gaps && !matches!(part, Part::Key(_)) && !is_first_key;
        if is_marked {
            store.note(Rule::InnodbMarked);
        }
        let is_granted = self.granted.is_some_and(|(granted, _)| granted == record);
        if is_marked && !gaps && !is_granted && self.is_left(record) {
            store.note(Rule::InnodbLeft);
            return Ok(Seen::Record(record, None));
        }
        let Some(is_new) = self.lock_on_path(scan, record, with_gap, is_unique)? else {
            return Ok(if scan.on_locked == OnLocked::Skip {
                Seen::Skipped(record)
            } else {
                Seen::Record(record, None)
            });
        };
        if !fits {
            if is_new && !gaps {
                self.unlock(record, scan.want);
            }
            return Ok(Seen::End);
        }
        let mut new = Vec::new();
        new.extend(is_new.then_some(record));
        let row = self.row_of(scan, record, &mut new)?;
        let stays = is_unique && scan.keeps && !is_marked;
        if row.is_none() && !gaps && !stays {
            if !new.is_empty() {
                store.note(Rule::InnodbLetsGo);
            }
            new.into_iter().for_each(|record| self.unlock(record, scan.want));
        }
        Ok(Seen::Record(record, row))
    }

    /// Lock a record, unless the statement passes over it: `None`.
    fn lock_on_path(
        &mut self,
        scan: &Scan<'_>,
        record: KeyId,
        with_gap: bool,
        is_unique: bool,
    ) -> Result<Option<bool>, Stop> {
        if self.is_taken_to_have(record) {
            return Ok(Some(false));
        }
        let stands_in_the_way = !self.has(record, scan.want) && self.is_in_the_way(record, scan.want);
        // A conflict with the snapshot is told whatever the statement says about locks.
        if stands_in_the_way && !(self.is_as_committed(record) && self.is_too_new(record)) {
            self.makes_explicit(record);
            match scan.on_locked {
                OnLocked::Skip => {
                    self.store.note(Rule::InnodbSkips);
                    return Ok(None);
                }
                OnLocked::Fail => {
                    self.store.note(Rule::InnodbNoWait);
                    return Err(Stop::Fails(Cause::NotAvailable));
                }
                OnLocked::Wait => {}
            }
            if scan.passes_over && !is_unique && !(scan.satisfies)(self, record)? {
                self.store.note(Rule::InnodbPassesOver);
                return Ok(None);
            }
            self.store.note(Rule::InnodbWaits);
        }
        let is_new = self.lock_record(record, scan.want, with_gap)?;
        let passes_over = scan.passes_over && !is_unique;
        if passes_over || !self.store.has_key(self.half_locked, record) {
            return Ok(Some(is_new));
        }
        self.half_locked = NO_KEYS;
        self.store.note(Rule::InnodbHalfLocked);
        Ok(Some(false))
    }

    /// The record of the same further key that stands right before the place of one that was taken out.
    fn put_back(&self, at: KeyId) -> Option<KeyId> {
        let store = self.store;
        let Key { space, values } = store.keys.get(at);
        let (table, columns) = store.index(*space);
        if usize::from(*space) == table || self.database.has_record(store, at) {
            return None;
        }
        let own = columns.len() - store.tables.tables[table].primary.len();
        let before = self.database.last_record(store, *space, Some(at))?;
        begins_with(store, before, &values[..own]).then_some(before)
    }

    /// The row of a record that has been locked, by its primary key, locked as well, when the statement wants it.
    fn row_of(&mut self, scan: &Scan<'_>, record: KeyId, new: &mut Vec<KeyId>) -> Result<Option<KeyId>, Stop> {
        if self.database.is_marked(self.store, record) {
            return Ok(None);
        }
        let row = self.store.primary_of(record);
        if row != record && !scan.covered {
            let had = self.has(row, scan.want);
            let Some(is_new) = self.lock_on_path(scan, row, false, true)? else { return Ok(None) };
            match is_new {
                true => new.push(row),
                // It was waited for: then neither is let go.
                false if !had => new.clear(),
                false => {}
            }
        }
        Ok((scan.satisfies)(self, row)?.then_some(row))
    }
}
