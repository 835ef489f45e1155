//! What is PostgreSQL's own: a server's URL, levels and time-outs as settings, values with types.

mod codes;
mod values;

use std::borrow::Cow;
use std::time::Duration;

use paidonce_protocol::{Reply, Value};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgStatement};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _,
};

use crate::connection::{Options, Prepared, Statements, TextKind, Trouble, asking};
use crate::engine::PostgresLevel;

pub(crate) use codes::{DUPLICATE_DATABASE, code_of, kind_of};

/// Every table with its columns, in their order, and their place in the primary key (from 1; 0: not in it).
pub(crate) const COLUMNS: &str = "SELECT t.relname::text, a.attname::text, \
        COALESCE(array_position(p.indkey::int2[], a.attnum) + 1, 0) \
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped \
    LEFT JOIN pg_index p ON p.indrelid = t.oid AND p.indisprimary \
    WHERE t.relkind IN ('r', 'p') AND t.relnamespace = current_schema()::regnamespace ORDER BY t.relname, a.attnum";

/// Every unique key, the primary one among them, with its columns. An index over an expression has no column there.
pub(crate) const KEYS: &str = "SELECT t.relname::text, i.relname::text, COALESCE(a.attname::text, '(expression)') \
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place) \
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum \
    WHERE x.indisunique AND x.indpred IS NULL AND x.indisvalid AND k.place <= x.indnkeyatts \
        AND t.relnamespace = current_schema()::regnamespace ORDER BY t.relname, i.relname, k.place";

/// A live connection.
pub(crate) struct Wire {
    connection: PgConnection,
    statements: Statements<PgStatement>,
}

impl Wire {
    /// Connect to a database that is there. Every transaction, and every statement on its own, has the level.
    pub(crate) async fn connect(
        place: &PgConnectOptions,
        level: PostgresLevel,
        options: &Options,
    ) -> Result<Self, Trouble> {
        // Zero means never to each of them.
        let millis = |time: Option<Duration>| match time {
            Some(time) => format!("{}ms", time.as_millis().max(1)),
            None => "0".to_owned(),
        };
        let mut settings = vec![
            ("default_transaction_isolation", level.sql().to_owned()),
            ("lock_timeout", millis(options.lock_timeout)),
            ("idle_in_transaction_session_timeout", millis(options.idle_timeout)),
        ];
        // Only a superuser may say this one, and a shop does not have to.
        if let Some(time) = options.deadlock_timeout {
            settings.push(("deadlock_timeout", millis(Some(time))));
        }
        if options.meaning_only {
            // Not `enable_seqscan`, which would have several indexes read for one condition.
            settings.extend([
                ("seq_page_cost", "1000".to_owned()),
                ("enable_bitmapscan", "off".to_owned()),
                ("enable_indexonlyscan", "off".to_owned()),
            ]);
        }
        let place = place.clone().options(settings).application_name("paidonce").disable_statement_logging();
        Ok(Wire { connection: place.connect().await?, statements: Statements::new() })
    }

    pub(crate) async fn close(self) {
        let _ = self.connection.close().await;
    }

    pub(crate) fn begin(&self) -> &'static str {
        "BEGIN"
    }

    asking!(PgStatement);

    /// An error that the server reported, once the server has let go of what the statement had locked.
    async fn settled<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if matches!(&answer, Err(sqlx::Error::Database(_))) {
            // PostgreSQL sends the error first and aborts afterwards (PostgresMain in src/backend/tcop/postgres.c), and
            // sqlx does not wait for that. The ping is answered behind it.
            let _ = self.connection.ping().await;
        }
        answer
    }
}
