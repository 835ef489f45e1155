//! What a statement reads besides the rows that it deals with: sub-selects, and the source of an `INSERT … SELECT`.
//!
//! Rules (MySQL's manual, "Locks Set by Different SQL Statements"; measured on 10.11):
//! - of a statement that writes, from repeatable read on, they are locked in share mode on their path, gaps included; so are
//!   those of a plain read in a serializable transaction;
//! - below repeatable read what an `UPDATE` or an `INSERT … SELECT` reads is read as a plain read is; where others differ from
//!   that, they are refused (see `sql::misplaced`);
//! - what goes into a condition is read before the statement comes to any row of its own, and so is what comes by a unique
//!   key; what else goes into a new value is read when the first row is there that needs it;
//! - of `EXISTS` no more is read than the first row that it finds.

use paidonce_protocol::Dialect;

use super::scan::{Part, Scan};
use super::{Cause, KeyId, Running, Seen, Stop, Store, Want};
use crate::db::exec::{Place, View};
use crate::db::{ContentsId, Key, NOTHING, RequestId};
use crate::engine::Level;
use crate::sql::{Access, Aggregate, Condition, OnLocked, Output, Path, PlanKind, Scalar, Select, Space};

impl Store {
    /// How a read comes to its rows. Where several keys are looked for, and all that is needed is in a further key, MariaDB reads
    /// that one from end to end.
    pub(crate) fn path_of_read(&self, select: &Select, table: usize) -> Path {
        let path = select.access.path;
        let is_list = matches!(&select.access.scope, Some(Condition::In(_, keys)) if keys.len() > 1);
        let is_alone = self.dialect == Dialect::MariaDb && path == Path::Range && is_list;
        if is_alone && covered(self, select, table).is_some() { Path::Whole } else { path }
    }
}

impl Running<'_> {
    /// True when what the statement reads besides is locked.
    pub(super) fn locks_reads(&self) -> bool {
        self.locks_gaps() && (self.store.plan(self.request).writes() || self.level == Level::Serializable)
    }

    /// The rows in which a statement looks for what its sub-selects say.
    pub(super) fn look(&mut self) -> Result<ContentsId, Stop> {
        if self.locks_reads() {
            // They are locked, and as they are now.
            return Ok(self.database.committed);
        }
        let seen = self.step(|run| {
            let plan = run.store.plan(run.request);
            Ok(Seen::Contents(match run.level {
                Level::ReadUncommitted => plan.subs.iter().fold(run.newest(), |rows, sub| run.newest_of(rows, sub)),
                Level::RepeatableRead | Level::Snapshot if !plan.writes() => run.snapshot(),
                _ => run.database.committed,
            }))
        })?;
        match seen {
            Seen::Contents(contents) => Ok(contents),
            _ => Ok(self.database.committed),
        }
    }

    /// Read these sub-selects: locked, where they are. Whether each of them found a row.
    pub(super) fn read_subs(&mut self, numbers: &[usize]) -> Result<Vec<bool>, Stop> {
        let mut found = Vec::new();
        if !self.locks_reads() {
            return Ok(found);
        }
        let plan = self.store.plan(self.request);
        for number in numbers {
            let select = &plan.subs[*number];
            let asks_whether = self.condition().is_some_and(|condition| condition.asks_whether(*number));
            let mut finds = false;
            self.read(select, |_, _| {
                finds = true;
                Ok(!asks_whether)
            })?;
            found.push(finds);
        }
        Ok(found)
    }

    /// Look the greatest value of a further key up in its index, where the statement asks for that of all rows or of those
    /// with one value (MariaDB's `opt_sum_query`): the records from the end, or from that value, down to the first that is
    /// not marked, and the gap behind them. False when there is none: then nothing else is read.
    pub(super) fn read_greatest(&mut self) -> Result<bool, Stop> {
        let store = self.store;
        let plan = store.plan(self.request);
        let PlanKind::Select(select) = &plan.kind else { return Ok(true) };
        let Output::Totals { aggregates, .. } = &select.output else { return Ok(true) };
        for (number, (space, key)) in store.tables.tables[plan.table].uniques.iter().enumerate() {
            let asks = |aggregate: &Aggregate| key.len() == 1 && *aggregate == Aggregate::Max(Scalar::Column(key[0]));
            let by_key = match &select.filter {
                None => None,
                Some(Condition::Compare(..)) if select.access.path == Path::Unique(number) => {
                    match self.parts(&select.access, plan.table, None)?.pop() {
                        Some(Part::Entries(_, values)) => Some(values),
                        _ => continue,
                    }
                }
                Some(_) => continue,
            };
            if !aggregates.iter().any(asks) {
                continue;
            }
            let mut from: Option<KeyId> = None;
            loop {
                let seen = self.step(|run| {
                    run.weighs_table(plan.table, Want::Share);
                    let records = run.database.records(store, *space);
                    let end = match (from, &by_key) {
                        (Some(from), _) => records.partition_point(|known| store.compare_keys(*known, from).is_lt()),
                        (None, Some(values)) => {
                            records.partition_point(|known| store.compare_prefix(*known, values).is_le())
                        }
                        (None, None) => records.len(),
                    };
                    if from.is_none() {
                        match records.get(end) {
                            Some(behind) => run.ask_gap_before(*behind, Want::Share),
                            None => run.ask_end(*space, Want::Share),
                        }
                    }
                    let Some(record) = end.checked_sub(1).map(|place| records[place]) else { return Ok(Seen::End) };
                    run.lock_record(record, Want::Share, true)?;
                    let fits = by_key.as_ref().is_none_or(|values| store.compare_prefix(record, values).is_eq());
                    let is_marked = run.database.is_marked(store, record);
                    // Which values are wanted is looked at when the record is there (`reckey_in_range` in opt_sum.cc).
                    Ok(match (is_marked, fits) {
                        (true, _) => Seen::Record(record, None),
                        (false, true) => Seen::Done,
                        (false, false) => Seen::End,
                    })
                })?;
                match seen {
                    Seen::Record(record, _) => from = Some(record),
                    Seen::End => return Ok(false),
                    _ => break,
                }
            }
        }
        Ok(true)
    }

    /// The condition of the statement, or of the source of its rows.
    pub(super) fn condition(&self) -> Option<&Condition> {
        self.store.plan(self.request).condition()
    }

    /// Come to the rows that a read finds, locking them in share mode.
    pub(super) fn read(
        &mut self,
        select: &Select,
        mut each: impl FnMut(&mut Self, KeyId) -> Result<bool, Stop>,
    ) -> Result<(), Stop> {
        let Some(table) = select.table else { return Ok(()) };
        let store = self.store;
        let covered = covered(store, select, table);
        let parts = self.parts(&select.access, table, covered)?;
        let request = self.request;
        let satisfies = |run: &Running<'_>, key: KeyId| {
            let committed = run.database.committed;
            let Some(row) = store.seen(committed, run.changes(), key) else { return Ok(false) };
            store.passes(request, select.filter.as_ref(), row, committed, run.changes())
        };
        let is_on_path = |key: KeyId| is_on_path(store, request, &select.access, table, key);
        let covered = covered.is_some();
        let (want, on_locked, passes_over, keeps) = (Want::Share, OnLocked::Wait, false, true);
        let scan = Scan {
            table,
            parts,
            want,
            on_locked,
            covered,
            keeps,
            passes_over,
            satisfies: &satisfies,
            is_on_path: &is_on_path,
        };
        // Where the rows come in an order of their own, or go into a total, all of them are read before the limit counts.
        let most = select.limit.filter(|_| select.order.is_empty() && matches!(select.output, Output::Rows(_)));
        let mut found = 0;
        self.scan(&scan, |run, key| {
            found += 1;
            Ok(each(run, key)? && most.is_none_or(|most| found < most))
        })
    }

    /// The parts of a path. `covered`: the further key whose records are all that is needed.
    pub(super) fn parts(&self, access: &Access, table: usize, covered: Option<Space>) -> Result<Vec<Part>, Cause> {
        let store = self.store;
        let space = table as Space;
        let view = View { base: self.database.committed, changes: self.changes(), only: None };
        let place = store.place(self.request, access, table, view)?;
        if let Some(space) = covered.filter(|_| is_read_alone(&place)) {
            return Ok(vec![Part::All(space)]);
        }
        Ok(match place {
            Place::Entry(None) => Vec::new(),
            Place::Entry(Some(key)) if store.keys.get(key).space == space => vec![Part::Key(key)],
            Place::Entry(Some(key)) => {
                let Key { space, values } = store.keys.get(key);
                vec![Part::Entries(*space, values.clone())]
            }
            Place::Prefix(values) => vec![Part::Prefix(space, values)],
            Place::Among(values) => {
                let part = |value| match store.tables.tables[table].primary.len() {
                    1 => Part::Key(store.keys.id(&Key { space, values: vec![value] })),
                    _ => Part::Prefix(space, vec![value]),
                };
                values.into_iter().map(part).collect()
            }
            Place::From(least) => vec![Part::From { space, least: least.map(|(value, is_in)| (vec![value], is_in)) }],
            Place::Whole => vec![Part::From { space, least: None }],
        })
    }

    /// The further key that a read goes through from end to end without looking at the rows.
    pub(super) fn read_alone(&self, select: &Select, table: usize) -> Option<Space> {
        let view = View { base: self.database.committed, changes: self.changes(), only: None };
        let space = covered(self.store, select, table)?;
        let place = self.store.place(self.request, &select.access, table, view).ok()?;
        is_read_alone(&place).then_some(space)
    }
}

/// True when a further key that has all that is needed is read from end to end in place of this.
fn is_read_alone(place: &Place) -> bool {
    match place {
        Place::Whole => true,
        Place::Among(values) => values.len() > 1,
        Place::Entry(_) | Place::Prefix(_) | Place::From(_) => false,
    }
}

/// The further key in whose records a read finds all that it needs.
pub(super) fn covered(store: &Store, select: &Select, table: usize) -> Option<Space> {
    let mut columns = Vec::new();
    if let Some(filter) = &select.filter {
        filter.columns(&mut columns);
    }
    columns.extend(select.order.iter().map(|(column, _)| *column));
    select.output.columns(&mut columns);
    let definition = &store.tables.tables[table];
    let holds =
        |key: &[usize]| columns.iter().all(|column| key.contains(column) || definition.primary.contains(column));
    let fits = |(number, (space, key)): (usize, &(Space, Vec<usize>))| {
        let on_path = match select.access.path {
            Path::Whole | Path::Range => true,
            Path::Unique(of) => of == number,
            _ => false,
        };
        (on_path && holds(key)).then_some(*space)
    };
    definition.uniques.iter().enumerate().find_map(fits)
}

/// True when a record of the primary key lies on a path, by its key alone.
pub(super) fn is_on_path(
    store: &Store,
    request: RequestId,
    access: &Access,
    table: usize,
    key: KeyId,
) -> Result<bool, Cause> {
    let empty = store.no_rows();
    store.is_key_on_path(empty, NOTHING, request, (access, table), key)
}
