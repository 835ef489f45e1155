//! A trace replayed on a real database of its engine, one step at a time.
//!
//! 1. `cast`: who takes part: the protocol's own `async fn` for each actor, on the schema that it was written for.
//! 2. `steps`: each step of the trace releases one call. `turn`: what the actor asks, what the database answers (or that
//!    it has to wait), what the actor remarks and how it ends; the first difference from the trace stops the replay.
//! 3. `stage`: the world that answers: a real connection for each actor, the trace's time, the mail server. `aside`: the
//!    connections of the dead. `timers`: the engine's own timers, which end waits.
//! 4. `ending`: the committed rows are compared with the trace's, and the claim's audit looks for what the claim found.
//! 5. `place`: the database: a file, or one of its own on a server.
//!
//! Nothing is guessed: who waits is the engine's own word ([`paidonce_sqlx::lockstep`]). A tick moves the clock that the
//! protocols see without sleeping. Only what a timer of the engine's own ends is waited for. A server lets a waiter in at
//! once, the trace perhaps later: the answer is kept until then.

mod actor;
mod aside;
mod cast;
mod difference;
mod ending;
mod error;
mod pages;
mod place;
mod stage;
mod steps;
mod timers;
mod turn;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use paidonce_model::flow::Flow;
use paidonce_model::trace::{Datum, Trace};
use paidonce_sqlx::Engine;
use serde::Serialize;
use tokio::runtime::Runtime;

pub use difference::{Difference, StepDifference, TableDifference};
pub use error::ReplayError;
use stage::Stage;
pub(crate) use words::{answer as answer_words, call as call_words};

/// Where to replay, and as what. By default: the trace's own engine, on a database that is gone afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The engine that was asked for. Anything but the trace's own is refused.
    pub engine: Option<String>,
    /// A database by its URL, where there must be nothing yet. It is left there for whoever wants to look at it, with the
    /// `world_…` tables of the audits.
    pub database: Option<String>,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The engine.
    pub engine: String,
    /// The claim that the trace breaks, or `None` for a trace that breaks none.
    pub claim: Option<String>,
    /// How many steps came out as in the trace: all of them, when the answers are equal.
    pub steps: usize,
    /// True when the committed rows are the trace's, and the mails, too. Not so when the replay stopped before.
    pub rows_equal: bool,
    /// What the audit found.
    pub audit: AuditOutcome,
    /// The first difference, if there is one.
    pub difference: Option<Difference>,
}

/// What the claim's audit found in the database; for a trace that breaks no claim, all audits that apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditOutcome {
    /// Whether a violation was found, or `None` when no query was run.
    pub found: Option<bool>,
    /// How many queries were run.
    pub queries: usize,
    /// The violations, in the shop's words; with the claim's name before them when several claims were looked at.
    pub violations: Vec<String>,
    /// Why no query was run.
    pub why_none: Option<String>,
}

impl Replayed {
    /// True when every step and every row came out as in the trace.
    pub fn equal(&self) -> bool {
        self.difference.is_none() && self.rows_equal
    }

    /// True when the real database tells the same story: everything is equal, and the audit finds a violation where the
    /// trace breaks a claim and none where it breaks none. A claim that no query can look for asks nothing of the audit.
    pub fn agrees(&self) -> bool {
        let expected = match (&self.claim, self.audit.found) {
            (Some(_), found) => found != Some(false),
            (None, found) => found == Some(false),
        };
        self.equal() && expected
    }
}

/// Replay a trace on a new database. Its server is the one that the environment names, or a private one that all of this
/// process shares.
///
/// # Errors
/// When the trace is of another engine or cannot have happened, when there is something at the place already or no
/// server, and when the disk or the database itself is in trouble. That the database answers differently is no error but
/// a [`Difference`].
pub async fn replay(trace: &Trace, place: &Place) -> Result<Replayed, ReplayError> {
    replay_with(trace, None, &Checkpoints::new(), place).await
}

/// Replay a trace of somebody's own flow: its code runs on the real database, and at the end its claim looks at the real
/// rows.
///
/// # Errors
/// As [`replay`], and when the trace is another flow's.
pub async fn replay_flow(flow: &Flow, trace: &Trace, place: &Place) -> Result<Replayed, ReplayError> {
    replay_with(trace, Some(flow), &Checkpoints::new(), place).await
}

/// The committed rows that a schedule has left after so many steps, by table.
pub type Checkpoints = BTreeMap<usize, BTreeMap<String, Vec<Vec<Datum>>>>;

/// As [`replay_blocking`], and the committed rows are compared also on the way.
///
/// # Errors
/// As [`replay_blocking`].
///
/// # Panics
/// As [`replay_blocking`].
pub fn replay_watched(trace: &Trace, checkpoints: &Checkpoints, place: &Place) -> Result<Replayed, ReplayError> {
    executor()?.block_on(replay_with(trace, None, checkpoints, place))
}

async fn replay_with(
    trace: &Trace,
    flow: Option<&Flow>,
    checkpoints: &Checkpoints,
    place: &Place,
) -> Result<Replayed, ReplayError> {
    let engine = engine(trace, place)?;
    // What is wrong with the trace is told before anything is made.
    cast(trace, flow)?;
    let [soon, later @ ..] = timers::SOON;
    let mut replayed = replay_once(trace, flow, checkpoints, engine, place, soon).await;
    for soon in later {
        // A place that the user named is not what it was any more.
        if place.database.is_none() && matches!(replayed, Err(ReplayError::TooBusy { .. })) {
            replayed = replay_once(trace, flow, checkpoints, engine, place, soon).await;
        }
    }
    replayed
}

fn cast(trace: &Trace, flow: Option<&Flow>) -> Result<cast::Cast, ReplayError> {
    flow.map_or_else(|| cast::of(trace), |flow| cast::of_flow(flow, trace))
}

/// Replay a trace with timers of the engine's that are so long.
async fn replay_once(
    trace: &Trace,
    flow: Option<&Flow>,
    checkpoints: &Checkpoints,
    engine: Engine,
    place: &Place,
    soon: Duration,
) -> Result<Replayed, ReplayError> {
    // Held to the end: the database may go with it.
    let ground = place::Ground::prepare(engine, place).await?;
    let mut stage = Stage::set(&ground, engine, trace, cast(trace, flow)?, soon).await?;
    let played = stage.play(&trace.steps, checkpoints).await;
    let replayed = match played {
        Ok((steps, None)) => stage.look_at(trace, flow, steps).await,
        Ok((steps, Some(difference))) => Ok(stopped(trace, steps, difference)),
        Err(error) => Err(error),
    };
    stage.end().await;
    // Emptied or not, this replay is over: the next one makes another.
    let _ = ground.leave().await;
    replayed
}

/// As [`replay`], for callers that are not asynchronous: the replay has an executor of its own.
///
/// # Errors
/// As [`replay`]; also when the executor cannot be made.
///
/// # Panics
/// Inside an asynchronous executor: await [`replay`] there.
pub fn replay_blocking(trace: &Trace, place: &Place) -> Result<Replayed, ReplayError> {
    executor()?.block_on(replay(trace, place))
}

/// As [`replay_flow`], for callers that are not asynchronous.
///
/// # Errors
/// As [`replay_flow`]; also when the executor cannot be made.
///
/// # Panics
/// Inside an asynchronous executor: await [`replay_flow`] there.
pub fn replay_flow_blocking(flow: &Flow, trace: &Trace, place: &Place) -> Result<Replayed, ReplayError> {
    executor()?.block_on(replay_flow(flow, trace, place))
}

fn executor() -> Result<Runtime, ReplayError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ReplayError::Executor)
}

fn engine(trace: &Trace, place: &Place) -> Result<Engine, ReplayError> {
    if let Some(asked) = place.engine.as_ref().filter(|asked| **asked != trace.engine) {
        return Err(ReplayError::OtherEngine { trace: trace.engine.clone(), asked: asked.clone() });
    }
    Engine::find(&trace.engine).ok_or_else(|| ReplayError::Engine { engine: trace.engine.clone() })
}

fn stopped(trace: &Trace, steps: usize, difference: Difference) -> Replayed {
    let at = match difference {
        Difference::Step(_) => steps + 1,
        Difference::Rows { .. } => steps,
    };
    let why = format!("the replay stopped at step {at}, where the database differs from the trace");
    Replayed {
        engine: trace.engine.clone(),
        claim: trace.verdict.claim.clone(),
        steps,
        rows_equal: false,
        audit: AuditOutcome { why_none: Some(why), ..AuditOutcome::default() },
        difference: Some(difference),
    }
}
