//! A statement as the model runs it.

use super::aggregate::Aggregate;
use super::expression::{Condition, Given, Scalar, Uncomputable};
use super::named::Named;
use super::path::{Access, fixed_columns};
use super::schema::{Kind, Table};
use crate::db::Val;

/// A compiled statement.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The statement's name.
    pub(crate) name: &'static str,
    /// The number of the table it reads or writes; of no meaning to a statement about a lock by name.
    pub(crate) table: usize,
    pub(crate) kind: PlanKind,
    /// What each of its arguments has to be; `None` where either will do.
    pub(crate) arguments: Vec<Option<Kind>>,
    /// Its sub-selects, by their numbers. None of them looks at a row of the statement's own.
    pub(crate) subs: Vec<Select>,
    /// How it comes to the rows of `table`. An `INSERT` comes to its row by key.
    pub(crate) access: Access,
    /// What a server may compute before it does anything else: on PostgreSQL all constants, on MariaDB those of conditions.
    pub(crate) folded: Vec<Scalar>,
    /// True for a statement that looks at the engine's clock: its requests have the moment at which it came behind their
    /// arguments.
    pub(crate) reads_clock: bool,
}

/// What a plan does.
#[derive(Clone, Debug)]
pub(crate) enum PlanKind {
    Select(Select),
    Insert(Insert),
    Update { sets: Vec<(usize, Scalar)>, filter: Option<Condition> },
    Delete { filter: Option<Condition> },
    Named(Named),
}

/// A read of one table.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    /// `None` for a `SELECT` without `FROM`: one row without columns.
    pub(crate) table: Option<usize>,
    pub(crate) output: Output,
    pub(crate) filter: Option<Condition>,
    pub(crate) order: Vec<(usize, bool)>,
    pub(crate) limit: Option<usize>,
    pub(crate) locks: Option<Locking>,
    pub(crate) access: Access,
    /// True when every engine answers with the rows in one order: `ORDER BY` leaves no ties, or there is one row.
    pub(crate) is_ordered: bool,
}

/// What a read shows.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// A row for each that it found.
    Rows(Vec<Scalar>),
    /// One row over all that it found, computed from the aggregates as if these were columns.
    Totals { aggregates: Vec<Aggregate>, columns: Vec<Scalar> },
}

impl Output {
    /// The columns that it shows, or computes with.
    pub(crate) fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Output::Rows(columns) => columns.iter().for_each(|column| column.columns(into)),
            Output::Totals { aggregates, .. } => aggregates.iter().for_each(|aggregate| aggregate.columns(into)),
        }
    }

    /// The rows shown for these.
    pub(crate) fn show<'r>(
        &self,
        found: impl Iterator<Item = &'r [Val]> + Clone,
        given: &Given<'_>,
    ) -> Result<Vec<Vec<Val>>, Uncomputable> {
        let line = |columns: &[Scalar], row: &[Val]| columns.iter().map(|column| column.value(row, given)).collect();
        match self {
            Output::Rows(columns) => found.map(|row| line(columns, row)).collect(),
            Output::Totals { aggregates, columns } => {
                let totals = aggregates.iter().map(|aggregate| aggregate.over(found.clone(), given));
                Ok(vec![line(columns, &totals.collect::<Result<Vec<Val>, _>>()?)?])
            }
        }
    }
}

/// The locks of a locking read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Locking {
    pub(crate) strength: Strength,
    pub(crate) wait: OnLocked,
}

/// What a locked row is safe from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Strength {
    /// `FOR UPDATE`: any other lock.
    Update,
    /// `FOR SHARE`: changes.
    Share,
}

/// What to do about a row that another has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OnLocked {
    Wait,
    /// `SKIP LOCKED`.
    Skip,
    /// `NOWAIT`.
    Fail,
}

/// An `INSERT`.
#[derive(Clone, Debug)]
pub(crate) struct Insert {
    pub(crate) rows: NewRows,
    pub(crate) on_conflict: OnConflict,
}

/// Where new rows come from. Each has a value for every column of the table.
#[derive(Clone, Debug)]
pub(crate) enum NewRows {
    Values(Vec<Vec<Scalar>>),
    Select(Box<Select>),
}

/// What an `INSERT` does about a row that has one of its keys. Keys are counted: 0 is the primary one, 1 the first unique
/// one and so on.
#[derive(Clone, Debug)]
pub(crate) enum OnConflict {
    Refuse,
    /// Leave the row out; with a key, only when that one is taken (which MariaDB's `INSERT IGNORE` cannot say).
    Skip {
        key: Option<usize>,
    },
    /// Change the row that is there. The expressions see its columns, and behind them those of the new row.
    Update {
        key: usize,
        sets: Vec<(usize, Scalar)>,
        filter: Option<Condition>,
    },
}

/// When what a sub-select finds is needed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// At once, in any case.
    AtOnce,
    /// With the first row that is tested.
    ByATest,
    /// With the first row that is tested, or later, or never: other conditions stand beside it, or it is `IN (SELECT …)`,
    /// which an engine may turn into a join and then begin at either side.
    ByAJoin,
    /// With the first row that passes the tests.
    ByARow,
}

/// One table that a statement reads besides its own, or its own once more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    pub(crate) table: usize,
    pub(crate) select: &'a Select,
}

impl PlanKind {
    /// Its values that may not be computable, and its conditions.
    pub(super) fn parts<'s>(&'s self, subs: &'s [Select]) -> (Vec<&'s Scalar>, Vec<&'s Condition>) {
        let (mut values, mut conditions): (Vec<&Scalar>, Vec<&Condition>) = (Vec::new(), Vec::new());
        let mut selects: Vec<&Select> = subs.iter().collect();
        match self {
            PlanKind::Select(select) => selects.push(select),
            PlanKind::Insert(Insert { rows, on_conflict }) => {
                match rows {
                    NewRows::Values(rows) => values.extend(rows.iter().flatten()),
                    NewRows::Select(select) => selects.push(select),
                }
                if let OnConflict::Update { sets, filter, .. } = on_conflict {
                    values.extend(sets.iter().map(|(_, to)| to));
                    conditions.extend(filter);
                }
            }
            PlanKind::Update { sets, filter } => {
                values.extend(sets.iter().map(|(_, to)| to));
                conditions.extend(filter);
            }
            PlanKind::Delete { filter } => conditions.extend(filter),
            PlanKind::Named(_) => {}
        }
        for select in selects {
            let (Output::Rows(columns) | Output::Totals { columns, .. }) = &select.output;
            values.extend(columns);
            if let Output::Totals { aggregates, .. } = &select.output {
                values.extend(aggregates.iter().filter_map(Aggregate::of));
            }
            conditions.extend(&select.filter);
        }
        (values, conditions)
    }
}

impl Plan {
    /// True for a statement that changes or locks nothing.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self.kind, PlanKind::Select(_))
            && self.locks().is_none()
            && self.reads().all(|read| read.select.locks.is_none())
    }

    /// True for a statement that may change rows.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.kind, PlanKind::Select(_) | PlanKind::Named(_))
    }

    /// What it asks of a lock by name, when it is about one.
    pub(crate) fn named(&self) -> Option<&Named> {
        match &self.kind {
            PlanKind::Named(named) => Some(named),
            _ => None,
        }
    }

    /// True for a `DELETE` without `WHERE`.
    pub(crate) fn clears(&self) -> bool {
        matches!(self.kind, PlanKind::Delete { filter: None })
    }

    /// True for an `INSERT` whose rows come in any order.
    pub(crate) fn inserts_in_any_order(&self) -> bool {
        let PlanKind::Insert(Insert { rows: NewRows::Select(select), .. }) = &self.kind else { return false };
        select.table.is_some() && !select.is_ordered && matches!(select.output, Output::Rows(_))
    }

    /// True when it may lock or change several rows.
    pub(crate) fn may_find_several(&self) -> bool {
        !self.only_reads() && !self.inserts() && self.named().is_none() && !self.access.path.is_single()
    }

    /// True when it comes to its rows in an order of its own.
    pub(crate) fn has_order(&self) -> bool {
        match &self.kind {
            PlanKind::Select(select) => !select.order.is_empty(),
            _ => false,
        }
    }

    /// True for an `INSERT` that changes the rows whose key is taken.
    pub(crate) fn upserts(&self) -> bool {
        matches!(&self.kind, PlanKind::Insert(Insert { on_conflict: OnConflict::Update { .. }, .. }))
    }

    /// True for an `INSERT` that leaves out the rows whose key is taken.
    pub(crate) fn leaves_out(&self) -> bool {
        matches!(&self.kind, PlanKind::Insert(Insert { on_conflict: OnConflict::Skip { .. }, .. }))
    }

    /// True for an `INSERT` that looks for rows whose key is taken before it puts its own in.
    pub(crate) fn looks_first(&self) -> bool {
        self.leaves_out() || self.upserts()
    }

    /// True when it matters in which order it comes to rows, because it does not come to all of them.
    pub(crate) fn stops_early(&self) -> bool {
        self.limit().is_some() || self.reads().any(|read| read.select.limit.is_some())
    }

    /// How many rows it shows at most.
    pub(crate) fn limit(&self) -> Option<usize> {
        match &self.kind {
            PlanKind::Select(select) => select.limit,
            _ => None,
        }
    }

    /// True for an `INSERT`.
    pub(crate) fn inserts(&self) -> bool {
        matches!(self.kind, PlanKind::Insert(_))
    }

    /// The locks that a `SELECT` takes on the rows of its own table.
    pub(crate) fn locks(&self) -> Option<Locking> {
        match &self.kind {
            PlanKind::Select(select) => select.locks,
            _ => None,
        }
    }

    /// What it reads besides the rows that it shows or changes: its sub-selects by their numbers, then the source of an
    /// `INSERT … SELECT`. A run lists the rows that each of them found, in the same order.
    pub(crate) fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        let all = self.subs.iter().chain(self.source());
        all.filter_map(|select| Some(Read { table: select.table?, select }))
    }

    /// When the read with this number, in the order of [`Plan::reads`], is needed. An `INSERT` needs it at once.
    pub(crate) fn needed(&self, read: usize) -> Needed {
        let Some(sub) = self.sub_of(read) else { return Needed::AtOnce };
        if self.access.scope.as_ref().is_some_and(|scope| scope.asks(sub)) {
            return Needed::AtOnce;
        }
        let filter = match &self.kind {
            PlanKind::Select(Select { table: None, .. }) | PlanKind::Insert(_) | PlanKind::Named(_) => {
                return Needed::AtOnce;
            }
            PlanKind::Select(select) => &select.filter,
            PlanKind::Update { filter, .. } | PlanKind::Delete { filter } => filter,
        };
        match filter.as_ref().filter(|filter| filter.asks(sub)) {
            Some(Condition::And(..) | Condition::Or(..) | Condition::Among(..)) => Needed::ByAJoin,
            Some(_) => Needed::ByATest,
            None => match &self.kind {
                PlanKind::Select(Select { output: Output::Totals { .. }, .. }) => Needed::AtOnce,
                _ => Needed::ByARow,
            },
        }
    }

    /// The number of the sub-select that the read with this number is, if it is one. Without a table none reads anything.
    fn sub_of(&self, read: usize) -> Option<usize> {
        self.subs.iter().enumerate().filter(|(_, select)| select.table.is_some()).nth(read).map(|(sub, _)| sub)
    }

    /// True for a read of which the statement asks no more than whether it finds a row.
    pub(crate) fn asks_whether(&self, read: usize) -> bool {
        self.sub_of(read).is_some_and(|sub| self.condition().is_some_and(|condition| condition.asks_whether(sub)))
    }

    /// The condition of the statement, or of the source of its rows.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        match &self.kind {
            PlanKind::Select(select) => select.filter.as_ref(),
            PlanKind::Update { filter, .. } | PlanKind::Delete { filter } => filter.as_ref(),
            PlanKind::Insert(_) => self.source().and_then(|select| select.filter.as_ref()),
            PlanKind::Named(_) => None,
        }
    }

    /// True for a read whose rows are joined with those of a sub-select.
    pub(crate) fn joins(&self) -> bool {
        let PlanKind::Select(Select { filter: Some(filter), .. }) = &self.kind else { return false };
        let mut joined = Vec::new();
        filter.joins(&mut joined);
        !joined.is_empty()
    }

    /// The source of an `INSERT` of which each row can be put in before the next one is read.
    pub(crate) fn source_by_rows(&self) -> Option<&Select> {
        let is_other = |select: &&Select| select.table.is_some_and(|table| table != self.table);
        let comes_by_rows = |select: &&Select| select.order.is_empty() && matches!(select.output, Output::Rows(_));
        self.source().filter(is_other).filter(comes_by_rows)
    }

    /// The `SELECT` from which an `INSERT` takes its rows.
    pub(crate) fn source(&self) -> Option<&Select> {
        match &self.kind {
            PlanKind::Insert(Insert { rows: NewRows::Select(select), .. }) => Some(select),
            _ => None,
        }
    }

    /// Every table whose rows go into the answer.
    pub(crate) fn tables(&self) -> impl Iterator<Item = usize> {
        let own = (self.named().is_none()).then_some(self.table);
        own.into_iter().chain(self.reads().map(|read| read.table))
    }

    /// True when its answer has one order on every engine: that of a read with ties, or without `ORDER BY`, has not.
    pub(crate) fn is_ordered(&self) -> bool {
        match &self.kind {
            PlanKind::Select(select) => select.is_ordered,
            _ => true,
        }
    }

    /// True for a statement that replaces or removes what a row holds whatever that is by now: an `UPDATE` to a value
    /// that does not come from the row, or a `DELETE`, whose `WHERE` looks at the primary key only.
    pub(crate) fn is_blind(&self, primary: &[usize]) -> bool {
        let (replaces, filter) = match &self.kind {
            PlanKind::Update { sets, filter } => (sets.iter().any(|(_, to)| !to.reads_row()), filter),
            PlanKind::Delete { filter } => (true, filter),
            PlanKind::Select(_) | PlanKind::Insert(_) | PlanKind::Named(_) => return false,
        };
        let mut columns = Vec::new();
        if let Some(filter) = filter {
            filter.columns(&mut columns);
        }
        // A sub-select from the same table may be the test.
        let looks = self.reads().any(|read| read.table == self.table);
        replaces && !looks && columns.iter().all(|column| primary.contains(column))
    }
}

/// True when rows of this table that satisfy the filter come in one order.
pub(super) fn is_total(table: &Table, filter: Option<&Condition>, order: &[(usize, bool)]) -> bool {
    let fixed = fixed_columns(filter);
    // Rows with NULL in a unique key may be many.
    let ordered = |column: &usize| order.iter().any(|(by, _)| by == column) && table.not_null.contains(column);
    let covers = |key: &[usize]| key.iter().all(|column| fixed.contains(column) || ordered(column));
    covers(&table.primary) || table.uniques.iter().any(|(_, key)| covers(key))
}
