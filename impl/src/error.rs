//! What went wrong with a database: for the protocol one of four kinds, for a person a sentence.

use std::path::PathBuf;
use std::sync::Arc;

use paidonce_protocol::Error;

/// A call to a database that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{step} on {database}: {cause} ({kind})")]
pub struct DbError {
    kind: Error,
    step: String,
    database: Arc<str>,
    would_wait: bool,
    #[source]
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Engine(sqlx::Error),
    #[error("{0}")]
    Rule(String),
}

impl DbError {
    /// What the protocol may conclude.
    pub fn kind(&self) -> Error {
        self.kind
    }

    /// The engine's own code, when it was the engine that said no: `517` (SQLite's extended code).
    pub fn code(&self) -> Option<String> {
        match &self.cause {
            Cause::Engine(error) => error.as_database_error()?.code().map(|code| code.into_owned()),
            Cause::Rule(_) => None,
        }
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

    pub(crate) fn engine(kind: Error, step: &str, database: &Arc<str>, cause: sqlx::Error) -> Self {
        let cause = Cause::Engine(cause);
        DbError { kind, step: step.to_owned(), database: Arc::clone(database), would_wait: false, cause }
    }

    pub(crate) fn rule(kind: Error, step: &str, database: &Arc<str>, says: impl Into<String>) -> Self {
        let cause = Cause::Rule(says.into());
        DbError { kind, step: step.to_owned(), database: Arc::clone(database), would_wait: false, cause }
    }

    pub(crate) fn waiting(mut self) -> Self {
        self.would_wait = true;
        self
    }
}

/// A database that could not be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database that this crate can use.
    #[error("`{given}` {why}: a database is given as sqlite:PATH, such as sqlite:shop.db")]
    Url {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no such file.
    #[error("there is no database at {}: correct the path, or make a shop there first", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a file already.
    #[error("{} exists already and is left as it is: name a path where there is nothing yet", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
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
         specs/schema/{schema}/sqlite.sql",
        missing.join("; missing ")
    )]
    Foreign {
        /// The database.
        database: String,
        /// The schema that was expected.
        schema: &'static str,
        /// What it lacks, in the order of its tables: `table outbox`, `column receiver of table orders`.
        missing: Vec<String>,
    },
    /// The engine said no.
    #[error(transparent)]
    Db(#[from] DbError),
}
