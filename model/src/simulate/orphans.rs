//! Connections that nobody listens to any more.

use super::events::Event;
use super::lot::For;
use super::{Simulation, Situation};
use crate::chance::SplitMix;
use crate::db::{Asked, DbCall};

/// Where there is no server that would ever notice, somebody ends a process that has stopped after so long.
const OPERATOR_MS: i64 = 600_000;

/// What a connection without a request still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// This call is still under way.
    Landing(DbCall),
    /// Nothing comes any more, and the server does not know yet.
    Dead,
}

/// Such a connection. Its place among the connections is behind those of the pool.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) number: u32,
    /// The request whose connection it was.
    pub(super) owner: String,
    /// When it was left.
    pub(super) since_ms: i64,
    /// What it comes to by chance.
    pub(super) chance: SplitMix,
    left: Left,
}

impl Orphan {
    pub(super) fn left(&self) -> Left {
        self.left
    }

    /// The call that is still under way.
    pub(super) fn call_mut(&mut self) -> Option<&mut DbCall> {
        match &mut self.left {
            Left::Landing(call) => Some(call),
            Left::Dead => None,
        }
    }
}

impl Simulation {
    /// A request's connection goes on without it; the request gets a new one.
    pub(super) fn leave(&mut self, place: usize, left: Left) {
        if left == Left::Dead && self.database.holds_nothing(place) {
            self.database.reset(&self.store, place);
            return;
        }
        let waits = self.database.connections[place].wait.is_some();
        self.database.set_aside(place);
        // A number that no other has: so many events there have been.
        let number = self.tally.events as u32;
        let mut chance = self.chance(place, For::Left);
        let (after_ms, event) = match left {
            Left::Landing(_) => (chance.between(1, 30_000), Event::Land(number)),
            Left::Dead if self.options.engine.is_embedded() => (OPERATOR_MS, Event::Reap(number)),
            Left::Dead => (self.options.limits.idle_limit_ms, Event::Reap(number)),
        };
        self.events.add(self.now_ms + after_ms, event);
        let owner = self.running[place].as_ref().map(|running| running.id.clone()).unwrap_or_default();
        self.orphans.push(Orphan { number, owner, since_ms: self.now_ms, chance, left });
        if waits {
            // For as long as the server lets it.
            self.events.add(self.now_ms + self.options.limits.lock_timeout_ms, Event::Reap(number));
        }
    }

    fn place_of(&self, number: u32) -> Option<usize> {
        self.orphans.iter().position(|orphan| orphan.number == number)
    }

    /// What a lost connection had in flight takes effect, or its waiting statement goes on.
    pub(super) fn land(&mut self, number: u32) {
        let Some(place) = self.place_of(number) else { return };
        let connection = self.running.len() + place;
        let (asked, call) = match self.orphans[place].left {
            _ if self.database.connections[connection].wait.is_some() => match self.resume(connection) {
                Some(asked) => (asked, None),
                None => return,
            },
            Left::Landing(call) => {
                let call = self.at_once(call);
                (self.ask(connection, call), Some(call))
            }
            Left::Dead => return,
        };
        self.log_landed(place, call);
        match asked {
            // Nobody will send anything more.
            Asked::Answered(_) if matches!(self.orphans[place].left, Left::Landing(_)) => {
                self.tally.reached(Situation::Landed);
                self.end_orphan(place);
                self.wakes();
            }
            Asked::Answered(_) => {}
            Asked::Blocked => {
                let until_ms = self.now_ms + self.options.limits.lock_timeout_ms;
                self.events.add(until_ms, Event::Reap(number));
            }
        }
    }

    /// The server notices that nobody is there any more.
    pub(super) fn reap(&mut self, number: u32) {
        let Some(place) = self.place_of(number) else { return };
        self.tally.reached(Situation::Reaped);
        self.log_end_of_orphan(place);
        self.end_orphan(place);
        self.wakes();
    }

    pub(super) fn end_orphan(&mut self, place: usize) {
        self.orphans.remove(place);
        self.database.remove(&self.store, self.running.len() + place);
    }
}
