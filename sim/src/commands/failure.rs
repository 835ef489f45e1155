//! Why a command came to no verdict. The exit status is 2 for all of them.

use std::io;

use paidonce_model::history::HistoryError;
use paidonce_model::script::ScriptError;
use paidonce_model::simulate::SimulateError;
use paidonce_model::{ExploreError, PageError};
use paidonce_protocol::shop::NoticeError;
use paidonce_sqlx::{BookError, DbError, OpenError};

use crate::differ::DifferError;
use crate::replay::ReplayError;
use crate::report::ManifestError;
use crate::script::RealError;
use crate::simulate::{BrokenError, JoinError, RealError as RealSimulationError};
use crate::stress::StressError;
use crate::trace_file::TraceFileError;

/// Why a command came to no verdict: what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Standard output took no more.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read { path: String, source: io::Error },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: io::Error },
    /// A file is no text.
    #[error("cannot read {path}: it is not UTF-8 from byte {place} on")]
    NotText { path: String, place: usize },
    /// A file is longer than anything that is meant to be read here.
    #[error("cannot read {path}: it has more than {most_bytes} bytes, so it is not what was expected here")]
    TooLong { path: String, most_bytes: u64 },
    /// A file is no trace.
    #[error("{path}: {source}")]
    Trace { path: String, source: TraceFileError },
    /// A trace cannot be written.
    #[error(transparent)]
    Unwritable(#[from] TraceFileError),
    /// A body is no notice.
    #[error("{path}: {source}; nothing was changed")]
    Notice { path: String, source: NoticeError },
    /// A scenario of the repository is damaged: a bug of ours.
    #[error("the built-in scenario {0}")]
    BuiltIn(String),
    /// `--actors` or `--faults` make a scenario that breaks its rules.
    #[error("scenario {scenario} with {options} breaks its rules:\n{found}")]
    Overridden { scenario: String, options: String, found: String },
    /// `--actors` names an actor that is not there.
    #[error("scenario {scenario} has no actor `{given}`; its actors are {known}")]
    NoSuchActor { scenario: String, given: String, known: String },
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Nothing was written, because something is undecided.
    #[error("the pins were left as they are: {0} verdicts are undecided")]
    NothingToPin(usize),
    /// The checker gave up.
    #[error("{about}: {source}")]
    Explore { about: String, source: Box<ExploreError> },
    /// A page shows one protocol.
    #[error("the page shows one protocol: name one of {}", .0.join(", "))]
    OneProtocol(Vec<&'static str>),
    /// There is no page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A script is none, or is not of the model's SQL.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A script could not be played on a real engine.
    #[error(transparent)]
    Real(#[from] RealError),
    /// A script that was drawn could not be compared.
    #[error("{engine}, script {n} of seed {seed}: {source}")]
    Differ { engine: &'static str, seed: u64, n: u64, source: Box<DifferError> },
    /// No script could be drawn: a bug of ours.
    #[error("no script could be drawn: {0}")]
    Draw(String),
    /// What is kept in a script is what the model says.
    #[error("--rewrite keeps what the model says: leave --real out")]
    NothingToRewrite,
    /// Standard input cannot be written.
    #[error("--rewrite writes into the script's file, and `-` is none")]
    NowhereToRewrite,
    /// A trace could not be replayed.
    #[error("{about}: {source}")]
    Replay { about: String, source: Box<ReplayError> },
    /// The database is not one that can be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The notice could not be handed over.
    #[error(transparent)]
    Book(#[from] BookError),
    /// There is no executor for the database.
    #[error("the executor for the database could not be made: {0}")]
    Executor(#[source] io::Error),
    /// Something cannot be written as JSON: a bug of ours.
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A round of free-running processes came to no result.
    #[error("{about}: {source}")]
    Stress { about: String, source: Box<StressError> },
    /// A simulation cannot be made.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// A file is no plan.
    #[error("{path}: this is no plan: {source}")]
    Plan { path: String, source: Box<toml::de::Error> },
    /// Nothing smaller could be made of a seed that breaks a claim.
    #[error("seed {seed}: {source}")]
    Broken { seed: u64, source: Box<BrokenError> },
    /// A simulation's schedule came to nothing on a real database.
    #[error("seed {seed}: {source}")]
    Simulated { seed: u64, source: Box<RealSimulationError> },
    /// Campaigns cannot be joined.
    #[error("{path}: {source}")]
    Join { path: String, source: Box<JoinError> },
    /// A process of such a round failed.
    #[error(transparent)]
    Deliver(Box<StressError>),
    /// A file is no history.
    #[error("{path}: {source}")]
    History { path: String, source: HistoryError },
    /// The program does not know where it is.
    #[error("cannot find out where this program is: {0}")]
    Program(#[source] io::Error),
    /// A thread of ours panicked.
    #[error("a worker stopped before its end; this is a bug in paidonce")]
    Worker,
}

impl Failure {
    /// The checker gave up on this.
    pub(super) fn explore(about: String, source: ExploreError) -> Self {
        Failure::Explore { about, source: Box::new(source) }
    }

    /// The replay of this came to no result.
    pub(super) fn replay(about: String, source: ReplayError) -> Self {
        Failure::Replay { about, source: Box::new(source) }
    }

    /// True when the reader of our output has gone.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
