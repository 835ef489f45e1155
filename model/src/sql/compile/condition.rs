//! Expressions that hold or do not.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::{Compiler, Condition, Scope, SqlError, Typed};
use crate::sql::expression::Comparison;

impl Compiler<'_> {
    pub(super) fn condition(&mut self, expression: &Expr, scope: Scope<'_>) -> Result<Condition, SqlError> {
        Ok(match expression {
            Expr::Nested(inner) => self.condition(inner, scope)?,
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => not(true, self.condition(expr, scope)?),
            Expr::IsNull(inner) => Condition::IsNull(self.scalar(inner, scope)?.0),
            Expr::IsNotNull(inner) => not(true, Condition::IsNull(self.scalar(inner, scope)?.0)),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                Condition::And(Box::new(self.condition(left, scope)?), Box::new(self.condition(right, scope)?))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                Condition::Or(Box::new(self.condition(left, scope)?), Box::new(self.condition(right, scope)?))
            }
            Expr::BinaryOp { left, op, right } => {
                let comparison = match op {
                    BinaryOperator::Eq => Comparison::Equal,
                    BinaryOperator::NotEq => Comparison::NotEqual,
                    BinaryOperator::Lt => Comparison::Less,
                    BinaryOperator::LtEq => Comparison::LessOrEqual,
                    BinaryOperator::Gt => Comparison::Greater,
                    BinaryOperator::GtEq => Comparison::GreaterOrEqual,
                    _ => return self.no(expression),
                };
                let (left, right) = (self.scalar(left, scope)?, self.scalar(right, scope)?);
                self.compare(comparison, &left, &right, expression)?
            }
            Expr::Between { expr, negated, low, high } => {
                let value = self.scalar(expr, scope)?;
                let (low, high) = (self.scalar(low, scope)?, self.scalar(high, scope)?);
                let above = self.compare(Comparison::GreaterOrEqual, &value, &low, expression)?;
                let below = self.compare(Comparison::LessOrEqual, &value, &high, expression)?;
                not(*negated, Condition::And(Box::new(above), Box::new(below)))
            }
            Expr::InList { expr, list, negated } => {
                let value = self.scalar(expr, scope)?;
                let mut values = Vec::new();
                for one in list {
                    let one = self.scalar(one, scope)?;
                    self.same_kind(&value, &one, expression)?;
                    values.push(one.0);
                }
                if values.is_empty() {
                    return self.no(expression);
                }
                not(*negated, Condition::In(value.0, values))
            }
            Expr::InSubquery { expr, subquery, negated } => {
                let value = self.scalar(expr, scope)?;
                let (number, kind) = self.sub_select(subquery)?;
                if self.subs[number].limit.is_some() {
                    return self.no(format!("{expression} (LIMIT inside IN, which MariaDB refuses)"));
                }
                self.same_kind(&value, &(super::Scalar::Answer(number), kind), expression)?;
                not(*negated, Condition::Among(value.0, number))
            }
            Expr::Exists { subquery, negated } => {
                let (number, _) = self.sub_rows(subquery)?;
                not(*negated, Condition::Exists(number))
            }
            other => return self.no(other),
        })
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        left: &Typed,
        right: &Typed,
        clause: &Expr,
    ) -> Result<Condition, SqlError> {
        self.same_kind(left, right, clause)?;
        Ok(Condition::Compare(comparison, left.0.clone(), right.0.clone()))
    }
}

fn not(negated: bool, condition: Condition) -> Condition {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}
