//! Whole tables, for comparing and for filling.

use paidonce_protocol::{Call, Dialect, Error, Row};

use super::Connection;
use super::layout::Table;
use crate::DbError;

/// What the tables that the audit keeps beside the shop's begin with.
const WORLD: &str = "world_";

impl Connection {
    /// The shop's tables, in the order of their names. The `world_` tables of the audit are not among them.
    ///
    /// # Errors
    /// As [`Connection::perform`].
    pub async fn tables(&mut self) -> Result<Vec<String>, DbError> {
        Ok(self.layout().await?.into_keys().filter(|table| !table.starts_with(WORLD)).collect())
    }

    /// True when there is a table of this name.
    ///
    /// # Errors
    /// As [`Connection::perform`].
    pub async fn has_table(&mut self, table: &str) -> Result<bool, DbError> {
        Ok(self.layout().await?.contains_key(table))
    }

    /// All committed rows of a table, in the order of its primary key (without one, of all its columns). The fields have
    /// the order of the `CREATE TABLE`; a moment comes back as an integer.
    ///
    /// # Errors
    /// `Misuse` when there is no such table, and inside a transaction, which would show rows that are not committed.
    pub async fn rows(&mut self, table: &str) -> Result<Vec<Row>, DbError> {
        let known = self.table("rows", table).await?;
        let order = if known.primary_key.is_empty() { &known.columns } else { &known.primary_key };
        let sql =
            format!("SELECT {} FROM {} ORDER BY {}", self.list(&known.columns), self.quoted(table), self.list(order));
        self.select("rows", sql, Vec::new()).await
    }

    /// Put rows into a table, all of them or none. The fields have the order of the `CREATE TABLE`.
    ///
    /// # Errors
    /// `Refused` when a key is taken; `Misuse` when there is no such table, when a row has too few or too many fields,
    /// and inside a transaction.
    pub async fn insert(&mut self, table: &str, rows: Vec<Row>) -> Result<(), DbError> {
        let known = self.table("insert", table).await?;
        let fields = known.columns.len();
        let places: Vec<String> = (1..=fields).map(|place| self.placeholder(place)).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.quoted(table),
            self.list(&known.columns),
            places.join(", ")
        );
        self.run(move |link| {
            Box::pin(async move {
                link.perform(&Call::Begin).await?;
                let mut done = Ok(());
                for Row(values) in &rows {
                    done = if values.len() == fields {
                        link.write("insert", sql.clone(), values).await
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

    async fn table(&mut self, step: &'static str, name: &str) -> Result<Table, DbError> {
        let mut layout = self.layout().await?;
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
