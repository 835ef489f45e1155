//! One connection to a SQLite database.

mod codes;
mod layout;
mod link;
mod rows;
mod target;
mod values;

use std::fs::OpenOptions;
use std::future::Future;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use paidonce_protocol::{Call, Dialect, Error, Reply, Row, Schema, Statement, Value};

use crate::{DbError, OpenError};
use link::Link;
use target::Target;

/// Something done on a connection.
type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbError>> + Send + 'a>>;

/// How a transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BeginMode {
    /// `BEGIN IMMEDIATE`: the transaction is the one writer from its start. Right for whoever is going to write.
    #[default]
    Immediate,
    /// Plain `BEGIN`: it takes its snapshot with its first read, and becomes the writer with its first write, if it
    /// still can.
    Deferred,
}

impl BeginMode {
    /// The engine's name in scenarios and traces.
    pub fn engine(self) -> &'static str {
        match self {
            BeginMode::Immediate => "sqlite/immediate",
            BeginMode::Deferred => "sqlite/deferred",
        }
    }

    /// The mode of the engine with this name.
    pub fn of_engine(name: &str) -> Option<Self> {
        [BeginMode::Immediate, BeginMode::Deferred].into_iter().find(|mode| mode.engine() == name)
    }
}

/// How a connection behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How a transaction begins.
    pub begin: BeginMode,
    /// How long a call waits for another writer before it is a conflict.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    /// For a shop: immediate transactions, and five seconds of patience.
    fn default() -> Self {
        SqliteOptions { begin: BeginMode::Immediate, busy_timeout: Duration::from_secs(5) }
    }
}

impl SqliteOptions {
    /// For a replay that takes one step at a time: a call that would wait is told so at once.
    pub fn lockstep(begin: BeginMode) -> Self {
        SqliteOptions { begin, busy_timeout: Duration::ZERO }
    }
}

/// One connection to a SQLite database, in WAL mode with `synchronous=FULL`.
///
/// **Safe to cancel.** sqlx is not: a statement whose future is dropped runs on, and its late answer belongs to nobody.
/// So every call here runs in a task of its own, which owns the connection until the statement has answered. Dropping
/// the caller's future drops the handle of that task and nothing else; the connection then ends with the task, its open
/// transaction rolled back, and the next call opens a new one. What became of the dropped call is
/// [`Error::Unknown`] to everybody, as it is when a process dies. The same happens after any `Unknown`.
pub struct Sqlite {
    target: Target,
    options: SqliteOptions,
    /// Absent before the first call, and after one whose connection could not be kept.
    link: Option<Link>,
}

impl Sqlite {
    /// Make a new database with the tables of `schema` at `url` (`sqlite:PATH`). Never touches a file that is there.
    ///
    /// # Errors
    /// When the URL is not one, when there is something already, when the file cannot be made.
    pub async fn create(url: &str, schema: Schema, options: SqliteOptions) -> Result<Self, OpenError> {
        let target = Target::parse(url)?;
        let path = target.path().to_owned();
        OpenOptions::new().write(true).create_new(true).open(&path).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => OpenError::Exists { path: path.clone() },
            _ => OpenError::Create { path: path.clone(), source },
        })?;
        let mut sqlite = Sqlite { target, options, link: None };
        let made = sqlite.fill(schema).await;
        if let Err(error) = made {
            sqlite.close().await;
            // It was empty when it was made here, and half a schema is of use to nobody.
            let _ = std::fs::remove_file(&path);
            return Err(error.into());
        }
        Ok(sqlite)
    }

    async fn fill(&mut self, schema: Schema) -> Result<(), DbError> {
        self.use_wal().await?;
        self.create_schema(schema).await
    }

    /// Open the database at `url`, whatever is in it. Changes nothing there.
    ///
    /// # Errors
    /// When the URL is not one, when there is no such file, when it cannot be opened.
    pub async fn open(url: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        let target = Target::parse(url)?;
        if !target.path().exists() {
            return Err(OpenError::Missing { path: target.path().to_owned() });
        }
        let mut sqlite = Sqlite { target, options, link: None };
        sqlite.run(|_| Box::pin(async { Ok(()) })).await?;
        Ok(sqlite)
    }

    /// Open the shop at `url`: a database with at least the tables, columns and unique keys of `schema`.
    ///
    /// # Errors
    /// As [`Sqlite::open`]; [`OpenError::Foreign`], which says what is missing. A foreign database is left as it was.
    pub async fn open_shop(url: &str, schema: Schema, options: SqliteOptions) -> Result<Self, OpenError> {
        let mut sqlite = Self::open(url, options).await?;
        sqlite.check_schema(schema).await?;
        sqlite.use_wal().await?;
        Ok(sqlite)
    }

    /// The database as it is named in messages: `sqlite:shop.db`.
    pub fn name(&self) -> &str {
        self.target.name()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.target.path()
    }

    /// How this connection behaves.
    pub fn options(&self) -> SqliteOptions {
        self.options
    }

    /// Take one step: run a statement, begin, commit or roll back.
    ///
    /// After an error inside a transaction everything but `Rollback` is `Misuse`, save that the very call that was told
    /// to wait ([`DbError::would_wait`]) may be asked again. `Rollback` without a transaction does nothing.
    ///
    /// # Errors
    /// A constraint is `Refused`; busy, locked and a stale snapshot are `Conflict`; trouble with the disk or the
    /// connection is `Unknown`, after which the next call has a new connection; anything else, and any call that is not
    /// the database's, is `Misuse`.
    pub async fn perform(&mut self, call: &Call) -> Result<Reply, DbError> {
        let call = call.clone();
        self.run(move |link| Box::pin(async move { link.perform(&call).await })).await
    }

    /// Have the engine read a statement without running it: how many arguments it takes.
    ///
    /// # Errors
    /// `Misuse` when it is no statement to this database.
    pub async fn prepare(&mut self, statement: &'static Statement) -> Result<usize, DbError> {
        self.run(move |link| Box::pin(async move { link.prepare(statement).await.map(|prepared| prepared.arguments) }))
            .await
    }

    /// Make the tables of `schema` in a database that has none of them.
    ///
    /// # Errors
    /// `Misuse` when a table is there already; nothing was made then.
    pub async fn create_schema(&mut self, schema: Schema) -> Result<(), DbError> {
        self.script("create_schema", schema.sql(Dialect::Sqlite)).await
    }

    /// End the connection and wait until the database no longer knows it. An open transaction is rolled back.
    pub async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    async fn use_wal(&mut self) -> Result<(), DbError> {
        let rows = self.select("use_wal", "PRAGMA journal_mode = WAL".to_owned(), Vec::new()).await?;
        match rows.first().map(|row| row.text(0)) {
            Some(Ok("wal")) => Ok(()),
            _ => {
                let says = "the file system does not allow the write-ahead log: keep the shop on a local disk";
                Err(self.rule(Error::Refused, "use_wal", says))
            }
        }
    }

    /// An error of this database that its engine did not report.
    pub(crate) fn rule(&self, kind: Error, step: &str, says: impl Into<String>) -> DbError {
        DbError::rule(kind, step, self.target.shared_name(), says)
    }

    /// Run one statement of ours that reads.
    pub(crate) async fn select(
        &mut self,
        step: &'static str,
        sql: String,
        arguments: Vec<Value>,
    ) -> Result<Vec<Row>, DbError> {
        self.run(move |link| Box::pin(async move { link.select(step, sql, &arguments).await })).await
    }

    /// Run several statements of ours, all of them or none.
    pub(crate) async fn script(&mut self, step: &'static str, sql: &'static str) -> Result<(), DbError> {
        self.run(move |link| Box::pin(async move { link.script(step, sql).await })).await
    }

    /// Work on the connection in a task of its own, so that whoever drops the returned future drops no statement.
    async fn run<T, W>(&mut self, work: W) -> Result<T, DbError>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Link) -> Work<'a, T> + Send + 'static,
    {
        let link = self.link.take();
        let (target, options) = (self.target.clone(), self.options);
        let task = tokio::spawn(async move {
            let mut link = match link {
                Some(link) => link,
                None => match Link::connect(&target, options).await {
                    Ok(link) => link,
                    Err(error) => return (None, Err(error)),
                },
            };
            let answer = work(&mut link).await;
            if matches!(&answer, Err(error) if error.kind() == Error::Unknown) {
                link.close().await;
                return (None, answer);
            }
            (Some(link), answer)
        });
        match task.await {
            Ok((link, answer)) => {
                self.link = link;
                answer
            }
            Err(_) => {
                let says = "the task that worked on the connection was ended from outside";
                Err(self.rule(Error::Unknown, "run", says))
            }
        }
    }
}
