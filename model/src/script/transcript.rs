//! What the steps of a script came to, as text.

use std::fmt;

use paidonce_protocol::{Error, Value};

/// What a session was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// Done, with nothing to tell.
    Done,
    /// Rows, each as text: `(1, 'paid')`. Those of a read without an order of its own stand in the order of their text.
    Rows(Vec<String>),
    /// How many rows a write matched.
    Affected(u64),
    /// It failed.
    Failed {
        /// What may be concluded.
        kind: &'static str,
        /// The engine's code, where it has one.
        code: Option<String>,
    },
    /// It waits for another session.
    Blocks,
    /// The connection was ended.
    Died,
    /// There was nothing to time out.
    Nothing,
}

impl Said {
    /// A failure.
    pub fn failed(kind: Error, code: Option<impl Into<String>>) -> Self {
        let kind = match kind {
            Error::Refused => "refused",
            Error::Conflict => "conflict",
            Error::Unknown => "unknown",
            Error::Misuse => "misuse",
        };
        Said::Failed { kind, code: code.map(Into::into) }
    }

    /// The rows of a read: in the order of their text, unless the statement has one of its own.
    pub fn rows<'v>(rows: impl Iterator<Item = &'v [Value]>, is_ordered: bool) -> Self {
        let mut rows: Vec<String> = rows.map(row).collect();
        if !is_ordered {
            rows.sort_unstable();
        }
        Said::Rows(rows)
    }
}

fn row(values: &[Value]) -> String {
    let value = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) | Value::Instant(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''").replace('\n', "\\n")),
    };
    format!("({})", values.iter().map(value).collect::<Vec<_>>().join(", "))
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Said::Done => f.write_str("done"),
            Said::Rows(rows) if rows.is_empty() => f.write_str("no rows"),
            Said::Rows(rows) => f.write_str(&rows.join(", ")),
            Said::Affected(1) => f.write_str("1 row"),
            Said::Affected(rows) => write!(f, "{rows} rows"),
            Said::Failed { kind, code: Some(code) } => write!(f, "{kind} {code}"),
            Said::Failed { kind, code: None } => f.write_str(kind),
            Said::Blocks => f.write_str("… blocks"),
            Said::Died => f.write_str("the connection is gone"),
            Said::Nothing => f.write_str("nothing waits"),
        }
    }
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The step, from 1.
    pub step: usize,
    /// The session's name.
    pub session: String,
    /// What it does; `None` when it goes on with a step that had blocked.
    pub does: Option<String>,
    /// What it was told.
    pub said: Said,
}

/// What the steps came to, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transcript {
    /// The lines.
    pub lines: Vec<Line>,
}

impl Transcript {
    /// What a step was answered in the end; `None` for one that still waits or was never taken.
    pub fn answer_of(&self, step: usize) -> Option<&Said> {
        let answered = |line: &&Line| line.step == step && line.said != Said::Blocks;
        self.lines.iter().find(answered).map(|line| &line.said)
    }

    /// True when somebody waited.
    pub fn has_waits(&self) -> bool {
        self.lines.iter().any(|line| line.said == Said::Blocks)
    }

    /// What each step came to in the end, whatever the order: what differs between two outcomes differs for the sessions.
    pub fn outcome(&self) -> Vec<Line> {
        let mut last: Vec<Line> = Vec::new();
        for line in &self.lines {
            match last.iter_mut().find(|known| known.step == line.step) {
                Some(known) => known.said = line.said.clone(),
                None => last.push(line.clone()),
            }
        }
        last.sort_by_key(|line| line.step);
        last
    }

    /// The rows that a step was answered.
    pub(super) fn rows_of(&self, step: usize) -> Option<&[String]> {
        match self.answer_of(step) {
            Some(Said::Rows(rows)) => Some(rows),
            _ => None,
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = |line: &Line| match &line.does {
            Some(does) => format!("{}: {does}", line.session),
            None => format!("  {} goes on", line.session),
        };
        let width = self.lines.iter().map(|line| does(line).chars().count()).max().unwrap_or(0);
        for line in &self.lines {
            writeln!(f, "{:width$}  {}", does(line), line.said)?;
        }
        Ok(())
    }
}
