//! Why a round came to no result.

use std::io;

use paidonce_model::ExploreError;
use paidonce_model::history::HistoryError;
use paidonce_protocol::Foul;
use paidonce_sqlx::server::ServerError;
use paidonce_sqlx::{DbError, OpenError};

/// Why a round came to no result.
#[derive(Debug, thiserror::Error)]
pub enum StressError {
    /// There is no server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The database could not be made or opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database said no to the driver.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The operating system said no.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was to be done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A process ended by itself before its code did.
    #[error("the process of {who} failed: {says}")]
    Child {
        /// The request.
        who: String,
        /// What it said.
        says: String,
    },
    /// Nothing was written for too long.
    #[error(
        "nothing happens: {who} neither ask nor are answered any more; look for a lock of somebody else on the database"
    )]
    Hangs {
        /// The requests that are under way.
        who: String,
    },
    /// What was recorded is no history: a bug of ours.
    #[error("the record is no history: {0}")]
    History(#[from] HistoryError),
    /// What was recorded cannot be written.
    #[error("a line of the record cannot be written: {0}")]
    Line(#[from] serde_json::Error),
    /// The model gave up.
    #[error(transparent)]
    Explore(#[from] ExploreError),
    /// Nothing could be drawn: a bug of ours.
    #[error("no round could be drawn: {0}")]
    Draw(String),
    /// There is no such protocol.
    #[error("there is no protocol {name}")]
    Protocol {
        /// Its name.
        name: String,
    },
    /// The scenario in a record breaks its rules.
    #[error("the record's scenario: {problem}")]
    Scenario {
        /// The first broken rule.
        problem: String,
    },
    /// There is no such request.
    #[error("the record's scenario has no request {who}")]
    Request {
        /// Its name.
        who: String,
    },
    /// There is no such engine.
    #[error("there is no engine {name}")]
    Engine {
        /// Its name.
        name: String,
    },
    /// The protocol is none.
    #[error("a protocol {0}")]
    Foul(#[from] Foul),
}
