//! What SQLite's result codes allow a caller to conclude (sqlite.org/rescode.html).

use paidonce_protocol::Error;

/// The engine would have waited for another connection, but its time-out is over.
const BUSY: i32 = 5;
/// A transaction's snapshot is older than what another has committed since: waiting cannot help.
#[cfg(test)]
const BUSY_SNAPSHOT: i32 = 517;

/// The extended result code of an error that SQLite itself reported.
pub(crate) fn code_of(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// True for the answer that another wait could change.
pub(crate) fn is_wait(error: &sqlx::Error) -> bool {
    code_of(error) == Some(BUSY)
}

/// What an error of sqlx allows a caller to conclude.
pub(crate) fn kind_of(error: &sqlx::Error) -> Error {
    match (code_of(error), error) {
        (Some(code), _) => kind_of_code(code),
        (None, sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_)) => Error::Unknown,
        (None, _) => Error::Misuse,
    }
}

fn kind_of_code(extended: i32) -> Error {
    // An extended code has its primary code in the low byte: 517 is a kind of 5.
    match extended & 0xff {
        // CONSTRAINT: the statement undid itself. PERM, READONLY, AUTH: this database is not to be written to.
        19 | 3 | 8 | 23 => Error::Refused,
        // BUSY, LOCKED; PROTOCOL, which is a lost race for the locks of the write-ahead log.
        5 | 6 | 15 => Error::Conflict,
        // NOMEM, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB: circumstances, after some of which SQLite has rolled
        // back by itself and after others not.
        7 | 9 | 10 | 11 | 13 | 14 | 26 => Error::Unknown,
        _ => Error::Misuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_kind_that_the_table_says() {
        for (code, kind) in [
            (2067, Error::Refused), // CONSTRAINT_UNIQUE
            (1555, Error::Refused), // CONSTRAINT_PRIMARYKEY
            (1299, Error::Refused), // CONSTRAINT_NOTNULL
            (BUSY, Error::Conflict),
            (BUSY_SNAPSHOT, Error::Conflict),
            (261, Error::Conflict), // BUSY_RECOVERY
            (6, Error::Conflict),   // LOCKED
            (778, Error::Unknown),  // IOERR_WRITE
            (13, Error::Unknown),   // FULL
            (26, Error::Unknown),   // NOTADB
            (1, Error::Misuse),     // ERROR: a syntax error, no such table
            (21, Error::Misuse),    // MISUSE
            (25, Error::Misuse),    // RANGE
        ] {
            assert_eq!(kind_of_code(code), kind, "code {code}");
        }
    }

    #[test]
    fn a_lost_connection_is_unknown() {
        assert_eq!(kind_of(&sqlx::Error::WorkerCrashed), Error::Unknown);
        assert_eq!(kind_of(&sqlx::Error::RowNotFound), Error::Misuse);
    }
}
