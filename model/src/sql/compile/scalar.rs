//! Expressions that have a value.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectNamePart, UnaryOperator, Value as Literal,
};

use super::{Compiler, Kind, Scalar, Scope, SqlError, Typed};
use crate::db::Val;
use crate::sql::aggregate::Aggregate;
use crate::sql::expression::Operator;
use crate::sql::plan::Output;

const ADVICE_ON_SUM: &str = "its type differs from engine to engine; write CAST(SUM(…) AS BIGINT)";

impl Compiler<'_> {
    pub(super) fn scalar(&mut self, expression: &Expr, scope: Scope<'_>) -> Result<Typed, SqlError> {
        let in_cast = std::mem::take(&mut self.cast);
        Ok(match expression {
            Expr::Nested(inner) => {
                self.cast = in_cast;
                self.scalar(inner, scope)?
            }
            Expr::Identifier(name) => self.plain_column(name, scope)?,
            Expr::CompoundIdentifier(parts) => self.qualified_column(parts, expression, scope)?,
            Expr::Value(value) => self.literal(&value.value)?,
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match self.number(expr, scope)? {
                Scalar::Constant(Val::Int(n)) if n != i64::MIN => (Scalar::Constant(Val::Int(-n)), Some(Kind::Integer)),
                other => (Scalar::Negative(Box::new(other)), Some(Kind::Integer)),
            },
            Expr::BinaryOp { left, op: BinaryOperator::Modulo, right } => {
                let left = self.number(left, scope)?;
                match self.number(right, scope)? {
                    Scalar::Constant(Val::Int(divisor)) if divisor != 0 => {
                        (Scalar::Remainder(Box::new(left), divisor), Some(Kind::Integer))
                    }
                    _ => {
                        return self.fail(format!(
                            "`{expression}`: the model divides by a constant other than zero only; a division by zero is \
                             an error on one engine and NULL on the others"
                        ));
                    }
                }
            }
            Expr::BinaryOp { left, op, right } => {
                let operator = match op {
                    BinaryOperator::Plus => Operator::Add,
                    BinaryOperator::Minus => Operator::Subtract,
                    BinaryOperator::Multiply => Operator::Multiply,
                    BinaryOperator::Divide => {
                        return self.fail(format!(
                            "`{expression}`: the quotient of integers differs from engine to engine; multiply the other \
                             side, or divide before and give the quotient as an argument"
                        ));
                    }
                    _ => return self.no(expression),
                };
                let (left, right) = (self.number(left, scope)?, self.number(right, scope)?);
                (Scalar::Arithmetic(operator, Box::new(left), Box::new(right)), Some(Kind::Integer))
            }
            Expr::Cast { kind: CastKind::Cast, expr, data_type: DataType::BigInt(None), format: None } => {
                self.cast = true;
                let inner = self.scalar(expr, scope);
                self.cast = false;
                let inner = inner?;
                self.learn(&inner, Kind::Integer, expression)?;
                (Scalar::Integer(Box::new(inner.0)), Some(Kind::Integer))
            }
            Expr::Function(function) => self.function(function, scope, in_cast)?,
            Expr::Subquery(query) => {
                let (number, kind) = self.sub_select(query)?;
                let sub = &self.subs[number];
                let single = matches!(sub.output, Output::Totals { .. })
                    || sub.access.path.is_single()
                    || sub.limit == Some(1) && sub.is_ordered;
                if !single {
                    return self.fail(format!(
                        "`{expression}` may find several rows, which is an error on some engines; select an aggregate, or \
                         one row by all columns of a key"
                    ));
                }
                (Scalar::Answer(number), kind)
            }
            other => return self.no(other),
        })
    }

    /// An expression that has to be a number.
    fn number(&mut self, expression: &Expr, scope: Scope<'_>) -> Result<Scalar, SqlError> {
        let value = self.scalar(expression, scope)?;
        self.learn(&value, Kind::Integer, expression)?;
        self.typed(&value, expression)?;
        Ok(value.0)
    }

    /// PostgreSQL has to know what a value is before it can choose an operator or a function for it.
    fn typed(&self, value: &Typed, expression: &Expr) -> Result<(), SqlError> {
        match value {
            (Scalar::Argument(_), _) | (_, Some(_)) => Ok(()),
            _ => self.fail(format!("`{expression}` has no type to PostgreSQL; write CAST({expression} AS BIGINT)")),
        }
    }

    fn plain_column(&self, name: &Ident, scope: Scope<'_>) -> Result<Typed, SqlError> {
        match scope {
            Scope::Row(_) if self.aggregates.is_some() => {
                self.fail(format!(
                "`{name}` stands beside an aggregate without being in one, which engines refuse; put it into one, or ask for it in a \
                 statement of its own"
            ))
            }
            Scope::Row(table) => {
                let column = self.column(table, name)?;
                Ok((Scalar::Column(column), Some(table.kinds[column])))
            }
            Scope::Nothing => self.fail(format!("`{name}`: there is no row here to have columns")),
            Scope::Conflict(table) => {
                self.column(table, name)?;
                self.fail(format!("`{name}` is ambiguous; write {}.{name} or excluded.{name}", table.name))
            }
        }
    }

    fn qualified_column(&self, parts: &[Ident], whole: &Expr, scope: Scope<'_>) -> Result<Typed, SqlError> {
        let [of, name] = parts else { return self.no(whole) };
        match scope {
            Scope::Row(table) if of.value == table.name => self.plain_column(name, scope),
            Scope::Conflict(table) if of.value == table.name || of.value.eq_ignore_ascii_case("excluded") => {
                let column = self.column(table, name)?;
                let offset = if of.value == table.name { 0 } else { table.columns.len() };
                Ok((Scalar::Column(offset + column), Some(table.kinds[column])))
            }
            _ if self.inside && self.tables.find(&of.value).is_some() => self.fail(format!(
                "`{whole}` looks out of its sub-select; the model's sub-selects know their own table only"
            )),
            _ => self.no(whole),
        }
    }

    fn literal(&mut self, literal: &Literal) -> Result<Typed, SqlError> {
        Ok(match literal {
            Literal::Placeholder(text) => {
                let number = text.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
                let Some(number @ 1..=1000) = number else { return self.no(text) };
                if self.arguments.len() < number {
                    self.arguments.resize(number, None);
                }
                (Scalar::Argument(number - 1), self.arguments[number - 1])
            }
            Literal::Number(digits, _) => match digits.parse() {
                Ok(number) => (Scalar::Constant(Val::Int(number)), Some(Kind::Integer)),
                Err(_) => return self.no(digits),
            },
            Literal::SingleQuotedString(text) if text.contains('\\') => {
                return self
                    .no(format!("{literal} (a backslash, which means something on MariaDB; give it as an argument)"));
            }
            Literal::SingleQuotedString(text) => (Scalar::Constant(Val::Text(self.symbols.id(text))), Some(Kind::Text)),
            Literal::Null => (Scalar::Constant(Val::Null), None),
            other => return self.no(other),
        })
    }

    fn function(&mut self, function: &Function, scope: Scope<'_>, in_cast: bool) -> Result<Typed, SqlError> {
        let Some((name, arguments)) = plain_call(function) else { return self.no(function) };
        if name == "COALESCE" {
            let mut all = Vec::new();
            let mut first: Option<Typed> = None;
            for argument in arguments {
                let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else { return self.no(function) };
                self.cast = in_cast;
                let value = self.scalar(argument, scope);
                self.cast = false;
                let value = value?;
                let kind = match &first {
                    Some(first) => self.same_kind(first, &value, function)?,
                    None => value.1,
                };
                all.push(value.0.clone());
                first = Some((value.0, kind));
            }
            return Ok((Scalar::Coalesce(all), first.and_then(|(_, kind)| kind)));
        }
        if name == "CLOCK_MS" && arguments.is_empty() {
            self.reads_clock = true;
            return Ok((Scalar::Clock, Some(Kind::Integer)));
        }
        if !is_aggregate(&name) {
            return self.not_alone(&name, function);
        }
        if name == "SUM" && !in_cast {
            return self.fail(format!("`{function}`: {ADVICE_ON_SUM}"));
        }
        // Inside an aggregate there is a row, and no other aggregate.
        let Some(aggregates) = self.aggregates.take() else {
            return self.fail(format!("`{function}` stands where there are no rows to go over"));
        };
        let aggregate = self.aggregate(&name, arguments, function, scope);
        let aggregates = self.aggregates.insert(aggregates);
        let (aggregate, kind) = aggregate?;
        let number = aggregates.iter().position(|(known, _)| *known == aggregate).unwrap_or_else(|| {
            aggregates.push((aggregate, kind));
            aggregates.len() - 1
        });
        Ok((Scalar::Column(number), kind))
    }

    fn aggregate(
        &mut self,
        name: &str,
        arguments: &[FunctionArg],
        function: &Function,
        scope: Scope<'_>,
    ) -> Result<(Aggregate, Option<Kind>), SqlError> {
        let of = match (name, arguments) {
            ("COUNT", [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) => {
                return Ok((Aggregate::CountRows, Some(Kind::Integer)));
            }
            (_, [FunctionArg::Unnamed(FunctionArgExpr::Expr(of))]) => of,
            _ => return self.no(function),
        };
        Ok(match name {
            "SUM" => (Aggregate::Sum(self.number(of, scope)?), Some(Kind::Integer)),
            "COUNT" => (Aggregate::Count(self.scalar(of, scope)?.0), Some(Kind::Integer)),
            _ => {
                let value = self.scalar(of, scope)?;
                self.typed(&value, of)?;
                let (of, kind) = value;
                (if name == "MIN" { Aggregate::Min(of) } else { Aggregate::Max(of) }, kind)
            }
        })
    }
}

fn is_aggregate(name: &str) -> bool {
    ["COUNT", "SUM", "MIN", "MAX"].contains(&name)
}

/// A function's name in capitals and its arguments, when there is nothing else to the call.
pub(super) fn plain_call(function: &Function) -> Option<(String, &[FunctionArg])> {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
    let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) = &function.args
    else {
        return None;
    };
    let plain = name.quote_style.is_none()
        && clauses.is_empty()
        && matches!(function.parameters, FunctionArguments::None)
        && function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && !function.uses_odbc_syntax;
    plain.then(|| (name.value.to_ascii_uppercase(), args.as_slice()))
}

/// True when an aggregate stands in the expression, outside sub-selects.
pub(super) fn has_aggregate(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::Cast { expr: inner, .. } => {
            has_aggregate(inner)
        }
        Expr::BinaryOp { left, right, .. } => has_aggregate(left) || has_aggregate(right),
        Expr::Function(function) => plain_call(function).is_some_and(|(name, arguments)| {
            is_aggregate(&name)
                || arguments.iter().any(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => has_aggregate(inner),
                    _ => false,
                })
        }),
        _ => false,
    }
}
