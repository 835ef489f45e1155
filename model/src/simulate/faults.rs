//! What goes wrong: pauses, deaths, lost replies, restarts.

use std::collections::BTreeMap;

use paidonce_protocol::{Call, Error};
use smallvec::SmallVec;

use super::drawn::Drawn;
use super::events::Event;
use super::lot::For;
use super::orphans::Left;
use super::plan::{Fault, Plan, Strike};
use super::record::Untold;
use super::{Simulation, Situation, Unusable};
use crate::db::{Asked, DbCall, Transaction};
use crate::trace::{DeathForm, Event as Traced, Meaning};
use crate::unroll::UnrollError;

/// A restart takes so long.
const RESTART_MS: i64 = 200;

/// A sender's number, which of its deliveries, and which of that one's calls.
pub(super) type At = (u32, u32, u32);

/// What a plan has go wrong, and what has gone wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: BTreeMap<At, SmallVec<[Strike; 1]>>,
    happened: Vec<(At, Strike)>,
}

impl Faults {
    pub(super) fn of(plan: &Plan, drawn: &Drawn) -> Result<Self, Unusable> {
        let mut faults = Faults::default();
        for Fault { strike, call, request } in &plan.faults {
            let named = request.rsplit_once('-').and_then(|(sender, delivery)| {
                Some((drawn.sender(sender)?, delivery.parse::<u32>().ok().filter(|delivery| *delivery > 0)?))
            });
            let (sender, delivery) = named.ok_or_else(|| Unusable::NoSuchRequest { request: request.clone() })?;
            if matches!(strike, Strike::Crash(_)) && *call == 1 {
                return Err(Unusable::TooEarly { request: request.clone() });
            }
            faults.planned.entry((sender, delivery, *call)).or_default().push(*strike);
        }
        Ok(faults)
    }

    fn planned(&self, at: At) -> &[Strike] {
        if self.planned.is_empty() { &[] } else { self.planned.get(&at).map_or(&[], |strikes| strikes) }
    }
}

impl Simulation {
    /// What has gone wrong, as a plan would say it.
    pub(super) fn happened(&self) -> Vec<Fault> {
        let told = |((sender, delivery, call), strike): &(At, Strike)| {
            let request = format!("{}-{delivery}", self.senders[*sender as usize].name);
            Fault { strike: *strike, call: *call, request }
        };
        self.faults.happened.iter().map(told).collect()
    }

    fn at(&self, place: usize) -> At {
        self.running[place].as_ref().map_or((0, 0, 0), |running| (running.sender, running.delivery, running.calls))
    }

    /// Something may happen to a request before its next call. True when it does not make that call now.
    pub(super) fn strikes(&mut self, place: usize) -> Result<bool, UnrollError> {
        let at = self.at(place);
        for strike in self.struck(place, at) {
            match strike {
                Strike::Restart => self.events.add(self.now_ms, Event::Restart),
                Strike::Crash(form) => {
                    self.faults.happened.push((at, strike));
                    self.dies(place, form)?;
                    return Ok(true);
                }
                Strike::Pause(ms) => {
                    self.faults.happened.push((at, strike));
                    self.tally.reached(Situation::Pause);
                    if let Some(running) = &mut self.running[place] {
                        running.was_paused = true;
                    }
                    self.events.add(self.now_ms.saturating_add(ms), Event::Step(place as u8, self.turns[place]));
                    return Ok(true);
                }
                Strike::Lost(_) => continue,
            }
            self.faults.happened.push((at, strike));
        }
        Ok(false)
    }

    /// What strikes before this call: first what the plan says, then what chance does.
    fn struck(&self, place: usize, at: At) -> SmallVec<[Strike; 2]> {
        let mut strikes: SmallVec<[Strike; 2]> = SmallVec::from_slice(self.faults.planned(at));
        let rates = &self.options.rates;
        if rates.restart | rates.crash | rates.pause == 0 {
            return strikes;
        }
        let mut chance = self.chance(place, For::Fault);
        if chance.is(rates.restart) {
            strikes.push(Strike::Restart);
        }
        // Who dies before its first call has not come.
        if at.2 > 1 && chance.is(rates.crash) {
            let forms = [DeathForm::Soft, DeathForm::Reset, DeathForm::Silent, DeathForm::Stop];
            strikes.push(Strike::Crash(forms[chance.below(4)]));
        }
        if chance.is(rates.pause) {
            // From a moment to longer than any lease: a collection of garbage, a virtual machine that is moved.
            let longest_ms = i64::try_from(self.options.settings.lease_ms).unwrap_or(i64::MAX).saturating_mul(2);
            let longest_ms = [100, 5_000, longest_ms.min(7_200_000)][chance.below(3)];
            strikes.push(Strike::Pause(chance.between(1, longest_ms)));
        }
        strikes
    }

    fn dies(&mut self, place: usize, form: DeathForm) -> Result<(), UnrollError> {
        self.tally.digest.word(form as u64);
        self.tally.reached(match form {
            DeathForm::Soft => Situation::Soft,
            DeathForm::Reset => Situation::Reset,
            DeathForm::Silent => Situation::Silent,
            DeathForm::Stop => Situation::Stop,
        });
        self.log(place, true, |_| Traced::Died { form });
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
        let at = self.at(place);
        let planned = self.faults.planned(at).iter().find_map(|strike| match strike {
            Strike::Lost(meaning) => Some(*meaning),
            _ => None,
        });
        let rate = self.options.rates.lost_reply;
        if planned.is_none() && rate == 0 {
            return Ok(false);
        }
        let mut chance = self.chance(place, For::Reply);
        if planned.is_none() && !chance.is(rate) {
            return Ok(false);
        }
        // Whatever else was in flight, the transaction is gone with the connection.
        let commits = match (call, self.database.connections[place].transaction) {
            (DbCall::Commit, Transaction::Open) => true,
            (DbCall::Run(request), Transaction::None) => self.store.plan(request).writes(),
            _ => false,
        };
        let meaning = match (commits, planned) {
            (false, _) => Meaning::NotDone,
            (true, Some(meaning)) => meaning,
            (true, None) => Meaning::ALL[chance.below(3)],
        };
        self.faults.happened.push((at, Strike::Lost(meaning)));
        self.tally.digest.word(meaning as u64);
        let reads_clock = self.reads_clock(call);
        match meaning {
            Meaning::Done => {
                let asked = self.ask(place, call);
                // It may wait, and is not told anything; what it comes to, it comes to alone. In a trace a reply that is not
                // there yet cannot be lost: the call is under way, and gets as far as it can.
                let waits = asked == Asked::Blocked;
                let told = if waits { Meaning::Later } else { Meaning::Done };
                self.log(place, reads_clock, |call| Traced::ReplyLost { call, meaning: told });
                if waits {
                    self.leave(place, Left::Landing(call));
                    self.log_landed_last();
                }
                self.tally.reached(Situation::LostDone);
            }
            Meaning::NotDone => {
                self.log(place, reads_clock, |call| Traced::ReplyLost { call, meaning });
                self.tally.reached(Situation::LostNotDone);
            }
            Meaning::Later => {
                self.log(place, reads_clock, |call| Traced::ReplyLost { call, meaning });
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
        // Nobody is served until it is back.
        self.back_ms = self.now_ms + RESTART_MS;
        while !self.orphans.is_empty() {
            self.log_end_of_orphan(0);
            self.end_orphan(0);
        }
        for place in 0..self.running.len() {
            let connection = &self.database.connections[place];
            let (is_open, waits) = (connection.transaction != Transaction::None, connection.wait.is_some());
            self.database.reset(&self.store, place);
            let Some(running) = &mut self.running[place] else { continue };
            if is_open {
                self.tally.reached(Situation::Severed);
                // With its transaction it has lost what kept others out.
                running.sections.clear();
            }
            if waits {
                self.recorder.leave_out(Untold::RestartOfWaiting);
                self.log(place, false, |_| Traced::Granted { answer: crate::trace::Told::Error("unknown".to_owned()) });
                self.told(place, Err(Error::Unknown))?;
            } else if is_open {
                let asks = matches!(running.call, Call::Run(..) | Call::Begin | Call::Commit | Call::Rollback);
                if asks && !running.was_paused {
                    self.log(place, true, |call| Traced::ReplyLost { call, meaning: Meaning::NotDone });
                    self.told(place, Err(Error::Unknown))?;
                } else {
                    running.is_severed = true;
                    self.recorder.leave_out(Untold::RestartOfBusy);
                }
            }
        }
        Ok(())
    }
}
