//! `COUNT`, `SUM`, `MIN` and `MAX` over all rows that a statement found.

use super::expression::{Given, Operator, Scalar, Uncomputable};
use crate::db::Val;

/// One aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Aggregate {
    /// `COUNT(*)`.
    CountRows,
    /// The rows in which this is not `NULL`.
    Count(Scalar),
    Sum(Scalar),
    Min(Scalar),
    Max(Scalar),
}

impl Aggregate {
    /// The columns that it is over.
    pub(crate) fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Aggregate::CountRows => {}
            Aggregate::Count(of) | Aggregate::Sum(of) | Aggregate::Min(of) | Aggregate::Max(of) => of.columns(into),
        }
    }

    /// Its value over these rows.
    pub(crate) fn over<'r>(
        &self,
        rows: impl Iterator<Item = &'r [Val]>,
        given: &Given<'_>,
    ) -> Result<Val, Uncomputable> {
        let (Aggregate::Count(of) | Aggregate::Sum(of) | Aggregate::Min(of) | Aggregate::Max(of)) = self else {
            return Ok(Val::Int(rows.count() as i64));
        };
        let mut counted = 0;
        let mut total = Val::Null;
        for row in rows {
            let value = of.value(row, given)?;
            if value == Val::Null {
                continue;
            }
            counted += 1;
            total = match (self, total) {
                (Aggregate::Sum(_), Val::Null) if !matches!(value, Val::Int(_)) => return Err(Uncomputable),
                (_, Val::Null) => value,
                (Aggregate::Sum(_), total) => Operator::Add.apply(total, value)?,
                (_, total) => {
                    let order = given.symbols.order(value, total).ok_or(Uncomputable)?;
                    let replaces = if matches!(self, Aggregate::Min(_)) { order.is_lt() } else { order.is_gt() };
                    if replaces { value } else { total }
                }
            };
        }
        Ok(if matches!(self, Aggregate::Count(_)) { Val::Int(counted) } else { total })
    }
}
