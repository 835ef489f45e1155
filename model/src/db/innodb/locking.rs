//! `UPDATE`, `DELETE` and locking reads.
//!
//! Rules (InnoDB's `row_upd_step`, `lock_sec_rec_modify_check_and_lock`; MariaDB's manual, "UPDATE"):
//! - each row is locked, and dealt with, before the next one is looked for;
//! - a row that is written as it was is no newer than it was;
//! - who removes a row marks its own record first and then, one after the other, those of its further keys, each of which
//!   has to be locked exclusively;
//! - a read that wants so many rows in the order of its path takes no more.

use std::cell::Cell;

use super::scan::{Part, Scan};
use super::{Cause, Effects, KeyId, NO_KEYS, ReplyId, Running, Seen, Shown, Stop, Store, Want, reads};
use crate::db::{Answered, Change, Choices, ContentsId, RowId};
use crate::sql::{Locking, OnLocked, Output, Plan, PlanKind, Select};

impl Running<'_> {
    pub(super) fn locking(&mut self, choices: &mut Choices, effects: &mut Effects) -> Result<ReplyId, Stop> {
        let store = self.store;
        let request = self.request;
        let plan = store.plan(request);
        let select = match &plan.kind {
            PlanKind::Select(select) => Some(select),
            _ => None,
        };
        let want = if plan.only_reads() { Want::Share } else { Want::of(plan) };
        if self.half_locked != NO_KEYS && (self.locks_gaps() || choices.pick(2) == 0) {
            self.half_locked = NO_KEYS;
        }
        if plan.only_reads() && !self.read_greatest()? {
            return Ok(self.shows(&[], self.database.committed, effects));
        }
        let (mut first, mut later) = self.subs()?;
        if plan.only_reads() && !later.is_empty() {
            // In which order tables are joined depends on what the optimizer takes their sizes to be.
            let order = self.step(|_| Ok(if choices.pick(2) == 0 { Seen::Done } else { Seen::End }))?;
            if order == Seen::End {
                first.append(&mut later);
            }
        }
        let looks_at = Cell::new(self.database.committed);
        if !first.is_empty() {
            let found = self.read_subs(&first)?;
            looks_at.set(self.look()?);
            if plan.only_reads() && first.iter().zip(found).any(|(number, found)| !found && is_needed(plan, *number)) {
                return Ok(self.shows(&[], looks_at.get(), effects));
            }
        }
        let filter = match &plan.kind {
            PlanKind::Select(select) => select.filter.as_ref(),
            PlanKind::Update { filter, .. } | PlanKind::Delete { filter } => filter.as_ref(),
            PlanKind::Insert(_) | PlanKind::Named(_) => None,
        };
        // A row that one of them decides about is there before that is read.
        let joined = later.first().copied().filter(|_| plan.only_reads());
        let satisfies = |run: &Running<'_>, key: KeyId| {
            let Some(row) = store.seen(run.database.committed, run.changes(), key) else { return Ok(false) };
            match joined {
                Some(number) => store.may_go_with(request, number, filter, row),
                None => store.passes(request, filter, row, looks_at.get(), run.changes()),
            }
        };
        let is_on_path = |key: KeyId| reads::is_on_path(store, request, &plan.access, plan.table, key);
        let shared = select.filter(|_| want == Want::Share);
        let covered = shared.and_then(|select| reads::covered(store, select, plan.table));
        let scan = Scan {
            table: plan.table,
            parts: self.parts(&plan.access, plan.table, covered)?,
            want,
            on_locked: plan.locks().map_or(OnLocked::Wait, |Locking { wait, .. }| wait),
            covered: covered.is_some(),
            keeps: select.is_some(),
            passes_over: !self.locks_gaps() && matches!(plan.kind, PlanKind::Update { .. }),
            satisfies: &satisfies,
            is_on_path: &is_on_path,
        };
        let most = select.and_then(|select| stops_after(store, select, plan.table));
        let mut shown = Shown::new();
        let mut has_read = later.is_empty();
        self.scan(&scan, |run, key| {
            if !std::mem::replace(&mut has_read, true) {
                run.read_subs(&later)?;
                if first.is_empty() {
                    looks_at.set(run.look()?);
                }
            }
            if joined.is_some() {
                let row = store.seen(run.database.committed, run.changes(), key);
                let passes = |row: RowId| store.passes(request, filter, row, run.database.committed, run.changes());
                if !row.map_or(Ok(false), passes)? {
                    return Ok(true);
                }
            }
            shown.push((key, run.deal_with(key, looks_at.get(), effects)?));
            Ok(most.is_none_or(|most| shown.len() < most))
        })?;
        Ok(match select {
            Some(_) => {
                let keys: Vec<KeyId> = shown.iter().map(|(key, _)| *key).collect();
                self.shows(&keys, looks_at.get(), effects)
            }
            None => store.replies.keep(Answered::Affected(shown.len() as u32)),
        })
    }

    /// The sub-selects that a statement reads before it comes to a row, and those that it reads when it has come to one.
    fn subs(&self) -> Result<(Vec<usize>, Vec<usize>), Cause> {
        let plan = self.store.plan(self.request);
        let all = || (0..plan.subs.len()).collect::<Vec<usize>>();
        let mut later = Vec::new();
        match &plan.kind {
            PlanKind::Update { sets, .. } => sets.iter().for_each(|(_, to)| to.answers(&mut later)),
            // They are gathered when the first row is there that they may go with.
            PlanKind::Select(Select { filter: Some(filter), .. }) if plan.only_reads() => filter.joins(&mut later),
            _ => {}
        }
        let mut first = all();
        for number in std::mem::take(&mut later) {
            let sub = &plan.subs[number];
            let parts = sub.table.map_or(Ok(Vec::new()), |table| self.parts(&sub.access, table, None))?;
            let is_by_key = matches!(parts[..], [] | [Part::Key(_) | Part::Entries(..)]);
            let is_asked = self.condition().is_some_and(|condition| condition.asks_besides(number));
            if !is_by_key && !is_asked {
                later.push(number);
            }
        }
        first.retain(|number| !later.contains(number));
        Ok((first, later))
    }

    /// What a read shows of these rows: locked by now, they are as they were when it came to them.
    fn shows(&mut self, keys: &[KeyId], looks_at: ContentsId, effects: &mut Effects) -> ReplyId {
        let committed = self.database.committed;
        let run = self.store.run_apart(committed, looks_at, self.changes(), self.request, Some(keys));
        effects.shown.extend_from_slice(&run.shown);
        run.reply
    }

    /// Write a row, or remove it, or show it: its old version.
    fn deal_with(&mut self, key: KeyId, looks_at: ContentsId, effects: &mut Effects) -> Result<RowId, Stop> {
        let store = self.store;
        let plan = store.plan(self.request);
        let seen = self.step(|run| {
            let (committed, changes) = (run.database.committed, run.changes());
            let Some(old) = store.seen(committed, changes, key) else { return Ok(Seen::End) };
            if plan.writes() {
                let written = store.run_apart(committed, looks_at, changes, run.request, Some(&[key]));
                if let Some(cause) = written.error {
                    return Err(Stop::Fails(cause));
                }
                let touched = written.touched.iter().flat_map(|touch| touch.iter().enumerate());
                let changed: Vec<(KeyId, Change)> = touched
                    .filter(|(_, (_, change))| !matches!(change, Change::Put(row) if store.are_one(old, *row)))
                    .map(|(place, (key, change))| match change {
                        // The entries of further keys, which point to the row, stay as they are.
                        Change::Put(row) if place > 0 => (*key, Change::Follows(*row)),
                        other => (*key, *other),
                    })
                    .collect();
                if !changed.is_empty() {
                    run.takes_number();
                    run.weighs_row(true);
                }
                run.write(&changed, effects);
            }
            Ok(Seen::Row(old))
        })?;
        let Seen::Row(old) = seen else { return Err(Stop::Fails(Cause::Unusable)) };
        if matches!(plan.kind, PlanKind::Delete { .. }) {
            for space in store.indexes(plan.table).into_iter().skip(1) {
                let record = store.record(space, old);
                self.step(|run| {
                    run.lock_to_write(record)?;
                    run.marks(record, true);
                    run.leaves_number(space);
                    Ok(Seen::Done)
                })?;
            }
        }
        Ok(old)
    }

    pub(super) fn write(&mut self, changed: &[(KeyId, Change)], effects: &mut Effects) {
        let connection = &mut self.database.connections[self.who];
        connection.changes = self.store.add_changes(connection.changes, changed);
        effects.changed.extend(changed.iter().copied());
    }
}

/// True when the statement finds nothing where this sub-select finds nothing.
fn is_needed(plan: &Plan, number: usize) -> bool {
    let PlanKind::Select(Select { filter: Some(filter), .. }) = &plan.kind else { return false };
    filter.needs(number)
}

/// So many rows a read takes at most, where they come in the order of its path.
fn stops_after(store: &Store, select: &Select, table: usize) -> Option<usize> {
    let primary = &store.tables.tables[table].primary;
    let in_order = select.order.iter().zip(primary).all(|((by, descending), column)| by == column && !descending);
    select.limit.filter(|_| in_order && matches!(select.output, Output::Rows(_)))
}
