//! The place in an index to which a statement's path leads.

use std::cmp::Ordering;

use smallvec::SmallVec;

use paidonce_protocol::Dialect;

use super::super::cause::Cause;
use super::super::store::{ChangesId, ContentsId, KeyId, RequestId, RowId, Store};
use super::super::value::Val;
use super::View;
use crate::sql::{Access, Comparison, Condition, Given, Path, Scalar, Space};

/// Where a path leads.
pub(crate) enum Place {
    /// To one entry of an index, there or not. `None`: to none, because NULL is no key.
    Entry(Option<KeyId>),
    /// To the entries of the primary key that begin with these values.
    Prefix(Vec<Val>),
    /// To the entries of the primary key that begin with one of these values, in their order.
    Among(Vec<Val>),
    /// To those from this value on, with it or without, or from the first on.
    From(Option<(Val, bool)>),
    /// To all.
    Whole,
}

impl Store {
    /// Where the path of a statement leads in its own table, or that of one of its reads.
    pub(in super::super) fn place(
        &self,
        request: RequestId,
        access: &Access,
        table: usize,
        view: View<'_>,
    ) -> Result<Place, Cause> {
        let (number, arguments) = self.requests.get(request);
        if matches!(access.path, Path::UniquePrefix(..) | Path::Whole) {
            return Ok(Place::Whole);
        }
        let (answers, _) = self.answers(&self.plans[*number as usize], arguments, view)?;
        self.place_given(access, table, &Given { arguments, answers: &answers, symbols: &self.symbols })
    }

    /// The same for these arguments and answers of sub-selects.
    pub(super) fn place_given(&self, access: &Access, table: usize, given: &Given<'_>) -> Result<Place, Cause> {
        let definition = &self.tables.tables[table];
        let (space, columns): (Space, &[usize]) = match access.path {
            Path::Primary => (table as Space, &definition.primary),
            Path::Unique(key) => (definition.uniques[key].0, &definition.uniques[key].1),
            Path::Prefix(count) => (table as Space, &definition.primary[..count]),
            Path::Range => return self.range(access, definition.primary[0], given),
            Path::UniquePrefix(..) | Path::Whole => return Ok(Place::Whole),
        };
        let mut values: SmallVec<[Val; 4]> = SmallVec::new();
        for column in columns {
            let value = access.scope.as_ref().and_then(|scope| fixed(scope, *column));
            let Some(value) = value else { return Ok(Place::Whole) };
            values.push(value.value(&[], given).map_err(|why| self.cannot(why))?);
        }
        if access.path.is_single() {
            let whole = !values.contains(&Val::Null);
            return Ok(Place::Entry(whole.then(|| self.key(space, values))));
        }
        Ok(Place::Prefix(values.into_vec()))
    }

    /// Where a range of the primary key's first column begins, or the values in a list for it; nothing where it ends before.
    fn range(&self, access: &Access, column: usize, given: &Given<'_>) -> Result<Place, Cause> {
        let value = |scalar: &Scalar| scalar.value(&[], given).map(Val::as_key).map_err(|why| self.cannot(why));
        let parts = access.scope.as_ref().map(Condition::conjuncts).unwrap_or_default();
        let [mut least, mut most]: [Option<(Val, bool)>; 2] = [None; 2];
        for part in parts {
            let (comparison, limit) = match part {
                Condition::In(Scalar::Column(of), list) if *of == column => {
                    let mut values = list.iter().map(value).collect::<Result<Vec<Val>, Cause>>()?;
                    values.retain(|value| *value != Val::Null);
                    values.sort_by(|left, right| self.symbols.sort_order(*left, *right));
                    values.dedup();
                    return Ok(Place::Among(values));
                }
                Condition::Compare(comparison, left, right) if *left == Scalar::Column(column) => (*comparison, right),
                Condition::Compare(comparison, left, right) if *right == Scalar::Column(column) => {
                    (turned(*comparison), left)
                }
                _ => continue,
            };
            let (is_in, is_least) = match comparison {
                Comparison::Greater => (false, true),
                Comparison::GreaterOrEqual => (true, true),
                Comparison::Less => (false, false),
                Comparison::LessOrEqual => (true, false),
                Comparison::Equal | Comparison::NotEqual => continue,
            };
            let limit = value(limit)?;
            let order = |known: Val| self.symbols.sort_order(limit, known);
            let side = if is_least { &mut least } else { &mut most };
            let is_nearer = side.is_none_or(|(known, was_in)| match order(known) {
                Ordering::Equal => was_in && !is_in,
                order => order.is_gt() == is_least,
            });
            if is_nearer {
                *side = Some((limit, is_in));
            }
        }
        if let (Some((least, from_it)), Some((most, to_it))) = (least, most) {
            let order = self.symbols.sort_order(least, most);
            if order.is_gt() || order.is_eq() && !(from_it && to_it) {
                return Ok(Place::Among(Vec::new()));
            }
            // MariaDB looks a range of one value up as it does a value.
            if order.is_eq() && self.dialect == Dialect::MariaDb {
                return Ok(Place::Among(vec![least]));
            }
        }
        Ok(Place::From(least))
    }

    /// The keys of those among these rows that lie on one of a statement's paths, whether or not they satisfy the rest of
    /// its condition.
    pub(crate) fn rows_on(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        access: &Access,
        rows: &[(KeyId, RowId)],
    ) -> Result<Vec<KeyId>, Cause> {
        let (number, arguments) = self.requests.get(request);
        let Some(scope) = &access.scope else { return Ok(rows.iter().map(|(key, _)| *key).collect()) };
        let (answers, _) =
            self.answers(&self.plans[*number as usize], arguments, View { base, changes, only: None })?;
        let given = Given { arguments, answers: &answers, symbols: &self.symbols };
        let mut keys = Vec::new();
        for (key, row) in rows {
            if scope.holds(self.rows.get(*row), &given).map_err(|why| self.cannot(why))? == Some(true) {
                keys.push(*key);
            }
        }
        Ok(keys)
    }
}

/// The comparison with its sides exchanged.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Equal | Comparison::NotEqual => comparison,
    }
}

/// What a column has to be equal to.
fn fixed(scope: &Condition, column: usize) -> Option<&Scalar> {
    match scope {
        Condition::And(left, right) => fixed(left, column).or_else(|| fixed(right, column)),
        Condition::Compare(_, left, right) if *left == Scalar::Column(column) => Some(right),
        Condition::Compare(_, left, right) if *right == Scalar::Column(column) => Some(left),
        Condition::In(Scalar::Column(of), list) if *of == column => list.first(),
        _ => None,
    }
}
