//! A trace replayed on a real SQLite database, one step at a time.
//!
//! 1. `cast`: who takes part: the protocol's own `async fn` for each actor, on the schema that it was written for.
//! 2. `steps`: each step of the trace releases one call. `turn`: what the actor asks, what the database answers (or that
//!    it has to wait), what the actor remarks and how it ends; the first difference from the trace stops the replay.
//! 3. `stage`: the world that answers: a real connection for each actor, the trace's time, the mail server.
//! 4. `ending`: the committed rows are compared with the trace's, and the claim's audit looks for what the claim found.
//!
//! Nothing is waited for and nothing is guessed: connections have a busy time-out of zero, so that a call which would wait
//! says so at once, and a tick moves the clock that the protocols see without sleeping.

mod actor;
mod cast;
mod difference;
mod ending;
mod error;
mod stage;
mod steps;
mod turn;
mod words;

use paidonce_model::trace::Trace;
use paidonce_sqlx::BeginMode;
use serde::Serialize;

pub use difference::{Difference, StepDifference, TableDifference};
pub use error::ReplayError;
use stage::Stage;

/// Where to replay, and as what. By default: the trace's own engine, on a database that is gone afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The engine that was asked for. Anything but the trace's own is refused.
    pub engine: Option<String>,
    /// A database as `sqlite:PATH`, where there must be nothing yet. It is left there for whoever wants to look at it,
    /// with the `world_…` tables of the audits.
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

/// Replay a trace on a new SQLite database.
///
/// # Errors
/// When the trace is of another engine or cannot have happened, when there is something at the place already, and when the
/// disk or the database itself is in trouble. That the database answers differently is no error but a [`Difference`].
pub async fn replay(trace: &Trace, place: &Place) -> Result<Replayed, ReplayError> {
    let begin = begin_mode(trace, place)?;
    let cast = cast::of(trace)?;
    // Held to the end: the directory goes with it.
    let (url, _directory) = match &place.database {
        Some(url) => (url.clone(), None),
        None => {
            let directory = tempfile::tempdir().map_err(ReplayError::Temporary)?;
            (format!("sqlite:{}", directory.path().join("replay.db").display()), Some(directory))
        }
    };
    let mut stage = Stage::set(&url, begin, trace, cast).await?;
    let played = stage.play(&trace.steps).await;
    let replayed = match played {
        Ok((steps, None)) => stage.look_at(trace, steps).await,
        Ok((steps, Some(difference))) => Ok(stopped(trace, steps, difference)),
        Err(error) => Err(error),
    };
    stage.close().await;
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
    let executor = tokio::runtime::Builder::new_current_thread().build().map_err(ReplayError::Executor)?;
    executor.block_on(replay(trace, place))
}

fn begin_mode(trace: &Trace, place: &Place) -> Result<BeginMode, ReplayError> {
    if let Some(asked) = place.engine.as_ref().filter(|asked| **asked != trace.engine) {
        return Err(ReplayError::OtherEngine { trace: trace.engine.clone(), asked: asked.clone() });
    }
    BeginMode::of_engine(&trace.engine).ok_or_else(|| ReplayError::Engine { engine: trace.engine.clone() })
}

fn stopped(trace: &Trace, steps: usize, difference: Difference) -> Replayed {
    let why = format!("the replay stopped at step {}, where the database differs from the trace", steps + 1);
    Replayed {
        engine: trace.engine.clone(),
        claim: trace.verdict.claim.clone(),
        steps,
        rows_equal: false,
        audit: AuditOutcome { why_none: Some(why), ..AuditOutcome::default() },
        difference: Some(difference),
    }
}
