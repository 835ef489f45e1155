//! A simulation written down as a trace: its own schedule, as the checker's is, to be drawn and replayed.
//!
//! In a simulation each round trip takes time. A trace's time moves by ticks, and one is written only before something that
//! looks at the time: a clock, a wait, a time-out, a death that somebody notices later.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_protocol::{Error, Reply};

use super::Simulation;
use super::drawn::Again;
use super::orphans::Left;
use crate::check::{holds, rows};
use crate::claims::Claim;
use crate::db::DbCall;
use crate::scenario::{self, Faults, LostOn, Scenario, ScenarioSettings};
use crate::trace::{Asked, DeathForm, Event, Outside, Step, TRACE_VERSION, Told, Trace, TraceVerdict, Woken};
use crate::world::Log;

/// What happened in a simulation and cannot be said in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Untold {
    /// See [`Untold::says`].
    Drift,
    /// See [`Untold::says`].
    RestartOfWaiting,
    /// See [`Untold::says`].
    RestartOfBusy,
    /// See [`Untold::says`].
    RestartOfLanding,
    /// See [`Untold::says`].
    OrphanTimedOut,
    /// See [`Untold::says`].
    Operator,
    /// See [`Untold::says`].
    EndsOfWaits,
}

impl Untold {
    /// In a few words.
    pub fn says(self) -> &'static str {
        match self {
            Untold::Drift => "a clock that drifts was read",
            Untold::RestartOfWaiting => "the database was restarted while a statement waited",
            Untold::RestartOfBusy => "the database was restarted while a request in a transaction was busy elsewhere",
            Untold::RestartOfLanding => "the database was restarted while a call without a listener was under way",
            Untold::OrphanTimedOut => "a call without a listener waited for too long",
            Untold::Operator => "somebody ended a process that had stopped",
            Untold::EndsOfWaits => "two waits ended at one moment, and others went on in between",
        }
    }
}

/// See the module.
pub(super) struct Recorder {
    log: Log,
    /// The trace's time.
    now_ms: i64,
    untold: BTreeSet<Untold>,
}

impl Recorder {
    pub(super) fn off() -> Self {
        Recorder { log: Log::off(), now_ms: 0, untold: BTreeSet::new() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.log.is_on()
    }

    pub(super) fn leave_out(&mut self, untold: Untold) {
        if self.is_on() {
            self.untold.insert(untold);
        }
    }

    /// What goes on looks at the time.
    pub(super) fn catches_up(&mut self, now_ms: i64) {
        if self.is_on() {
            self.move_to(now_ms);
        }
    }

    fn move_to(&mut self, to_ms: i64) {
        if to_ms > self.now_ms {
            self.log.ticked(self.now_ms, to_ms);
            self.now_ms = to_ms;
        }
    }

    pub(super) fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }
}

/// Rows of every table, at a step.
pub type Rows = BTreeMap<String, Vec<Vec<crate::trace::Datum>>>;

impl Simulation {
    /// Write down what happens from now on, which is the beginning.
    pub fn record(&mut self) {
        self.recorder.log = Log::on();
    }

    /// How many steps are written down.
    pub fn steps(&self) -> usize {
        self.recorder.log.steps().len()
    }

    /// The committed rows, by table.
    pub fn rows(&self) -> Rows {
        rows(&self.store, self.database.committed)
    }

    /// What has happened and cannot be said in a trace.
    pub fn untold(&self) -> impl Iterator<Item = Untold> {
        self.recorder.untold.iter().copied()
    }

    /// Write down what a request does; `is_timed` when it looks at the time.
    pub(super) fn log(&mut self, place: usize, is_timed: bool, event: impl FnOnce(Asked) -> Event) {
        if !self.recorder.is_on() {
            return;
        }
        if is_timed {
            self.recorder.move_to(self.now_ms);
        }
        let Some(running) = &self.running[place] else { return };
        let asked = Asked::from(&running.call);
        let (name, now_ms) = (running.id.clone(), self.recorder.now_ms);
        self.recorder.log.push(Some(name), now_ms, || event(asked));
    }

    /// Write down that a request's call was answered at once.
    pub(super) fn log_answer(&mut self, place: usize, is_timed: bool, answer: &Result<Reply, Error>) {
        if self.recorder.is_on() {
            let answer = Told::from(answer);
            self.log(place, is_timed, |call| Event::Answered { call, answer });
        }
    }

    /// Write down that a wait has ended because time has passed.
    pub(super) fn log_woken(&mut self, place: usize, answer: &Result<Reply, Error>) {
        let Some(running) = self.running[place].as_ref().filter(|_| self.recorder.is_on()) else { return };
        let woken = Woken { actor: running.id.clone(), answer: Told::from(answer), marks: Vec::new(), outcome: None };
        let now_ms = self.now_ms;
        self.recorder.move_to(now_ms);
        if !self.recorder.log.woken_too(now_ms, woken) {
            self.recorder.leave_out(Untold::EndsOfWaits);
        }
    }

    /// Write down that a statement has to wait, or has to wait again.
    pub(super) fn log_blocked(&mut self, place: usize, is_again: bool) {
        if !self.recorder.is_on() {
            return;
        }
        let blockers = self.database.blockers(self.options.engine, &self.store, place);
        let name = |other: &usize| match self.running.get(*other) {
            Some(running) => running.as_ref().map(|running| running.id.clone()),
            None => self.orphans.get(*other - self.running.len()).map(|orphan| orphan.owner.clone()),
        };
        let by: Vec<String> = blockers.iter().filter_map(name).collect();
        self.log(
            place,
            !is_again,
            |call| if is_again { Event::BlockedAgain { by } } else { Event::Blocked { call, by } },
        );
    }

    /// Write down that what a lost connection had in flight gets on.
    pub(super) fn log_landed(&mut self, orphan: usize, call: Option<DbCall>) {
        if !self.recorder.is_on() {
            return;
        }
        if call.is_some_and(|call| self.reads_clock(call)) {
            self.recorder.move_to(self.now_ms);
        }
        let (name, now_ms) = (self.orphans[orphan].owner.clone(), self.recorder.now_ms);
        self.recorder.log.push(Some(name), now_ms, || Event::Landed);
    }

    /// The last connection that was left got as far as to wait.
    pub(super) fn log_landed_last(&mut self) {
        if let Some(last) = self.orphans.len().checked_sub(1) {
            self.log_landed(last, None);
        }
    }

    /// Write down that a connection ends without its request.
    pub(super) fn log_end_of_orphan(&mut self, place: usize) {
        if !self.recorder.is_on() {
            return;
        }
        let orphan = &self.orphans[place];
        let idle_ms = self.now_ms - orphan.since_ms;
        match orphan.left() {
            Left::Landing(_) if self.back_ms > self.now_ms => self.recorder.leave_out(Untold::RestartOfLanding),
            Left::Landing(_) => self.recorder.leave_out(Untold::OrphanTimedOut),
            Left::Dead if self.options.engine.is_embedded() => self.recorder.leave_out(Untold::Operator),
            // With the tick the server notices.
            Left::Dead if idle_ms >= self.options.limits.idle_limit_ms => self.recorder.move_to(self.now_ms),
            Left::Dead => {
                let (name, now_ms) = (orphan.owner.clone(), self.recorder.now_ms);
                self.recorder.log.push(Some(name), now_ms, || Event::Reaped);
            }
        }
    }

    /// True when a call looks at the database's clock.
    pub(super) fn reads_clock(&self, call: DbCall) -> bool {
        matches!(call, DbCall::Run(request) if self.store.plan(request).reads_clock)
    }

    /// What has happened so far, as a trace: of the claim that it breaks, if it is to break one.
    pub fn trace(&self, claim: Option<Claim>) -> Trace {
        let scenario = self.scenario();
        let mut steps: Vec<Step> = self.recorder.log.steps().to_vec();
        let names: BTreeMap<String, usize> =
            scenario.requests().into_iter().enumerate().map(|(place, request)| (request.name, place)).collect();
        for step in &mut steps {
            if let Event::Ticked { woken, .. } = &mut step.event {
                woken.sort_by_key(|woken| names.get(&woken.actor).copied());
            }
        }
        let found = self.ledger.found().iter().find(|found| Some(found.claim) == claim);
        let (mails, taken) = self.ledger.outside();
        let sentence = found.map_or_else(|| "nothing went wrong".to_owned(), |found| found.sentence.clone());
        Trace {
            version: TRACE_VERSION,
            protocol: self.notice.name.to_owned(),
            engine: self.options.engine.name().to_owned(),
            without: self.options.without.guards().map(|guard| guard.name().to_owned()).collect(),
            scenario,
            seed: Some(self.options.seed),
            verdict: TraceVerdict { claim: found.map(|found| found.claim.name().to_owned()), sentence },
            rows: self.rows(),
            world: Outside { mails, taken, holds: holds(&steps), at_rest: self.events.is_empty() },
            steps,
        }
    }

    /// Everybody who has come, with the shop as it was, as a scenario that allows as many faults as there were.
    fn scenario(&self) -> Scenario {
        let steps = self.recorder.log.steps();
        let count = |of: fn(&Event) -> bool| u8::try_from(steps.iter().filter(|step| of(&step.event)).count());
        let deaths = count(|event| matches!(event, Event::Died { .. })).unwrap_or(u8::MAX);
        let lost_replies = count(|event| matches!(event, Event::ReplyLost { .. })).unwrap_or(u8::MAX);
        let mut forms: Vec<DeathForm> = Vec::new();
        let mut lost_on = LostOn::Commit;
        for step in steps {
            match &step.event {
                Event::Died { form } if !forms.contains(form) => forms.push(*form),
                Event::ReplyLost { call, .. } if call.name != "commit" => lost_on = LostOn::Any,
                _ => {}
            }
        }
        forms.sort_unstable();
        let came: Vec<&super::drawn::Sender> = self.senders.iter().filter(|sender| sender.begun > 0).collect();
        let reached: BTreeSet<u16> = came.iter().flat_map(|sender| sender.reached.iter().copied()).collect();
        let server = |number: u16| super::drawn::server_name(number.into());
        let servers = reached.iter().map(|number| {
            let clock_offset_ms = self.servers[usize::from(*number)].offset_ms;
            scenario::Server { name: server(*number), clock_offset_ms }
        });
        let servers = servers.collect();
        let most_faults = usize::from(deaths) + usize::from(lost_replies);
        let actors = came.into_iter().map(|sender| {
            let begun = sender.begun as usize;
            let overlapping = usize::from(sender.at_once).clamp(1, begun.max(1));
            // More than the faults can spoil.
            let deliveries = match sender.comes_again {
                Again::Never => overlapping,
                Again::UntilAccepted | Again::Always => begun.max(most_faults + 1),
            };
            let (ipn, pdt, cancel) = super::bodies::of(sender);
            let protocol = cancel.is_some() && self.admin.name != self.notice.admin;
            scenario::Actor {
                name: sender.name.clone(),
                ipn,
                pdt,
                cancel,
                work: sender.comes_again == Again::Always,
                servers: sender.reached.iter().map(|number| server(*number)).collect(),
                overlapping,
                deliveries,
                after: None,
                protocol: protocol.then(|| self.admin.name.to_owned()),
            }
        });
        let settings = &self.options.settings;
        Scenario {
            name: "simulated".to_owned(),
            story: format!("What is left of seed {} of a simulation.", self.options.seed),
            published: false,
            orders: self.shop_orders.clone(),
            stock: self.shop_stock.clone(),
            locks: Vec::new(),
            servers,
            actors: actors.collect(),
            settings: ScenarioSettings {
                attempts: settings.attempts,
                lease_ms: settings.lease_ms,
                poll_ms: settings.poll_ms,
                polls: settings.polls,
                work_ms: settings.work_ms,
                refused_answer: settings.refused_answer.name().to_owned(),
                shutdown_release: settings.shutdown_release,
                hook_inside: settings.hook_inside,
            },
            faults: Faults {
                deaths,
                death_forms: (deaths > 0).then_some(forms),
                lost_replies,
                lost_on,
                ticks: 0,
                crashes: 0,
            },
            limits: self.options.limits.clone(),
            assume: Vec::new(),
            check: Vec::new(),
        }
    }
}
