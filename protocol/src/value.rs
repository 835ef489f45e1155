//! What goes into a statement and comes out of it.

use crate::Error;

/// One argument of a statement, or one field of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// An integer: money in minor units, units of stock, a version.
    Int(i64),
    /// A moment in milliseconds since the epoch, as some clock showed it. Stored as an integer. It is a kind of its own
    /// so that whoever drives time knows which numbers in a row are moments at which something ends.
    Instant(i64),
    /// Text.
    Text(String),
}

impl Value {
    /// The number in an integer or a moment.
    pub fn number(&self) -> Option<i64> {
        match self {
            Value::Int(n) | Value::Instant(n) => Some(*n),
            Value::Null | Value::Text(_) => None,
        }
    }

    /// True when both are the same value to a database, which keeps a moment as a plain integer.
    pub fn same(&self, other: &Value) -> bool {
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => a == b,
            _ => self == other,
        }
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Text(text.clone())
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Instant(ms) => write!(f, "@{ms}"),
            Value::Text(text) => write!(f, "'{text}'"),
        }
    }
}

/// One row of an answer, its fields in the order of the statement's column list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The integer (or moment, in milliseconds) in this column, counted from 0.
    ///
    /// # Errors
    /// [`Error::Misuse`] when there is no such column or it holds something else.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        self.0.get(column).and_then(Value::number).ok_or(Error::Misuse)
    }

    /// The text in this column, counted from 0.
    ///
    /// # Errors
    /// [`Error::Misuse`] when there is no such column or it holds something else.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(Error::Misuse),
        }
    }
}
