//! What MariaDB's error numbers allow a caller to conclude (mariadb.com/kb/en/mariadb-error-code-reference/).

use paidonce_protocol::Error;
use sqlx::mysql::MySqlDatabaseError;

/// There is a database of that name already.
pub(crate) const DATABASE_EXISTS: u16 = 1007;
/// A server of another version.
pub(super) const UNKNOWN_VARIABLE: u16 = 1193;

/// The number of an error that the server itself reported. (Its SQLSTATE lumps a deadlock and a time-out together.)
pub(crate) fn code_of(error: &sqlx::Error) -> Option<u16> {
    error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// What an error of sqlx allows a caller to conclude.
pub(crate) fn kind_of(error: &sqlx::Error) -> Error {
    match (code_of(error), error) {
        (Some(code), _) => kind_of_code(code),
        (None, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => Error::Unknown,
        (None, _) => Error::Misuse,
    }
}

fn kind_of_code(number: u16) -> Error {
    match number {
        // Record has changed since the last read (`innodb_snapshot_isolation`). Lock wait time-out, after which the
        // statement alone is undone. Deadlock, after which the whole transaction is. Killed query; its time limit.
        1020 | 1205 | 1213 | 1317 | 1969 => Error::Conflict,
        // Too many connections, of all or of this user; no memory; no room.
        1040 | 1203 | 1226 | 1037 | 1041 | 1114 => Error::Conflict,
        // A key that is taken; a column that may not be NULL, or has no default; a check; a foreign key; a SIGNAL.
        1022 | 1048 | 1062 | 1169 | 1216 | 1217 | 1364 | 1451 | 1452 | 1557 | 1586 | 1644 | 1761 | 1762 | 4025 => {
            Error::Refused
        }
        // A value too long or too large for its column.
        1264 | 1406 | 1690 => Error::Refused,
        // No access; a read-only server, table or transaction.
        1044 | 1045 | 1142 | 1143 | 1227 | 1290 | 1792 | 1836 => Error::Refused,
        // The server goes down; the connection is killed or breaks off, for instance by `idle_transaction_timeout`.
        1053 | 1077 | 1152 | 1158..=1161 | 1184 | 1927 | 2006 | 2013 | 4150..=4152 => Error::Unknown,
        _ => Error::Misuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_the_kind_that_the_table_says() {
        for (number, kind) in [
            (1020, Error::Conflict),
            (1205, Error::Conflict),
            (1213, Error::Conflict),
            (1040, Error::Conflict),
            (1048, Error::Refused),
            (1062, Error::Refused),
            (4025, Error::Refused),
            (1264, Error::Refused),
            (1927, Error::Unknown),
            (2013, Error::Unknown),
            (1053, Error::Unknown),
            (1064, Error::Misuse),
            (1146, Error::Misuse),
        ] {
            assert_eq!(kind_of_code(number), kind, "number {number}");
        }
    }

    #[test]
    fn a_lost_connection_is_unknown() {
        assert_eq!(kind_of(&sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())), Error::Unknown);
        assert_eq!(kind_of(&sqlx::Error::RowNotFound), Error::Misuse);
    }
}
