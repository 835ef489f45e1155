//! Which tables a database has, and whether they are a shop's.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_protocol::{Dialect, Row, Schema};

use super::Sqlite;
use super::link::Link;
use crate::{DbError, OpenError};

/// Every table with its columns, in their order, and their place in the primary key (from 1; 0: not in it).
const COLUMNS: &str = "SELECT m.name, c.name, c.pk FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid";

/// Every unique key, the primary one among them, with its columns.
const KEYS: &str = "SELECT m.name, l.name, i.name FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS l \
    JOIN pragma_index_info(l.name) AS i WHERE m.type = 'table' AND l.\"unique\" = 1 AND l.partial = 0 \
    ORDER BY m.name, l.name, i.seqno";

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    /// The primary key's columns, in its order.
    pub(super) primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
}

/// The tables by name.
pub(super) type Layout = BTreeMap<String, Table>;

impl Sqlite {
    /// The tables that are in the database.
    pub(super) async fn layout(&mut self) -> Result<Layout, DbError> {
        self.run(|link| Box::pin(read(link))).await
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
        Err(OpenError::Foreign { database: self.name().to_owned(), schema: schema.name(), missing })
    }
}

async fn read(link: &mut Link) -> Result<Layout, DbError> {
    let mut layout = Layout::new();
    let text = |link: &Link, row: &Row, column| {
        row.text(column).map(str::to_owned).map_err(|_| link.rule("layout", "a name that is no text"))
    };
    let mut key_columns: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
    for row in link.select("layout", COLUMNS.to_owned(), &[]).await? {
        let (table, column) = (text(link, &row, 0)?, text(link, &row, 1)?);
        let place = row.int(2).unwrap_or(0);
        if place > 0 {
            key_columns.entry(table.clone()).or_default().insert(place, column.clone());
        }
        layout.entry(table).or_default().columns.push(column);
    }
    let mut unique: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in link.select("layout", KEYS.to_owned(), &[]).await? {
        let key = (text(link, &row, 0)?, text(link, &row, 1)?);
        // An index over an expression has no column there, and is no key that the shop asks for.
        let column = row.text(2).unwrap_or("(expression)").to_owned();
        unique.entry(key).or_default().push(column);
    }
    for ((table, _), columns) in unique {
        layout.entry(table).or_default().unique.insert(columns);
    }
    for (name, table) in &mut layout {
        table.primary_key = key_columns.remove(name).unwrap_or_default().into_values().collect();
    }
    Ok(layout)
}

/// What the schema's own text makes, as the engine sees it: nothing here is typed twice.
async fn expected(schema: Schema) -> Result<Layout, DbError> {
    let mut link = Link::in_memory().await?;
    let read = match link.script("create_schema", schema.sql(Dialect::Sqlite)).await {
        Ok(()) => read(&mut link).await,
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
        let lacks = |column: &&String| !there.columns.contains(*column);
        let columns: Vec<_> = table.columns.iter().filter(lacks).collect();
        missing.extend(columns.iter().map(|column| format!("column {column} of table {name}")));
        // A key whose columns are not there has been told of already.
        if !columns.is_empty() {
            continue;
        }
        if table.primary_key != there.primary_key {
            missing.push(format!("primary key ({}) of table {name}", table.primary_key.join(", ")));
        }
        for key in table.unique.difference(&there.unique).filter(|key| **key != table.primary_key) {
            missing.push(format!("unique key ({}) of table {name}", key.join(", ")));
        }
    }
    missing
}
