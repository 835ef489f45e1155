//! Why a database said no: for a protocol one of four kinds, for a person the engine's own code.

use paidonce_protocol::Error;

use crate::engine::Family;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// A unique key is taken.
    Duplicate,
    /// A column refuses NULL.
    Null,
    /// A value cannot be computed, or is not of the column's type.
    Unusable,
    /// A number of more than 64 bits, on a server.
    TooLarge,
    /// A text of more characters than its column has, on a server.
    TooLong,
    /// What the transaction sees is too old for what it wants to do.
    Stale,
    /// It was the victim of a deadlock.
    Deadlock,
    /// It would have closed a circle of waits for locks by name, and only the statement is gone.
    Circle,
    /// It waited too long.
    TimedOut,
    /// It would not wait (`NOWAIT`).
    NotAvailable,
    /// The transaction has failed before: only a rollback is left.
    Failed,
    /// A call that makes no sense here, such as a commit without a transaction.
    Senseless,
}

impl Cause {
    /// What a protocol may conclude.
    pub(crate) fn kind(self) -> Error {
        match self {
            Cause::Duplicate | Cause::Null | Cause::TooLarge | Cause::TooLong => Error::Refused,
            Cause::Stale | Cause::Deadlock | Cause::Circle | Cause::TimedOut | Cause::NotAvailable => Error::Conflict,
            Cause::Unusable | Cause::Failed | Cause::Senseless => Error::Misuse,
        }
    }

    /// The engine's code, where it has one of its own for this. Of SQLite's extended codes the ones that tell a conflict
    /// from a wait are kept.
    pub(crate) fn code(self, family: Family) -> Option<&'static str> {
        Some(match (family, self) {
            (Family::Postgres, Cause::Duplicate) => "23505",
            (Family::Postgres, Cause::Null) => "23502",
            (Family::Postgres, Cause::TooLarge) => "22003",
            (Family::Postgres, Cause::TooLong) => "22001",
            (Family::Postgres, Cause::Stale) => "40001",
            (Family::Postgres, Cause::Deadlock) => "40P01",
            (Family::Postgres, Cause::TimedOut | Cause::NotAvailable) => "55P03",
            (Family::Postgres, Cause::Failed) => "25P02",
            (Family::MariaDb, Cause::Duplicate) => "1062",
            (Family::MariaDb, Cause::Null) => "1048",
            (Family::MariaDb, Cause::TooLarge) => "1690",
            (Family::MariaDb, Cause::TooLong) => "1406",
            (Family::MariaDb, Cause::Stale) => "1020",
            (Family::MariaDb, Cause::Deadlock | Cause::Circle) => "1213",
            (Family::MariaDb, Cause::TimedOut | Cause::NotAvailable) => "1205",
            (Family::Sqlite, Cause::Duplicate | Cause::Null) => "19",
            (Family::Sqlite, Cause::Stale) => "517",
            (Family::Sqlite, Cause::TimedOut | Cause::NotAvailable) => "5",
            // SQLite goes on with a number that is none of the model's, and stores a text as long as it is.
            (Family::Sqlite, Cause::TooLarge | Cause::TooLong)
            | (_, Cause::Unusable | Cause::Failed | Cause::Senseless | Cause::Deadlock | Cause::Circle) => return None,
        })
    }
}
