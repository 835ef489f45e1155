//! Real time: what had to be over before what could begin.

use paidonce_protocol::Error;

use super::line::Tables;
use super::read::{End, History, Process, Recorded};
use crate::trace::{Asked, Told};
use crate::world::World;

/// How far each process has to be: the number of its calls that are over, and one more when it has to be dead.
pub(super) type Need = Vec<usize>;

/// A history, prepared for the search.
pub(super) struct Order {
    pub(super) parts: Vec<Part>,
    /// The rows at the end, and how far everybody had to be when they were read.
    pub(super) rows: Option<(Tables, Need)>,
    /// How far everybody had to be before the server could be killed, and the line that says so, for each time; where the
    /// model knows what goes with it.
    pub(super) crashes: Vec<(Need, usize)>,
    /// How often it was there again.
    pub(super) came_back: usize,
}

/// One process.
pub(super) struct Part {
    /// Its place among the world's actors.
    pub(super) who: usize,
    pub(super) calls: Vec<Call>,
    /// How many of them were sent, and how many answered.
    pub(super) sent: usize,
    pub(super) answered: usize,
    /// How its code ended, when it did.
    pub(super) outcome: Option<String>,
    /// How far everybody had to be before it could die, and the line by which it was gone, when it was killed.
    pub(super) death: Option<(Need, usize)>,
}

/// One call.
pub(super) struct Call {
    pub(super) asked: Asked,
    pub(super) told: Option<Told>,
    /// The line of its answer: what was answered first most often took effect first.
    pub(super) by: usize,
    /// How far everybody had to be before it could take effect; `None` for a call that was not sent yet.
    pub(super) need: Option<Need>,
    /// The same for the end of its connection, when it is answered `unknown` because the server was killed.
    pub(super) cut: Option<Need>,
    /// How often the server was there again before it was sent.
    pub(super) came_back: usize,
}

impl Order {
    /// The order of a history up to and with a line. What comes after it is known only as far as it is the end of
    /// something that was already ending.
    pub(super) fn of(world: &World, history: &History, up_to: usize) -> Self {
        let processes = history.processes();
        let crashes = history.crashes();
        let embedded = world.engine.is_embedded();
        let are_steps = world.scenario.faults.crashes > 0;
        let came_back = |line: usize| {
            let backs = crashes.iter().filter_map(|(_, back)| *back).filter(|back| *back < line);
            if are_steps { backs.count() } else { 0 }
        };
        // A dead process's statement may still be under way in a server. In a file nothing happens after a process; and
        // nothing of what a server did happens after the server.
        let surely_over = |process: &Process| match process.end {
            End::Killed { by, .. } if embedded => Some(by),
            End::Killed { by, .. } => crashes.iter().filter_map(|(_, back)| *back).find(|back| *back > by),
            End::UnderWay | End::Ended { .. } => None,
        };
        let need = |line: usize| -> Need {
            let far = |process: &Process| {
                if surely_over(process).is_some_and(|over| over < line) {
                    return process.calls.len() + 1;
                }
                process.calls.iter().filter(|call| call.answer.as_ref().is_some_and(|(told, _)| *told < line)).count()
            };
            processes.iter().map(far).collect()
        };
        let part = |process: &Process| {
            let mut before = process.came;
            let mut calls = Vec::new();
            for Recorded { call, asked, answer } in &process.calls {
                let by = answer.as_ref().map_or(usize::MAX, |(line, _)| *line);
                let is_unknown = answer.as_ref().is_some_and(|(_, told)| is_unknown(told));
                let was_killed = |(kill, back): &&(usize, Option<usize>)| {
                    *kill < by.min(up_to + 1) && back.is_none_or(|back| back > before)
                };
                let crash = crashes.iter().find(was_killed).filter(|_| is_unknown && !embedded);
                calls.push(Call {
                    asked: call.clone(),
                    told: answer.as_ref().filter(|_| by <= up_to).map(|(_, told)| told.clone()),
                    by,
                    need: (*asked <= up_to).then(|| need(*asked)),
                    cut: crash.map(|(kill, _)| need(*kill.min(asked))),
                    came_back: came_back(*asked),
                });
                before = by;
            }
            Part {
                // A history is read only when its processes are requests of its scenario.
                who: world.slots.iter().position(|slot| slot.name == process.name).unwrap_or(usize::MAX),
                sent: calls.iter().filter(|call| call.need.is_some()).count(),
                answered: calls.iter().filter(|call| call.told.is_some()).count(),
                calls,
                outcome: match &process.end {
                    End::Ended { outcome, by } if *by <= up_to => Some(outcome.clone()),
                    _ => None,
                },
                death: match process.end {
                    End::Killed { from, by } if from <= up_to => Some((need(from), by)),
                    _ => None,
                },
            }
        };
        let rows = history.rows().filter(|(line, _)| *line <= up_to);
        let rows = rows.map(|(line, rows)| (sorted(rows.clone()), need(line)));
        let kills = crashes.iter().map(|(kill, _)| *kill).filter(|kill| are_steps && *kill <= up_to);
        let crashes = kills.map(|kill| (need(kill), kill)).collect();
        Order { parts: processes.iter().map(part).collect(), rows, crashes, came_back: came_back(up_to + 1) }
    }
}

pub(super) fn is_unknown(told: &Told) -> bool {
    *told == Told::Error(Error::Unknown.name().to_owned())
}

/// The rows of each table, sorted: their order means nothing.
pub(super) fn sorted(mut rows: Tables) -> Tables {
    rows.values_mut().for_each(|rows| rows.sort_unstable());
    rows
}
