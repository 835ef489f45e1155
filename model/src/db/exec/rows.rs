//! The rows of an `INSERT`, for engines that put them in one by one and may have to wait at each.

use super::super::cause::Cause;
use super::super::store::{ChangesId, ContentsId, KeyId, RequestId, RowId, Store};
use super::super::value::Val;
use super::{View, values};
use crate::sql::{Given, Insert, NewRows, OnConflict, PlanKind, Select};

impl Store {
    /// The rows that an `INSERT` is to put in, as these committed rows and its transaction's changes make them.
    pub(crate) fn new_rows(
        &self,
        looks_at: ContentsId,
        changes: ChangesId,
        request: RequestId,
    ) -> Result<Vec<RowId>, Cause> {
        let (_, arguments) = self.requests.get(request);
        let plan = self.plan(request);
        let PlanKind::Insert(insert) = &plan.kind else { return Ok(Vec::new()) };
        let view = View { base: looks_at, changes, only: None };
        let (answers, _) = self.answers(plan, arguments, view)?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        let rows: Vec<Vec<Val>> = match &insert.rows {
            NewRows::Values(rows) => rows.iter().map(|row| values(row, &given)).collect::<Result<_, _>>()?,
            NewRows::Select(select) => self.source(select, &given, view)?.0,
        };
        Ok(rows.iter().map(|row| self.rows.id(row)).collect())
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
        Ok(found.iter().zip(&rows).map(|((key, _), row)| (*key, self.rows.id(row))).collect())
    }

    /// The keys of a new row with their numbers, in the order in which they are dealt with.
    pub(crate) fn keys_of_new(&self, table: usize, row: RowId) -> Result<Vec<(usize, KeyId)>, Cause> {
        let row = self.rows.get(row);
        self.check_not_null(table, row)?;
        Ok(self.numbered_keys(table, row))
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
        if holds.map_err(|_| Cause::Unusable)? != Some(true) {
            return Ok(None);
        }
        let mut updated = self.rows.get(there).clone();
        for (column, to) in sets {
            updated[*column] = to.value(&both, &given).map_err(|_| Cause::Unusable)?;
        }
        self.check_not_null(plan.table, &updated)?;
        Ok(Some(self.rows.id(&updated)))
    }
}
