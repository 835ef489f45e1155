//! `INSERT … ON CONFLICT` in MariaDB's words.

use super::forms::clause;
use super::tokens::{Kind, Token, find, skip_space, split, stands_at, text};

/// One `column = expression`.
struct Assignment<'a, 't> {
    column: &'a str,
    to: &'t [Token<'a>],
}

/// The whole statement, its `ON CONFLICT` at `conflict` (the place of `ON`, the place behind `CONFLICT`), or the clause
/// that has no form of its own.
pub(super) fn mariadb(pieces: &[Token<'_>], conflict: (usize, usize)) -> Result<String, String> {
    let (start, mut place) = conflict;
    let fail = || Err(clause(pieces, start));
    place = skip_space(pieces, place);
    if pieces.get(place).is_some_and(|token| token.is("(")) {
        let Some((_, end)) = find(pieces, place, &[")"]) else { return fail() };
        place = skip_space(pieces, end);
    }
    let Some((_, table_at)) = find(pieces, 0, &["INSERT", "INTO"]) else { return fail() };
    let insert = &pieces[..start];
    if let Some(end) = stands_at(pieces, place, &["DO", "NOTHING"]) {
        if skip_space(pieces, end) < pieces.len() {
            return fail();
        }
        return Ok(text(insert).replacen("INSERT INTO", "INSERT IGNORE INTO", 1));
    }
    let Some(sets_at) = stands_at(pieces, place, &["DO", "UPDATE", "SET"]) else { return fail() };
    let Some(table) = pieces.get(skip_space(pieces, table_at)) else { return fail() };
    let parts = split(&pieces[sets_at..], "WHERE");
    let (sets, condition) = match parts.as_slice() {
        [sets] => (*sets, None),
        [sets, condition] => (*sets, Some(*condition)),
        _ => return fail(),
    };
    let Some(assignments) = split(sets, ",").into_iter().map(assignment).collect::<Option<Vec<_>>>() else {
        return fail();
    };
    let Some(ordered) = in_safe_order(assignments, condition.unwrap_or_default(), table.text) else { return fail() };
    let written: Vec<String> = ordered
        .iter()
        .map(|Assignment { column, to }| {
            let to = with_values(to);
            match condition {
                None => format!("{column} = {to}"),
                Some(condition) => format!("{column} = IF({}, {to}, {}.{column})", with_values(condition), table.text),
            }
        })
        .collect();
    Ok(format!("{} ON DUPLICATE KEY UPDATE {}", text(insert), written.join(", ")))
}

fn assignment<'a, 't>(part: &'t [Token<'a>]) -> Option<Assignment<'a, 't>> {
    let column = part.get(skip_space(part, 0)).filter(|token| token.kind == Kind::Word)?;
    let (before, end) = find(part, 0, &["="])?;
    (text(&part[..before]) == column.text).then(|| Assignment { column: column.text, to: &part[end..] })
}

/// Each column behind the assignments that read it; `None` when two read each other.
fn in_safe_order<'a, 't>(
    mut open: Vec<Assignment<'a, 't>>,
    condition: &[Token<'_>],
    table: &str,
) -> Option<Vec<Assignment<'a, 't>>> {
    let mut ordered = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let last = open.len() == 1;
        let next = open.iter().enumerate().position(|(place, assignment)| {
            let column = assignment.column;
            let others = open.iter().enumerate().filter(|(other, _)| *other != place);
            last || !reads(condition, table, column)
                && others.into_iter().all(|(_, other)| !reads(other.to, table, column))
        })?;
        ordered.push(open.remove(next));
    }
    Some(ordered)
}

/// True when `table.column` stands in these pieces.
fn reads(pieces: &[Token<'_>], table: &str, column: &str) -> bool {
    find(pieces, 0, &[table, ".", column]).is_some()
}

/// The text with `VALUES(a)` for `excluded.a`.
fn with_values(pieces: &[Token<'_>]) -> String {
    let mut written = String::new();
    let mut place = 0;
    while let Some(token) = pieces.get(place) {
        let column = stands_at(pieces, place, &["excluded", "."]).and_then(|end| Some((end, pieces.get(end)?)));
        if let Some((end, column)) = column {
            written += &format!("VALUES({})", column.text);
            place = end + 1;
        } else {
            written += token.text;
            place += 1;
        }
    }
    written.trim().to_owned()
}
