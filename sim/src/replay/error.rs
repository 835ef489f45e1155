//! Why a trace could not be replayed at all.

use paidonce_model::{Engine, WorldError};
use paidonce_protocol::Foul;
use paidonce_protocol::catalogue::CannotPlay;
use paidonce_sqlx::audit::AuditError;
use paidonce_sqlx::lockstep::LockstepError;
use paidonce_sqlx::server::ServerError;
use paidonce_sqlx::{DbError, OpenError};

/// Why a trace could not be replayed. What the database answered differently is no error.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no real database for the trace's engine here.
    #[error("a trace of `{engine}` cannot be replayed: there is no such engine; the engines are {}", Engine::known())]
    Engine {
        /// The trace's engine.
        engine: String,
    },
    /// The engine's server is not here.
    #[error("no server: {0}")]
    NoServer(&'static ServerError),
    /// Another engine was asked for than the trace is of.
    #[error(
        "this trace is of {trace} and means nothing on {asked}, where others wait for others: ask for a trace of {asked}"
    )]
    OtherEngine {
        /// The trace's engine.
        trace: String,
        /// What was asked for.
        asked: String,
    },
    /// The scenario in the trace breaks a rule of scenarios.
    #[error("the trace's scenario {scenario}: {problem}")]
    Scenario {
        /// Its name.
        scenario: String,
        /// The first broken rule.
        problem: String,
    },
    /// A protocol is not in the catalogue, or plays another role.
    #[error(
        "the trace's {0}. A flow of somebody's own is replayed by the program that has its code: see docs/own-flow.md"
    )]
    Protocol(#[from] CannotPlay),
    /// The trace is of something else than the flow that has the code.
    #[error("the trace is of {trace}, and the flow is {flow}")]
    OtherFlow {
        /// What the trace is of.
        trace: String,
        /// The flow.
        flow: String,
    },
    /// The flow cannot be used as it is.
    #[error(transparent)]
    Flow(#[from] WorldError),
    /// A guard is not in the published table.
    #[error("the trace leaves out the guard {name}, and there is none of that name")]
    Guard {
        /// The name given.
        name: String,
    },
    /// The trace says something that cannot follow from what it said before.
    #[error("this trace cannot have happened: step {step}: {says}")]
    Impossible {
        /// The step, counted from 1.
        step: usize,
        /// What cannot be.
        says: String,
    },
    /// The trace says something that never happens on its engine, that it leaves open, or that only chance can bring about.
    #[error("step {step} cannot be replayed: {says}")]
    Unsupported {
        /// The step, counted from 1.
        step: usize,
        /// What it is.
        says: String,
    },
    /// This machine is too busy for the engine's timers, which came before the steps that they had to come after.
    #[error("step {step} cannot be replayed: the machine is too busy for the engine's own timers; try again")]
    TooBusy {
        /// The step, counted from 1.
        step: usize,
    },
    /// The protocol did what no protocol may do.
    #[error("step {step}: the protocol of {actor} {foul}")]
    Foul {
        /// The step, counted from 1.
        step: usize,
        /// The actor.
        actor: String,
        /// What it did.
        foul: Foul,
    },
    /// The database could not be made or opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database is in trouble: its disk, its connection.
    #[error("the database is in trouble: {0}")]
    Db(#[from] DbError),
    /// A step could not be taken.
    #[error(transparent)]
    Lockstep(#[from] LockstepError),
    /// The audit could not be done.
    #[error("the audit could not be done: {0}")]
    Audit(#[from] AuditError),
    /// There is no place for a temporary database.
    #[error("no temporary directory could be made for the database: {0}")]
    Temporary(#[source] std::io::Error),
    /// There is no executor to replay on.
    #[error("the replay's executor could not be made: {0}")]
    Executor(#[source] std::io::Error),
}
