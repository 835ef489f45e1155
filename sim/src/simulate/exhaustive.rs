//! The exhaustive model is asked whether it knows a violation that a simulation has found, in a scenario made of what is left.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use paidonce_model::scenario::Scenario;
use paidonce_model::{Claim, Engine, ExploreError, Limits, Progress, Reductions, Setup, Show, shortest};
use paidonce_protocol::Without;

/// A budget is given up after so many distinct states.
const MOST_STATES: u64 = 400_000;
/// Time moves on at most so often.
const MOST_TICKS: u8 = 3;

/// What came of asking.
#[derive(Clone, Debug)]
pub struct Exhaustive {
    /// The scenario, with the budget of ticks, of workers' runs and of the gateway's deliveries by which the claim is broken, or
    /// the largest one tried.
    pub scenario: Scenario,
    /// Whether it is broken there.
    pub explored: Explored,
}

/// See [`Exhaustive`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explored {
    /// By a shortest schedule of so many steps.
    Broken {
        /// How many.
        steps: usize,
    },
    /// Not found: every state was seen within each budget that was tried, or it was given up.
    NotFound {
        /// True when some budget was given up.
        given_up: bool,
    },
    /// The scenario is larger than what is explored.
    TooLarge {
        /// By which rule.
        problem: String,
    },
}

/// Ask.
///
/// # Errors
/// When the world cannot be made, or a protocol breaks a rule of protocols.
pub(super) fn ask(
    left: &Scenario,
    protocol: &'static str,
    engine: Engine,
    claim: Claim,
) -> Result<Exhaustive, ExploreError> {
    let mut given_up = false;
    let mut scenario = left.clone();
    for (runs, ticks) in budgets(left) {
        scenario = with(left, runs, ticks);
        if let Some(invalid) = scenario.validate().err().and_then(|all| all.into_iter().next()) {
            return Ok(Exhaustive { scenario, explored: Explored::TooLarge { problem: invalid.to_string() } });
        }
        let reductions = Reductions::ALL;
        let setup = Setup { scenario: &scenario, protocol, engine, without: Without::NOTHING, reductions };
        let progress = Arc::new(Progress::default());
        let limits = Limits { most_states: MOST_STATES, ..Limits::default() };
        let schedules = shortest(&setup, Show::Broken, &[claim], limits, &progress)?;
        if let Some((_, schedule)) = schedules.first() {
            let steps = schedule.actions.len();
            return Ok(Exhaustive { scenario, explored: Explored::Broken { steps } });
        }
        if progress.states.load(Ordering::Relaxed) >= MOST_STATES {
            // A larger budget has more states still.
            given_up = true;
            break;
        }
    }
    Ok(Exhaustive { scenario, explored: Explored::NotFound { given_up } })
}

/// Small budgets first: how often each worker runs and the gateway delivers, and how often time moves on.
fn budgets(left: &Scenario) -> Vec<(usize, u8)> {
    let comes_again = left.actors.iter().any(|actor| actor.work || actor.ipn.is_some());
    let runs: &[usize] = if comes_again { &[1, 2, 3] } else { &[0] };
    (0..=MOST_TICKS).flat_map(|ticks| runs.iter().map(move |runs| (*runs, ticks))).collect()
}

fn with(left: &Scenario, runs: usize, ticks: u8) -> Scenario {
    let mut scenario = left.clone();
    scenario.faults.ticks = ticks;
    let faults = usize::from(scenario.faults.deaths) + usize::from(scenario.faults.lost_replies);
    for worker in scenario.actors.iter_mut().filter(|actor| actor.work) {
        // More than the faults can spoil.
        worker.deliveries = runs + faults;
    }
    // A gateway that gives up sooner gives up all the same.
    for notice in scenario.actors.iter_mut().filter(|actor| actor.ipn.is_some()) {
        notice.deliveries = notice.deliveries.min(runs + faults).max(notice.overlapping);
    }
    scenario
}
