//! The claim of a flow that is not the shop's: a function of committed rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::When;
use crate::trace::Datum;

/// The committed rows of a database, as a claim reads them.
#[derive(Debug)]
pub struct Rows<'a> {
    columns: &'a BTreeMap<String, Vec<String>>,
    rows: BTreeMap<String, Vec<Vec<Datum>>>,
}

/// A claim that reads what is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// There is no such table.
    #[error("there is no table {table}; there are {known}")]
    NoTable {
        /// The name given.
        table: String,
        /// The names of those that are there.
        known: String,
    },
    /// The table has no such column.
    #[error("table {table} has no column {column}; it has {known}")]
    NoColumn {
        /// The table.
        table: String,
        /// The name given.
        column: String,
        /// The names of those that it has.
        known: String,
    },
    /// The column holds something else.
    #[error("column {column} of table {table} holds {value}, which is no {kind}")]
    OtherKind {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is there.
        value: String,
        /// What was asked for.
        kind: &'static str,
    },
}

impl<'a> Rows<'a> {
    pub(crate) fn new(columns: &'a BTreeMap<String, Vec<String>>, rows: BTreeMap<String, Vec<Vec<Datum>>>) -> Self {
        Rows { columns, rows }
    }

    /// The rows of a table in the order of its primary key, the fields of each in the order of its columns.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn table(&self, table: &str) -> Result<&[Vec<Datum>], ClaimError> {
        let known = || self.columns.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.columns.get(table) {
            Some(_) => Ok(self.rows.get(table).map_or(&[], Vec::as_slice)),
            None => Err(ClaimError::NoTable { table: table.to_owned(), known: known() }),
        }
    }

    /// The integers (or moments, in milliseconds) in a column, row by row.
    ///
    /// # Errors
    /// When there is no such table or column, or something else in it.
    pub fn ints(&self, table: &str, column: &str) -> Result<Vec<i64>, ClaimError> {
        self.column(table, column, "integer", |value| if let Datum::Int(n) = value { Some(*n) } else { None })
    }

    /// The texts in a column, row by row.
    ///
    /// # Errors
    /// As [`Rows::ints`].
    pub fn texts(&self, table: &str, column: &str) -> Result<Vec<&str>, ClaimError> {
        self.column(
            table,
            column,
            "text",
            |value| if let Datum::Text(text) = value { Some(text.as_str()) } else { None },
        )
    }

    fn column<'r, T>(
        &'r self,
        table: &str,
        column: &str,
        kind: &'static str,
        read: impl Fn(&'r Datum) -> Option<T>,
    ) -> Result<Vec<T>, ClaimError> {
        let rows = self.table(table)?;
        let columns = &self.columns[table];
        let Some(place) = columns.iter().position(|known| known == column) else {
            let (table, column) = (table.to_owned(), column.to_owned());
            return Err(ClaimError::NoColumn { table, column, known: columns.join(", ") });
        };
        let field = |row: &'r Vec<Datum>| {
            let value = row.get(place).unwrap_or(&Datum::Null);
            read(value).ok_or_else(|| {
                let (table, column) = (table.to_owned(), column.to_owned());
                ClaimError::OtherKind { table, column, value: value.to_string(), kind }
            })
        };
        rows.iter().map(field).collect()
    }
}

/// What is wrong with these rows, in a sentence; nothing when they are as they should be.
pub(crate) type Test = dyn Fn(&Rows<'_>) -> Result<Option<String>, ClaimError> + Send + Sync;

/// The claim with its name.
pub(crate) struct Own {
    pub(crate) name: String,
    pub(crate) when: When,
    pub(crate) columns: BTreeMap<String, Vec<String>>,
    pub(crate) test: Arc<Test>,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").field("name", &self.name).field("when", &self.when).finish_non_exhaustive()
    }
}

impl Own {
    /// What is wrong with these rows. Rows that the claim cannot be read from are wrong, too, and say why.
    pub(crate) fn broken(&self, rows: BTreeMap<String, Vec<Vec<Datum>>>) -> Option<String> {
        self.test(rows).unwrap_or_else(|error| Some(error.to_string()))
    }

    pub(crate) fn test(&self, rows: BTreeMap<String, Vec<Vec<Datum>>>) -> Result<Option<String>, ClaimError> {
        (self.test)(&Rows::new(&self.columns, rows))
    }
}
