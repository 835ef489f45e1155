//! What PostgreSQL's error codes allow a caller to conclude (postgresql.org/docs/current/errcodes-appendix.html).

use paidonce_protocol::Error;

/// There is a database of that name already.
pub(crate) const DUPLICATE_DATABASE: &str = "42P04";

/// The code of an error that the server itself reported.
pub(crate) fn code_of(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}

/// What an error of sqlx allows a caller to conclude.
pub(crate) fn kind_of(error: &sqlx::Error) -> Error {
    match (code_of(error), error) {
        (Some(code), _) => kind_of_code(&code),
        (None, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => Error::Unknown,
        (None, _) => Error::Misuse,
    }
}

fn kind_of_code(code: &str) -> Error {
    match code {
        // Serialization failure, deadlock; lock not available, which is `lock_timeout` or NOWAIT; canceled on request or
        // by `statement_timeout`.
        "40001" | "40P01" | "55P03" | "57014" => Error::Conflict,
        // The server cannot say what became of the statement.
        "40003" => Error::Unknown,
        // The limit for idle transactions: the connection is gone, and the transaction with it.
        "25P03" => Error::Unknown,
        // A read-only transaction or server; a privilege that is missing; a value too long or too large for its column.
        "25006" | "42501" | "22001" | "22003" => Error::Refused,
        _ => match code.get(..2) {
            // Integrity constraints. The other codes of class 40 are constraints checked at the commit.
            Some("23" | "40") => Error::Refused,
            // No room: too many connections, no memory, no disk. Nothing was done.
            Some("53") => Error::Conflict,
            // The connection; an administrator ends it; the system around the server; the server's own bugs.
            Some("08" | "57" | "58" | "XX") => Error::Unknown,
            // 25P02, a statement after a failed one, is among these.
            _ => Error::Misuse,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_kind_that_the_table_says() {
        for (code, kind) in [
            ("40001", Error::Conflict),
            ("40P01", Error::Conflict),
            ("55P03", Error::Conflict),
            ("57014", Error::Conflict),
            ("53300", Error::Conflict),
            ("23505", Error::Refused),
            ("23502", Error::Refused),
            ("40002", Error::Refused),
            ("25006", Error::Refused),
            ("22003", Error::Refused),
            ("57P01", Error::Unknown),
            ("08006", Error::Unknown),
            ("25P03", Error::Unknown),
            ("40003", Error::Unknown),
            ("25P02", Error::Misuse),
            ("42601", Error::Misuse),
            ("22P02", Error::Misuse),
            ("", Error::Misuse),
        ] {
            assert_eq!(kind_of_code(code), kind, "code {code}");
        }
    }

    #[test]
    fn a_lost_connection_is_unknown() {
        assert_eq!(kind_of(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Error::Unknown);
        assert_eq!(kind_of(&sqlx::Error::RowNotFound), Error::Misuse);
    }
}
