//! Names that nobody else has.

use uuid::Uuid;

/// A name for a request or a worker, different from all others: what it is, and a number that is never drawn twice.
pub fn own_name(what: &str) -> String {
    format!("{what}-{}", Uuid::now_v7())
}
