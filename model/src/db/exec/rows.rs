//! The rows of an `INSERT`, for engines that put them in one by one and may have to wait at each.

use super::super::cause::Cause;
use super::super::store::{ChangesId, ContentsId, KeyId, RequestId, RowId, Store};
use super::super::value::Val;
use super::View;
use crate::sql::{Condition, Given, Insert, NewRows, OnConflict, Output, PlanKind, Scalar, Select};

impl Store {
    /// The rows that an `INSERT` is to put in, as these committed rows and its transaction's changes make them.
    pub(crate) fn new_rows(
        &self,
        looks_at: ContentsId,
        changes: ChangesId,
        request: RequestId,
    ) -> Result<Vec<RowId>, Cause> {
        let (rows, failed) = self.new_rows_until(looks_at, changes, request)?;
        failed.map_or(Ok(rows), Err)
    }

    /// The same as far as to the first row of which a value cannot be computed, and why.
    pub(crate) fn new_rows_until(
        &self,
        looks_at: ContentsId,
        changes: ChangesId,
        request: RequestId,
    ) -> Result<(Vec<RowId>, Option<Cause>), Cause> {
        let (_, arguments) = self.requests.get(request);
        let plan = self.plan(request);
        let PlanKind::Insert(insert) = &plan.kind else { return Ok((Vec::new(), None)) };
        let view = View { base: looks_at, changes, only: None };
        let (answers, _) = self.answers(plan, arguments, view)?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        let mut failed = None;
        let rows: Vec<Vec<Val>> = match &insert.rows {
            NewRows::Values(rows) => {
                let all = rows.iter().map(|row| self.values(row, &given));
                all.map_while(|row| row.map_err(|cause| failed = Some(cause)).ok()).collect()
            }
            NewRows::Select(select) => self.source(select, &given, view)?.0,
        };
        Ok((rows.into_iter().map(|row| self.rows.keep(row)).collect(), failed))
    }

    /// The rows that the `SELECT` of an `INSERT` finds, each with the new row that it makes.
    pub(crate) fn sources(
        &self,
        looks_at: ContentsId,
        changes: ChangesId,
        request: RequestId,
        select: &Select,
    ) -> Result<Vec<(KeyId, RowId)>, Cause> {
        let (_, arguments) = self.requests.get(request);
        let view = View { base: looks_at, changes, only: None };
        let (answers, _) = self.answers(self.plan(request), arguments, view)?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        let (rows, found) = self.source(select, &given, view)?;
        Ok(found.iter().zip(rows).map(|((key, _), row)| (*key, self.rows.keep(row))).collect())
    }

    /// The keys of a new row with their numbers, in the order in which they are dealt with.
    pub(crate) fn keys_of_new(&self, table: usize, row: RowId) -> Result<Vec<(usize, KeyId)>, Cause> {
        let row = self.rows.get(row);
        self.check_not_null(table, row)?;
        Ok(self.numbered_keys(table, row))
    }

    /// The new row that an `INSERT … SELECT` makes of one row that it has found.
    pub(crate) fn new_row_of(
        &self,
        request: RequestId,
        select: &Select,
        row: RowId,
        looks_at: ContentsId,
        changes: ChangesId,
    ) -> Result<RowId, Cause> {
        let (_, arguments) = self.requests.get(request);
        let (answers, _) = self.answers(self.plan(request), arguments, View { base: looks_at, changes, only: None })?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        let shown = select.output.show(std::iter::once(self.rows.get(row).as_slice()), &given);
        let row = shown.map_err(|why| self.cannot(why))?.pop().ok_or(Cause::Unusable)?;
        Ok(self.rows.keep(row))
    }

    /// A new row as its table takes it: with a value in place of NULL where that is refused, when the statement ignores it.
    pub(crate) fn accepted(&self, table: usize, row: RowId, ignores: bool) -> Result<RowId, Cause> {
        let mut values = self.rows.get(row).clone();
        if ignores {
            self.fill_nulls(table, &mut values);
        }
        self.check_not_null(table, &values)?;
        Ok(self.rows.keep(values))
    }

    /// True when a row satisfies this condition of a statement.
    pub(crate) fn passes(
        &self,
        request: RequestId,
        filter: Option<&Condition>,
        row: RowId,
        looks_at: ContentsId,
        changes: ChangesId,
    ) -> Result<bool, Cause> {
        let Some(filter) = filter else { return Ok(true) };
        let (_, arguments) = self.requests.get(request);
        let (answers, _) = self.answers(self.plan(request), arguments, View { base: looks_at, changes, only: None })?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        filter.holds(self.rows.get(row), &given).map(|holds| holds == Some(true)).map_err(|why| self.cannot(why))
    }

    /// True when a row may be among those that a sub-select with which it is joined will find: it has the value that each of
    /// these has.
    pub(crate) fn may_go_with(
        &self,
        request: RequestId,
        number: usize,
        filter: Option<&Condition>,
        row: RowId,
    ) -> Result<bool, Cause> {
        let (_, arguments) = self.requests.get(request);
        let plan = self.plan(request);
        let select = &plan.subs[number];
        let (Some(table), Output::Rows(columns), Some(sub_filter)) = (select.table, &select.output, &select.filter)
        else {
            return Ok(true);
        };
        let (Some(Scalar::Column(column)), Some(joined)) = (columns.first(), filter.and_then(|all| all.joined(number)))
        else {
            return Ok(true);
        };
        let given = Given { arguments, answers: &[], symbols: &self.symbols };
        let mut other = vec![Val::Null; self.tables.tables[table].columns.len()];
        other[*column] = joined.value(self.rows.get(row), &given).map_err(|why| self.cannot(why))?;
        sub_filter.holds(&other, &given).map(|holds| holds != Some(false)).map_err(|why| self.cannot(why))
    }

    /// True when two rows hold the same values.
    pub(crate) fn are_one(&self, left: RowId, right: RowId) -> bool {
        left == right || self.are_same(self.rows.get(left), self.rows.get(right))
    }

    /// What `DO UPDATE` makes of the row that is there, for this new one; `None` when its `WHERE` leaves it alone.
    pub(crate) fn updated_for(
        &self,
        (there, new): (RowId, RowId),
        looks_at: ContentsId,
        changes: ChangesId,
        request: RequestId,
    ) -> Result<Option<RowId>, Cause> {
        let (_, arguments) = self.requests.get(request);
        let plan = self.plan(request);
        let PlanKind::Insert(Insert { on_conflict: OnConflict::Update { sets, filter, .. }, .. }) = &plan.kind else {
            return Ok(None);
        };
        let (answers, _) = self.answers(plan, arguments, View { base: looks_at, changes, only: None })?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        let both = [self.rows.get(there).as_slice(), self.rows.get(new)].concat();
        let holds = filter.as_ref().map_or(Ok(Some(true)), |filter| filter.holds(&both, &given));
        if holds.map_err(|why| self.cannot(why))? != Some(true) {
            return Ok(None);
        }
        let mut updated = self.rows.get(there).clone();
        for (column, to) in sets {
            updated[*column] = to.value(&both, &given).map_err(|why| self.cannot(why))?;
        }
        self.check_not_null(plan.table, &updated)?;
        Ok(Some(self.rows.keep(updated)))
    }
}
