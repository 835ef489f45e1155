//! Where a real database differs from a trace, with both sides.

use std::fmt::{self, Display, Formatter};

use paidonce_model::trace::Datum;
use serde::Serialize;

use super::words;

/// The first difference between a trace and what the real database did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Difference {
    /// A step came out differently. The replay stopped there.
    Step(StepDifference),
    /// All steps so far came out as in the trace, and yet the rows are others.
    Rows {
        /// The tables that differ, by name.
        tables: Vec<TableDifference>,
    },
}

/// A step that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepDifference {
    /// The step, counted from 1.
    pub step: usize,
    /// Who took it; `None` for a tick.
    pub actor: Option<String>,
    /// What was asked; `None` where nothing was.
    pub call: Option<String>,
    /// What the trace says.
    pub trace: String,
    /// What happened in the replay, with the engine's own words when it said no.
    pub replay: String,
}

/// A table that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableDifference {
    /// The table. The mail server's mails are those of `world_mails`.
    pub table: String,
    /// The rows that only the trace has.
    pub only_trace: Vec<Vec<Datum>>,
    /// The rows that only the real database has.
    pub only_database: Vec<Vec<Datum>>,
}

impl TableDifference {
    /// What differs between two lists of rows, in whatever order; `None` when nothing does.
    pub(super) fn between(table: &str, trace: Vec<Vec<Datum>>, database: Vec<Vec<Datum>>) -> Option<Self> {
        let mut only_database = database;
        let mut only_trace = Vec::new();
        for row in trace {
            match only_database.iter().position(|known| *known == row) {
                Some(place) => drop(only_database.swap_remove(place)),
                None => only_trace.push(row),
            }
        }
        only_trace.sort();
        only_database.sort();
        let differs = !only_trace.is_empty() || !only_database.is_empty();
        differs.then(|| TableDifference { table: table.to_owned(), only_trace, only_database })
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Step(difference) => difference.fmt(f),
            Difference::Rows { tables } => {
                f.write_str("the rows differ")?;
                tables.iter().try_for_each(|table| write!(f, "; {table}"))
            }
        }
    }
}

impl Display for StepDifference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "step {}", self.step)?;
        if let Some(actor) = &self.actor {
            write!(f, ", {}", words::plain(actor))?;
        }
        if let Some(call) = &self.call {
            write!(f, ", {call}")?;
        }
        write!(f, ": the trace says: {}; the replay: {}", self.trace, self.replay)
    }
}

impl Display for TableDifference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: only in the trace: ", words::plain(&self.table))?;
        f.write_str(&words::rows(&self.only_trace))?;
        write!(f, ", only in the database: {}", words::rows(&self.only_database))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: i64) -> Vec<Datum> {
        vec![Datum::Int(n)]
    }

    #[test]
    fn rows_are_compared_in_any_order_and_each_as_often_as_it_is_there() {
        let between = |left: &[i64], right: &[i64]| {
            let rows = |side: &[i64]| side.iter().copied().map(row).collect();
            TableDifference::between("stock", rows(left), rows(right))
        };
        assert_eq!(between(&[1, 2], &[2, 1]), None);
        let difference = between(&[1, 1, 2], &[1, 3]).unwrap();
        assert_eq!(difference.only_trace, [row(1), row(2)]);
        assert_eq!(difference.only_database, [row(3)]);
        assert_eq!(difference.to_string(), "stock: only in the trace: (1), (2), only in the database: (3)");
    }
}
