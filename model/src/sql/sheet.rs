//! Statements one after the other, with nobody else there.

use paidonce_protocol::{Dialect, Error, Reply, Row, Statement, Value};

use super::{Path, PlanKind, Space, SqlError};
use crate::db::{Answered, Change, ContentsId, KeyId, NOTHING, RequestId, RowId, Store};

/// Tables with rows, and statements that run on them one at a time, as a database of one dialect runs them: what the
/// model takes SQL to mean, without transactions, locks or anybody else.
///
/// ```
/// use paidonce_model::Sheet;
/// use paidonce_protocol::{Dialect, Reply, Statement, Value};
///
/// static TAKE: Statement = Statement::new("take", "UPDATE stock SET n = n - $1 WHERE sku = $2 AND n >= $1");
/// let schema = "CREATE TABLE stock (sku VARCHAR(64) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
/// let rows = [("stock", vec!["tea".into(), 3.into()])];
/// let mut sheet = Sheet::new(schema, Dialect::Postgres, &[&TAKE], &rows)?;
/// assert_eq!(sheet.run(&TAKE, &[2.into(), "tea".into()])?, Ok(Reply::Affected(1)));
/// assert_eq!(sheet.run(&TAKE, &[2.into(), "tea".into()])?, Ok(Reply::Affected(0)));
/// assert_eq!(sheet.rows("stock")?[0].int(1), Ok(1));
/// assert_eq!(sheet.paths(&TAKE)?[0].1.name(), "by key");
/// # Ok::<(), paidonce_model::SqlError>(())
/// ```
#[derive(Debug)]
pub struct Sheet {
    store: Store,
    rows: ContentsId,
}

impl Sheet {
    /// Tables by their `CREATE TABLE` statements (the canonical ones), all statements that will be run, and the rows to
    /// begin with, by table; the fields of a row stand in the order of its table's columns.
    ///
    /// # Errors
    /// When the schema or a statement is outside the SQL that the model knows, or the rows do not fit the schema.
    pub fn new(
        schema: &str,
        dialect: Dialect,
        statements: &[&'static Statement],
        rows: &[(&str, Vec<Value>)],
    ) -> Result<Self, SqlError> {
        let store = Store::new(schema, statements, dialect)?;
        let rows = store.contents_of(rows)?;
        Ok(Sheet { store, rows })
    }

    /// Run a statement. One that fails changes nothing. A lock by name is held by a connection, and there is none here: a
    /// statement about one is misuse.
    ///
    /// # Errors
    /// The outer error: the statement is none of this sheet's, or its arguments do not fit. The inner one is the
    /// database's answer.
    pub fn run(
        &mut self,
        statement: &'static Statement,
        arguments: &[Value],
    ) -> Result<Result<Reply, Error>, SqlError> {
        let request = self.store.request(statement, arguments)?;
        if let Err(cause) = self.store.plans(request) {
            return Ok(self.store.reply(self.store.replies.keep(Answered::Failed(cause))));
        }
        let run = self.store.run_anew(self.rows, NOTHING, request, None);
        if run.error.is_none() {
            let touched: Vec<(KeyId, Change)> = run.touched.into_iter().flatten().collect();
            self.rows = self.store.apply(self.rows, self.store.add_changes(NOTHING, &touched));
        }
        Ok(self.store.reply(run.reply))
    }

    /// The rows of a table, in the order of its primary key.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn rows(&self, table: &str) -> Result<Vec<Row>, SqlError> {
        let number = self.store.tables.find(table).ok_or_else(|| SqlError {
            subject: "rows".to_owned(),
            problem: format!("the schema has no table {table}"),
        })?;
        Ok(self.shown(&self.store.rows_of(self.rows, number as Space)))
    }

    /// How a statement comes to its rows: first those of its own table, then those that its sub-selects and the source
    /// of an `INSERT … SELECT` read, each with the table's name.
    ///
    /// # Errors
    /// When the statement is none of this sheet's.
    pub fn paths(&self, statement: &'static Statement) -> Result<Vec<(&str, Path)>, SqlError> {
        let plan = self.store.plan_of(statement)?;
        let reads = plan.reads().map(|read| (read.table, self.store.path_of_read(read.select, read.table)));
        let own = || match &plan.kind {
            PlanKind::Select(select) => self.store.path_of_read(select, plan.table),
            _ => plan.access.path,
        };
        let own = plan.named().is_none().then(|| (plan.table, own()));
        let all = own.into_iter().chain(reads);
        Ok(all.map(|(table, path)| (self.store.tables.tables[table].name.as_str(), path)).collect())
    }

    /// The rows of a statement's own table that lie on its path, whether or not they satisfy the rest of its condition.
    ///
    /// # Errors
    /// As [`Sheet::run`].
    pub fn rows_on_path(&self, statement: &'static Statement, arguments: &[Value]) -> Result<Vec<Row>, SqlError> {
        let request: RequestId = self.store.request(statement, arguments)?;
        let plan = self.store.plan(request);
        let all = || self.store.rows_of(self.rows, plan.table as Space).into_owned();
        let mut rows = if plan.named().is_some() { Vec::new() } else { all() };
        rows.retain(|(_, row)| self.store.is_on_path(self.rows, NOTHING, request, *row) == Ok(true));
        Ok(self.shown(&rows))
    }

    /// True when the statement's rows come in one order on every engine. Others are to be compared as sets.
    ///
    /// # Errors
    /// When the statement is none of this sheet's.
    pub fn is_ordered(&self, statement: &'static Statement) -> Result<bool, SqlError> {
        self.store.plan_of(statement).map(crate::sql::Plan::is_ordered)
    }

    fn shown(&self, rows: &[(KeyId, RowId)]) -> Vec<Row> {
        let row = |id: RowId| Row(self.store.rows.get(id).iter().map(|val| self.store.symbols.value(*val)).collect());
        rows.iter().map(|(_, id)| row(*id)).collect()
    }
}
