//! The engines that the model knows: a database with an isolation level.

use paidonce_protocol::Dialect;

use crate::db::{DbCall, Store};

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite (WAL), every transaction opened with `BEGIN IMMEDIATE`.
    SqliteImmediate,
    /// SQLite (WAL), every transaction opened with plain `BEGIN`.
    SqliteDeferred,
    /// PostgreSQL at its default isolation level.
    PostgresReadCommitted,
    /// PostgreSQL at repeatable read: one snapshot for the whole transaction.
    PostgresRepeatableRead,
    /// PostgreSQL at serializable: repeatable read, and what fits no serial order is aborted.
    PostgresSerializable,
    /// MariaDB at read uncommitted.
    MariaDbReadUncommitted,
    /// MariaDB at read committed.
    MariaDbReadCommitted,
    /// MariaDB at its default isolation level.
    MariaDbRepeatableRead,
    /// The same with `innodb_snapshot_isolation`, the default of later versions.
    MariaDbSnapshot,
    /// MariaDB at serializable.
    MariaDbSerializable,
}

/// The database of an engine, whatever the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The embedded one.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB with InnoDB.
    MariaDb,
}

/// An isolation level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    /// MariaDB's repeatable read with `innodb_snapshot_isolation`.
    Snapshot,
    Serializable,
}

impl Engine {
    /// Every engine, the embedded one first.
    pub const ALL: [Engine; 10] = [
        Engine::SqliteImmediate,
        Engine::SqliteDeferred,
        Engine::PostgresReadCommitted,
        Engine::PostgresRepeatableRead,
        Engine::PostgresSerializable,
        Engine::MariaDbReadUncommitted,
        Engine::MariaDbReadCommitted,
        Engine::MariaDbRepeatableRead,
        Engine::MariaDbSnapshot,
        Engine::MariaDbSerializable,
    ];

    /// The engine's name on the command line and in traces.
    pub fn name(self) -> &'static str {
        match self {
            Engine::SqliteImmediate => "sqlite/immediate",
            Engine::SqliteDeferred => "sqlite/deferred",
            Engine::PostgresReadCommitted => "postgres/read-committed",
            Engine::PostgresRepeatableRead => "postgres/repeatable-read",
            Engine::PostgresSerializable => "postgres/serializable",
            Engine::MariaDbReadUncommitted => "mariadb/read-uncommitted",
            Engine::MariaDbReadCommitted => "mariadb/read-committed",
            Engine::MariaDbRepeatableRead => "mariadb/repeatable-read",
            Engine::MariaDbSnapshot => "mariadb/repeatable-read+snapshot",
            Engine::MariaDbSerializable => "mariadb/serializable",
        }
    }

    /// The names of all, for whoever asked for another.
    pub fn known() -> String {
        Engine::ALL.map(Engine::name).join(", ")
    }

    /// The engine of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The engine's database.
    pub fn family(self) -> Family {
        match self {
            Engine::SqliteImmediate | Engine::SqliteDeferred => Family::Sqlite,
            Engine::PostgresReadCommitted | Engine::PostgresRepeatableRead | Engine::PostgresSerializable => {
                Family::Postgres
            }
            Engine::MariaDbReadUncommitted
            | Engine::MariaDbReadCommitted
            | Engine::MariaDbRepeatableRead
            | Engine::MariaDbSnapshot
            | Engine::MariaDbSerializable => Family::MariaDb,
        }
    }

    /// The isolation level.
    pub(crate) fn level(self) -> Level {
        match self {
            Engine::MariaDbReadUncommitted => Level::ReadUncommitted,
            Engine::PostgresReadCommitted | Engine::MariaDbReadCommitted => Level::ReadCommitted,
            Engine::PostgresRepeatableRead | Engine::MariaDbRepeatableRead => Level::RepeatableRead,
            Engine::MariaDbSnapshot => Level::Snapshot,
            Engine::SqliteImmediate
            | Engine::SqliteDeferred
            | Engine::PostgresSerializable
            | Engine::MariaDbSerializable => Level::Serializable,
        }
    }

    /// The SQL that it speaks.
    pub fn dialect(self) -> Dialect {
        match self.family() {
            Family::Sqlite => Dialect::Sqlite,
            Family::Postgres => Dialect::Postgres,
            Family::MariaDb => Dialect::MariaDb,
        }
    }

    /// The engine of the same database at this level.
    pub(crate) fn at(self, level: &str) -> Result<Self, String> {
        let family = self.name().split('/').next().unwrap_or_default();
        let of_family = || Self::ALL.into_iter().filter(|engine| engine.family() == self.family());
        let known = || of_family().filter_map(|engine| engine.name().split_once('/')).map(|(_, level)| level);
        of_family().find(|engine| engine.name().split_once('/').is_some_and(|(_, known)| known == level)).ok_or_else(
            || format!("{family} has no level `{level}`; it has {}", known().collect::<Vec<_>>().join(", ")),
        )
    }

    /// True for the level that a server has when nobody says otherwise.
    pub fn is_default(self) -> bool {
        matches!(self, Engine::PostgresReadCommitted | Engine::MariaDbRepeatableRead)
    }

    /// True for an engine that runs inside the shop's own process and locks files of the operating system.
    pub fn is_embedded(self) -> bool {
        self.family() == Family::Sqlite
    }

    /// True when a transaction goes on seeing the rows that its first statement saw.
    pub(crate) fn keeps_snapshot(self) -> bool {
        matches!(self, Engine::PostgresRepeatableRead | Engine::PostgresSerializable)
    }

    /// True when a call may come out in several ways.
    pub(crate) fn leaves_open(self, store: &Store, call: DbCall) -> bool {
        match (self, call) {
            // The order of a join: see `db::innodb::locking`.
            (Engine::MariaDbSerializable, DbCall::Run(request)) => store.plan(request).joins(),
            // What is still there of a transaction that is being rolled back: see `db::innodb::records`.
            (Engine::MariaDbReadUncommitted, DbCall::Run(request)) => store.plan(request).source_by_rows().is_some(),
            // Whether a row went in before one that could not: see `db::sqlite`.
            (Engine::SqliteDeferred, DbCall::Run(request)) => store.plan(request).inserts_in_any_order(),
            _ if self.family() != Family::Postgres => false,
            // Whether a doomed transaction is told, and whom a commit dooms.
            (Engine::PostgresSerializable, DbCall::Run(_) | DbCall::Commit) => true,
            (_, DbCall::Run(request)) => {
                let plan = store.plan(request);
                plan.may_find_several() || plan.inserts_in_any_order()
            }
            (_, DbCall::Begin | DbCall::Commit | DbCall::Rollback) => false,
        }
    }

    /// True when a plain `BEGIN` does nothing that another connection could notice.
    pub(crate) fn begins_unseen(self) -> bool {
        !matches!(self, Engine::SqliteImmediate)
    }
}
