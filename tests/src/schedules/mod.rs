//! Concurrent code under one order of steps after the other, over the model database.
//!
//! [shuttle](https://docs.rs/shuttle) runs the tasks and decides before each step who takes it: by chance, or by priorities
//! that change at a few places (PCT: Burckhardt and others, A Randomized Scheduler with Probabilistic Guarantees of Finding
//! Bugs, 2010). The code is a shop's own, over a session whose calls go to the model database, in a time that one more task
//! moves.
//!
//! | file | is about |
//! |---|---|
//! | `world` | the database, time and who waits; the session and the runtime that lead there |
//! | `scenario` | what runs at once, and what has to be true of it |
//! | `protocols` | a protocol of the catalogue, as several requests at once |
//! | `recorded` | a schedule as a text |

mod protocols;
mod recorded;
mod scenario;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use ::shuttle::rand::RngCore as _;
use ::shuttle::rand::rngs::ThreadRng;
use ::shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use ::shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use paidonce_model::Engine;

pub use recorded::{Malformed, parse};
use recorded::{Recorded, Recorder};
pub use scenario::Scenario;
use world::World;

/// More steps than any schedule has that ends.
const MOST_STEPS: usize = 20_000;
/// For the model database's code, which is not written for small stacks.
const STACK_BYTES: usize = 512 * 1024;

/// Who decides whose step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Chance, before each step.
    Random,
    /// Priorities, which change at so many places but one.
    Pct(usize),
}

/// Schedules to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// Everything that chance decides comes from this.
    pub seed: u64,
    /// At most so many.
    pub schedules: usize,
    /// Who decides.
    pub order: Order,
}

/// What came of a campaign without a violation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// How many schedules were tried.
    pub schedules: u64,
    /// In how many of them nothing was left to happen at the end, so that what has to be true then was judged.
    pub at_rest: u64,
    /// In how many of them a lease was lost.
    pub lost: u64,
    /// How many calls were answered in all of them.
    pub calls: u64,
}

/// A schedule by which something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// It was the so many-th.
    pub schedules: u64,
    /// The schedule, for [`replay`].
    pub schedule: String,
    /// What is wrong.
    pub says: String,
}

/// What is known while a campaign runs.
#[derive(Default)]
struct Seen {
    explored: Explored,
    says: Option<String>,
}

/// Try schedules until one is wrong, or all have been tried.
///
/// # Errors
/// The first schedule by which something is wrong.
///
/// # Panics
/// When the scenario cannot be set up on this engine.
pub fn explore(scenario: Scenario, engine: Engine, campaign: Campaign) -> Result<Explored, Box<Violation>> {
    let Campaign { seed, schedules, order } = campaign;
    match order {
        Order::Random => run(scenario, engine, RandomScheduler::new_from_seed(seed, schedules)),
        Order::Pct(depth) => run(scenario, engine, PctScheduler::new_from_seed(seed, depth, schedules)),
    }
}

/// How many schedules of a protocol it takes until one violates a claim; none when that many did not.
///
/// # Panics
/// When there is no such protocol, or it cannot be used on this engine.
pub fn schedules_until_violation(protocol: &str, engine: Engine, campaign: Campaign) -> Option<Box<Violation>> {
    explore(Scenario::protocol(protocol), engine, campaign).err()
}

/// Take one schedule again: what is wrong by it, if anything is.
///
/// # Errors
/// When the text is no schedule.
///
/// # Panics
/// When it is a schedule of something else.
pub fn replay(scenario: Scenario, engine: Engine, schedule: &str) -> Result<Option<String>, Malformed> {
    let replayed = run(scenario, engine, ReplayScheduler::new_from_schedule(parse(schedule)?));
    Ok(replayed.err().map(|violation| violation.says))
}

fn run(scenario: Scenario, engine: Engine, scheduler: impl Scheduler + 'static) -> Result<Explored, Box<Violation>> {
    let (seen, recorded) = (Arc::new(Mutex::new(Seen::default())), Recorded::default());
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.stack_size = STACK_BYTES;
    let (told, ground) = (Arc::clone(&seen), scenario.ground(engine));
    let runner = Runner::new(Recorder::new(scheduler, recorded.clone()), config);
    let once = {
        let recorded = recorded.clone();
        move || {
            told.lock().unwrap_or_else(PoisonError::into_inner).explored.schedules += 1;
            let seed = ThreadRng::default().next_u64();
            let world = World::new(ground.open(seed));
            ::shuttle::future::block_on(scenario.run(world.clone()));
            let mut seen = told.lock().unwrap_or_else(PoisonError::into_inner);
            seen.explored.at_rest += u64::from(world.was_at_rest());
            seen.explored.lost += u64::from(world.has_lost());
            seen.explored.calls += world.calls();
            if let Some(says) = world.broken() {
                seen.says = Some(says);
                recorded.keep();
            }
        }
    };
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run(once)));
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(panic) = ran {
        // A task that waits for nobody, a loop without an end, or a panic of the code itself.
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        seen.says.get_or_insert(text.unwrap_or_default());
    }
    match seen.says.take() {
        None => Ok(seen.explored),
        Some(says) => Err(Box::new(Violation { schedules: seen.explored.schedules, schedule: recorded.text(), says })),
    }
}
