//! Where many rows are kept, a statement looks for its own where its path leads, and not through the whole table.
//!
//! Where few are kept in many versions, looking through them is as fast, and what it comes to is remembered.

use std::borrow::Cow;

use super::super::cause::Cause;
use super::super::store::{Change, ChangesId, ContentsId, KeyId, NOTHING, RequestId, RowId, Store};
use super::super::value::Val;
use super::View;
use super::path::Place;
use crate::sql::{Access, Comparison, Condition, Given, Path, Scalar, Select, Space};

impl Store {
    /// Rows among which are all that satisfy the condition, in the order of their keys; `None`: look through all.
    pub(super) fn nearby(
        &self,
        view: View<'_>,
        (table, access): (usize, &Access),
        filter: Option<&Condition>,
        given: &Given<'_>,
    ) -> Result<Option<Vec<(KeyId, RowId)>>, Cause> {
        if view.only.is_some() || !self.keeps_newest() {
            return Ok(None);
        }
        let space = table as Space;
        Ok(match self.place_given(access, table, given)? {
            Place::Entry(None) => Some(Vec::new()),
            Place::Entry(Some(key)) => {
                let found = self.rows_under(view.base, view.changes, key);
                if self.keys.get(key).space == space { Some(found) } else { self.rows_of_entries(view, table, &found) }
            }
            Place::Prefix(values) => Some(self.rows_from(view.base, view.changes, space, &values)),
            Place::Among(values) => {
                let rows = values.iter().map(|value| self.rows_from(view.base, view.changes, space, &[*value]));
                Some(rows.flatten().collect())
            }
            Place::From(_) | Place::Whole => self.by_column(view, table, filter, given)?,
        })
    }

    /// The committed rows of a table among which are all that lie on a path.
    pub(crate) fn rows_along(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        access: &Access,
        table: usize,
    ) -> Result<Cow<'_, [(KeyId, RowId)]>, Cause> {
        if self.keeps_newest() {
            let (_, arguments) = self.requests.get(request);
            let (answers, _) = self.answers(self.plan(request), arguments, View { base, changes, only: None })?;
            let given = Given { arguments, answers: &answers, symbols: &self.symbols };
            let committed = View { base, changes: NOTHING, only: None };
            if let Some(rows) = self.nearby(committed, (table, access), None, &given)? {
                return Ok(Cow::Owned(rows));
            }
        }
        Ok(self.rows_of(base, table as Space))
    }

    /// The rows to which entries of a further key lead. A transaction that sees two rows under one primary key looks at all.
    fn rows_of_entries(&self, view: View<'_>, table: usize, entries: &[(KeyId, RowId)]) -> Option<Vec<(KeyId, RowId)>> {
        let is_beside = |change: &Change| matches!(change, Change::Beside(_));
        if self.changes.get(view.changes).iter().any(|(_, change)| is_beside(change)) {
            return None;
        }
        Some(entries.iter().map(|(_, row)| (self.keys_of(table, self.rows.get(*row))[0], *row)).collect())
    }

    /// The rows that once had the value that the condition asks for in a column without a key.
    fn by_column(
        &self,
        view: View<'_>,
        table: usize,
        filter: Option<&Condition>,
        given: &Given<'_>,
    ) -> Result<Option<Vec<(KeyId, RowId)>>, Cause> {
        for part in filter.map(Condition::conjuncts).unwrap_or_default() {
            let Some((column, value)) = equal(part) else { continue };
            let value: Val = value.value(&[], given).map_err(|why| self.cannot(why))?;
            let Some(mut keys) = self.keys_with(table, column, value) else { continue };
            let own = self.changes.get(view.changes);
            if own.iter().any(|(_, change)| matches!(change, Change::Beside(_))) {
                return Ok(None);
            }
            keys.extend(own.iter().map(|(key, _)| *key).filter(|key| usize::from(self.keys.get(*key).space) == table));
            keys.sort_by(|left, right| self.compare_keys(*left, *right));
            keys.dedup();
            let seen = |key| Some((key, self.seen(view.base, view.changes, key)?));
            return Ok(Some(keys.into_iter().filter_map(seen).collect()));
        }
        Ok(None)
    }

    /// The first so many rows that a read finds which takes them in the order of the primary key, where those with a value in
    /// a column without a key are noted in that order. Not where a later row may make the statement fail.
    pub(super) fn first_by_column(
        &self,
        select: &Select,
        given: &Given<'_>,
        view: View<'_>,
        most: usize,
    ) -> Option<Vec<(KeyId, RowId)>> {
        let (table, filter) = (select.table?, select.filter.as_ref()?);
        let [(column, false)] = select.order[..] else { return None };
        let is_own = |(key, _): &(KeyId, Change)| usize::from(self.keys.get(*key).space) == table;
        if view.only.is_some()
            || !self.keeps_newest()
            || !is_whole(&select.access)
            || !filter.conjuncts().into_iter().all(computes_nothing)
            || self.tables.tables[table].primary[..] != [column]
            || self.changes.get(view.changes).iter().any(is_own)
        {
            return None;
        }
        let (column, value) = filter.conjuncts().into_iter().find_map(equal)?;
        let value = value.value(&[], given).ok()?;
        let holds = |row: RowId| filter.holds(self.rows.get(row), given) == Ok(Some(true));
        self.first_with(view.base, (table, column, value), holds, most)
    }
}

/// True for a comparison of what is there as it is.
fn computes_nothing(part: &Condition) -> bool {
    let is_there = |scalar: &Scalar| {
        matches!(scalar, Scalar::Column(_) | Scalar::Argument(_) | Scalar::Constant(_) | Scalar::Clock)
    };
    matches!(part, Condition::Compare(_, left, right) if is_there(left) && is_there(right))
}

/// True for a path through the whole of a table, or of an index.
pub(in crate::db) fn is_whole(access: &Access) -> bool {
    matches!(access.path, Path::Whole | Path::UniquePrefix(..))
}

/// `column = something` that does not depend on the row.
pub(in crate::db) fn equal(part: &Condition) -> Option<(usize, &Scalar)> {
    match part {
        Condition::Compare(Comparison::Equal, Scalar::Column(column), other)
        | Condition::Compare(Comparison::Equal, other, Scalar::Column(column))
            if !other.reads_row() =>
        {
            Some((*column, other))
        }
        _ => None,
    }
}
