//! What is MariaDB's own: a server's URL, levels and time-outs as variables, and answers by number.

mod codes;
mod values;

use std::borrow::Cow;
use std::time::Duration;

use paidonce_protocol::{Reply, Value};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlStatement};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _,
};

use crate::connection::{Options, Prepared, Statements, TextKind, Trouble, asking};
use crate::engine::MariaDbLevel;

pub(crate) use codes::{DATABASE_EXISTS, code_of, kind_of};

/// Every table with its columns, in their order; views too. The third field is for a place in the primary key, which is
/// not told here: a join of two tables of the `information_schema` opens every table once for each row.
pub(crate) const COLUMNS: &str = "SELECT table_name, column_name, 0 FROM information_schema.columns \
    WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";

/// What every primary key is called (mariadb.com/kb/en/getting-started-with-indexes).
pub(crate) const PRIMARY: &str = "PRIMARY";

/// Every unique key, the primary one among them, with its columns. A key over the beginning of a column is none of it.
pub(crate) const KEYS: &str = "SELECT table_name, index_name, IF(sub_part IS NULL, column_name, '(beginning)') \
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 \
    ORDER BY table_name, index_name, seq_in_index";

/// Every table that is no view, with its engine's name when that has no transactions, where nothing that is promised here
/// can be kept.
pub(crate) const TABLES: &str = "SELECT t.table_name, IF(e.transactions = 'YES', NULL, t.engine) \
    FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine \
    WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'";

/// A live connection.
pub(crate) struct Wire {
    connection: MySqlConnection,
    statements: Statements<MySqlStatement>,
}

impl Wire {
    /// Connect to a database that is there. Every transaction, and every statement on its own, has the level.
    pub(crate) async fn connect(
        place: &MySqlConnectOptions,
        level: MariaDbLevel,
        options: &Options,
    ) -> Result<Self, Trouble> {
        // Text is joined by `||`, as it is everywhere else: sqlx's default, and not to be changed by a URL.
        let place = place.clone().pipes_as_concat(true).disable_statement_logging();
        let mut wire = Wire { connection: place.connect().await?, statements: Statements::new() };
        for sql in wire.settings(level, options) {
            wire.send(sql.into()).await?;
        }
        wire.isolate_snapshots(level).await?;
        Ok(wire)
    }

    fn settings(&self, level: MariaDbLevel, options: &Options) -> Vec<String> {
        // Both count whole seconds. Zero is to wait not at all to the first, and never to end to the second.
        let lock_timeout = options.lock_timeout.map_or(100_000_000, whole_seconds);
        let idle_timeout = options.idle_timeout.map_or(0, |time| whole_seconds(time).max(1));
        // MariaDB takes another default than one transaction's level by this name only.
        let isolation = format!("SET SESSION TRANSACTION ISOLATION LEVEL {}", level.sql());
        let mut variables = vec![
            format!("innodb_lock_wait_timeout = {lock_timeout}"),
            format!("idle_transaction_timeout = {idle_timeout}"),
            "autocommit = 1".to_owned(),
        ];
        if options.lock_timeout.is_some() {
            variables.push(format!("lock_wait_timeout = {lock_timeout}"));
        }
        vec![isolation, format!("SET SESSION {}", variables.join(", "))]
    }

    async fn isolate_snapshots(&mut self, level: MariaDbLevel) -> Result<(), Trouble> {
        let wanted = level == MariaDbLevel::RepeatableReadSnapshot;
        let sql = format!("SET SESSION innodb_snapshot_isolation = {}", if wanted { "ON" } else { "OFF" });
        match self.send(sql.into()).await {
            // A server without the variable has what its absence means.
            Err(Trouble::Engine(error)) if !wanted && code_of(&error) == Some(codes::UNKNOWN_VARIABLE) => Ok(()),
            answer => answer.map(drop),
        }
    }

    pub(crate) async fn close(self) {
        let _ = self.connection.close().await;
    }

    pub(crate) fn begin(&self) -> &'static str {
        "START TRANSACTION"
    }

    asking!(MySqlStatement);

    async fn settled<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        answer
    }
}

/// Rounded up, so that what is asked for is waited for.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
