//! A live connection with the transaction it has open.

use std::collections::HashMap;
use std::sync::Arc;

use paidonce_protocol::{Call, Dialect, Error, Reply, Row, Statement, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteStatement, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, SqlSafeStr as _, Statement as _,
};

use super::target::Target;
use super::{BeginMode, SqliteOptions, codes, values};
use crate::DbError;

/// How far the transaction is.
enum Transaction {
    /// None is open: each statement is one of its own.
    None,
    /// One is open. `settled` says that a statement of it has run, so that it has its snapshot or the write lock.
    Open { settled: bool },
    /// A call failed in it: only a rollback is left, or the same call again when it was only told to wait.
    Failed { may_repeat: Option<Call>, settled: bool },
}

/// A statement as the engine has read it.
#[derive(Clone)]
pub(super) struct Prepared {
    statement: SqliteStatement,
    /// How many arguments it takes.
    pub(super) arguments: usize,
    /// True for a statement that answers with rows.
    reads: bool,
}

pub(super) struct Link {
    connection: SqliteConnection,
    database: Arc<str>,
    begin: BeginMode,
    transaction: Transaction,
    /// By the statement's address: statements are statics.
    prepared: HashMap<usize, Prepared>,
}

impl Link {
    pub(super) async fn connect(target: &Target, options: SqliteOptions) -> Result<Self, DbError> {
        let file = SqliteConnectOptions::new().filename(target.path()).create_if_missing(false);
        Self::over(target, options, file).await
    }

    /// A connection to a database that ends with it.
    pub(super) async fn in_memory() -> Result<Self, DbError> {
        let memory = SqliteConnectOptions::new().in_memory(true);
        Self::over(&Target::in_memory(), SqliteOptions::default(), memory).await
    }

    async fn over(target: &Target, options: SqliteOptions, place: SqliteConnectOptions) -> Result<Self, DbError> {
        let connection = place
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.busy_timeout)
            .connect()
            .await
            .map_err(|error| DbError::engine(codes::kind_of(&error), "connect", target.shared_name(), error))?;
        Ok(Link {
            connection,
            database: Arc::clone(target.shared_name()),
            begin: options.begin,
            transaction: Transaction::None,
            prepared: HashMap::new(),
        })
    }

    /// Wait until the database no longer knows this connection.
    pub(super) async fn close(self) {
        // Whatever the engine says to a good-bye, the connection is gone afterwards.
        let _ = self.connection.close().await;
    }

    fn in_transaction(&self) -> bool {
        !matches!(self.transaction, Transaction::None)
    }

    pub(super) async fn perform(&mut self, call: &Call) -> Result<Reply, DbError> {
        self.check_rules(call)?;
        match call {
            Call::Begin => {
                let sql = match self.begin {
                    BeginMode::Immediate => "BEGIN IMMEDIATE",
                    BeginMode::Deferred => "BEGIN",
                };
                let begun = self.command("begin", sql).await;
                begun.map_err(|error| if waits(&error) { error.waiting() } else { error })?;
                self.transaction = Transaction::Open { settled: false };
                Ok(Reply::Done)
            }
            Call::Rollback => self.roll_back().await,
            Call::Commit => {
                let committed = self.command("commit", "COMMIT").await.map(|()| Reply::Done);
                let answer = self.after(call, committed);
                if answer.is_ok() {
                    self.transaction = Transaction::None;
                }
                answer
            }
            Call::Run(statement, arguments) => {
                let answer = self.statement(statement, arguments).await;
                self.after(call, answer)
            }
            _ => Err(self.rule(call.name(), "is no call to a database")),
        }
    }

    /// The rules of a session that do not depend on the engine. Breaking one changes nothing.
    fn check_rules(&self, call: &Call) -> Result<(), DbError> {
        let says = match (call, &self.transaction) {
            (Call::Begin, Transaction::Open { .. } | Transaction::Failed { .. }) => {
                "a transaction is open: commit it or roll it back first"
            }
            (Call::Commit, Transaction::None) => "no transaction is open",
            (Call::Commit | Call::Run(..), Transaction::Failed { may_repeat, .. })
                if may_repeat.as_ref() != Some(call) =>
            {
                "a call failed in this transaction: roll it back first"
            }
            _ => return Ok(()),
        };
        Err(self.rule(call.name(), says))
    }

    /// Keep account of what a call inside a transaction means for it.
    fn after(&mut self, call: &Call, answer: Result<Reply, DbError>) -> Result<Reply, DbError> {
        let settled = match &self.transaction {
            Transaction::None => return answer.map_err(|error| if waits(&error) { error.waiting() } else { error }),
            Transaction::Open { settled } | Transaction::Failed { settled, .. } => *settled,
        };
        match answer {
            Ok(reply) => {
                self.transaction = Transaction::Open { settled: true };
                Ok(reply)
            }
            Err(error) => {
                // SQLite waits for nobody on behalf of a transaction that has a snapshot already: between two of them
                // that could be for ever (sqlite.org/c3ref/busy_handler.html).
                let waits = waits(&error) && !settled;
                let may_repeat = waits.then(|| call.clone());
                self.transaction = Transaction::Failed { may_repeat, settled };
                Err(if waits { error.waiting() } else { error })
            }
        }
    }

    async fn roll_back(&mut self) -> Result<Reply, DbError> {
        if !self.in_transaction() {
            return Ok(Reply::Done);
        }
        let rolled_back = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        self.transaction = Transaction::None;
        match rolled_back {
            Ok(_) => Ok(Reply::Done),
            // SQLite ends the transaction itself after some errors, and then there is nothing left to roll back.
            Err(error) if error.to_string().contains("no transaction is active") => Ok(Reply::Done),
            // A transaction that may still be open is left to the end of the connection.
            Err(error) => Err(DbError::engine(Error::Unknown, "rollback", &self.database, error)),
        }
    }

    async fn statement(&mut self, statement: &'static Statement, arguments: &[Value]) -> Result<Reply, DbError> {
        let prepared = self.prepare(statement).await?;
        // sqlx binds NULL for an argument that is missing, and forgets one too many.
        if prepared.arguments != arguments.len() {
            let says = format!("takes {} arguments and was given {}", prepared.arguments, arguments.len());
            return Err(self.rule(statement.name, says));
        }
        let query = match values::bind(arguments) {
            Ok(bound) => prepared.statement.query_with(bound),
            Err(error) => return Err(self.engine(statement.name, error).await),
        };
        if prepared.reads {
            match query.fetch_all(&mut self.connection).await {
                Ok(rows) => self.decode(statement.name, &rows).map(Reply::Rows),
                Err(error) => Err(self.engine(statement.name, error).await),
            }
        } else {
            match query.execute(&mut self.connection).await {
                Ok(done) => Ok(Reply::Affected(done.rows_affected())),
                Err(error) => Err(self.engine(statement.name, error).await),
            }
        }
    }

    pub(super) async fn prepare(&mut self, statement: &'static Statement) -> Result<Prepared, DbError> {
        let address = std::ptr::from_ref(statement).addr();
        if let Some(known) = self.prepared.get(&address) {
            return Ok(known.clone());
        }
        let text: Arc<str> = statement.render(Dialect::Sqlite).into();
        let read = match self.connection.prepare(AssertSqlSafe(text).into_sql_str()).await {
            Ok(read) => read,
            Err(error) => return Err(self.engine(statement.name, error).await),
        };
        let arguments = match read.parameters() {
            Some(Either::Right(count)) => count,
            Some(Either::Left(types)) => types.len(),
            None => 0,
        };
        let reads = !read.columns().is_empty();
        let prepared = Prepared { statement: read, arguments, reads };
        self.prepared.insert(address, prepared.clone());
        Ok(prepared)
    }

    /// Run one statement of ours that reads. Not inside a transaction, which would show what is not committed.
    pub(super) async fn select(
        &mut self,
        step: &'static str,
        sql: String,
        arguments: &[Value],
    ) -> Result<Vec<Row>, DbError> {
        if self.in_transaction() {
            return Err(self.rule(step, "a transaction is open: commit it or roll it back first"));
        }
        let bound = match values::bind(arguments) {
            Ok(bound) => bound,
            Err(error) => return Err(self.engine(step, error).await),
        };
        // Not kept prepared: what is asked here is asked once.
        let query = sqlx::query_with(AssertSqlSafe(sql), bound).persistent(false);
        match query.fetch_all(&mut self.connection).await {
            Ok(rows) => self.decode(step, &rows),
            Err(error) => Err(self.engine(step, error).await),
        }
    }

    /// Run one statement of ours that writes.
    pub(super) async fn write(&mut self, step: &'static str, sql: String, arguments: &[Value]) -> Result<(), DbError> {
        let written = match values::bind(arguments) {
            Ok(bound) => sqlx::query_with(AssertSqlSafe(sql), bound).execute(&mut self.connection).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(_) => Ok(()),
            Err(error) => Err(self.engine(step, error).await),
        }
    }

    /// Run several statements of ours, all of them or none.
    pub(super) async fn script(&mut self, step: &'static str, sql: &'static str) -> Result<(), DbError> {
        self.perform(&Call::Begin).await?;
        let run = match sqlx::raw_sql(sql).execute(&mut self.connection).await {
            Ok(_) => Ok(Reply::Done),
            Err(error) => Err(self.engine(step, error).await),
        };
        self.finish(run.map(drop)).await
    }

    /// Commit the transaction of ours when all went well in it, else roll it back.
    pub(super) async fn finish(&mut self, done: Result<(), DbError>) -> Result<(), DbError> {
        let ended = match done {
            Ok(()) => self.perform(&Call::Commit).await.map(drop),
            Err(error) => Err(error),
        };
        if ended.is_err() {
            // The first error is the one to tell.
            let _ = self.roll_back().await;
        }
        ended
    }

    async fn command(&mut self, step: &'static str, sql: &'static str) -> Result<(), DbError> {
        match sqlx::query(sql).execute(&mut self.connection).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.engine(step, error).await),
        }
    }

    fn decode(&self, step: &str, rows: &[sqlx::sqlite::SqliteRow]) -> Result<Vec<Row>, DbError> {
        rows.iter().map(values::decode).collect::<Result<_, _>>().map_err(|foreign| {
            let values::ForeignType { column, found } = foreign;
            self.rule(step, format!("column {column} is neither an integer nor text nor NULL but {found}"))
        })
    }

    /// An error that the engine reported, once the engine has let go of the statement.
    async fn engine(&mut self, step: &str, error: sqlx::Error) -> DbError {
        // sqlx's worker thread reports the error first and resets the statement, and with it its locks, afterwards. It
        // answers the ping behind that.
        let _ = self.connection.ping().await;
        DbError::engine(codes::kind_of(&error), step, &self.database, error)
    }

    pub(super) fn rule(&self, step: &str, says: impl Into<String>) -> DbError {
        DbError::rule(Error::Misuse, step, &self.database, says)
    }
}

fn waits(error: &DbError) -> bool {
    error.code().and_then(|code| code.parse().ok()).is_some_and(codes::is_wait)
}
