//! What is SQLite's own: a file, and how long to be busy for it.

mod codes;
mod values;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use paidonce_protocol::{Reply, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteStatement, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _,
};

use crate::connection::{Options, Prepared, Statements, TextKind, Trouble, asking};
use crate::engine::BeginMode;

pub(crate) use codes::{code_of, is_wait, kind_of};

/// Every table with its columns, in their order, and their place in the primary key (from 1; 0: not in it).
pub(crate) const COLUMNS: &str = "SELECT m.name, c.name, c.pk FROM sqlite_master AS m \
    JOIN pragma_table_info(m.name) AS c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid";

/// Every unique key, the primary one among them, with its columns. An index over an expression has no column there.
pub(crate) const KEYS: &str = "SELECT m.name, l.name, COALESCE(i.name, '(expression)') FROM sqlite_master AS m \
    JOIN pragma_index_list(m.name) AS l JOIN pragma_index_info(l.name) AS i \
    WHERE m.type = 'table' AND l.\"unique\" = 1 AND l.partial = 0 ORDER BY m.name, l.name, i.seqno";

/// Where a database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In this file.
    File(PathBuf),
    /// In a connection, with which it ends. No URL can name it.
    Memory,
}

/// A live connection.
pub(crate) struct Wire {
    connection: SqliteConnection,
    begin: BeginMode,
    statements: Statements<SqliteStatement>,
}

impl Wire {
    /// Connect to a database that is there.
    pub(crate) async fn connect(place: &Place, begin: BeginMode, options: &Options) -> Result<Self, Trouble> {
        let place = match place {
            Place::File(path) => SqliteConnectOptions::new().filename(path).create_if_missing(false),
            Place::Memory => SqliteConnectOptions::new().in_memory(true),
        };
        // sqlx panics at a time that SQLite cannot count.
        let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
        let busy_timeout = options.lock_timeout.map_or(longest, |time| time.min(longest));
        let synchronous = if options.meaning_only { SqliteSynchronous::Off } else { SqliteSynchronous::Full };
        let connection = place.synchronous(synchronous).busy_timeout(busy_timeout).connect().await?;
        Ok(Wire { connection, begin, statements: Statements::new() })
    }

    pub(crate) async fn close(self) {
        let _ = self.connection.close().await;
    }

    pub(crate) fn begin(&self) -> &'static str {
        match self.begin {
            BeginMode::Immediate => "BEGIN IMMEDIATE",
            BeginMode::Deferred => "BEGIN",
        }
    }

    asking!(SqliteStatement);

    /// An error that the engine reported, once the engine has let go of the statement.
    async fn settled<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if answer.is_err() {
            // sqlx's worker thread reports the error first and resets the statement, and with it its locks, afterwards.
            // It answers the ping behind that.
            let _ = self.connection.ping().await;
        }
        answer
    }
}
