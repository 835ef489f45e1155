//! A live connection to one of the engines, before any rule: text and arguments go in, what the engine says comes out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use paidonce_protocol::{Dialect, Error, Reply, Value};

use super::Options;
use super::target::{Place, Target};
use crate::{Engine, mariadb, postgres, sqlite};

/// What a connection may be to. Each has the same methods, in a file of its own.
pub(super) enum Wire {
    Sqlite(sqlite::Wire),
    Postgres(postgres::Wire),
    MariaDb(mariadb::Wire),
}

/// Why there is no answer.
pub(crate) enum Trouble {
    /// The engine, or sqlx, says no.
    Engine(sqlx::Error),
    /// It was asked for what it does not do.
    Rule(String),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Trouble::Engine(error)
    }
}

/// A statement as the engine has read it.
#[derive(Clone)]
pub(crate) struct Prepared<S> {
    pub(crate) statement: S,
    /// How many arguments it takes.
    pub(crate) arguments: usize,
    /// True for a statement that answers with rows.
    pub(crate) reads: bool,
}

impl<S> Prepared<S> {
    /// sqlx binds `NULL` for an argument that is missing on one engine, and forgets one too many on another.
    pub(crate) fn check(&self, given: usize) -> Result<(), Trouble> {
        if self.arguments == given {
            return Ok(());
        }
        Err(Trouble::Rule(format!("takes {} arguments and was given {given}", self.arguments)))
    }
}

/// The statements that the engine has read, by their text.
pub(crate) type Statements<S> = BTreeMap<Cow<'static, str>, Prepared<S>>;

/// Why a row cannot be read: its column, and what was in it.
pub(crate) struct ForeignType {
    pub(crate) column: usize,
    pub(crate) found: String,
}

impl From<ForeignType> for Trouble {
    fn from(ForeignType { column, found }: ForeignType) -> Self {
        Trouble::Rule(format!("column {column} is neither an integer nor text nor NULL but {found}"))
    }
}

/// What a text without arguments is, as far as its answer goes: its first word says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// It answers with rows.
    Reads,
    /// It answers with how many rows it matched.
    Writes,
    /// It is done, or it is not.
    Commands,
}

impl TextKind {
    pub(crate) fn of(sql: &str) -> Self {
        let word = |word: &str| word.to_ascii_lowercase();
        let mut words = sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(word);
        match words.next().as_deref() {
            Some("select" | "with" | "values" | "table" | "show" | "explain" | "pragma") => TextKind::Reads,
            Some("insert" | "update" | "delete" | "replace") => {
                if words.any(|word| word == "returning") {
                    TextKind::Reads
                } else {
                    TextKind::Writes
                }
            }
            _ => TextKind::Commands,
        }
    }
}

/// The same on whichever engine it is.
macro_rules! each {
    ($wire:expr, $inner:ident => $does:expr) => {
        match $wire {
            Wire::Sqlite($inner) => $does,
            Wire::Postgres($inner) => $does,
            Wire::MariaDb($inner) => $does,
        }
    };
}

impl Wire {
    pub(super) async fn connect(target: &Target, options: &Options) -> Result<Self, Trouble> {
        Ok(match (target.place(), options.engine) {
            (Place::Sqlite(place), Engine::Sqlite(begin)) => {
                Wire::Sqlite(sqlite::Wire::connect(place, begin, options).await?)
            }
            (Place::Postgres(place), Engine::Postgres(level)) => {
                Wire::Postgres(postgres::Wire::connect(place, level, options).await?)
            }
            (Place::MariaDb(place), Engine::MariaDb(level)) => {
                Wire::MariaDb(mariadb::Wire::connect(place, level, options).await?)
            }
            (_, engine) => return Err(Trouble::Rule(format!("it is no place for {}", engine.name()))),
        })
    }

    /// Say good-bye. Whatever the engine says to that, the connection is gone afterwards.
    pub(super) async fn close(self) {
        each!(self, wire => wire.close().await)
    }

    /// What begins a transaction.
    pub(super) fn begin(&self) -> &'static str {
        each!(self, wire => wire.begin())
    }

    /// Send a text that takes no arguments, and is not prepared.
    pub(super) async fn send(&mut self, sql: Cow<'static, str>) -> Result<Reply, Trouble> {
        each!(self, wire => wire.send(sql).await)
    }

    /// Have the engine read a statement: how many arguments it takes.
    pub(super) async fn prepare(&mut self, sql: Cow<'static, str>) -> Result<usize, Trouble> {
        each!(self, wire => Ok(wire.prepare(sql).await?.arguments))
    }

    /// Run a statement.
    pub(super) async fn run(&mut self, sql: Cow<'static, str>, arguments: &[Value]) -> Result<Reply, Trouble> {
        each!(self, wire => wire.run(sql, arguments).await)
    }

    /// What a caller may conclude from an error.
    pub(super) fn kind_of(&self, error: &sqlx::Error) -> Error {
        match self {
            Wire::Sqlite(_) => sqlite::kind_of(error),
            Wire::Postgres(_) => postgres::kind_of(error),
            Wire::MariaDb(_) => mariadb::kind_of(error),
        }
    }

    /// The code by which the engine's manual knows an error.
    pub(super) fn code_of(dialect: Dialect, error: &sqlx::Error) -> Option<String> {
        match dialect {
            Dialect::Sqlite => sqlite::code_of(error).map(|code| code.to_string()),
            Dialect::Postgres => postgres::code_of(error),
            Dialect::MariaDb => mariadb::code_of(error).map(|code| code.to_string()),
        }
    }

    /// True for an answer that another wait could change: the connection was told to wait no longer.
    pub(super) fn is_wait(&self, error: &sqlx::Error) -> bool {
        matches!(self, Wire::Sqlite(_)) && sqlite::is_wait(error)
    }

    /// True when the engine says that there was nothing to roll back.
    pub(super) fn is_nothing_to_roll_back(&self, error: &sqlx::Error) -> bool {
        matches!(self, Wire::Sqlite(_)) && error.to_string().contains("no transaction is active")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_says_what_is_answered() {
        for (sql, kind) in [
            ("  SELECT 1", TextKind::Reads),
            ("(select 1) union (select 2)", TextKind::Reads),
            ("INSERT INTO t VALUES (1)", TextKind::Writes),
            ("delete from t where returning_id = 1", TextKind::Writes),
            ("insert into t values (1) returning id", TextKind::Reads),
            ("BEGIN", TextKind::Commands),
            ("", TextKind::Commands),
        ] {
            assert_eq!(TextKind::of(sql), kind, "{sql}");
        }
    }
}
