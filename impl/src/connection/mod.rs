//! One connection to a database of any engine.
//!
//! | file | is about |
//! |---|---|
//! | `target` | where a database is: URLs |
//! | `link` | a live connection with the transaction it has open: the rules that are the same for every engine |
//! | `wire` | a live connection before any rule: one of `sqlite::Wire`, `postgres::Wire`, `mariadb::Wire` |
//! | `asking` | how each of those is asked in sqlx's words |
//! | `layout`, `rows` | which tables there are; whole tables |
//! | `making` | databases that are made and dropped here |

mod asking;
mod layout;
mod link;
mod making;
mod rows;
mod target;
mod wire;

use std::borrow::Cow;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use paidonce_protocol::{Call, Dialect, Error, Reply, Row, Schema, Statement, Value};

use crate::{DbError, Engine, OpenError};
pub(crate) use asking::asking;
use link::Link;
pub(crate) use making::drop_database_at;
pub use target::without_password;
pub(crate) use target::{Target, scheme};
pub(crate) use wire::{ForeignType, Prepared, Statements, TextKind, Trouble};

/// Something done on a connection.
type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, DbError>> + Send + 'a>>;

/// How a connection behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The isolation level, or on SQLite how a transaction begins.
    pub engine: Engine,
    /// How long a call waits for what another transaction has locked before it is a conflict; `None`: for ever.
    ///
    /// SQLite and PostgreSQL count milliseconds, MariaDB whole seconds, rounded up. Zero is not to wait at all; on
    /// PostgreSQL it is one millisecond.
    pub lock_timeout: Option<Duration>,
    /// How long the server lets an open transaction idle before it ends the connection; `None`: for ever. PostgreSQL
    /// counts milliseconds, MariaDB whole seconds; SQLite has no such limit.
    pub idle_timeout: Option<Duration>,
    /// PostgreSQL: how long a statement waits before it looks for a deadlock. Whoever looks first is the victim. Only a
    /// superuser may say it; `None`: as the server has it, which is a second by default.
    pub deadlock_timeout: Option<Duration>,
    /// For tests of meaning: what is committed may be lost with the machine, and PostgreSQL comes to its rows by a key
    /// wherever there is one, however few rows there are.
    pub meaning_only: bool,
}

impl Options {
    /// For a shop: five seconds of patience for a lock, and a minute for a transaction whose process may be gone.
    pub fn shop(engine: Engine) -> Self {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        Options {
            engine,
            lock_timeout: seconds(5),
            idle_timeout: seconds(60),
            deadlock_timeout: None,
            meaning_only: false,
        }
    }

    /// For one step at a time, where waiting is seen by others: SQLite says at once that a call would wait, and the
    /// servers let it wait for ever.
    pub fn lockstep(engine: Engine) -> Self {
        let lock_timeout = matches!(engine, Engine::Sqlite(_)).then_some(Duration::ZERO);
        Options { engine, lock_timeout, idle_timeout: None, deadlock_timeout: None, meaning_only: false }
    }
}

/// One connection to a database: SQLite in WAL mode with `synchronous=FULL`, PostgreSQL, or MariaDB.
///
/// **Safe to cancel.** sqlx is not: a statement whose future is dropped runs on, and its late answer belongs to nobody.
/// So every call here runs in a task of its own, which owns the connection until the statement has answered. Dropping
/// the caller's future drops the handle of that task and nothing else; the connection then ends with the task, its open
/// transaction rolled back, and the next call opens a new one. What became of the dropped call is
/// [`Error::Unknown`] to everybody, as it is when a process dies. The same happens after any `Unknown`.
pub struct Connection {
    target: Target,
    options: Options,
    /// Absent before the first call, and after one whose connection could not be kept.
    link: Option<Link>,
    /// What statements take for the time of day, where it is not the engine's own clock.
    clock: Option<i64>,
}

impl Connection {
    /// Make a new database with the tables of `schema` at `url`, and connect to it. Never touches one that is there.
    ///
    /// # Errors
    /// When the URL is not one, when there is something already, when the database cannot be made.
    pub async fn create(url: &str, schema: Schema, options: Options) -> Result<Self, OpenError> {
        let mut connection = Self::create_empty(url, options).await?;
        if let Err(error) = connection.create_schema(schema).await {
            connection.close().await;
            // It was empty when it was made here, and half a schema is of use to nobody.
            let _ = making::drop_database(&connection.target).await;
            return Err(error.into());
        }
        Ok(connection)
    }

    /// Make a new database without any table at `url`, and connect to it. Never touches one that is there.
    ///
    /// # Errors
    /// As [`Connection::create`].
    pub async fn create_empty(url: &str, options: Options) -> Result<Self, OpenError> {
        let target = place_for(url, options)?;
        making::create_database(&target).await?;
        let mut connection = Connection { target, options, link: None, clock: None };
        if let Err(error) = connection.use_wal().await {
            connection.close().await;
            let _ = making::drop_database(&connection.target).await;
            return Err(error.into());
        }
        Ok(connection)
    }

    /// Open the database at `url`, whatever is in it. Changes nothing there.
    ///
    /// # Errors
    /// When the URL is not one, when there is no such file, when it cannot be opened.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let target = place_for(url, options)?;
        if let Some(path) = target.path().filter(|path| !path.exists()) {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        Self::over(target, options).await
    }

    /// Open the shop at `url`: a database with at least the tables, columns and unique keys of `schema`.
    ///
    /// # Errors
    /// As [`Connection::open`]; [`OpenError::Foreign`], which says what is missing. A foreign database is left as it was.
    pub async fn open_shop(url: &str, schema: Schema, options: Options) -> Result<Self, OpenError> {
        let mut connection = Self::open(url, options).await?;
        connection.check_schema(schema).await?;
        connection.use_wal().await?;
        Ok(connection)
    }

    async fn over(target: Target, options: Options) -> Result<Self, OpenError> {
        let mut connection = Connection { target, options, link: None, clock: None };
        connection.run(|_| Box::pin(async { Ok(()) })).await?;
        Ok(connection)
    }

    /// The database as it is named in messages: `sqlite:shop.db`, a server's URL without its password.
    pub fn name(&self) -> &str {
        self.target.name()
    }

    /// The file, for SQLite.
    pub fn path(&self) -> Option<&Path> {
        self.target.path()
    }

    /// How this connection behaves.
    pub fn options(&self) -> Options {
        self.options
    }

    /// The SQL that it speaks.
    pub fn dialect(&self) -> Dialect {
        self.target.dialect()
    }

    /// Take one step: run a statement, begin, commit or roll back.
    ///
    /// After an error inside a transaction everything but `Rollback` is `Misuse`, save that the very call that was told
    /// to wait ([`DbError::would_wait`]) may be asked again. `Rollback` without a transaction does nothing.
    ///
    /// # Errors
    /// A constraint is `Refused`; whatever another try may change (busy, a deadlock, a time-out, a stale snapshot) is
    /// `Conflict`; trouble with the disk or the connection is `Unknown`, after which the next call has a new connection;
    /// anything else, and any call that is not the database's, is `Misuse`.
    pub async fn perform(&mut self, call: &Call) -> Result<Reply, DbError> {
        let (call, clock) = (call.clone(), self.clock);
        self.run(move |link| {
            link.clock = clock;
            Box::pin(async move { link.perform(&call).await })
        })
        .await
    }

    /// From now on a protocol's statements take this moment for the time of day, in milliseconds, whatever the engine's
    /// clock says; or the engine's clock again. For replays, whose time is their own.
    pub fn set_clock(&mut self, now_ms: Option<i64>) {
        self.clock = now_ms;
    }

    /// Send a text as it is, for a script of SQL: without arguments, in or out of a transaction that the script itself
    /// begins and ends in SQL. No rule is kept but the engine's own; after an error it is the engine that says what still
    /// goes.
    ///
    /// What reads answers with rows, what writes with how many rows it matched, and anything else with `Done`: the
    /// text's first word says which it is.
    ///
    /// # Errors
    /// As [`Connection::perform`].
    pub async fn send_sql(&mut self, sql: &str) -> Result<Reply, DbError> {
        let sql = sql.to_owned();
        self.run(move |link| Box::pin(async move { link.send_sql(sql).await })).await
    }

    /// Run a statement that reads, outside of any transaction.
    ///
    /// # Errors
    /// As [`Connection::perform`]; `Misuse` inside a transaction, which would show rows that are not committed.
    pub async fn read(&mut self, statement: &'static Statement, arguments: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let rendered = statement.render(self.dialect());
        let rendered = rendered.map_err(|no| self.rule(Error::Misuse, statement.name, no.problem()))?;
        let arguments = rendered.arguments(&arguments).into_owned();
        self.select(statement.name, rendered.sql, arguments).await
    }

    /// Have the engine read a statement without running it: how many arguments it takes.
    ///
    /// # Errors
    /// `Misuse` when it is no statement to this database.
    pub async fn prepare(&mut self, statement: &'static Statement) -> Result<usize, DbError> {
        self.run(move |link| Box::pin(async move { link.prepare(statement).await })).await
    }

    /// Make the tables of `schema` in a database that has none of them.
    ///
    /// # Errors
    /// `Misuse` when a table is there already; nothing was made then, except on MariaDB, where each table that is made
    /// stays made.
    pub async fn create_schema(&mut self, schema: Schema) -> Result<(), DbError> {
        self.script("create_schema", schema.sql(self.dialect())).await
    }

    /// End the connection, its open transaction rolled back before this returns.
    pub async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    async fn use_wal(&mut self) -> Result<(), DbError> {
        if self.dialect() != Dialect::Sqlite {
            return Ok(());
        }
        let rows = self.select("use_wal", "PRAGMA journal_mode = WAL", Vec::new()).await?;
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
        sql: impl Into<Cow<'static, str>>,
        arguments: Vec<Value>,
    ) -> Result<Vec<Row>, DbError> {
        let sql = sql.into();
        self.run(move |link| Box::pin(async move { link.select(step, sql, &arguments).await })).await
    }

    /// Run several statements of ours, all of them or none (where the engine can: see [`Connection::create_schema`]).
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
                None => match Link::connect(&target, &options).await {
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

/// The database at this URL, which has to be one of the engine's.
fn place_for(url: &str, options: Options) -> Result<Target, OpenError> {
    let target = Target::parse(url)?;
    if target.dialect() == options.engine.dialect() {
        return Ok(target);
    }
    Err(OpenError::OtherEngine { name: target.name().to_owned(), engine: options.engine.name() })
}
