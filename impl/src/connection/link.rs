//! A live connection with the transaction it has open: the rules that are the same for every engine.

use std::borrow::Cow;
use std::sync::Arc;

use paidonce_protocol::{Call, Dialect, Error, Rendered, Reply, Row, Statement, Value};

use super::Options;
use super::target::Target;
use super::wire::{Trouble, Wire};
use crate::DbError;

/// How far the transaction is.
enum Transaction {
    /// None is open: each statement is one of its own.
    None,
    /// One is open. `settled` says that a statement of it has run, so that it has its snapshot or the write lock.
    Open { settled: bool },
    /// A call failed in it: only a rollback is left, or the same call again when it was only told to wait.
    ///
    /// Whatever the engine would do with a commit now: PostgreSQL answers it well and keeps nothing; MariaDB has rolled
    /// back after a deadlock, so that later statements would last one by one.
    Failed { may_repeat: Option<Call>, settled: bool },
}

/// What a text does to the transaction.
enum Bracket {
    Begins,
    Ends,
}

impl Bracket {
    fn of(sql: &str) -> Option<Self> {
        let mut words = sql.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        match words.next()?.to_ascii_lowercase().as_str() {
            "begin" | "start" => Some(Bracket::Begins),
            // Only up to a savepoint.
            "rollback" if words.any(|word| word.eq_ignore_ascii_case("to")) => None,
            "commit" | "rollback" | "end" | "abort" => Some(Bracket::Ends),
            _ => None,
        }
    }
}

pub(super) struct Link {
    wire: Wire,
    dialect: Dialect,
    database: Arc<str>,
    transaction: Transaction,
    /// What statements take for the time of day, where it is not the engine's own clock.
    pub(super) clock: Option<i64>,
}

impl Link {
    pub(super) async fn connect(target: &Target, options: &Options) -> Result<Self, DbError> {
        let database = Arc::clone(target.shared_name());
        match Wire::connect(target, options).await {
            Ok(wire) => {
                Ok(Link { wire, dialect: target.dialect(), database, transaction: Transaction::None, clock: None })
            }
            Err(Trouble::Rule(says)) => Err(DbError::rule(Error::Misuse, "connect", &database, says)),
            // Nothing was asked yet: it is definitely not done.
            Err(Trouble::Engine(error)) => {
                let code = Wire::code_of(target.dialect(), &error);
                Err(DbError::engine(Error::Refused, code, "connect", &database, error))
            }
        }
    }

    /// Roll back what is open, and say good-bye: once this returns, nothing that the transaction had locked is locked.
    pub(super) async fn close(mut self) {
        let _ = self.roll_back().await;
        self.wire.close().await;
    }

    fn in_transaction(&self) -> bool {
        !matches!(self.transaction, Transaction::None)
    }

    pub(super) async fn perform(&mut self, call: &Call) -> Result<Reply, DbError> {
        self.check_rules(call)?;
        match call {
            Call::Begin => {
                self.send("begin", self.wire.begin().into()).await?;
                self.transaction = Transaction::Open { settled: false };
                Ok(Reply::Done)
            }
            Call::Rollback => self.roll_back().await,
            Call::Commit => {
                let committed = self.send("commit", "COMMIT".into()).await.map(|_| Reply::Done);
                let answer = self.after(call, committed);
                if answer.is_ok() {
                    self.transaction = Transaction::None;
                }
                answer
            }
            Call::Run(statement, arguments) => {
                let rendered = self.rendered(statement)?;
                if let Some(takes) = rendered.takes().filter(|takes| *takes != arguments.len()) {
                    let says = format!("takes {takes} arguments and was given {}", arguments.len());
                    return Err(self.rule(statement.name, says));
                }
                let arguments = rendered.arguments(arguments);
                let answer = self.run(statement.name, rendered.sql, &arguments).await;
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
            Transaction::None => return answer,
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
                let waits = error.would_wait() && !settled;
                let may_repeat = waits.then(|| call.clone());
                self.transaction = Transaction::Failed { may_repeat, settled };
                Err(if waits { error } else { error.for_good() })
            }
        }
    }

    async fn roll_back(&mut self) -> Result<Reply, DbError> {
        if !self.in_transaction() {
            return Ok(Reply::Done);
        }
        let rolled_back = self.wire.send("ROLLBACK".into()).await;
        self.transaction = Transaction::None;
        match rolled_back {
            Ok(_) => Ok(Reply::Done),
            // SQLite ends the transaction itself after some errors, and then there is nothing left to roll back.
            Err(Trouble::Engine(error)) if self.wire.is_nothing_to_roll_back(&error) => Ok(Reply::Done),
            // A transaction that may still be open is left to the end of the connection.
            Err(Trouble::Engine(error)) => {
                let code = Wire::code_of(self.dialect, &error);
                Err(DbError::engine(Error::Unknown, code, "rollback", &self.database, error))
            }
            Err(Trouble::Rule(says)) => Err(self.rule("rollback", says)),
        }
    }

    /// Send a text of ours that takes no arguments.
    pub(super) async fn send(&mut self, step: &str, sql: Cow<'static, str>) -> Result<Reply, DbError> {
        let answer = self.wire.send(sql).await;
        answer.map_err(|trouble| self.error(step, trouble))
    }

    /// Send a text of somebody else's: see [`super::Connection::send_sql`]. What it does to the transaction is noted, so
    /// that the connection can be closed cleanly and SQLite's waits are told from its conflicts.
    pub(super) async fn send_sql(&mut self, sql: String) -> Result<Reply, DbError> {
        let bracket = Bracket::of(&sql);
        let answer = self.send("sql", sql.into()).await;
        let settled = match &self.transaction {
            Transaction::None => false,
            Transaction::Open { settled } | Transaction::Failed { settled, .. } => *settled,
        };
        match (bracket, answer) {
            (Some(Bracket::Begins), Ok(reply)) => {
                self.transaction = Transaction::Open { settled: false };
                Ok(reply)
            }
            (Some(Bracket::Ends), Ok(reply)) => {
                self.transaction = Transaction::None;
                Ok(reply)
            }
            (None, Ok(reply)) if self.in_transaction() => {
                self.transaction = Transaction::Open { settled: true };
                Ok(reply)
            }
            (_, Ok(reply)) => Ok(reply),
            (_, Err(error)) if settled => Err(error.for_good()),
            (_, Err(error)) => Err(error),
        }
    }

    async fn run(&mut self, step: &str, sql: Cow<'static, str>, arguments: &[Value]) -> Result<Reply, DbError> {
        let answer = self.wire.run(sql, arguments).await;
        answer.map_err(|trouble| self.error(step, trouble))
    }

    pub(super) async fn prepare(&mut self, statement: &'static Statement) -> Result<usize, DbError> {
        let rendered = self.rendered(statement)?;
        let takes = rendered.takes();
        let prepared = self.wire.prepare(rendered.sql).await.map_err(|trouble| self.error(statement.name, trouble))?;
        Ok(takes.unwrap_or(prepared))
    }

    /// A statement's form for this database.
    fn rendered(&self, statement: &'static Statement) -> Result<Rendered, DbError> {
        let rendered = match self.clock {
            None => statement.render(self.dialect),
            Some(now_ms) => statement.render_at(self.dialect, now_ms),
        };
        rendered.map_err(|underivable| self.rule(statement.name, underivable.problem()))
    }

    /// Run one statement of ours that reads. Not inside a transaction, which would show what is not committed.
    pub(super) async fn select(
        &mut self,
        step: &'static str,
        sql: Cow<'static, str>,
        arguments: &[Value],
    ) -> Result<Vec<Row>, DbError> {
        if self.in_transaction() {
            return Err(self.rule(step, "a transaction is open: commit it or roll it back first"));
        }
        match self.run(step, sql, arguments).await? {
            Reply::Rows(rows) => Ok(rows),
            _ => Err(self.rule(step, "answers with no rows")),
        }
    }

    /// Run one statement of ours that writes.
    pub(super) async fn write(&mut self, step: &'static str, sql: String, arguments: &[Value]) -> Result<(), DbError> {
        self.run(step, sql.into(), arguments).await.map(drop)
    }

    /// Run several statements of ours, all of them or none.
    pub(super) async fn script(&mut self, step: &'static str, sql: &'static str) -> Result<(), DbError> {
        self.perform(&Call::Begin).await?;
        let run = self.send(step, sql.into()).await;
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

    fn error(&self, step: &str, trouble: Trouble) -> DbError {
        match trouble {
            Trouble::Rule(says) => self.rule(step, says),
            Trouble::Engine(error) => {
                let (kind, code) = (self.wire.kind_of(&error), Wire::code_of(self.dialect, &error));
                let waits = self.wire.is_wait(&error);
                let error = DbError::engine(kind, code, step, &self.database, error);
                if waits { error.waiting() } else { error }
            }
        }
    }

    pub(super) fn rule(&self, step: &str, says: impl Into<String>) -> DbError {
        DbError::rule(Error::Misuse, step, &self.database, says)
    }
}
