//! `INSERT`, and what it does about rows that are there already.

use paidonce_protocol::Dialect;
use sqlparser::ast::{
    ConflictTarget, Expr, Insert as Ast, ObjectNamePart, OnConflict as Clause, OnConflictAction, OnInsert, Query,
    SetExpr, TableObject,
};

use super::{Compiler, Scalar, Scope, Select, SqlError};
use crate::db::Val;
use crate::sql::plan::{Insert, NewRows, OnConflict, Output};
use crate::sql::schema::Table;

impl Compiler<'_> {
    pub(super) fn insert(&mut self, insert: &Ast) -> Result<(usize, Insert), SqlError> {
        self.without([
            ("RETURNING", insert.returning.is_some()),
            ("OR", insert.or.is_some()),
            ("IGNORE", insert.ignore),
            ("REPLACE", insert.replace_into),
            ("OVERWRITE", insert.overwrite),
            ("AS", insert.table_alias.is_some()),
            ("SET", !insert.assignments.is_empty()),
        ])?;
        let TableObject::TableName(name) = &insert.table else { return self.no(&insert.table) };
        let number = self.table(name)?;
        let table = self.definition(number);
        let mut columns = Vec::new();
        for column in &insert.columns {
            let [ObjectNamePart::Identifier(name)] = column.0.as_slice() else { return self.no(column) };
            let column = self.column(table, name)?;
            if columns.contains(&column) {
                return self.no(format!("{name} (for a second time)"));
            }
            columns.push(column);
        }
        if columns.is_empty() {
            return self.fail("names no columns; name those that it fills, so that each value is seen to belong");
        }
        let leaves_out = |on: &OnInsert| matches!(on, OnInsert::OnConflict(clause) if matches!(clause.action, OnConflictAction::DoNothing));
        // Rendered as INSERT IGNORE.
        self.cuts = self.dialect == Dialect::MariaDb && insert.on.as_ref().is_some_and(leaves_out);
        let Some(source) = insert.source.as_deref() else { return self.no("DEFAULT VALUES") };
        let rows = match source.body.as_ref() {
            SetExpr::Values(values) => {
                let mut rows = Vec::new();
                for row in &values.rows {
                    rows.push(self.new_row(&row.content, &columns, table)?);
                }
                self.without([
                    ("WITH", source.with.is_some()),
                    ("ORDER BY", source.order_by.is_some()),
                    ("LIMIT", source.limit_clause.is_some()),
                ])?;
                NewRows::Values(rows)
            }
            _ => {
                let (mut select, kinds) = self.select(source)?;
                let (Output::Rows(list) | Output::Totals { columns: list, .. }) = &mut select.output;
                self.check_count(columns.len(), list.len())?;
                let shown = std::mem::take(list);
                let widths = match (&select.output, select.table) {
                    (Output::Totals { aggregates, .. }, Some(from)) => self.widths_of(aggregates, from),
                    (_, Some(from)) => self.definition(from).widths.clone(),
                    (_, None) => Vec::new(),
                };
                let mut stored = Vec::new();
                for (value, column) in shown.into_iter().zip(kinds).zip(&columns) {
                    stored.push(self.stored(value, &widths, table, *column, source)?);
                }
                let (Output::Rows(list) | Output::Totals { columns: list, .. }) = &mut select.output;
                *list = spread(stored, &columns, table);
                if insert.on.is_some() {
                    self.check_source(source, &select)?;
                }
                NewRows::Select(Box::new(select))
            }
        };
        let on_conflict = self.on_conflict(insert.on.as_ref(), table)?;
        let itself = matches!(&rows, NewRows::Select(select) if select.table == Some(number));
        if itself && matches!(on_conflict, OnConflict::Update { .. }) && self.dialect == Dialect::MariaDb {
            return self.fail(
                "inserts into the table that it selects from: in ON DUPLICATE KEY UPDATE MariaDB then takes \
                              every column for ambiguous (1052); spell it out, or take two statements",
            );
        }
        Ok((number, Insert { rows, on_conflict }))
    }

    /// A source whose rows may meet one that is there, or each other.
    fn check_source(&self, source: &Query, select: &Select) -> Result<(), SqlError> {
        if !select.is_ordered {
            let advice =
                "which of its rows comes first decides what ON CONFLICT meets; add ORDER BY with all columns of a key";
            return self.fail(format!("`{source}`: {advice}"));
        }
        if select.filter.is_none() && select.order.is_empty() {
            return self.fail(format!("`{source}`: SQLite takes ON CONFLICT behind it for a join; add WHERE 1 = 1"));
        }
        Ok(())
    }

    fn check_count(&self, columns: usize, values: usize) -> Result<(), SqlError> {
        if columns == values { Ok(()) } else { self.fail(format!("names {columns} columns and {values} values")) }
    }

    fn new_row(&mut self, values: &[Expr], columns: &[usize], table: &Table) -> Result<Vec<Scalar>, SqlError> {
        self.check_count(columns.len(), values.len())?;
        let mut row = Vec::new();
        for (value, column) in values.iter().zip(columns) {
            let typed = self.scalar(value, Scope::Nothing)?;
            row.push(self.stored(typed, &[], table, *column, value)?);
        }
        Ok(spread(row, columns, table))
    }

    fn on_conflict(&mut self, clause: Option<&OnInsert>, table: &Table) -> Result<OnConflict, SqlError> {
        let Clause { conflict_target, action } = match clause {
            None => return Ok(OnConflict::Refuse),
            Some(OnInsert::OnConflict(clause)) => clause,
            Some(other) => return self.no(other),
        };
        let key = match conflict_target {
            None => None,
            Some(ConflictTarget::Columns(names)) => {
                let columns = names.iter().map(|name| self.column(table, name)).collect::<Result<Vec<usize>, _>>()?;
                let is = |key: &[usize]| key.len() == columns.len() && key.iter().all(|part| columns.contains(part));
                let found = (0..table.keys()).find(|number| is(table.key(*number)));
                if found.is_none() {
                    let named = names.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", ");
                    return self.fail(format!("`ON CONFLICT ({named})`: table {} has no such unique key", table.name));
                }
                found
            }
            Some(ConflictTarget::OnConstraint(name)) => return self.no(format!("ON CONFLICT ON CONSTRAINT {name}")),
        };
        match action {
            OnConflictAction::DoNothing => Ok(OnConflict::Skip { key }),
            OnConflictAction::DoUpdate(update) => {
                let Some(key) = key else {
                    return self.fail("`ON CONFLICT DO UPDATE` has to name the columns of the key: ON CONFLICT (…)");
                };
                let scope = Scope::Conflict(table);
                let sets = self.sets(&update.assignments, table, scope)?;
                let filter = self.filter(update.selection.as_ref(), scope)?;
                Ok(OnConflict::Update { key, sets, filter })
            }
        }
    }
}

/// A value for each column of the table: one that is not named is NULL, since the schema has no defaults.
fn spread(values: Vec<Scalar>, columns: &[usize], table: &Table) -> Vec<Scalar> {
    let mut row = vec![Scalar::Constant(Val::Null); table.columns.len()];
    for (value, column) in values.into_iter().zip(columns) {
        row[*column] = value;
    }
    row
}
