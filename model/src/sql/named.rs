//! Locks by a name: what a statement asks of them.
//!
//! | | PostgreSQL | MariaDB |
//! |---|---|---|
//! | wait for it | `pg_advisory_lock(key)`, `pg_advisory_xact_lock(key)` | `GET_LOCK(name, seconds)` |
//! | do not wait | `pg_try_advisory_lock(key)`, `pg_try_advisory_xact_lock(key)` | `GET_LOCK(name, 0)` |
//! | give it back | `pg_advisory_unlock(key)`, `pg_advisory_unlock_all()` | `RELEASE_LOCK(name)`, `RELEASE_ALL_LOCKS()` |
//! | look | | `IS_FREE_LOCK(name)` |
//!
//! A key is one number or `hashtext(text)`; two texts of one hash, which would share a lock, are not thought of.

use paidonce_protocol::Dialect;

use super::expression::Scalar;

/// A statement that asks something of a lock by its name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) asks: Asks,
    /// Which lock; `None` where all that the connection has are meant.
    pub(crate) name: Option<Scalar>,
    /// So long it waits at most; `None` where the session's own time-out says that.
    pub(crate) seconds: Option<Scalar>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// To have it, waiting or not, until the transaction ends or the connection.
    Lock { waits: bool, for_transaction: bool },
    /// To have it within some seconds (`GET_LOCK`).
    Get,
    /// To give it back once.
    Release,
    /// To give back all, as often as they were taken.
    ReleaseAll,
    /// Whether nobody has it.
    IsFree,
}

/// Whose function this is, by its name in capitals, when it is about locks by name.
pub(super) fn owner(function: &str) -> Option<Dialect> {
    const OF_MARIADB: [&str; 5] = ["GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS", "IS_FREE_LOCK", "IS_USED_LOCK"];
    if function.starts_with("PG_ADVISORY_") || function.starts_with("PG_TRY_ADVISORY_") {
        return Some(Dialect::Postgres);
    }
    OF_MARIADB.contains(&function).then_some(Dialect::MariaDb)
}
