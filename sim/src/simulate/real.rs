//! A simulation's schedule on a real database: written down as a trace, with the rows every so often, and replayed step by
//! step.
//!
//! Those who wait are let in in the order in which they came, no clock drifts and the database is not restarted: what only the
//! model leaves open is not asked of the real one. What is left that it does not do, such as another choice of a deadlock's
//! victim, ends the schedule early, and is told.

use paidonce_model::simulate::{Options, SimulateError, Simulation};
use paidonce_model::trace::Trace;

use crate::replay::{Checkpoints, Place, ReplayError, Replayed, replay_watched};

/// The rows are compared after so many steps, and so on.
const EVERY: usize = 20;

/// What came of a schedule on the real database.
#[derive(Clone, Debug)]
pub enum Real {
    /// It was followed to its end, or to a difference.
    Followed {
        /// What came of it.
        replayed: Box<Replayed>,
        /// How many steps it has.
        steps: usize,
        /// How often the rows were compared on the way.
        compared: usize,
        /// The schedule, where the real database did something else.
        schedule: Option<Box<Trace>>,
    },
    /// It was followed up to something that the engine does not do, or leaves to chance.
    CutOff {
        /// The step, counted from 1.
        step: usize,
        /// Of so many.
        steps: usize,
        /// What it is.
        says: String,
    },
}

/// Why there is nothing.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// There is no simulation.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// There is no real database.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Leave out what is not asked of a real database.
pub fn followable(options: &mut Options) {
    options.plan.in_turn = true;
    options.rates.restart = 0;
}

/// Simulate, and let the real database follow. The options are [`followable`].
///
/// # Errors
/// When the options cannot be used, or there is no real database.
pub fn follow(options: &Options) -> Result<Real, RealError> {
    let (trace, checkpoints) = written(options.clone())?;
    let (steps, compared) = (trace.steps.len(), checkpoints.len());
    match replay_watched(&trace, &checkpoints, &Place::default()) {
        Ok(replayed) => {
            let schedule = (!replayed.agrees()).then(|| Box::new(trace));
            Ok(Real::Followed { replayed: Box::new(replayed), steps, compared, schedule })
        }
        Err(ReplayError::Unsupported { step, says }) => Ok(Real::CutOff { step, steps, says }),
        Err(error @ ReplayError::TooBusy { step }) => Ok(Real::CutOff { step, steps, says: error.to_string() }),
        Err(error) => Err(error.into()),
    }
}

/// A whole simulation as a trace, with the committed rows every so often. One that breaks a claim ends there.
fn written(options: Options) -> Result<(Trace, Checkpoints), SimulateError> {
    let mut simulation = Simulation::new(options)?;
    simulation.record();
    let mut checkpoints = Checkpoints::new();
    let mut next = EVERY;
    loop {
        let progress = simulation.run(1)?;
        if simulation.steps() >= next {
            checkpoints.insert(simulation.steps(), simulation.rows());
            next = simulation.steps() + EVERY;
        }
        if progress.at_rest || progress.violated {
            let broken = simulation.judged().first().map(|found| found.claim);
            return Ok((simulation.trace(broken), checkpoints));
        }
    }
}
