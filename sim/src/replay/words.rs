//! Calls, answers and rows in words. Nothing is shortened: a difference may be in the last letter.

use paidonce_model::trace::{Asked, Datum, Remark, Told};

/// The text without what a terminal would act on.
pub(super) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A call: `take_stock(2, 'mug', 2)`.
pub(crate) fn call(asked: &Asked) -> String {
    if asked.arguments.is_empty() { plain(&asked.name) } else { plain(&asked.name) + &row(&asked.arguments) }
}

/// A call with its SQL, for two calls that are alike in everything else.
pub(super) fn call_with_sql(asked: &Asked) -> String {
    match &asked.sql {
        Some(sql) => format!("{}, {}", call(asked), plain(sql)),
        None => call(asked),
    }
}

/// An answer: `done`, `1 row matched`, `rows: ('pending')`, `conflict`.
pub(crate) fn answer(told: &Told) -> String {
    match told {
        Told::Done => "done".to_owned(),
        Told::Affected(1) => "1 row matched".to_owned(),
        Told::Affected(rows) => format!("{rows} rows matched"),
        Told::Rows(found) => format!("rows: {}", rows(found)),
        Told::Clock(now_ms) => format!("the clock shows {now_ms} ms"),
        Told::Error(kind) => plain(kind),
    }
}

/// What an actor said of itself.
pub(super) fn remarks(marks: &[Remark]) -> String {
    if marks.is_empty() {
        return "remarks nothing".to_owned();
    }
    let remark = |mark: &Remark| match mark {
        Remark::Holds(section) => format!("holds {}", plain(section)),
        Remark::Ends(section) => format!("ends {}", plain(section)),
        Remark::Refused(section) => format!("is refused {}", plain(section)),
        Remark::Exhausted(head) => format!("has no {} left", plain(head)),
    };
    marks.iter().map(remark).collect::<Vec<_>>().join(", ")
}

/// How a run went on: it ended so, or did not end.
pub(super) fn end(outcome: Option<&str>) -> String {
    outcome.map_or_else(|| "goes on".to_owned(), |outcome| format!("ends: {}", plain(outcome)))
}

/// Names in a list.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(plain).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// Rows: `(1, 'a'), (2, 'b')`.
pub(super) fn rows(rows: &[Vec<Datum>]) -> String {
    let rows: Vec<String> = rows.iter().map(|values| row(values)).collect();
    if rows.is_empty() { "none".to_owned() } else { rows.join(", ") }
}

fn row(values: &[Datum]) -> String {
    let values: Vec<String> = values.iter().map(|value| plain(&value.to_string())).collect();
    format!("({})", values.join(", "))
}
