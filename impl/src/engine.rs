//! The engines: a database with its isolation level, by the names that they have in scenarios and traces.

use paidonce_protocol::Dialect;

use crate::OpenError;
use crate::connection::Target;

/// A database with its isolation level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite in WAL mode.
    Sqlite(BeginMode),
    /// PostgreSQL.
    Postgres(PostgresLevel),
    /// MariaDB with InnoDB tables.
    MariaDb(MariaDbLevel),
}

/// How a transaction begins on SQLite, which has one isolation level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BeginMode {
    /// `BEGIN IMMEDIATE`: the transaction is the one writer from its start. Right for whoever is going to write.
    #[default]
    Immediate,
    /// Plain `BEGIN`: it takes its snapshot with its first read, and becomes the writer with its first write, if it
    /// still can.
    Deferred,
}

/// PostgreSQL's isolation levels. (It takes `READ UNCOMMITTED` for read committed.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PostgresLevel {
    /// Each statement sees what is committed when it begins. The server's default.
    #[default]
    ReadCommitted,
    /// The transaction keeps the snapshot of its first statement.
    RepeatableRead,
    /// As repeatable read, and what fits no serial order is aborted.
    Serializable,
}

/// MariaDB's isolation levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MariaDbLevel {
    /// Plain reads see what others have not committed.
    ReadUncommitted,
    /// Each statement's plain reads see what is committed when it begins.
    ReadCommitted,
    /// Plain reads keep the first one's snapshot; locking reads and writes see the newest rows. The server's default.
    #[default]
    RepeatableRead,
    /// Repeatable read with `innodb_snapshot_isolation=ON` (from 10.6.18, 10.11.8; the default from 11.6.2): to lock a row
    /// that is newer than the snapshot is error 1020.
    RepeatableReadSnapshot,
    /// As repeatable read, and in a transaction each plain read is `LOCK IN SHARE MODE`.
    Serializable,
}

impl Engine {
    /// Every engine, the embedded ones first.
    pub const ALL: [Engine; 10] = [
        Engine::Sqlite(BeginMode::Immediate),
        Engine::Sqlite(BeginMode::Deferred),
        Engine::Postgres(PostgresLevel::ReadCommitted),
        Engine::Postgres(PostgresLevel::RepeatableRead),
        Engine::Postgres(PostgresLevel::Serializable),
        Engine::MariaDb(MariaDbLevel::ReadUncommitted),
        Engine::MariaDb(MariaDbLevel::ReadCommitted),
        Engine::MariaDb(MariaDbLevel::RepeatableRead),
        Engine::MariaDb(MariaDbLevel::RepeatableReadSnapshot),
        Engine::MariaDb(MariaDbLevel::Serializable),
    ];

    /// The engine's name in scenarios, in traces and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Sqlite(BeginMode::Immediate) => "sqlite/immediate",
            Engine::Sqlite(BeginMode::Deferred) => "sqlite/deferred",
            Engine::Postgres(PostgresLevel::ReadCommitted) => "postgres/read-committed",
            Engine::Postgres(PostgresLevel::RepeatableRead) => "postgres/repeatable-read",
            Engine::Postgres(PostgresLevel::Serializable) => "postgres/serializable",
            Engine::MariaDb(MariaDbLevel::ReadUncommitted) => "mariadb/read-uncommitted",
            Engine::MariaDb(MariaDbLevel::ReadCommitted) => "mariadb/read-committed",
            Engine::MariaDb(MariaDbLevel::RepeatableRead) => "mariadb/repeatable-read",
            Engine::MariaDb(MariaDbLevel::RepeatableReadSnapshot) => "mariadb/repeatable-read+snapshot",
            Engine::MariaDb(MariaDbLevel::Serializable) => "mariadb/serializable",
        }
    }

    /// The engine of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The SQL that it speaks.
    pub fn dialect(self) -> Dialect {
        match self {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
            Engine::MariaDb(_) => Dialect::MariaDb,
        }
    }

    /// The engine of a shop at this URL: see [`Engine::of_shop`].
    ///
    /// # Errors
    /// [`OpenError::Url`] when the URL is none that can be used here.
    pub fn of_url(url: &str) -> Result<Self, OpenError> {
        Ok(Engine::of_shop(Target::parse_server(url)?.dialect()))
    }

    /// The engine of a shop on a database of this dialect: what its own default is, and on SQLite the one writer.
    pub fn of_shop(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Engine::Sqlite(BeginMode::default()),
            Dialect::Postgres => Engine::Postgres(PostgresLevel::default()),
            Dialect::MariaDb => Engine::MariaDb(MariaDbLevel::default()),
        }
    }
}

impl PostgresLevel {
    /// The level in PostgreSQL's words.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            PostgresLevel::ReadCommitted => "read committed",
            PostgresLevel::RepeatableRead => "repeatable read",
            PostgresLevel::Serializable => "serializable",
        }
    }
}

impl MariaDbLevel {
    /// The level in MariaDB's words.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            MariaDbLevel::ReadUncommitted => "READ UNCOMMITTED",
            MariaDbLevel::ReadCommitted => "READ COMMITTED",
            MariaDbLevel::RepeatableRead | MariaDbLevel::RepeatableReadSnapshot => "REPEATABLE READ",
            MariaDbLevel::Serializable => "SERIALIZABLE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_has_one_name() {
        for engine in Engine::ALL {
            assert_eq!(Engine::find(engine.name()), Some(engine));
            assert!(engine.name().starts_with(crate::connection::scheme(engine.dialect())), "{}", engine.name());
        }
        assert_eq!(Engine::find("postgres"), None);
    }
}
