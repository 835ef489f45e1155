//! From SQL text to a plan.

use paidonce_protocol::Statement;
use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, FromTable, LimitClause, LockType, OnConflictAction, OnInsert, OrderByKind,
    OrderBySort, Query, Select, SelectItem, SetExpr, Statement as Ast, TableFactor, TableObject, TableWithJoins,
    UnaryOperator, Value as Literal,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::SqlError;
use super::expression::{Comparison, Condition, Scalar};
use super::plan::{Plan, PlanKind};
use super::schema::{Table, Tables};
use crate::db::{Symbols, Val};

impl Plan {
    /// Compile a statement's canonical text for these tables.
    pub(crate) fn compile(statement: &'static Statement, tables: &Tables, symbols: &Symbols) -> Result<Self, SqlError> {
        let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, statement.sql)
            .map_err(|error| SqlError::new(statement.name, error.to_string()))?;
        let (Some(ast), true) = (parsed.pop(), parsed.is_empty()) else {
            return Err(SqlError::new(statement.name, "is not exactly one statement"));
        };
        let mut compiler = Compiler { subject: statement.name, tables, symbols, arguments: 0 };
        let (table, kind) = compiler.statement(ast)?;
        Ok(Plan { table, kind, arguments: compiler.arguments })
    }
}

struct Compiler<'a> {
    subject: &'static str,
    tables: &'a Tables,
    symbols: &'a Symbols,
    arguments: usize,
}

impl Compiler<'_> {
    fn no<T>(&self, clause: impl std::fmt::Display) -> Result<T, SqlError> {
        Err(SqlError::unsupported(self.subject, clause))
    }

    fn statement(&mut self, ast: Ast) -> Result<(usize, PlanKind), SqlError> {
        match ast {
            Ast::Query(query) => self.select(*query),
            Ast::Insert(insert) => self.insert(insert),
            Ast::Update(update) => {
                if update.from.is_some() || update.returning.is_some() || update.or.is_some() || update.limit.is_some()
                {
                    return self.no(update);
                }
                let number = self.plain_table(&update.table)?;
                let table = &self.tables.tables[number];
                let mut sets = Vec::new();
                for assignment in &update.assignments {
                    let AssignmentTarget::ColumnName(name) = &assignment.target else { return self.no(assignment) };
                    let column = table.column(self.subject, &name.to_string())?;
                    if table.is_key(column) {
                        return self.no(format!("SET {assignment} (a column of a key)"));
                    }
                    sets.push((column, self.scalar(&assignment.value, Some(table))?));
                }
                let filter = self.filter(update.selection.as_ref(), table)?;
                Ok((number, PlanKind::Update { sets, filter }))
            }
            Ast::Delete(delete) => {
                let FromTable::WithFromKeyword(from) = &delete.from else { return self.no(delete) };
                let [from] = from.as_slice() else { return self.no(delete) };
                if delete.using.is_some()
                    || delete.returning.is_some()
                    || delete.limit.is_some()
                    || !delete.order_by.is_empty()
                    || !delete.tables.is_empty()
                {
                    return self.no(delete);
                }
                let number = self.plain_table(from)?;
                let filter = self.filter(delete.selection.as_ref(), &self.tables.tables[number])?;
                Ok((number, PlanKind::Delete { filter }))
            }
            other => self.no(other),
        }
    }

    fn table(&self, name: &str) -> Result<usize, SqlError> {
        self.tables.find(name).ok_or_else(|| {
            let known: Vec<&str> = self.tables.tables.iter().map(|table| table.name.as_str()).collect();
            SqlError::new(self.subject, format!("there is no table {name}; the schema has {}", known.join(", ")))
        })
    }

    fn plain_table(&self, from: &TableWithJoins) -> Result<usize, SqlError> {
        match &from.relation {
            TableFactor::Table { name, alias: None, args: None, .. } if from.joins.is_empty() => {
                self.table(&name.to_string())
            }
            _ => self.no(from),
        }
    }

    fn select(&mut self, query: Query) -> Result<(usize, PlanKind), SqlError> {
        if query.with.is_some() || query.fetch.is_some() || query.for_clause.is_some() {
            return self.no(query);
        }
        let SetExpr::Select(select) = query.body.as_ref() else { return self.no(&query) };
        let number = self.select_table(select)?;
        let table = &self.tables.tables[number];
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                    columns.push(table.column(self.subject, &name.value)?);
                }
                other => return self.no(other),
            }
        }
        let filter = self.filter(select.selection.as_ref(), table)?;
        let mut order = Vec::new();
        if let Some(by) = &query.order_by {
            let OrderByKind::Expressions(parts) = &by.kind else { return self.no(by) };
            for part in parts {
                let Expr::Identifier(name) = &part.expr else { return self.no(part) };
                let descending = match (&part.options.sort, part.options.nulls_first) {
                    (None | Some(OrderBySort::Asc), None) => false,
                    (Some(OrderBySort::Desc), None) => true,
                    _ => return self.no(part),
                };
                order.push((table.column(self.subject, &name.value)?, descending));
            }
        }
        let limit = match &query.limit_clause {
            None => None,
            Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), offset: None, limit_by })
                if limit_by.is_empty() =>
            {
                match &value.value {
                    Literal::Number(digits, _) => digits.parse().ok(),
                    other => return self.no(format!("LIMIT {other}")),
                }
            }
            Some(other) => return self.no(other),
        };
        let locks = match query.locks.as_slice() {
            [] => false,
            [lock] if lock.lock_type == LockType::Update && lock.of.is_none() && lock.nonblock.is_none() => true,
            [lock, ..] => return self.no(lock),
        };
        Ok((number, PlanKind::Select { columns, filter, order, limit, locks }))
    }

    fn select_table(&self, select: &Select) -> Result<usize, SqlError> {
        let grouped = !matches!(&select.group_by, sqlparser::ast::GroupByExpr::Expressions(by, _) if by.is_empty());
        if select.distinct.is_some() || select.having.is_some() || grouped || select.into.is_some() {
            return self.no(select);
        }
        let [from] = select.from.as_slice() else { return self.no(select) };
        self.plain_table(from)
    }

    fn insert(&mut self, insert: sqlparser::ast::Insert) -> Result<(usize, PlanKind), SqlError> {
        let ignores_conflict = match &insert.on {
            None => false,
            Some(OnInsert::OnConflict(conflict))
                if conflict.conflict_target.is_none() && conflict.action == OnConflictAction::DoNothing =>
            {
                true
            }
            Some(other) => return self.no(other),
        };
        if insert.returning.is_some() || insert.or.is_some() || insert.ignore {
            return self.no(insert);
        }
        let TableObject::TableName(name) = &insert.table else { return self.no(&insert) };
        let number = self.table(&name.to_string())?;
        let table = &self.tables.tables[number];
        let rows = match insert.source.as_deref().map(|query| query.body.as_ref()) {
            Some(SetExpr::Values(values)) => &values.rows,
            _ => return self.no(&insert),
        };
        let [row] = rows.as_slice() else { return self.no("VALUES with several rows") };
        if row.content.len() != insert.columns.len() {
            let problem = format!("names {} columns and {} values", insert.columns.len(), row.content.len());
            return Err(SqlError::new(self.subject, problem));
        }
        let mut values = vec![None; table.columns.len()];
        for (column, value) in insert.columns.iter().zip(&row.content) {
            let number = table.column(self.subject, &column.to_string())?;
            values[number] = Some(self.scalar(value, None)?);
        }
        // A column that is not named is NULL: the schema has no defaults.
        let values = values.into_iter().map(|value| value.unwrap_or(Scalar::Constant(Val::Null))).collect();
        Ok((number, PlanKind::Insert { values, ignores_conflict }))
    }

    fn filter(&mut self, selection: Option<&Expr>, table: &Table) -> Result<Option<Condition>, SqlError> {
        selection.map(|expression| self.condition(expression, table)).transpose()
    }

    fn condition(&mut self, expression: &Expr, table: &Table) -> Result<Condition, SqlError> {
        Ok(match expression {
            Expr::Nested(inner) => self.condition(inner, table)?,
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Condition::Not(Box::new(self.condition(expr, table)?)),
            Expr::IsNull(inner) => Condition::IsNull(self.scalar(inner, Some(table))?),
            Expr::IsNotNull(inner) => Condition::Not(Box::new(Condition::IsNull(self.scalar(inner, Some(table))?))),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                Condition::And(Box::new(self.condition(left, table)?), Box::new(self.condition(right, table)?))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                Condition::Or(Box::new(self.condition(left, table)?), Box::new(self.condition(right, table)?))
            }
            Expr::BinaryOp { left, op, right } => {
                let comparison = match op {
                    BinaryOperator::Eq => Comparison::Equal,
                    BinaryOperator::NotEq => Comparison::NotEqual,
                    BinaryOperator::Lt => Comparison::Less,
                    BinaryOperator::LtEq => Comparison::LessOrEqual,
                    BinaryOperator::Gt => Comparison::Greater,
                    BinaryOperator::GtEq => Comparison::GreaterOrEqual,
                    other => return self.no(other),
                };
                Condition::Compare(comparison, self.scalar(left, Some(table))?, self.scalar(right, Some(table))?)
            }
            other => return self.no(other),
        })
    }

    fn scalar(&mut self, expression: &Expr, table: Option<&Table>) -> Result<Scalar, SqlError> {
        Ok(match (expression, table) {
            (Expr::Nested(inner), _) => self.scalar(inner, table)?,
            (Expr::Identifier(name), Some(table)) => Scalar::Column(table.column(self.subject, &name.value)?),
            (Expr::Value(value), _) => match &value.value {
                Literal::Placeholder(text) => {
                    let number = text.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
                    let Some(number @ 1..) = number else { return self.no(text) };
                    self.arguments = self.arguments.max(number);
                    Scalar::Argument(number - 1)
                }
                Literal::Number(digits, _) => match digits.parse() {
                    Ok(number) => Scalar::Constant(Val::Int(number)),
                    Err(_) => return self.no(digits),
                },
                Literal::SingleQuotedString(text) => Scalar::Constant(Val::Text(self.symbols.id(text))),
                Literal::Null => Scalar::Constant(Val::Null),
                other => return self.no(other),
            },
            (Expr::BinaryOp { left, op: BinaryOperator::Plus, right }, _) => {
                Scalar::Add(Box::new(self.scalar(left, table)?), Box::new(self.scalar(right, table)?))
            }
            (Expr::BinaryOp { left, op: BinaryOperator::Minus, right }, _) => {
                Scalar::Subtract(Box::new(self.scalar(left, table)?), Box::new(self.scalar(right, table)?))
            }
            (other, _) => return self.no(other),
        })
    }
}
