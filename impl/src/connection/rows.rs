//! Whole tables, for comparing and for filling.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_protocol::{Call, Dialect, Error, Row};

use super::Connection;
use super::layout::{Layout, Table};
use crate::DbError;

/// What the tables that the audit keeps beside the shop's begin with.
const WORLD: &str = "world_";

impl Connection {
    /// All tables' names, those of the audit among them.
    pub(crate) async fn every_table(&mut self) -> Result<BTreeSet<String>, DbError> {
        Ok(self.layout().await?.into_keys().collect())
    }

    /// The committed rows of all the shop's tables, each as [`Connection::rows`] gives them. What other connections commit
    /// meanwhile may be in one table and not in another.
    ///
    /// # Errors
    /// As [`Connection::rows`].
    pub async fn contents(&mut self) -> Result<BTreeMap<String, Vec<Row>>, DbError> {
        let mut contents = BTreeMap::new();
        for (name, known) in self.layout().await?.into_iter().filter(|(name, _)| !name.starts_with(WORLD)) {
            let rows = self.rows_of(&name, &known).await?;
            contents.insert(name, rows);
        }
        Ok(contents)
    }

    /// All committed rows of a table, in the order of its primary key (without one, of all its columns). The fields have
    /// the order of the `CREATE TABLE`; a moment comes back as an integer.
    ///
    /// # Errors
    /// `Misuse` when there is no such table, and inside a transaction, which would show rows that are not committed.
    pub async fn rows(&mut self, table: &str) -> Result<Vec<Row>, DbError> {
        let mut layout = self.layout().await?;
        let known = self.known("rows", &mut layout, table)?;
        self.rows_of(table, &known).await
    }

    /// Put rows into tables, all of them or none. The fields have the order of the `CREATE TABLE`.
    ///
    /// # Errors
    /// `Refused` when a key is taken; `Misuse` when there is no such table, when a row has too few or too many fields,
    /// and inside a transaction.
    pub async fn fill(&mut self, tables: BTreeMap<&str, Vec<Row>>) -> Result<(), DbError> {
        let mut layout = self.layout().await?;
        let mut inserts = Vec::new();
        for (table, rows) in tables {
            let fields = self.known("insert", &mut layout, table)?.columns;
            let places: Vec<String> = (1..=fields.len()).map(|place| self.placeholder(place)).collect();
            let (table, list) = (self.quoted(table), self.list(&fields));
            let sql = format!("INSERT INTO {table} ({list}) VALUES ({})", places.join(", "));
            inserts.extend(rows.into_iter().map(|row| (sql.clone(), fields.len(), row)));
        }
        self.run(move |link| {
            Box::pin(async move {
                link.perform(&Call::Begin).await?;
                let mut done = Ok(());
                for (sql, fields, Row(values)) in inserts {
                    done = if values.len() == fields {
                        link.write("insert", sql, &values).await
                    } else {
                        Err(link.rule("insert", format!("{fields} fields expected, {} given", values.len())))
                    };
                    if done.is_err() {
                        break;
                    }
                }
                link.finish(done).await
            })
        })
        .await
    }

    /// Put rows into one table: [`Connection::fill`].
    ///
    /// # Errors
    /// As there.
    pub async fn insert(&mut self, table: &str, rows: Vec<Row>) -> Result<(), DbError> {
        self.fill(BTreeMap::from([(table, rows)])).await
    }

    async fn rows_of(&mut self, table: &str, known: &Table) -> Result<Vec<Row>, DbError> {
        let order = if known.primary_key.is_empty() { &known.columns } else { &known.primary_key };
        let sql =
            format!("SELECT {} FROM {} ORDER BY {}", self.list(&known.columns), self.quoted(table), self.list(order));
        self.select("rows", sql, Vec::new()).await
    }

    fn known(&self, step: &'static str, layout: &mut Layout, name: &str) -> Result<Table, DbError> {
        layout.remove(name).ok_or_else(|| self.rule(Error::Misuse, step, format!("there is no table `{name}`")))
    }

    fn placeholder(&self, place: usize) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("?{place}"),
            Dialect::Postgres => format!("${place}"),
            Dialect::MariaDb => "?".to_owned(),
        }
    }

    /// Only names that the database itself has told come here; quoting them keeps any of them a name.
    fn quoted(&self, name: &str) -> String {
        match self.dialect() {
            Dialect::Sqlite | Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Dialect::MariaDb => format!("`{}`", name.replace('`', "``")),
        }
    }

    fn list(&self, names: &[String]) -> String {
        names.iter().map(|name| self.quoted(name)).collect::<Vec<_>>().join(", ")
    }
}
