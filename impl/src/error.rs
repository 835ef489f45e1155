//! What went wrong with a database: for the protocol one of four kinds, for a person a sentence.

use std::path::PathBuf;
use std::sync::Arc;

use paidonce_protocol::Error;

/// A call to a database, or to a cache, that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{step} on {database}: {cause} ({kind})")]
pub struct DbError {
    kind: Error,
    code: Option<Box<str>>,
    step: Box<str>,
    database: Arc<str>,
    would_wait: bool,
    #[source]
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Engine(Box<sqlx::Error>),
    #[error("{0}")]
    Rule(String),
}

impl DbError {
    /// What the protocol may conclude.
    pub fn kind(&self) -> Error {
        self.kind
    }

    /// The engine's own code, when it was the engine that said no: SQLite's extended code (`517`), PostgreSQL's SQLSTATE
    /// (`40P01`), MariaDB's number (`1213`), Redis's word (`READONLY`).
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// True when the engine would have let the caller wait for another transaction, had its time-out been longer.
    ///
    /// The very same call may then be asked again on the same connection, even inside a transaction. Whoever does not
    /// want to wait has a conflict, which is what [`DbError::kind`] says.
    pub fn would_wait(&self) -> bool {
        self.would_wait
    }

    /// What was asked: the step's name.
    pub fn step(&self) -> &str {
        &self.step
    }

    pub(crate) fn engine(
        kind: Error,
        code: Option<String>,
        step: &str,
        database: &Arc<str>,
        cause: sqlx::Error,
    ) -> Self {
        let cause = Cause::Engine(Box::new(cause));
        let code = code.map(String::into_boxed_str);
        DbError { kind, code, step: step.into(), database: Arc::clone(database), would_wait: false, cause }
    }

    pub(crate) fn rule(kind: Error, step: &str, database: &Arc<str>, says: impl Into<String>) -> Self {
        let cause = Cause::Rule(says.into());
        DbError { kind, code: None, step: step.into(), database: Arc::clone(database), would_wait: false, cause }
    }

    pub(crate) fn with_code(mut self, code: Option<String>) -> Self {
        self.code = code.map(String::into_boxed_str);
        self
    }

    pub(crate) fn waiting(mut self) -> Self {
        self.would_wait = true;
        self
    }

    /// Another wait would change nothing.
    pub(crate) fn for_good(mut self) -> Self {
        self.would_wait = false;
        self
    }
}

/// A database that could not be opened or made, or a cache that nobody could.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that this crate can use.
    #[error(
        "`{given}` {why}: a database is given as sqlite:PATH (sqlite:shop.db), postgres://USER@HOST/NAME or \
         mariadb://USER@HOST/NAME"
    )]
    Url {
        /// What was given, without its password.
        given: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The URL names no cache that this crate can use.
    #[error("`{given}` {why}: a cache is given as redis://HOST, unix://PATH, memcached://HOST or memcached:///PATH")]
    Cache {
        /// What was given, without its password.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is a database of another kind.
    #[error("{name} is no place for {engine}")]
    OtherEngine {
        /// The database.
        name: String,
        /// The engine that was asked for.
        engine: &'static str,
    },
    /// There is no such file.
    #[error("there is no database at {}: correct the path, or make a shop there first", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a file, or a database of that name, already.
    #[error("{name} exists already and is left as it is: name a place where there is nothing yet")]
    Exists {
        /// The file, or the database's URL.
        name: String,
    },
    /// The file could not be made.
    #[error("cannot make {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The database is not a shop of ours.
    #[error(
        "{database} is not a shop with the schema {schema}: missing {}. Its tables are in \
         specs/schema/{schema}/{dialect}.sql",
        missing.join("; missing ")
    )]
    Foreign {
        /// The database.
        database: String,
        /// The schema that was expected.
        schema: &'static str,
        /// The name of the engine's form of it.
        dialect: &'static str,
        /// What it lacks, in the order of its tables: `table outbox`, `column receiver of table orders`, `transactions in
        /// table stock (its engine is MyISAM)`.
        missing: Vec<String>,
    },
    /// The engine said no.
    #[error(transparent)]
    Db(#[from] DbError),
}
