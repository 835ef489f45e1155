//! `COUNT`, `SUM`, `MIN` and `MAX` over all rows that a statement found.

use super::expression::{Given, Scalar, Uncomputable};
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
        if let Some(of) = self.of() {
            of.columns(into);
        }
    }

    /// What it is over.
    pub(super) fn of(&self) -> Option<&Scalar> {
        match self {
            Aggregate::CountRows => None,
            Aggregate::Count(of) | Aggregate::Sum(of) | Aggregate::Min(of) | Aggregate::Max(of) => Some(of),
        }
    }

    /// Its value over these rows.
    pub(crate) fn over<'r>(
        &self,
        rows: impl Iterator<Item = &'r [Val]>,
        given: &Given<'_>,
    ) -> Result<Val, Uncomputable> {
        let Some(of) = self.of() else { return Ok(Val::Int(rows.count() as i64)) };
        let mut counted = 0;
        let mut total = Val::Null;
        let mut sum: i128 = 0;
        for row in rows {
            let value = of.value(row, given)?;
            if value == Val::Null {
                continue;
            }
            counted += 1;
            total = match (self, total) {
                (Aggregate::Sum(_), _) => {
                    let Val::Int(number) = value else { return Err(Uncomputable::Senseless) };
                    sum += i128::from(number);
                    Val::Int(0)
                }
                (_, Val::Null) => value,
                (_, total) => {
                    let order = given.symbols.order(value, total).ok_or(Uncomputable::Senseless)?;
                    let replaces = if matches!(self, Aggregate::Min(_)) { order.is_lt() } else { order.is_gt() };
                    if replaces { value } else { total }
                }
            };
        }
        Ok(match (self, total) {
            (Aggregate::Count(_), _) => Val::Int(counted),
            (Aggregate::Sum(_), Val::Int(_)) => Val::Int(i64::try_from(sum).map_err(|_| Uncomputable::SumTooLarge)?),
            _ => total,
        })
    }
}
