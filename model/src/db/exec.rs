//! A statement run alone: what it would answer and touch if nobody else were there.

mod insert;
mod nearby;
mod path;
mod rows;
mod select;

use paidonce_protocol::Dialect;
use smallvec::SmallVec;

use super::cause::Cause;
use super::store::{Answered, Change, ChangesId, ContentsId, KeyId, ReplyId, RequestId, RowId, Store};
use super::value::Val;
use crate::sql::{Access, Condition, Given, Plan, PlanKind, Scalar, Space, Uncomputable};

pub(super) use nearby::{equal, is_whole};
pub(crate) use path::Place;

/// One row that a statement locks or writes: its primary key first, then its entries in unique indexes.
pub(crate) type Touch = SmallVec<[(KeyId, Change); 2]>;

/// What a statement does when it runs alone.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) reply: ReplyId,
    /// The rows it locks or writes, in the order in which it comes to them.
    pub(crate) touched: Vec<Touch>,
    /// Each of these rows as it was found.
    pub(crate) olds: Vec<RowId>,
    /// The rows that it showed to its caller.
    pub(crate) shown: Vec<(KeyId, RowId)>,
    /// For each of the plan's `reads` the rows that it found.
    pub(crate) reads: Vec<Vec<(KeyId, RowId)>>,
    /// True when it has written something before its error, which is undone.
    pub(crate) undone: bool,
    /// The error it ends with.
    pub(crate) error: Option<Cause>,
}

/// A run that is remembered, or was for this once.
pub(crate) enum Ran<'a> {
    Known(&'a Run),
    Now(Run),
}

impl std::ops::Deref for Ran<'_> {
    type Target = Run;

    fn deref(&self) -> &Run {
        match self {
            Ran::Known(run) => run,
            Ran::Now(run) => run,
        }
    }
}

/// What a statement sees.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The committed rows, and what its transaction did to them.
    pub(super) base: ContentsId,
    pub(super) changes: ChangesId,
    /// Of its own table, only these rows.
    pub(super) only: Option<&'a [KeyId]>,
}

impl Store {
    /// The row that a transaction sees under a key.
    pub(super) fn seen(&self, base: ContentsId, changes: ChangesId, key: KeyId) -> Option<RowId> {
        let own = self.changes.get(changes);
        match own.binary_search_by_key(&key, |(known, _)| *known).map(|place| own[place].1) {
            Ok(Change::Put(row) | Change::Reborn(row) | Change::Follows(row) | Change::Beside(row)) => Some(row),
            Ok(Change::Gone | Change::Undone(_)) => None,
            Ok(Change::Locked | Change::Marked) | Err(_) => self.committed(base, key),
        }
    }

    /// The rows of a table that a transaction sees, in key order, or those among them that the view is held to.
    fn scan(&self, view: View<'_>, table: usize) -> Vec<(KeyId, RowId)> {
        let View { base, changes, only } = view;
        if let Some(only) = only {
            return only.iter().filter_map(|key| Some((*key, self.seen(base, changes, *key)?))).collect();
        }
        let own = self.changes.get(changes);
        if own.iter().all(|(key, _)| self.keys.get(*key).space as usize != table) {
            return self.rows_of(base, table as Space).into_owned();
        }
        self.rows_of(self.apply(base, changes), table as Space).into_owned()
    }

    /// Run a statement alone. `only` restricts it to rows that it had found before it waited.
    pub(crate) fn run_anew(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        only: Option<&[KeyId]>,
    ) -> Run {
        self.run_apart(base, base, changes, request, only)
    }

    /// The same where the sub-selects, and the source of an `INSERT … SELECT`, see other committed rows (`looks_at`) than
    /// the statement finds in its own table: engines differ in what is read from a snapshot and what as it is now.
    pub(crate) fn run_apart(
        &self,
        base: ContentsId,
        looks_at: ContentsId,
        changes: ChangesId,
        request: RequestId,
        only: Option<&[KeyId]>,
    ) -> Run {
        let (number, arguments) = self.requests.get(request);
        let plan = &self.plans[*number as usize];
        let (own, other) = (View { base, changes, only }, View { base: looks_at, changes, only: None });
        self.run_plan(plan, arguments, own, other).unwrap_or_else(|error| Run {
            error: Some(error),
            ..Run::answered(self.replies.keep(Answered::Failed(error)))
        })
    }

    fn run_plan(&self, plan: &Plan, arguments: &[Val], own: View<'_>, other: View<'_>) -> Result<Run, Cause> {
        let mut given = Given { arguments, answers: &[], symbols: &self.symbols };
        if plan.subs.is_empty() {
            return self.run_given(plan, &given, own, other);
        }
        let (answers, mut reads) = self.answers(plan, arguments, other)?;
        given.answers = &answers;
        let mut run = self.run_given(plan, &given, own, other)?;
        reads.append(&mut run.reads);
        Ok(Run { reads, ..run })
    }

    fn run_given(&self, plan: &Plan, given: &Given<'_>, own: View<'_>, other: View<'_>) -> Result<Run, Cause> {
        match &plan.kind {
            PlanKind::Select(select) => self.select(select, given, own),
            PlanKind::Insert(insert) => self.insert(plan.table, insert, given, own, other),
            PlanKind::Update { sets, filter } => {
                // MariaDB lets an assignment see those before it (its manual, "UPDATE").
                let in_turn = self.dialect == Dialect::MariaDb;
                let updated = |old: &[Val]| {
                    let mut new = old.to_vec();
                    for (column, to) in sets {
                        let value =
                            to.value(if in_turn { &new } else { old }, given).map_err(|why| self.cannot(why))?;
                        new[*column] = value;
                    }
                    self.check_not_null(plan.table, &new)?;
                    Ok(Change::Put(self.rows.keep(new)))
                };
                self.change((plan.table, &plan.access), filter.as_ref(), given, own, updated)
            }
            // It is about a connection, and not about rows.
            PlanKind::Named(_) => Err(Cause::Senseless),
            PlanKind::Delete { filter } => {
                self.change((plan.table, &plan.access), filter.as_ref(), given, own, |_| Ok(Change::Gone))
            }
        }
    }

    /// The rows of a table that satisfy a condition, in the order of their keys.
    fn matching(
        &self,
        (table, access): (usize, &Access),
        filter: Option<&Condition>,
        given: &Given<'_>,
        view: View<'_>,
    ) -> Result<Vec<(KeyId, RowId)>, Cause> {
        let mut found = match self.nearby(view, (table, access), filter, given)? {
            Some(found) => found,
            None => self.scan(view, table),
        };
        let Some(filter) = filter else { return Ok(found) };
        let mut failed = None;
        found.retain(|(_, row)| match filter.holds(self.rows.get(*row), given) {
            Ok(holds) => holds == Some(true),
            Err(why) => {
                // It does not come to a row that is not on its path.
                let is_off = access
                    .scope
                    .as_ref()
                    .is_some_and(|scope| scope.holds(self.rows.get(*row), given) == Ok(Some(false)));
                failed = failed.or((!is_off).then_some(why));
                false
            }
        });
        failed.map_or(Ok(found), |why| Err(self.cannot(why)))
    }

    fn change(
        &self,
        (table, access): (usize, &Access),
        filter: Option<&Condition>,
        given: &Given<'_>,
        view: View<'_>,
        to: impl Fn(&[Val]) -> Result<Change, Cause>,
    ) -> Result<Run, Cause> {
        let found = self.matching((table, access), filter, given, view)?;
        let mut touched = Vec::with_capacity(found.len());
        for (_, row) in &found {
            let old = self.rows.get(*row);
            let change = to(old)?;
            touched.push(self.keys_of(table, old).into_iter().map(|key| (key, change)).collect());
        }
        let reply = self.replies.keep(Answered::Affected(found.len() as u32));
        let olds = found.iter().map(|(_, row)| *row).collect();
        Ok(Run { touched, olds, ..Run::answered(reply) })
    }

    /// What a database says of a value that cannot be computed. SQLite goes on with a floating-point number where an integer
    /// is too large, and MariaDB makes the largest integer of a sum that is, in a read: the model has no word for either.
    fn cannot(&self, why: Uncomputable) -> Cause {
        match (why, self.dialect) {
            (Uncomputable::TooLong, _) => Cause::TooLong,
            (Uncomputable::TooLarge, Dialect::Postgres | Dialect::MariaDb)
            | (Uncomputable::SumTooLarge, Dialect::Postgres) => Cause::TooLarge,
            (Uncomputable::Senseless | Uncomputable::TooLarge | Uncomputable::SumTooLarge, _) => Cause::Unusable,
        }
    }

    /// What a server finds out while it plans a statement. PostgreSQL computes its constants, and fits them into their
    /// columns, whether or not a row will need them (`eval_const_expressions` in src/backend/optimizer/util/clauses.c).
    /// MariaDB computes those of conditions for some of its plans (measured on 10.11), and the model does not tell for which.
    pub(crate) fn plans(&self, request: RequestId) -> Result<(), Cause> {
        let (number, arguments) = self.requests.get(request);
        let given = Given { arguments, answers: &[], symbols: &self.symbols };
        let folded = self.plans[*number as usize].folded.iter();
        folded.map(|scalar| scalar.value(&[], &given)).find_map(Result::err).map_or(Ok(()), |why| match self.dialect {
            Dialect::MariaDb => Err(Cause::Unusable),
            Dialect::Postgres | Dialect::Sqlite => Err(self.cannot(why)),
        })
    }

    /// Values for a row that does not exist yet.
    fn values(&self, scalars: &[Scalar], given: &Given<'_>) -> Result<Vec<Val>, Cause> {
        let row: Result<Vec<Val>, _> = scalars.iter().map(|scalar| scalar.value(&[], given)).collect();
        row.map_err(|why| self.cannot(why))
    }

    fn check_not_null(&self, table: usize, row: &[Val]) -> Result<(), Cause> {
        let not_null = &self.tables.tables[table].not_null;
        if not_null.iter().any(|column| row[*column] == Val::Null) { Err(Cause::Null) } else { Ok(()) }
    }
}

impl Run {
    /// A statement that was answered and did nothing else.
    fn answered(reply: ReplyId) -> Self {
        let (touched, shown, reads) = (Vec::new(), Vec::new(), Vec::new());
        Run { reply, touched, olds: Vec::new(), shown, reads, undone: false, error: None }
    }
}
