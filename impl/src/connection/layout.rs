//! Which tables a database has, and whether they are a shop's.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_protocol::{Dialect, Row, Schema};

use super::link::Link;
use super::target::Target;
use super::{Connection, Options, scheme};
use crate::{DbError, Engine, OpenError, mariadb, postgres, sqlite};

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    /// The primary key's columns, in its order.
    pub(super) primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    /// Its engine's name, when that has no transactions.
    without_transactions: Option<String>,
}

/// The tables by name.
pub(super) type Layout = BTreeMap<String, Table>;

impl Connection {
    /// The tables that are in the database.
    pub(super) async fn layout(&mut self) -> Result<Layout, DbError> {
        let dialect = self.dialect();
        self.run(move |link| Box::pin(read(link, dialect))).await
    }

    /// See that the database has at least the tables, columns and unique keys of `schema`. More may be there.
    ///
    /// # Errors
    /// [`OpenError::Foreign`] with everything that is missing.
    pub async fn check_schema(&mut self, schema: Schema) -> Result<(), OpenError> {
        let expected = expected(schema).await?;
        let missing = missing(&expected, &self.layout().await?);
        if missing.is_empty() {
            return Ok(());
        }
        Err(OpenError::Foreign {
            database: self.name().to_owned(),
            schema: schema.name(),
            dialect: scheme(self.dialect()),
            missing,
        })
    }
}

async fn read(link: &mut Link, dialect: Dialect) -> Result<Layout, DbError> {
    let (columns, keys) = match dialect {
        Dialect::Sqlite => (sqlite::COLUMNS, sqlite::KEYS),
        Dialect::Postgres => (postgres::COLUMNS, postgres::KEYS),
        Dialect::MariaDb => (mariadb::COLUMNS, mariadb::KEYS),
    };
    let mut layout = Layout::new();
    let text = |link: &Link, row: &Row, column| {
        row.text(column).map(str::to_owned).map_err(|_| link.rule("layout", "a name that is no text"))
    };
    let mut key_columns: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
    for row in link.select("layout", columns.into(), &[]).await? {
        let (table, column) = (text(link, &row, 0)?, text(link, &row, 1)?);
        let place = row.int(2).unwrap_or(0);
        if place > 0 {
            key_columns.entry(table.clone()).or_default().insert(place, column.clone());
        }
        layout.entry(table).or_default().columns.push(column);
    }
    let mut unique: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in link.select("layout", keys.into(), &[]).await? {
        let key = (text(link, &row, 0)?, text(link, &row, 1)?);
        let column = text(link, &row, 2)?;
        unique.entry(key).or_default().push(column);
    }
    for (name, table) in &mut layout {
        table.primary_key = key_columns.remove(name).unwrap_or_default().into_values().collect();
    }
    for ((table, key), columns) in unique {
        let table = layout.entry(table).or_default();
        if dialect == Dialect::MariaDb && key == mariadb::PRIMARY {
            table.primary_key.clone_from(&columns);
        }
        table.unique.insert(columns);
    }
    if dialect == Dialect::MariaDb {
        let mut tables = Layout::new();
        for row in link.select("layout", mariadb::TABLES.into(), &[]).await? {
            let name = text(link, &row, 0)?;
            let mut table = layout.remove(&name).unwrap_or_default();
            table.without_transactions = row.text(1).ok().map(str::to_owned);
            tables.insert(name, table);
        }
        layout = tables;
    }
    Ok(layout)
}

/// What the schema's own text makes, as an engine sees it: nothing here is typed twice. Which engine does not matter, and
/// the embedded one is always there.
async fn expected(schema: Schema) -> Result<Layout, DbError> {
    let mut link = Link::connect(&Target::in_memory(), &Options::shop(Engine::of_shop(Dialect::Sqlite))).await?;
    let read = match link.script("create_schema", schema.sql(Dialect::Sqlite)).await {
        Ok(()) => read(&mut link, Dialect::Sqlite).await,
        Err(error) => Err(error),
    };
    link.close().await;
    read
}

fn missing(expected: &Layout, found: &Layout) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, table) in expected {
        let Some(there) = found.get(name) else {
            missing.push(format!("table {name}"));
            continue;
        };
        if let Some(engine) = &there.without_transactions {
            missing.push(format!("transactions in table {name} (its engine is {engine})"));
        }
        let lacks = |column: &&String| !there.columns.contains(*column);
        let columns: Vec<_> = table.columns.iter().filter(lacks).collect();
        missing.extend(columns.iter().map(|column| format!("column {column} of table {name}")));
        // A key whose columns are not there has been told of already.
        if !columns.is_empty() {
            continue;
        }
        // A key of the first of its columns keeps out all that it would, and more.
        if table.primary_key != there.primary_key && !there.unique.iter().any(|key| table.primary_key.starts_with(key))
        {
            missing.push(format!("primary key ({}) of table {name}", table.primary_key.join(", ")));
        }
        for key in table.unique.difference(&there.unique).filter(|key| **key != table.primary_key) {
            missing.push(format!("unique key ({}) of table {name}", key.join(", ")));
        }
    }
    missing
}
