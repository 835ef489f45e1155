//! The engines that the model knows: a database with an isolation level.

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// SQLite (WAL), every transaction opened with `BEGIN IMMEDIATE`.
    SqliteImmediate,
    /// SQLite (WAL), every transaction opened with plain `BEGIN`.
    SqliteDeferred,
    /// PostgreSQL at its default isolation level.
    PostgresReadCommitted,
}

impl Engine {
    /// Every engine, the embedded one first.
    pub const ALL: [Engine; 3] = [Engine::SqliteImmediate, Engine::SqliteDeferred, Engine::PostgresReadCommitted];

    /// The engine's name on the command line and in traces.
    pub fn name(self) -> &'static str {
        match self {
            Engine::SqliteImmediate => "sqlite/immediate",
            Engine::SqliteDeferred => "sqlite/deferred",
            Engine::PostgresReadCommitted => "postgres/read-committed",
        }
    }

    /// The engine of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// True for an engine that runs inside the shop's own process and locks files of the operating system.
    pub fn is_embedded(self) -> bool {
        matches!(self, Engine::SqliteImmediate | Engine::SqliteDeferred)
    }

    /// True when an error ends the whole transaction at the server, locks included, and not only the statement.
    pub(crate) fn failure_ends_transaction(self) -> bool {
        matches!(self, Engine::PostgresReadCommitted)
    }

    /// True when a plain `BEGIN` does nothing that another connection could notice.
    pub(crate) fn begins_unseen(self) -> bool {
        !matches!(self, Engine::SqliteImmediate)
    }
}
