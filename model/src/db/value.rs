//! Values in the model's database: one or two words, with text kept once.

use paidonce_protocol::Value;

use crate::intern::Interner;

/// A text kept once.
pub(crate) type Symbol = u32;

/// One field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Val {
    Null,
    Int(i64),
    /// A moment; to SQL an integer.
    Instant(i64),
    Text(Symbol),
}

impl Val {
    /// A moment in a key is the integer that a database keeps for it.
    pub(crate) fn as_key(self) -> Val {
        match self {
            Val::Instant(ms) => Val::Int(ms),
            other => other,
        }
    }
}

/// Every text that the model has met.
pub(crate) type Symbols = Interner<String>;

impl Symbols {
    pub(crate) fn val(&self, value: &Value) -> Val {
        match value {
            Value::Null => Val::Null,
            Value::Int(n) => Val::Int(*n),
            Value::Instant(ms) => Val::Instant(*ms),
            Value::Text(text) => Val::Text(self.id(text)),
        }
    }

    pub(crate) fn value(&self, val: Val) -> Value {
        match val {
            Val::Null => Value::Null,
            Val::Int(n) => Value::Int(n),
            Val::Instant(ms) => Value::Instant(ms),
            Val::Text(symbol) => Value::Text(self.get(symbol).clone()),
        }
    }

    /// How two values compare; `None` for values of different kinds, which no engine of ours compares the same way.
    pub(crate) fn order(&self, left: Val, right: Val) -> Option<std::cmp::Ordering> {
        match (left, right) {
            (Val::Int(a) | Val::Instant(a), Val::Int(b) | Val::Instant(b)) => Some(a.cmp(&b)),
            (Val::Text(a), Val::Text(b)) if a == b => Some(std::cmp::Ordering::Equal),
            (Val::Text(a), Val::Text(b)) => Some(self.get(a).as_bytes().cmp(self.get(b).as_bytes())),
            _ => None,
        }
    }

    /// A total order for sorting keys and rows, with `NULL` first.
    pub(crate) fn sort_order(&self, left: Val, right: Val) -> std::cmp::Ordering {
        let rank = |val| match val {
            Val::Null => 0,
            Val::Int(_) | Val::Instant(_) => 1,
            Val::Text(_) => 2,
        };
        self.order(left, right).unwrap_or_else(|| rank(left).cmp(&rank(right)))
    }
}
