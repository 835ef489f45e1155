//! Reads: what they find, in which order, and what they show of it.

use std::cmp::Ordering;

use paidonce_protocol::Dialect;
use smallvec::smallvec;

use super::super::cause::Cause;
use super::super::store::{Answered, Change, ChangesId, ContentsId, KeyId, RequestId, RowId, Store};
use super::super::value::Val;
use super::{Run, View};
use crate::sql::{Access, Given, Output, Path, Plan, PlanKind, Select};

/// What sub-selects answer, and the rows that each of them found.
type Answers = (Vec<Vec<Val>>, Vec<Vec<(KeyId, RowId)>>);

/// New rows, and those that they come from.
type Source = (Vec<Vec<Val>>, Vec<(KeyId, RowId)>);

impl Store {
    pub(super) fn select(&self, select: &Select, given: &Given<'_>, view: View<'_>) -> Result<Run, Cause> {
        let found = self.find_first(select, given, view)?;
        let rows = self.show(select, &found, given)?;
        let touched = match select.locks {
            Some(_) => found.iter().map(|(key, _)| smallvec![(*key, Change::Locked)]).collect(),
            None => Vec::new(),
        };
        let reply = self.replies.keep(Answered::Rows(rows));
        let olds = if touched.is_empty() { Vec::new() } else { found.iter().map(|(_, row)| *row).collect() };
        Ok(Run { touched, olds, shown: found, ..Run::answered(reply) })
    }

    /// The rows that a read finds.
    fn find_first(&self, select: &Select, given: &Given<'_>, view: View<'_>) -> Result<Vec<(KeyId, RowId)>, Cause> {
        let Some(limit) = select.limit else { return self.find(select, given, view) };
        if let Some(first) = self.first_by_column(select, given, view, limit) {
            return Ok(first);
        }
        let mut found = self.find(select, given, view)?;
        found.truncate(limit);
        Ok(found)
    }

    /// The rows that satisfy a read's condition, in its order, before `LIMIT`.
    fn find(&self, select: &Select, given: &Given<'_>, view: View<'_>) -> Result<Vec<(KeyId, RowId)>, Cause> {
        let Some(table) = select.table else { return Ok(Vec::new()) };
        let mut found = self.matching((table, &select.access), select.filter.as_ref(), given, view)?;
        if !select.order.is_empty() {
            found.sort_by(|(_, left), (_, right)| {
                let (left, right) = (self.rows.get(*left), self.rows.get(*right));
                let by = |(column, descending): &(usize, bool)| {
                    let ascending = self.ascending(left[*column], right[*column]);
                    if *descending { ascending.reverse() } else { ascending }
                };
                select.order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
            });
        }
        Ok(found)
    }

    /// `NULL` comes last on PostgreSQL and first on the others.
    fn ascending(&self, left: Val, right: Val) -> Ordering {
        let ordering = self.placed(left, right);
        let has_null = left == Val::Null || right == Val::Null;
        if has_null && self.dialect == Dialect::Postgres { ordering.reverse() } else { ordering }
    }

    fn show(&self, select: &Select, found: &[(KeyId, RowId)], given: &Given<'_>) -> Result<Vec<Vec<Val>>, Cause> {
        let rows = found.iter().map(|(_, row)| self.rows.get(*row).as_slice());
        select.output.show(rows, given).map_err(|why| self.cannot(why))
    }

    /// The rows that a `SELECT` makes for an `INSERT`, and those that it found.
    pub(super) fn source(&self, select: &Select, given: &Given<'_>, view: View<'_>) -> Result<Source, Cause> {
        let (None, Output::Rows(columns)) = (select.table, &select.output) else {
            let found = self.find_first(select, given, view)?;
            return Ok((self.show(select, &found, given)?, found));
        };
        let holds = match &select.filter {
            None => Some(true),
            Some(filter) => filter.holds(&[], given).map_err(|why| self.cannot(why))?,
        };
        let rows = if holds == Some(true) { vec![self.values(columns, given)?] } else { Vec::new() };
        Ok((rows, Vec::new()))
    }

    /// Run the sub-selects of a statement.
    pub(super) fn answers(&self, plan: &Plan, arguments: &[Val], view: View<'_>) -> Result<Answers, Cause> {
        let given = Given { arguments, answers: &[], symbols: &self.symbols };
        let mut all = Answers::default();
        for select in &plan.subs {
            let found = self.find_first(select, &given, view)?;
            let rows = self.show(select, &found, &given)?;
            all.0.push(rows.into_iter().filter_map(|row| row.first().copied()).collect());
            all.1.push(found);
        }
        Ok(all)
    }

    /// The rows that a `SELECT` comes to in its own order, before `LIMIT`, or those among these: one that leaves a row out takes
    /// the next. Maybe only the first `most` of them.
    pub(crate) fn candidates(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        only: Option<&[KeyId]>,
        most: usize,
    ) -> Result<Vec<(KeyId, RowId)>, Cause> {
        let (number, arguments) = self.requests.get(request);
        let plan = &self.plans[*number as usize];
        let PlanKind::Select(select) = &plan.kind else { return Ok(Vec::new()) };
        let view = View { base, changes, only };
        let (answers, _) = self.answers(plan, arguments, View { only: None, ..view })?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        self.first_by_column(select, &given, view, most).map_or_else(|| self.find(select, &given, view), Ok)
    }

    /// True when a row under this primary key lies on a path, as far as the path goes by that key.
    pub(crate) fn is_key_on_path(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        (access, table): (&Access, usize),
        key: KeyId,
    ) -> Result<bool, Cause> {
        if !matches!(access.path, Path::Prefix(_) | Path::Range) {
            return Ok(true);
        }
        let definition = &self.tables.tables[table];
        let mut row = vec![Val::Null; definition.columns.len()];
        for (column, value) in definition.primary.iter().zip(&self.keys.get(key).values) {
            row[*column] = *value;
        }
        self.is_in_scope(base, changes, request, access, &row)
    }

    /// What a read shows of these rows.
    pub(crate) fn project(&self, request: RequestId, rows: &[(KeyId, RowId)]) -> Result<Vec<Vec<Val>>, Cause> {
        let PlanKind::Select(select) = &self.plan(request).kind else { return Ok(Vec::new()) };
        let (_, arguments) = self.requests.get(request);
        // Only a read without locks has sub-selects among its columns, and it never waits.
        self.show(select, rows, &Given { arguments, answers: &[], symbols: &self.symbols })
    }

    /// True when a row of the statement's table lies on the statement's path, whether or not it satisfies the rest of its
    /// condition: engines that lock by path lock it, or the place where it would stand.
    pub(crate) fn is_on_path(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        row: RowId,
    ) -> Result<bool, Cause> {
        self.is_in_scope(base, changes, request, &self.plan(request).access, self.rows.get(row))
    }

    fn is_in_scope(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        access: &Access,
        row: &[Val],
    ) -> Result<bool, Cause> {
        let (number, arguments) = self.requests.get(request);
        let plan = &self.plans[*number as usize];
        let Some(scope) = &access.scope else { return Ok(true) };
        let (answers, _) = self.answers(plan, arguments, View { base, changes, only: None })?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        scope.holds(row, &given).map(|holds| holds == Some(true)).map_err(|why| self.cannot(why))
    }
}
