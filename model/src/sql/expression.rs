//! Scalars and conditions over one row and the statement's arguments.

use crate::db::Val;

/// A value computed from a row and the statement's arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    Column(usize),
    Argument(usize),
    Constant(Val),
    Add(Box<Scalar>, Box<Scalar>),
    Subtract(Box<Scalar>, Box<Scalar>),
}

/// An expression that cannot be computed: arithmetic on something that is not a number, or an overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uncomputable;

impl Scalar {
    pub(crate) fn value(&self, row: &[Val], arguments: &[Val]) -> Result<Val, Uncomputable> {
        let arithmetic = |left: &Scalar, right: &Scalar, f: fn(i64, i64) -> Option<i64>| match (
            left.value(row, arguments)?,
            right.value(row, arguments)?,
        ) {
            (Val::Null, _) | (_, Val::Null) => Ok(Val::Null),
            (Val::Int(a), Val::Int(b)) => f(a, b).map(Val::Int).ok_or(Uncomputable),
            (Val::Instant(a), Val::Int(b)) => f(a, b).map(Val::Instant).ok_or(Uncomputable),
            _ => Err(Uncomputable),
        };
        match self {
            Scalar::Column(column) => Ok(row[*column]),
            Scalar::Argument(argument) => Ok(arguments[*argument]),
            Scalar::Constant(value) => Ok(*value),
            Scalar::Add(left, right) => arithmetic(left, right, i64::checked_add),
            Scalar::Subtract(left, right) => arithmetic(left, right, i64::checked_sub),
        }
    }

    /// True when a column of the row goes into the value.
    pub(crate) fn reads_row(&self) -> bool {
        match self {
            Scalar::Column(_) => true,
            Scalar::Argument(_) | Scalar::Constant(_) => false,
            Scalar::Add(left, right) | Scalar::Subtract(left, right) => left.reads_row() || right.reads_row(),
        }
    }

    /// The columns that go into the value.
    pub(crate) fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Scalar::Column(column) => into.push(*column),
            Scalar::Argument(_) | Scalar::Constant(_) => {}
            Scalar::Add(left, right) | Scalar::Subtract(left, right) => {
                left.columns(into);
                right.columns(into);
            }
        }
    }
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition over a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    Compare(Comparison, Scalar, Scalar),
    IsNull(Scalar),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    /// SQL's three-valued logic: `None` is unknown. `order` compares two values of one kind.
    pub(crate) fn holds(
        &self,
        row: &[Val],
        arguments: &[Val],
        order: &impl Fn(Val, Val) -> Option<std::cmp::Ordering>,
    ) -> Result<Option<bool>, Uncomputable> {
        Ok(match self {
            Condition::Compare(comparison, left, right) => {
                let (left, right) = (left.value(row, arguments)?, right.value(row, arguments)?);
                if left == Val::Null || right == Val::Null {
                    return Ok(None);
                }
                let ordering = order(left, right).ok_or(Uncomputable)?;
                Some(match comparison {
                    Comparison::Equal => ordering.is_eq(),
                    Comparison::NotEqual => ordering.is_ne(),
                    Comparison::Less => ordering.is_lt(),
                    Comparison::LessOrEqual => ordering.is_le(),
                    Comparison::Greater => ordering.is_gt(),
                    Comparison::GreaterOrEqual => ordering.is_ge(),
                })
            }
            Condition::IsNull(scalar) => Some(scalar.value(row, arguments)? == Val::Null),
            Condition::Not(inner) => inner.holds(row, arguments, order)?.map(|holds| !holds),
            Condition::And(left, right) => {
                match (left.holds(row, arguments, order)?, right.holds(row, arguments, order)?) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Condition::Or(left, right) => {
                match (left.holds(row, arguments, order)?, right.holds(row, arguments, order)?) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                }
            }
        })
    }

    /// The columns that the condition looks at.
    pub(crate) fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Condition::Compare(_, left, right) => {
                left.columns(into);
                right.columns(into);
            }
            Condition::IsNull(scalar) => scalar.columns(into),
            Condition::Not(inner) => inner.columns(into),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.columns(into);
                right.columns(into);
            }
        }
    }
}
