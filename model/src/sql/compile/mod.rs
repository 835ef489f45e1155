//! From SQL text to a plan.

mod condition;
mod insert;
mod named;
mod scalar;
mod select;

use std::fmt::Display;

use paidonce_protocol::{Dialect, Statement};
use sqlparser::ast::{Assignment, AssignmentTarget, Expr, FromTable, Ident, ObjectName, ObjectNamePart};
use sqlparser::ast::{Statement as Ast, TableFactor, TableWithJoins};

use super::SqlError;
use super::aggregate::Aggregate;
use super::expression::{Condition, Scalar, Width};
use super::parsed::parsed;
use super::path::{Access, Path};
use super::plan::{Output, Plan, PlanKind, Select};
use super::schema::{Kind, Table, Tables};
use crate::db::{Symbols, Val};

impl Plan {
    /// Compile a statement's canonical text for these tables, as a database of this dialect runs it.
    pub(crate) fn compile(
        statement: &'static Statement,
        tables: &Tables,
        symbols: &Symbols,
        dialect: Dialect,
    ) -> Result<Self, SqlError> {
        let fail = |problem: String| Err(SqlError::new(statement.name, problem));
        let parsed = match parsed(statement.sql) {
            Ok(parsed) => parsed,
            Err(error) => return fail(error.to_string()),
        };
        let [ast] = parsed.as_slice() else {
            return fail("is not exactly one statement".to_owned());
        };
        let own = match named::own_text(statement, ast, dialect).map(|own| super::parsed::parsed(&own)) {
            Some(Err(error)) => return fail(error.to_string()),
            own => own.and_then(Result::ok),
        };
        let ast = own.as_deref().and_then(|own| own.first()).unwrap_or(ast);
        let mut compiler = Compiler {
            subject: statement.name,
            tables,
            symbols,
            dialect,
            arguments: Vec::new(),
            subs: Vec::new(),
            inside: false,
            aggregates: None,
            cast: false,
            reads_clock: false,
            cuts: false,
        };
        let (table, kind, access) = compiler.statement(ast)?;
        if let Err(underivable) = statement.render(dialect) {
            return fail(underivable.problem());
        }
        let Compiler { arguments, subs, reads_clock, .. } = compiler;
        let (values, conditions) = kind.parts(&subs);
        let mut constants = Vec::new();
        if dialect == Dialect::Postgres {
            values.into_iter().for_each(|value| value.constants(&mut constants));
        }
        if dialect != Dialect::Sqlite {
            conditions.into_iter().for_each(|condition| condition.constants(&mut constants));
        }
        let folded = constants.into_iter().cloned().collect();
        Ok(Plan { name: statement.name, table, kind, arguments, subs, access, folded, reads_clock })
    }
}

struct Compiler<'a> {
    subject: &'static str,
    tables: &'a Tables,
    symbols: &'a Symbols,
    dialect: Dialect,
    arguments: Vec<Option<Kind>>,
    subs: Vec<Select>,
    /// Inside a sub-select there is no other.
    inside: bool,
    /// The aggregates so far, while an expression over them is compiled.
    aggregates: Option<Vec<(Aggregate, Option<Kind>)>>,
    /// Directly inside a `CAST`.
    cast: bool,
    /// Somewhere the engine's clock is looked at.
    reads_clock: bool,
    /// Texts that are too long are cut off.
    cuts: bool,
}

/// The columns that an expression may name.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// None: the values of a new row.
    Nothing,
    /// A row of this table.
    Row(&'a Table),
    /// In `DO UPDATE`: the row that is there, by the table's name, and the new one, as `excluded`.
    Conflict(&'a Table),
}

/// An expression with what it gives, where that is known.
type Typed = (Scalar, Option<Kind>);

impl<'t> Compiler<'t> {
    fn no<T>(&self, clause: impl Display) -> Result<T, SqlError> {
        Err(SqlError::unsupported(self.subject, clause))
    }

    /// Refuse the first of these clauses that is there.
    fn without<const N: usize>(&self, clauses: [(&str, bool); N]) -> Result<(), SqlError> {
        clauses.into_iter().find(|(_, is_there)| *is_there).map_or(Ok(()), |(clause, _)| self.no(clause))
    }

    /// A refusal with its own advice.
    fn fail<T>(&self, problem: impl Into<String>) -> Result<T, SqlError> {
        Err(SqlError::new(self.subject, problem))
    }

    fn statement(&mut self, ast: &Ast) -> Result<(usize, PlanKind, Access), SqlError> {
        match ast {
            Ast::Query(query) => {
                if let Some(named) = self.named(query)? {
                    // It reads no table, and none is asked of it.
                    return Ok((0, PlanKind::Named(named), Access { path: Path::Whole, scope: None }));
                }
                let (select, _) = self.select(query)?;
                let Some(table) = select.table else { return self.no(format!("{query} (without FROM)")) };
                let access = select.access.clone();
                Ok((table, PlanKind::Select(select), access))
            }
            Ast::Insert(insert) => {
                let (table, insert) = self.insert(insert)?;
                Ok((table, PlanKind::Insert(insert), Access { path: Path::Primary, scope: None }))
            }
            Ast::Update(update) => {
                self.without([
                    ("FROM", update.from.is_some()),
                    ("RETURNING", update.returning.is_some()),
                    ("OR", update.or.is_some()),
                    ("LIMIT", update.limit.is_some()),
                    ("ORDER BY", !update.order_by.is_empty()),
                ])?;
                let number = self.plain_table(&update.table)?;
                let table = self.definition(number);
                let sets = self.sets(&update.assignments, table, Scope::Row(table))?;
                let filter = self.filter(update.selection.as_ref(), Scope::Row(table))?;
                let access = Access::of_change(table, filter.as_ref(), self.dialect);
                Ok((number, PlanKind::Update { sets, filter }, access))
            }
            Ast::Delete(delete) => {
                let FromTable::WithFromKeyword(from) = &delete.from else { return self.no(delete) };
                let [from] = from.as_slice() else { return self.no(delete) };
                self.without([
                    ("USING", delete.using.is_some()),
                    ("RETURNING", delete.returning.is_some()),
                    ("LIMIT", delete.limit.is_some()),
                    ("ORDER BY", !delete.order_by.is_empty()),
                    ("a table before FROM", !delete.tables.is_empty()),
                ])?;
                let number = self.plain_table(from)?;
                let table = self.definition(number);
                let filter = self.filter(delete.selection.as_ref(), Scope::Row(table))?;
                let access = Access::of_change(table, filter.as_ref(), self.dialect);
                Ok((number, PlanKind::Delete { filter }, access))
            }
            other => self.no(other),
        }
    }

    fn definition(&self, number: usize) -> &'t Table {
        &self.tables.tables[number]
    }

    fn table(&self, name: &ObjectName) -> Result<usize, SqlError> {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return self.no(name) };
        let name = self.name(name)?;
        self.tables.find(name).ok_or_else(|| {
            let known: Vec<&str> = self.tables.tables.iter().map(|table| table.name.as_str()).collect();
            SqlError::new(self.subject, format!("there is no table {name}; the schema has {}", known.join(", ")))
        })
    }

    fn plain_table(&self, from: &TableWithJoins) -> Result<usize, SqlError> {
        match &from.relation {
            TableFactor::Table { name, alias: None, args: None, .. } if from.joins.is_empty() => self.table(name),
            _ => self.no(from),
        }
    }

    /// A name without quotes: MariaDB would take a quoted one for a text.
    fn name<'n>(&self, name: &'n Ident) -> Result<&'n str, SqlError> {
        if name.quote_style.is_some() { self.no(name) } else { Ok(&name.value) }
    }

    fn column(&self, table: &Table, name: &Ident) -> Result<usize, SqlError> {
        table.column(self.subject, self.name(name)?)
    }

    /// `SET` of columns that belong to no key.
    fn sets(
        &mut self,
        assignments: &[Assignment],
        table: &Table,
        scope: Scope<'_>,
    ) -> Result<Vec<(usize, Scalar)>, SqlError> {
        let mut sets: Vec<(usize, Scalar)> = Vec::new();
        for assignment in assignments {
            let AssignmentTarget::ColumnName(target) = &assignment.target else { return self.no(assignment) };
            let [ObjectNamePart::Identifier(target)] = target.0.as_slice() else { return self.no(assignment) };
            let column = self.column(table, target)?;
            if table.is_key(column) {
                return self.no(format!("SET {assignment} (a column of a key)"));
            }
            if sets.iter().any(|(set, _)| *set == column) {
                return self.no(format!("SET {assignment} (for a second time)"));
            }
            let value = self.scalar(&assignment.value, scope)?;
            let widths = match scope {
                Scope::Nothing => Vec::new(),
                Scope::Row(table) => table.widths.clone(),
                Scope::Conflict(table) => [table.widths.as_slice(), &table.widths].concat(),
            };
            sets.push((column, self.stored(value, &widths, table, column, assignment)?));
        }
        Ok(sets)
    }

    /// A value for a column. It is computed from columns of these widths.
    fn stored(
        &mut self,
        value: Typed,
        widths: &[Option<usize>],
        table: &Table,
        column: usize,
        clause: impl Display,
    ) -> Result<Scalar, SqlError> {
        self.same_kind(&value, &(Scalar::Column(column), Some(table.kinds[column])), &clause)?;
        let Some(characters) = table.widths[column].filter(|_| self.dialect != Dialect::Sqlite) else {
            return Ok(value.0);
        };
        if value.0.is_constant() {
            return Ok(Scalar::Fitted(Box::new(value.0), Width { characters, cuts: self.cuts }));
        }
        match self.longest(&value.0, widths) {
            Some(most) if most <= characters => Ok(value.0),
            _ => self.fail(format!(
                "`{clause}` may be longer than the {characters} characters of {}.{}, and when a server finds that out depends \
                 on its path; give that column as many as where the text comes from",
                table.name, table.columns[column]
            )),
        }
    }

    /// How many characters a text has at most; `None`: any number.
    fn longest(&self, text: &Scalar, widths: &[Option<usize>]) -> Option<usize> {
        match text {
            Scalar::Column(column) => widths.get(*column).copied().flatten(),
            Scalar::Constant(Val::Null) => Some(0),
            Scalar::Constant(Val::Text(symbol)) => Some(self.symbols.get(*symbol).chars().count()),
            Scalar::Coalesce(all) => {
                all.iter().map(|one| self.longest(one, widths)).try_fold(0, |most, one| Some(most.max(one?)))
            }
            Scalar::Answer(number) => self.widths_shown(&self.subs[*number]).first().copied().flatten(),
            _ => None,
        }
    }

    /// How many characters each column has that a read shows.
    fn widths_shown(&self, select: &Select) -> Vec<Option<usize>> {
        let Some(table) = select.table else { return Vec::new() };
        let (columns, widths) = match &select.output {
            Output::Rows(columns) => (columns, self.definition(table).widths.clone()),
            Output::Totals { aggregates, columns } => (columns, self.widths_of(aggregates, table)),
        };
        columns.iter().map(|column| self.longest(column, &widths)).collect()
    }

    /// How many characters the least or greatest text of these has.
    fn widths_of(&self, aggregates: &[Aggregate], table: usize) -> Vec<Option<usize>> {
        let widths = &self.definition(table).widths;
        aggregates.iter().map(|aggregate| aggregate.of().and_then(|of| self.longest(of, widths))).collect()
    }

    fn filter(&mut self, selection: Option<&Expr>, scope: Scope<'_>) -> Result<Option<Condition>, SqlError> {
        selection.map(|expression| self.condition(expression, scope)).transpose()
    }

    /// Two values that are compared, or stored one in the other, are of one kind; an argument learns it from the other
    /// side.
    fn same_kind(&mut self, left: &Typed, right: &Typed, clause: impl Display) -> Result<Option<Kind>, SqlError> {
        match (left.1, right.1) {
            (Some(a), Some(b)) if a != b => {
                self.fail(format!(
                "`{clause}` puts {} beside {}, about which engines disagree; make both of one type: a text stands in '…', an \
                 integer does not",
                a.name(),
                b.name()
            ))
            }
            (Some(kind), _) => self.learn(right, kind, clause),
            (None, Some(kind)) => self.learn(left, kind, clause),
            (None, None) => Ok(None),
        }
    }

    /// This value is of this kind.
    fn learn(&mut self, value: &Typed, kind: Kind, clause: impl Display) -> Result<Option<Kind>, SqlError> {
        match (&value.0, value.1) {
            (_, Some(known)) if known != kind => {
                self.fail(format!("`{clause}` needs {0} and has {1}; put {0} there", kind.name(), known.name()))
            }
            (Scalar::Argument(number), None) => match self.arguments[*number].replace(kind) {
                Some(known) if known != kind => {
                    let number = number + 1;
                    let (a, b) = (known.name(), kind.name());
                    self.fail(format!(
                        "`{clause}`: ${number} is {a} in one place and {b} in another; give the statement two arguments"
                    ))
                }
                _ => Ok(Some(kind)),
            },
            _ => Ok(Some(kind)),
        }
    }
}
