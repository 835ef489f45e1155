//! The forms that differ from the canonical text word by word.

use std::borrow::Cow;

use super::tokens::{Kind, Token, find, skip_space, stands_at, text, tokens};
use super::{Rendered, upsert};

/// SQLite's form: no row locks, its own placeholders.
pub(super) fn sqlite(canonical: &str) -> Rendered {
    let mut rendered = String::with_capacity(canonical.len());
    let pieces = tokens(canonical);
    let mut place = 0;
    while let Some(token) = pieces.get(place) {
        if let Some(lock) = lock_at(&pieces, place) {
            rendered.truncate(rendered.trim_end().len());
            place = lock.end;
            continue;
        }
        match token.kind {
            Kind::Placeholder(number) => rendered += &format!("?{number}"),
            _ => rendered += token.text,
        }
        place += 1;
    }
    Rendered { sql: Cow::Owned(rendered), places: None }
}

/// MariaDB's form, or the clause that has none.
pub(super) fn mariadb(canonical: &str) -> Result<Rendered, String> {
    let pieces = tokens(canonical);
    let worded = match find(&pieces, 0, &["ON", "CONFLICT"]) {
        Some(conflict) => upsert::mariadb(&pieces, conflict)?,
        None => canonical.to_owned(),
    };
    let pieces = tokens(&worded);
    let mut reworded = String::with_capacity(worded.len());
    let mut place = 0;
    while let Some(token) = pieces.get(place) {
        if let Some(lock) = lock_at(&pieces, place).filter(|lock| lock.shares) {
            reworded += "LOCK IN SHARE MODE";
            reworded += lock.wait;
            place = lock.end;
        } else if let Some(end) = stands_at(&pieces, place, &["AS", "BIGINT", ")"]) {
            reworded += "AS SIGNED)";
            place = end;
        } else {
            reworded += token.text;
            place += 1;
        }
    }
    Ok(question_marks(&reworded))
}

/// A text with `$1`, `$2`, … as one with `?`.
pub(super) fn question_marks(numbered: &str) -> Rendered {
    let mut sql = String::with_capacity(numbered.len());
    let mut places = Vec::new();
    for token in tokens(numbered) {
        match token.kind {
            Kind::Placeholder(number) => {
                places.push(number - 1);
                sql.push('?');
            }
            _ => sql += token.text,
        }
    }
    let in_order = places.iter().copied().eq(0..places.len());
    Rendered { sql: Cow::Owned(sql), places: (!in_order).then_some(places) }
}

/// A locking clause.
struct Lock {
    shares: bool,
    wait: &'static str,
    /// The place behind it.
    end: usize,
}

fn lock_at(pieces: &[Token<'_>], place: usize) -> Option<Lock> {
    let shares = stands_at(pieces, place, &["FOR", "SHARE"]);
    let end = shares.or_else(|| stands_at(pieces, place, &["FOR", "UPDATE"]))?;
    let behind = skip_space(pieces, end);
    let (wait, end) = if let Some(end) = stands_at(pieces, behind, &["SKIP", "LOCKED"]) {
        (" SKIP LOCKED", end)
    } else if let Some(end) = stands_at(pieces, behind, &["NOWAIT"]) {
        (" NOWAIT", end)
    } else {
        ("", end)
    };
    Some(Lock { shares: shares.is_some(), wait, end })
}

/// The rest of a statement from this place, for an error.
pub(super) fn clause(pieces: &[Token<'_>], from: usize) -> String {
    text(&pieces[from..])
}
