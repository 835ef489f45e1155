//! The engine's clock.
//!
//! A lease that several web servers share cannot go by their own clocks, which differ. All of them ask one database, whose
//! clock is one: `clock_ms()` in a statement's text is its time of day, in milliseconds since 1970.

use std::borrow::Cow;

use super::Dialect;
use super::tokens::{find, tokens};

/// The word, as it is told apart.
const WORD: [&str; 3] = ["clock_ms", "(", ")"];

/// What the word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// The engine's own time.
    Engine,
    /// This moment, wherever the engine's clock may be.
    At(i64),
}

impl Clock {
    /// The words for it.
    ///
    /// On PostgreSQL and MariaDB it is the moment at which the statement came, however long it then waits: neither the
    /// transaction's beginning (PostgreSQL's `now()`) nor the moment at which a row is looked at (`clock_timestamp()`,
    /// MariaDB's `SYSDATE()`). A lease that is counted from too early a moment is too short, which is safe. SQLite, which
    /// lets nobody wait inside a statement, looks once for each time that a statement is run.
    ///
    /// None of them goes by a time zone: MariaDB's `UNIX_TIMESTAMP(NOW(3))` would be an hour wrong in the hour that comes
    /// twice when summer time ends.
    fn words(self, dialect: Dialect) -> Cow<'static, str> {
        match (self, dialect) {
            (Clock::Engine, Dialect::Postgres) => {
                "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)".into()
            }
            (Clock::Engine, Dialect::MariaDb) => {
                "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)".into()
            }
            (Clock::Engine, Dialect::Sqlite) => "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER)".into(),
            (Clock::At(now_ms), Dialect::Postgres) => format!("CAST({now_ms} AS BIGINT)").into(),
            (Clock::At(now_ms), Dialect::MariaDb | Dialect::Sqlite) => format!("({now_ms})").into(),
        }
    }

    /// The text with the word replaced wherever it stands.
    pub(super) fn put_into(self, sql: Cow<'static, str>, dialect: Dialect) -> Cow<'static, str> {
        if !mentions(&sql) {
            return sql;
        }
        let pieces = tokens(&sql);
        let mut put = String::with_capacity(sql.len());
        let mut place = 0;
        while let Some((start, end)) = find(&pieces, place, &WORD) {
            pieces[place..start].iter().for_each(|piece| put += piece.text);
            put += &self.words(dialect);
            place = end;
        }
        pieces[place..].iter().for_each(|piece| put += piece.text);
        put.into()
    }
}

/// False for most texts, without cutting them into pieces.
fn mentions(sql: &str) -> bool {
    let word = WORD[0].as_bytes();
    sql.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}
