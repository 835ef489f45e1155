//! `UPDATE`, `DELETE` and locking reads.
//!
//! Rules (InnoDB's `row_search_mvcc` and `lock_rec_lock`; the manuals as in the module above):
//! - by the whole of a unique key: the record is locked, and by a further key the row's own record, too; where there is
//!   none, from repeatable read on the gap in which it would stand;
//! - otherwise every record on the way is locked, in the order of the primary key, and from repeatable read on the gaps
//!   before them and the one behind the last; at lower levels a record is let go again when its row does not satisfy the
//!   condition;
//! - below repeatable read an `UPDATE` that is not by a unique key passes over a locked record when what is committed
//!   there does not satisfy its condition ("semi-consistent read").

use super::super::exec::{Place, View};
use super::{Asked, Cause, Change, Effects, Gap, KeyId, Running, Shown, Wait, Want};
use crate::db::{Answered, ContentsId, DbCall, RowId};
use crate::sql::{Access, OnLocked, PlanKind};

/// What is to become of the record that a statement has come to.
enum Fate {
    Mine,
    Passed,
    Waits,
    Fails(Cause),
}

impl Running<'_> {
    pub(super) fn locking(&mut self, wait: Option<Wait>, effects: &mut Effects) -> Asked {
        let store = self.store;
        let plan = store.plan(self.request);
        let want = if plan.only_reads() { Want::Share } else { Want::of(plan) };
        let looks_at = self.looks_at();
        let (from, mut done, mut shown) = match wait {
            None => (None, 0, Shown::new()),
            Some(wait) => (wait.rest.and_then(|rest| rest.first().copied()), wait.done, wait.shown),
        };
        let view = View { base: looks_at, changes: self.changes(), only: None };
        let place = match store.place(self.request, &plan.access, plan.table, view) {
            Ok(place) => place,
            Err(cause) => return self.fails(cause),
        };
        let way = match self.way(&plan.access, plan.table, place) {
            Ok(way) => way,
            Err(cause) => return self.fails(cause),
        };
        for step in way.steps {
            let is_over = |from: KeyId| step.row.is_some_and(|row| store.compare_keys(row, from).is_lt());
            if from.is_some_and(is_over) {
                continue;
            }
            for key in step.entry.into_iter().chain(step.row) {
                match self.fate(key, want, looks_at, way.is_single) {
                    Fate::Mine => {}
                    Fate::Passed => break,
                    Fate::Fails(cause) => return self.fails(cause),
                    Fate::Waits => {
                        if let Some(gap) = step.gap {
                            self.lock_gap(gap);
                        }
                        let rest = Some(step.row.into_iter().collect());
                        let call = DbCall::Run(self.request);
                        return self.wait(Wait { rest, done, shown, keys: vec![key], ..Wait::new(call, want) });
                    }
                }
                if Some(key) == step.row {
                    match self.come_to(key, want, looks_at, effects) {
                        Ok(None) => {}
                        Ok(Some(row)) => {
                            done += 1;
                            shown.push((key, row));
                        }
                        Err(cause) => return self.fails(cause),
                    }
                } else {
                    self.lock(key, want);
                }
            }
            if let Some(gap) = step.gap {
                self.lock_gap(gap);
            }
        }
        if let Some(gap) = way.rest {
            self.lock_gap(gap);
        }
        let reply = match &plan.kind {
            PlanKind::Select(_) => {
                // Locked by now, they are as they were when it came to them.
                let keys: Vec<KeyId> = shown.iter().map(|(key, _)| *key).collect();
                let changes = self.database.connections[self.who].changes;
                let run = store.run_apart(self.database.committed, looks_at, changes, self.request, Some(&keys));
                effects.shown.extend_from_slice(&run.shown);
                run.reply
            }
            _ => store.replies.id(&Answered::Affected(done)),
        };
        self.ends(reply, effects)
    }

    /// The records on the way, in their order.
    pub(super) fn way(&self, access: &Access, table: usize, place: Place) -> Result<Way, Cause> {
        let store = self.store;
        let space = table as u16;
        let gaps = self.locks_gaps();
        match place {
            Place::Entry(None) => Ok(Way { steps: Vec::new(), rest: None, is_single: true }),
            Place::Entry(Some(key)) => {
                let of = store.keys.get(key).space;
                let entries = self.entries(of);
                if !entries.contains(&key) {
                    let rest = gaps.then(|| self.gap_at(of, &entries, key));
                    return Ok(Way { steps: Vec::new(), rest, is_single: true });
                }
                let (entry, row) = if of == space { (None, Some(key)) } else { (Some(key), self.row_of(key, table)) };
                Ok(Way { steps: vec![Step { entry, row, gap: None }], rest: None, is_single: true })
            }
            Place::Prefix(_) | Place::Scan => {
                let entries = self.entries(space);
                let mut on_path = Vec::new();
                for key in &entries {
                    if self.is_on_path(access, table, *key)? {
                        on_path.push(*key);
                    }
                }
                let after = |first: &KeyId| entries.iter().rev().find(|key| store.compare_keys(**key, *first).is_lt());
                let mut steps = Vec::new();
                for key in &on_path {
                    let gap = Gap { space, after: after(key).copied(), before: Some(*key) };
                    steps.push(Step { entry: None, row: Some(*key), gap: gaps.then_some(gap) });
                }
                let rest = gaps.then(|| match (&place, on_path.last()) {
                    (Place::Prefix(values), None) => self.gap_at_prefix(space, &entries, values),
                    (Place::Prefix(_), Some(last)) => {
                        let behind = entries.iter().find(|key| store.compare_keys(*last, **key).is_lt());
                        Gap { space, after: Some(*last), before: behind.copied() }
                    }
                    _ => Gap::whole(space),
                });
                Ok(Way { steps, rest, is_single: false })
            }
        }
    }

    fn fate(&self, key: KeyId, want: Want, looks_at: ContentsId, is_single: bool) -> Fate {
        let plan = self.store.plan(self.request);
        if self.is_in_the_way(key, want) {
            let semi_consistent = !self.locks_gaps() && !is_single && matches!(plan.kind, PlanKind::Update { .. });
            return match plan.locks().map(|locks| locks.wait) {
                Some(OnLocked::Skip) => Fate::Passed,
                Some(OnLocked::Fail) => Fate::Fails(Cause::NotAvailable),
                _ if semi_consistent && !self.satisfies(key, looks_at) => Fate::Passed,
                _ => Fate::Waits,
            };
        }
        if self.is_too_new(key) { Fate::Fails(Cause::Stale) } else { Fate::Mine }
    }

    /// True when the committed row under a key satisfies the statement's condition.
    fn satisfies(&self, key: KeyId, looks_at: ContentsId) -> bool {
        let committed = self.database.committed;
        let run = self.store.run_apart(committed, looks_at, self.changes(), self.request, Some(&[key]));
        !run.touched.is_empty()
    }

    /// Lock a row's record and deal with the row, if there is one that satisfies the condition: its old version.
    fn come_to(
        &mut self,
        key: KeyId,
        want: Want,
        looks_at: ContentsId,
        effects: &mut Effects,
    ) -> Result<Option<RowId>, Cause> {
        let store = self.store;
        let (committed, changes) = (self.database.committed, self.changes());
        let row = store.seen(committed, changes, key);
        let run = store.run_apart(committed, looks_at, changes, self.request, Some(&[key]));
        if let Some(cause) = run.error {
            return Err(cause);
        }
        let plan = store.plan(self.request);
        let satisfies = match &plan.kind {
            PlanKind::Select(_) => !run.shown.is_empty(),
            _ => !run.touched.is_empty(),
        };
        // Below repeatable read a record that is of no use is let go again.
        if satisfies || self.locks_gaps() {
            self.lock(key, want);
        }
        if !satisfies {
            return Ok(None);
        }
        if plan.writes() {
            let updates = matches!(plan.kind, PlanKind::Update { .. });
            // An update leaves the entries of further keys alone, which point to the row.
            let follows = |place: usize, change: Change| match change {
                Change::Put(row) if updates && place > 0 => Change::Follows(row),
                other => other,
            };
            let touched = run.touched.iter().flat_map(|touch| touch.iter().enumerate());
            let changed: Vec<(KeyId, Change)> =
                touched.map(|(place, (key, change))| (*key, follows(place, *change))).collect();
            self.write(&changed, effects);
        }
        Ok(row)
    }

    /// The record of the row that an entry of a further key belongs to.
    fn row_of(&self, entry: KeyId, table: usize) -> Option<KeyId> {
        let store = self.store;
        let written = self.database.connections.iter().find_map(|open| {
            let changes = store.changes.get(open.changes);
            let place = changes.binary_search_by_key(&entry, |(known, _)| *known).ok()?;
            match changes[place].1 {
                Change::Put(row) | Change::Reborn(row) | Change::Follows(row) | Change::Beside(row) => Some(row),
                Change::Locked | Change::Gone => None,
            }
        });
        let row = written.or_else(|| store.committed(self.database.committed, entry))?;
        store.keys_of(table, store.rows.get(row)).first().copied()
    }

    fn is_on_path(&self, access: &Access, table: usize, key: KeyId) -> Result<bool, Cause> {
        let path = (access, table);
        self.store.is_key_on_path(self.database.committed, self.changes(), self.request, path, key)
    }

    fn gap_at_prefix(&self, space: u16, entries: &[KeyId], values: &[super::super::Val]) -> Gap {
        let store = self.store;
        let order = |key: KeyId| store.compare_prefix(key, values);
        let after = entries.iter().rev().find(|key| order(**key).is_lt()).copied();
        let before = entries.iter().find(|key| order(**key).is_gt()).copied();
        Gap { space, after, before }
    }
}

/// The records that a statement comes to.
pub(super) struct Way {
    pub(super) steps: Vec<Step>,
    /// The gap that is locked in the end.
    pub(super) rest: Option<Gap>,
    is_single: bool,
}

/// One record, with the entry by which it was found, and the gap before it.
pub(super) struct Step {
    pub(super) entry: Option<KeyId>,
    pub(super) row: Option<KeyId>,
    pub(super) gap: Option<Gap>,
}
