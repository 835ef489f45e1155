//! What goes wrong: pauses, deaths, lost replies, restarts.

use paidonce_protocol::{Call, Error};

use super::events::Event;
use super::orphans::Left;
use super::{Simulation, Situation};
use crate::db::{Asked, DbCall, Transaction};
use crate::trace::{DeathForm, Meaning};
use crate::unroll::UnrollError;

/// A restart takes so long.
const RESTART_MS: i64 = 200;

impl Simulation {
    /// Something may happen to a request before its next call. True when it does not make that call now.
    pub(super) fn strikes(&mut self, place: usize) -> Result<bool, UnrollError> {
        let rates = &self.options.rates;
        if self.chance.is(rates.restart) {
            self.events.add(self.now_ms, Event::Restart);
        }
        if self.chance.is(rates.crash) {
            let form = [DeathForm::Soft, DeathForm::Reset, DeathForm::Silent, DeathForm::Stop][self.chance.below(4)];
            self.dies(place, form)?;
            return Ok(true);
        }
        let is_paused = self.chance.is(rates.pause);
        let Some(running) = self.running[place].as_mut().filter(|running| is_paused && !running.was_paused) else {
            return Ok(false);
        };
        running.was_paused = true;
        self.tally.reached(Situation::Pause);
        // From a moment to longer than any lease: a collection of garbage, a virtual machine that is moved.
        let longest_ms = i64::try_from(self.options.settings.lease_ms).unwrap_or(i64::MAX).saturating_mul(2);
        let longest_ms = [100, 5_000, longest_ms.min(7_200_000)][self.chance.below(3)];
        let until_ms = self.now_ms + self.chance.between(1, longest_ms);
        self.events.add(until_ms, Event::Step(place as u8, self.turns[place]));
        Ok(true)
    }

    fn dies(&mut self, place: usize, form: DeathForm) -> Result<(), UnrollError> {
        self.tally.digest.word(form as u64);
        self.tally.reached(match form {
            DeathForm::Soft => Situation::Soft,
            DeathForm::Reset => Situation::Reset,
            DeathForm::Silent => Situation::Silent,
            DeathForm::Stop => Situation::Stop,
        });
        match form {
            DeathForm::Soft => {
                self.turns[place] += 1;
                self.resets(place);
                if self.shuts_down(place)? {
                    return Ok(());
                }
            }
            // The operating system takes a dead process's file locks away.
            DeathForm::Silent if !self.options.engine.is_embedded() => self.leave(place, Left::Dead),
            DeathForm::Stop => self.leave(place, Left::Dead),
            DeathForm::Reset | DeathForm::Silent => self.resets(place),
        }
        self.leaves(place)
    }

    /// The reply to a call may get lost. True when it was.
    pub(super) fn loses(&mut self, place: usize, call: DbCall) -> Result<bool, UnrollError> {
        if !self.chance.is(self.options.rates.lost_reply) {
            return Ok(false);
        }
        // Whatever else was in flight, the transaction is gone with the connection.
        let commits = match (call, self.database.connections[place].transaction) {
            (DbCall::Commit, Transaction::Open) => true,
            (DbCall::Run(request), Transaction::None) => self.store.plan(request).writes(),
            _ => false,
        };
        let meaning = if commits { Meaning::ALL[self.chance.below(3)] } else { Meaning::NotDone };
        self.tally.digest.word(meaning as u64);
        match meaning {
            Meaning::Done => {
                if self.ask(place, call) == Asked::Blocked {
                    // It waits, and is not told anything; what it comes to, it comes to alone.
                    self.leave(place, Left::Landing(call));
                }
                self.tally.reached(Situation::LostDone);
            }
            Meaning::NotDone => self.tally.reached(Situation::LostNotDone),
            Meaning::Later => {
                self.tally.reached(Situation::LostLater);
                self.leave(place, Left::Landing(call));
            }
        }
        self.database.reset(&self.store, place);
        self.lets_go(place);
        self.told(place, Err(Error::Unknown))?;
        Ok(true)
    }

    /// The database is restarted: what is committed is there, and nothing else.
    pub(super) fn restart(&mut self) -> Result<(), UnrollError> {
        self.tally.reached(Situation::Restart);
        while !self.orphans.is_empty() {
            self.end_orphan(0);
        }
        for place in 0..self.running.len() {
            let connection = &self.database.connections[place];
            let (is_open, waits) = (connection.transaction != Transaction::None, connection.wait.is_some());
            self.database.reset(&self.store, place);
            let Some(running) = &mut self.running[place] else { continue };
            if is_open {
                self.tally.reached(Situation::Severed);
            }
            if waits {
                self.told(place, Err(Error::Unknown))?;
                continue;
            }
            running.is_severed |= is_open;
            // With its transaction it has lost what kept others out.
            running.sections.clear();
            if !matches!(running.call, Call::Wait(_)) && !running.was_paused {
                // Nobody is served until it is back.
                running.was_paused = true;
                self.turns[place] += 1;
                self.events.add(self.now_ms + RESTART_MS, Event::Step(place as u8, self.turns[place]));
            }
        }
        Ok(())
    }
}
