//! A named statement of SQL and its form on each database.

mod clock;
mod forms;
mod tokens;
mod upsert;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::Value;
use clock::Clock;

/// The databases whose SQL a statement can be rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL: the canonical text, placeholders `$1`, `$2`, …
    Postgres,
    /// MariaDB: placeholders `?`, see [`Rendered::arguments`].
    MariaDb,
    /// SQLite: placeholders `?1`, `?2`, …; no row locks, because a writer has the whole database.
    Sqlite,
}

/// One SQL statement with the name it has in code, traces and diagrams.
///
/// The canonical text is PostgreSQL's, but for one word: `clock_ms()` is the engine's clock, in milliseconds. The other two are derived by [`Statement::render`]; where a database needs
/// different words, they are spelled out beside the canonical ones with [`Statement::on_mariadb`] or
/// [`Statement::on_sqlite`].
#[derive(Debug)]
pub struct Statement {
    /// What the statement is called wherever it appears.
    pub name: &'static str,
    /// The canonical text.
    pub sql: &'static str,
    mariadb: Option<&'static str>,
    sqlite: Option<&'static str>,
}

impl Statement {
    /// A statement with its canonical (PostgreSQL) text.
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Statement { name, sql, mariadb: None, sqlite: None }
    }

    /// A statement that somebody has written down at run time, under its own text as its name. A text is kept for as long
    /// as the program runs, once however often it comes.
    pub fn of_text(sql: &str) -> &'static Self {
        static KNOWN: Mutex<BTreeMap<&'static str, &'static Statement>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known.get(sql) {
            return statement;
        }
        let text: &'static str = String::leak(sql.to_owned());
        let statement: &'static Statement = Box::leak(Box::new(Statement::new(text, text)));
        known.insert(text, statement);
        statement
    }

    /// The same statement with MariaDB's own text: either with `?` placeholders, one for each argument in order, or with
    /// `$1`, `$2`, … in any order and as often as they are needed.
    pub const fn on_mariadb(mut self, sql: &'static str) -> Self {
        self.mariadb = Some(sql);
        self
    }

    /// The same statement with SQLite's own text, already with `?1` placeholders.
    pub const fn on_sqlite(mut self, sql: &'static str) -> Self {
        self.sqlite = Some(sql);
        self
    }

    /// The text that is spelled out for this dialect beside the canonical one.
    pub const fn own(&self, dialect: Dialect) -> Option<&'static str> {
        match dialect {
            Dialect::Postgres => None,
            Dialect::MariaDb => self.mariadb,
            Dialect::Sqlite => self.sqlite,
        }
    }

    /// The text to send to a database of this dialect.
    ///
    /// | canonical | MariaDB | SQLite |
    /// |---|---|---|
    /// | `$1` | `?` | `?1` |
    /// | `FOR UPDATE`, with `SKIP LOCKED` or `NOWAIT` | the same | dropped: who waits for the one writer needs no row lock |
    /// | `FOR SHARE`, with `SKIP LOCKED` or `NOWAIT` | `LOCK IN SHARE MODE`, with the same | dropped |
    /// | `CAST(… AS BIGINT)` | `CAST(… AS SIGNED)` | the same |
    /// | `INSERT … ON CONFLICT … DO NOTHING` | `INSERT IGNORE …` | the same |
    /// | `ON CONFLICT (…) DO UPDATE SET a = excluded.a` | `ON DUPLICATE KEY UPDATE a = VALUES(a)` | the same |
    /// | … `WHERE condition` | `a = IF(condition, VALUES(a), t.a)` | the same |
    /// | `clock_ms()`: when the statement came | from `UTC_TIMESTAMP(3)` | from `unixepoch('subsec')` |
    ///
    /// MariaDB assigns one column after the other and lets later ones see earlier ones, so a column that is read is
    /// assigned behind those that read it.
    ///
    /// # Errors
    /// When no such order exists: [`Underivable`] names the clause.
    pub fn render(&self, dialect: Dialect) -> Result<Rendered, Underivable> {
        self.rendered(dialect, Clock::Engine)
    }

    /// The same text with this moment, in milliseconds, in place of the engine's clock: for replays, whose time is their
    /// own.
    ///
    /// # Errors
    /// As [`Statement::render`].
    pub fn render_at(&self, dialect: Dialect, now_ms: i64) -> Result<Rendered, Underivable> {
        self.rendered(dialect, Clock::At(now_ms))
    }

    fn rendered(&self, dialect: Dialect, clock: Clock) -> Result<Rendered, Underivable> {
        let Rendered { sql, places } = self.worded(dialect)?;
        Ok(Rendered { sql: clock.put_into(sql, dialect), places })
    }

    fn worded(&self, dialect: Dialect) -> Result<Rendered, Underivable> {
        let plain = |sql: &'static str| Rendered { sql: Cow::Borrowed(sql), places: None };
        match dialect {
            Dialect::Postgres => Ok(plain(self.sql)),
            Dialect::Sqlite => Ok(self.sqlite.map_or_else(|| forms::sqlite(self.sql), plain)),
            Dialect::MariaDb => match self.mariadb {
                Some(own) if own.contains('$') => Ok(forms::question_marks(own)),
                Some(own) => Ok(plain(own)),
                None => forms::mariadb(self.sql).map_err(|clause| Underivable { statement: self.name, clause }),
            },
        }
    }
}

/// A statement's text for one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The text to send.
    pub sql: Cow<'static, str>,
    /// For each `?` the argument that stands there, counted from 0; `None` when arguments go as they are.
    places: Option<Vec<usize>>,
}

impl Rendered {
    /// The arguments to bind to [`sql`](Self::sql), in the order of its placeholders: MariaDB's have no numbers, so an
    /// argument that is needed twice is sent twice. An argument that is not there is left out.
    pub fn arguments<'a>(&self, given: &'a [Value]) -> Cow<'a, [Value]> {
        match &self.places {
            None => Cow::Borrowed(given),
            Some(places) => places.iter().filter_map(|place| given.get(*place).cloned()).collect(),
        }
    }

    /// How many arguments the statement is given, when its `?` do not stand for one each, in order.
    pub fn takes(&self) -> Option<usize> {
        self.places.as_ref().map(|places| places.iter().max().map_or(0, |most| most + 1))
    }
}

/// The form of a statement that cannot be derived from its canonical text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{statement}: {}", self.problem())]
pub struct Underivable {
    /// The statement's name.
    pub statement: &'static str,
    /// The clause.
    pub clause: String,
}

impl Underivable {
    /// What is wrong, and what to do.
    pub fn problem(&self) -> String {
        format!("MariaDB's form of `{}` cannot be derived; spell it out with on_mariadb", self.clause)
    }
}
