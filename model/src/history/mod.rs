//! A history: what free-running processes asked a real database and were answered, and whether a schedule of the model
//! explains it.
//!
//! | file | is about |
//! |---|---|
//! | `line` | the form of a history: one JSON object a line |
//! | `read` | from lines to a history, and what is wrong with lines that are none |
//! | `order` | real time: what had to be over before what could begin |
//! | `search` | the search for a schedule (Wing and Gong, with states remembered as in Lowe's and Porcupine's) |
//!
//! **The order of the lines is the order of time.** A process writes a line before it sends a call and one when it has the
//! answer, all to one file. A call whose answer stands before another was sent was over by then; two calls whose lines
//! overlap may have taken effect either way round. There is no clock in it.
//!
//! A schedule explains a history when it makes the same calls, gives the same answers, keeps that order, and leaves the
//! same rows. A process that was killed may have had its last call done or not, and its transaction ends at some moment
//! after the kill. When the server was killed, `unknown` is an answer; what was asked was done or not done. On MariaDB a
//! kill of the server is a step of the schedule ([`Action::Crash`]), since it may undo what others were shown.

mod line;
mod order;
mod read;
mod search;

pub use line::{HISTORY_VERSION, Head, Line, Tables};
pub use read::{End, History, HistoryError, Process, Recorded};

use paidonce_protocol::{Without, catalogue};

use crate::explore::{ExploreError, Schedule};
use crate::scenario::{Faults, LostOn, Scenario};
use crate::world::{Action, Reductions, Setup, World};
use crate::{Engine, Family, WorldError};
use order::Order;
use search::{Outcome, Search};

/// More than the requests of a scenario.
const MOST_FAULTS: u8 = 64;

/// What came of looking for a schedule.
pub struct Explanation {
    /// What was found.
    pub verdict: Explained,
    /// Distinct states that were looked at.
    pub states: usize,
}

/// Whether a schedule explains a history.
pub enum Explained {
    /// This one does.
    By(Box<Schedule>),
    /// None does.
    ByNone {
        /// The first line, counted from 1, with which the history up to it has no explanation; `None` when that was not
        /// found out within the limit.
        line: Option<usize>,
    },
    /// The limit on states was hit: it says nothing.
    Undecided,
}

/// Look for a schedule of the model that explains a history, among no more than so many states.
///
/// # Errors
/// When the model cannot be made from the history's head, or a protocol breaks a rule of protocols.
pub fn explain(history: &History, most_states: usize) -> Result<Explanation, ExploreError> {
    let world = world(history)?;
    let (outcome, states) = look(&world, history, history.lines(), most_states)?;
    let verdict = match outcome {
        Outcome::Found(actions) => Explained::By(Box::new(schedule(world, actions, history.head().seed))),
        Outcome::None => Explained::ByNone { line: first_unexplained(&world, history, most_states)? },
        Outcome::Undecided => Explained::Undecided,
    };
    Ok(Explanation { verdict, states })
}

/// The shortest beginning of a history without an explanation ends with this line.
fn first_unexplained(world: &World, history: &History, most_states: usize) -> Result<Option<usize>, ExploreError> {
    // Whatever explains a history explains each beginning of it: nothing that was sent later came before.
    let (mut explained, mut unexplained) = (0, history.lines());
    while explained + 1 < unexplained {
        let middle = explained.midpoint(unexplained);
        match look(world, history, middle, most_states)?.0 {
            Outcome::Found(_) => explained = middle,
            Outcome::None => unexplained = middle,
            Outcome::Undecided => return Ok(None),
        }
    }
    Ok(Some(unexplained))
}

fn look(world: &World, history: &History, lines: usize, most_states: usize) -> Result<(Outcome, usize), ExploreError> {
    let order = Order::of(world, history, lines);
    let mut search = Search::new(world, &order, most_states);
    let outcome = search.run()?;
    Ok((outcome, search.states()))
}

/// The world in which a history happened: everybody may die and lose replies, and no clock moves.
fn world(history: &History) -> Result<World, WorldError> {
    let head = history.head();
    let refuse = |problem: String| WorldError::History { problem };
    let engine = Engine::find(&head.engine).ok_or_else(|| refuse(format!("there is no engine {}", head.engine)))?;
    let protocol = catalogue::find(&head.protocol).map(|protocol| protocol.name);
    let protocol = protocol.ok_or_else(|| refuse(format!("there is no protocol {}", head.protocol)))?;
    let scenario = Scenario { faults: Faults::default(), ..head.scenario.clone() };
    let (without, reductions) = (Without::NOTHING, Reductions::NONE);
    let mut world = World::new(&Setup { scenario: &scenario, protocol, engine, without, reductions })?;
    // What may go wrong is what the history says; a scenario's own budget is for what a checker may try.
    world.scenario.faults.deaths = MOST_FAULTS;
    world.scenario.faults.lost_replies = MOST_FAULTS;
    world.scenario.faults.lost_on = LostOn::Any;
    if engine.family() == Family::MariaDb {
        world.scenario.faults.crashes = u8::try_from(history.crashes().len()).unwrap_or(u8::MAX);
    }
    Ok(world)
}

/// The schedule, with no more faults in its bounds than it has.
fn schedule(mut world: World, actions: Vec<Action>, seed: u64) -> Schedule {
    let count = |is: fn(&Action) -> bool| actions.iter().filter(|action| is(action)).count() as u8;
    world.scenario.faults.deaths = count(|action| matches!(action, Action::Die(..)));
    world.scenario.faults.lost_replies = count(|action| matches!(action, Action::Lose(..)));
    Schedule { world, actions, seed: Some(seed) }
}
