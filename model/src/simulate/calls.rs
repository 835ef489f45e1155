//! A call of a request, to the database above all, and who goes on after it.

use paidonce_protocol::{Call, Error, Reply};
use smallvec::SmallVec;

use super::events::Event;
use super::lot::For;
use super::record::Untold;
use super::{Simulation, Situation};
use crate::db::{Asked, Cause, Choices, DbCall, Effects, ReplyId, Transaction};
use crate::engine::Family;
use crate::trace::{Event as Traced, Told};
use crate::unroll::UnrollError;

/// PostgreSQL looks for a circle of waits once a statement has waited for so long (`deadlock_timeout`), InnoDB at once.
const DEADLOCK_TIMEOUT_MS: i64 = 1_000;

impl Simulation {
    /// A request makes its next call, if nothing happens to it before.
    pub(super) fn step(&mut self, place: usize) -> Result<(), UnrollError> {
        let Some(running) = &self.running[place] else { return Ok(()) };
        // What was paused makes its call now.
        if !running.was_paused && self.strikes(place)? {
            return Ok(());
        }
        let Some(running) = &mut self.running[place] else { return Ok(()) };
        let server = self.servers[running.server];
        let call = match &running.call {
            Call::Run(statement, arguments) => {
                let request = self.store.request(statement, arguments)?;
                DbCall::Run(request)
            }
            Call::Begin => DbCall::Begin,
            Call::Commit => DbCall::Commit,
            Call::Rollback => DbCall::Rollback,
            Call::Clock => {
                if server.drift != 0 {
                    self.recorder.leave_out(Untold::Drift);
                }
                return self.is_told(place, true, Ok(Reply::Clock(server.clock(self.now_ms))));
            }
            Call::Wait(1..) => {
                let Call::Wait(wait_ms) = running.call else { return Ok(()) };
                let until_ms = self.now_ms.saturating_add_unsigned(wait_ms);
                self.log(place, true, |call| Traced::Blocked { call, by: Vec::new() });
                self.events.add(until_ms, Event::Wake(place as u8, self.turns[place]));
                return Ok(());
            }
            Call::Mail(mail) => {
                self.ledger.mailed(&self.store, mail);
                return self.is_told(place, false, Ok(Reply::Done));
            }
            Call::Answer(answer) => {
                let answer = *answer;
                self.answered(place, answer);
                return self.is_told(place, false, Ok(Reply::Done));
            }
            Call::Wait(0) | Call::Checkpoint { .. } => return self.is_told(place, false, Ok(Reply::Done)),
            Call::Cache(_) => return self.is_told(place, false, Err(Error::Unknown)),
        };
        if self.now_ms < self.back_ms {
            // The database is not back yet.
            running.was_paused = true;
            self.events.add(self.back_ms, Event::Step(place as u8, self.turns[place]));
            return Ok(());
        }
        if std::mem::take(&mut running.is_severed) {
            return self.told(place, Err(Error::Unknown));
        }
        let call = self.at_once(call);
        if self.loses(place, call)? {
            return Ok(());
        }
        self.calls(place, call)
    }

    /// A request's own wait is over.
    pub(super) fn wakes_up(&mut self, place: usize) -> Result<(), UnrollError> {
        self.log_woken(place, &Ok(Reply::Done));
        self.told(place, Ok(Reply::Done))
    }

    /// The call as it is made now: a statement may look at the engine's clock, which shows true time.
    pub(super) fn at_once(&self, call: DbCall) -> DbCall {
        match call {
            DbCall::Run(request) if self.store.plan(request).reads_clock => {
                DbCall::Run(self.store.at(request, self.now_ms))
            }
            other => other,
        }
    }

    /// The database is asked.
    fn calls(&mut self, place: usize, call: DbCall) -> Result<(), UnrollError> {
        let held = !self.database.holds_nothing(place);
        match self.ask(place, call) {
            Asked::Answered(reply) => {
                if held {
                    self.lets_go(place);
                }
                let answer = self.store.reply(reply);
                self.is_told(place, self.reads_clock(call), answer)
            }
            Asked::Blocked => {
                self.log_blocked(place, false);
                self.waits(place);
                Ok(())
            }
        }
    }

    /// Ask for a connection, and judge what it has committed.
    pub(super) fn ask(&mut self, connection: usize, call: DbCall) -> Asked {
        let mut effects = Effects::default();
        let mut choices = self.choices(connection, For::Way);
        let before = self.database.committed;
        let asked = self.database.ask(self.options.engine, &self.store, connection, call, &mut choices, &mut effects);
        self.judge(before, &effects);
        asked
    }

    /// How what an engine leaves open comes out on a connection.
    fn choices(&mut self, connection: usize, decides: For) -> Choices {
        match connection.checked_sub(self.running.len()) {
            None => Choices::drawn(&mut self.chance(connection, decides)),
            Some(place) => Choices::drawn(&mut self.orphans[place].chance),
        }
    }

    pub(super) fn judge(&mut self, before: u32, effects: &Effects) {
        if !effects.committed.is_empty() {
            self.ledger.committed(&self.store, before, self.database.committed, effects, &mut self.tally);
        }
    }

    fn waits(&mut self, place: usize) {
        if let Some(running) = &mut self.running[place] {
            running.waits_since = self.tally.events;
        }
        self.tally.reached(Situation::Wait);
        let own_ms = self.database.own_patience_ms(&self.store, place);
        let patience_ms = own_ms.unwrap_or(self.options.limits.lock_timeout_ms);
        self.turns[place] += 1;
        let turn = self.turns[place];
        let looks_ms = match self.options.engine.family() {
            Family::Sqlite => None,
            Family::Postgres => Some(DEADLOCK_TIMEOUT_MS),
            Family::MariaDb => Some(0),
        };
        if let Some(looks_ms) = looks_ms {
            self.events.add(self.now_ms + looks_ms, Event::Deadlock(place as u8, turn));
        }
        self.events.add(self.now_ms.saturating_add(patience_ms), Event::TimeOut(place as u8, turn));
    }

    /// A connection may have let go of something.
    pub(super) fn lets_go(&mut self, by: usize) {
        if self.options.engine.family() != Family::MariaDb
            && self.database.connections[by].transaction == Transaction::Open
        {
            return;
        }
        self.wakes();
    }

    /// Those who wait and could go on will.
    pub(super) fn wakes(&mut self) {
        let engine = self.options.engine;
        let mut waiting: SmallVec<[usize; 32]> = (0..self.database.connections.len())
            .filter(|other| self.database.connections[*other].wait.is_some())
            .collect();
        if self.options.plan.in_turn {
            // Those who have left came before those who have not.
            let since = |other: &usize| {
                let running = self.running.get(*other).and_then(Option::as_ref);
                running.map_or(0, |running| running.waits_since + 1)
            };
            waiting.sort_by_key(since);
        }
        for other in waiting {
            let is_called = match self.running.get(other) {
                Some(running) => running.as_ref().is_some_and(|running| running.is_called),
                None => false,
            };
            if is_called || !self.database.can_resume(engine, &self.store, other) {
                continue;
            }
            let after_ms = match other.checked_sub(self.running.len()) {
                None => self.chance(other, For::GoingOn).between(0, 2),
                Some(place) => self.orphans[place].chance.between(0, 2),
            };
            let event = match self.running.get_mut(other) {
                Some(Some(running)) => {
                    running.is_called = true;
                    Event::Grant(other as u8, self.turns[other])
                }
                Some(None) => continue,
                None => Event::Land(self.orphans[other - self.running.len()].number),
            };
            if self.options.plan.in_turn {
                self.events.add_next(self.now_ms, event);
            } else {
                self.events.add(self.now_ms + after_ms, event);
            }
        }
    }

    /// A waiting statement goes on, if nobody was faster.
    pub(super) fn grant(&mut self, place: usize) -> Result<(), UnrollError> {
        if let Some(running) = &mut self.running[place] {
            running.is_called = false;
        }
        match self.resume(place) {
            Some(Asked::Answered(reply)) => {
                self.lets_go(place);
                let answer = self.store.reply(reply);
                let told = Told::from(&answer);
                self.log(place, false, |_| Traced::Granted { answer: told });
                self.told(place, answer)
            }
            Some(Asked::Blocked) => {
                self.log_blocked(place, true);
                self.lets_go(place);
                self.tally.reached(Situation::Wait);
                if self.options.engine.family() != Family::Sqlite {
                    self.events.add(self.now_ms + 1, Event::Deadlock(place as u8, self.turns[place]));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn resume(&mut self, connection: usize) -> Option<Asked> {
        let engine = self.options.engine;
        if !self.database.can_resume(engine, &self.store, connection) {
            return None;
        }
        if engine.is_embedded()
            && let Some(wait) = &mut self.database.connections[connection].wait
            && let DbCall::Run(request) = wait.call
            && self.store.plan(request).reads_clock
        {
            // SQLite kept nobody waiting, and is asked once more.
            wait.call = DbCall::Run(self.store.at(request, self.now_ms));
            self.recorder.catches_up(self.now_ms);
        }
        let mut effects = Effects::default();
        let mut choices = self.choices(connection, For::WayOn);
        let before = self.database.committed;
        let asked = self.database.resume(engine, &self.store, connection, &mut choices, &mut effects);
        self.judge(before, &effects);
        Some(asked)
    }

    pub(super) fn looks_for_deadlock(&mut self, place: usize) -> Result<(), UnrollError> {
        if self.database.connections[place].wait.is_none()
            || !self.database.may_be_victim(self.options.engine, &self.store, place)
        {
            return Ok(());
        }
        self.tally.reached(Situation::Deadlock);
        self.fails(place, Cause::Deadlock)
    }

    pub(super) fn times_out(&mut self, place: usize) -> Result<(), UnrollError> {
        if self.database.connections[place].wait.is_none() {
            return Ok(());
        }
        self.tally.reached(Situation::TimedOut);
        self.fails(place, Cause::TimedOut)
    }

    fn fails(&mut self, place: usize, cause: Cause) -> Result<(), UnrollError> {
        let reply: ReplyId = self.database.fail_wait(self.options.engine, &self.store, place, cause);
        self.lets_go(place);
        let answer = self.store.reply(reply);
        match cause {
            Cause::TimedOut => self.log_woken(place, &answer),
            _ => {
                let told = Told::from(&answer);
                self.log(place, false, |_| Traced::Deadlock { answer: told });
            }
        }
        self.told(place, answer)
    }

    /// A connection is made anew.
    pub(super) fn resets(&mut self, place: usize) {
        let held = !self.database.holds_nothing(place);
        self.database.reset(&self.store, place);
        if held {
            self.lets_go(place);
        }
    }
}
