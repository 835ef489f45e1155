//! One seeded world in virtual time: thousands of orders, many web servers, every fault; the protocols' own `async fn`s over
//! the model database.
//!
//! | file | is about |
//! |---|---|
//! | `options` | what may be chosen |
//! | `drawn` | who buys what, and who will tell the shop of it when: drawn from the seed before anything happens |
//! | `plan` | what is given in place of being drawn |
//! | `lot` | chance for one request |
//! | `events` | what happens next |
//! | `run` | a request: from call to call |
//! | `workers` | who works through what is kept in the database, and when there is nothing left to do |
//! | `calls` | a call to the database, and who goes on after it |
//! | `faults` | what goes wrong |
//! | `orphans` | connections that nobody listens to any more |
//! | `ledger` | claims, judged from what each commit changed, and of everything at rest |
//! | `situations` | what was reached how often |
//! | `report` | what came of it |
//! | `record`, `bodies` | a simulation as a trace |
//! | `shrink` | what is left of one when everything is taken away that a broken claim does not need |
//! | `summary` | what came of many |
//!
//! The exhaustive checker takes every way and is small; this takes one way, drawn from a seed, and is large. The same seed
//! gives the same events on every machine and build: no thread, no clock, no floating point and no order of a hash table has a
//! part in it. What a call costs grows no faster than the logarithm of the number of orders, but for a statement that the engine
//! itself takes through the whole table: InnoDB locks every record on its way, and PostgreSQL's serializable notes every row,
//! when `cancel` looks for an order's payments, which have no key for that. Time is virtual, in milliseconds, and jumps from one event to the next.

mod bodies;
mod calls;
mod drawn;
mod events;
mod faults;
mod ledger;
mod lot;
mod options;
mod orphans;
mod plan;
mod record;
mod report;
mod run;
mod shrink;
mod situations;
mod summary;
mod workers;

use std::collections::VecDeque;

use paidonce_protocol::catalogue::{self, Protocol, Role};
use paidonce_protocol::{Dialect, Statement};

pub use options::{NoRates, Options, Rates, Unusable};
pub use plan::{Fault, NoFault, Plan, Strike};
pub use record::{Rows, Untold};
pub use report::{Found, Latency, Report};
pub use shrink::{Shrunk, shrink};
pub use situations::Situation;
pub use summary::{Seeds, Summary, Unjoinable, Violation};

use crate::claims::{Claim, Shop};
use crate::db::{Database, Spare, Store};
use crate::scenario::{Order, Stock, rows_of};
use crate::unroll::UnrollError;
use drawn::{Sender, Server};
use events::{Event, Events};
use faults::Faults;
use ledger::Ledger;
use orphans::Orphan;
use record::Recorder;
use report::Tally;
use run::Running;
use workers::Workers;

/// A simulation under way.
pub struct Simulation {
    options: Options,
    notice: &'static Protocol,
    admin: &'static Protocol,
    store: Store,
    spare: Spare,
    database: Database,
    now_ms: i64,
    events: Events,
    servers: Vec<Server>,
    senders: Vec<Sender>,
    /// A place for each connection of the pool.
    running: Vec<Option<Running>>,
    /// How often each place was taken or its request answered: what was meant for an earlier moment is void.
    turns: Vec<u32>,
    /// Deliveries that wait for a free connection, with the moment at which they came.
    queue: VecDeque<(u32, i64)>,
    /// What is known of the protocol's workers, if it has any.
    workers: Workers,
    /// Behind those of the pool.
    orphans: Vec<Orphan>,
    /// What is in the shop at the start.
    shop_orders: Vec<Order>,
    shop_stock: Vec<Stock>,
    faults: Faults,
    recorder: Recorder,
    /// Until then the database, which was restarted, is not back.
    back_ms: i64,
    ledger: Ledger,
    tally: Tally,
    /// How many events have happened since the versions that nobody looks at were forgotten.
    since_forgotten: u32,
}

/// How far a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Virtual milliseconds since the start.
    pub now_ms: i64,
    /// Calls answered.
    pub calls: u64,
    /// Events so far.
    pub events: u64,
    /// True when nothing is left to happen.
    pub at_rest: bool,
    /// True when a claim is broken already.
    pub violated: bool,
}

impl Simulation {
    /// A world in which nothing has happened.
    ///
    /// # Errors
    /// When a protocol is not in the catalogue or plays another role, or an option is out of its bounds.
    pub fn new(options: Options) -> Result<Self, Unusable> {
        options.validate()?;
        let notice = catalogue::find_for(&options.settle, Role::Notice)?;
        let admin = catalogue::find_for(options.cancel.as_deref().unwrap_or(notice.admin), Role::Admin)?;
        let schema = notice.schema_without(options.without);
        let statements: Vec<&'static Statement> = notice.statements.iter().chain(admin.statements).copied().collect();
        let store = Store::for_many(schema.sql(Dialect::Postgres), &statements, options.engine.dialect())?;
        store.suits(options.engine)?;
        let shop = Shop::find(&store).ok_or(Unusable::NotTheShop)?;
        let mut drawn = drawn::drawn(&options, notice.work.is_some())?;
        let faults = Faults::of(&options.plan, &drawn)?;
        let there: Vec<Order> = drawn.orders.iter().filter(|order| !order.lines.is_empty()).cloned().collect();
        let committed = store.contents_of(&rows_of(&there, &drawn.stock, &[]))?;
        let database = Database::new(committed, std::iter::repeat_n(options.engine, options.connections.into()));
        let ledger = Ledger::new(shop, &store, committed, &drawn);
        let events = Events::of(std::mem::take(&mut drawn.firsts));
        let places = usize::from(options.connections);
        Ok(Simulation {
            notice,
            admin,
            store,
            spare: Spare::new(),
            database,
            now_ms: 0,
            events,
            servers: drawn.servers,
            workers: Workers::of(&drawn.senders),
            senders: drawn.senders,
            running: (0..places).map(|_| None).collect(),
            turns: vec![0; places],
            queue: VecDeque::new(),
            orphans: Vec::new(),
            shop_orders: there,
            shop_stock: drawn.stock,
            faults,
            recorder: Recorder::off(),
            back_ms: 0,
            ledger,
            tally: Tally::default(),
            since_forgotten: 0,
            options,
        })
    }

    /// Let at most so many events happen.
    ///
    /// # Errors
    /// When a protocol breaks a rule of protocols.
    pub fn run(&mut self, events: u64) -> Result<Progress, UnrollError> {
        let mut at_rest = false;
        for _ in 0..events {
            let Some((now_ms, event)) = self.events.next() else {
                at_rest = true;
                break;
            };
            self.now_ms = now_ms;
            self.tally.event(now_ms, event);
            self.happens(event)?;
            self.forget();
        }
        let at_rest = at_rest || self.events.is_empty();
        let (calls, violated) = (self.tally.calls, self.ledger.is_broken());
        Ok(Progress { now_ms: self.now_ms, calls, events: self.tally.events, at_rest, violated })
    }

    /// Let it run until this claim is broken, or to its end. True when it is broken.
    ///
    /// # Errors
    /// As [`Simulation::run`].
    pub fn run_until_broken(&mut self, claim: Claim) -> Result<bool, UnrollError> {
        loop {
            let at_rest = self.run(1)?.at_rest;
            let is_broken = self.judged().iter().any(|found| found.claim == claim);
            if at_rest || is_broken {
                return Ok(is_broken);
            }
        }
    }

    /// What is broken so far; at its end, also of what is left.
    pub fn judged(&mut self) -> &[Found] {
        if self.events.is_empty() {
            self.ledger.judge_rest(&self.store, &self.tally);
        }
        self.ledger.found()
    }

    /// Let everything happen, judge what is left, and say what came of it.
    ///
    /// # Errors
    /// As [`Simulation::run`].
    pub fn finish(mut self) -> Result<Report, UnrollError> {
        while !self.run(u64::MAX)?.at_rest {}
        self.judged();
        Ok(self.report())
    }

    fn happens(&mut self, event: Event) -> Result<(), UnrollError> {
        match event {
            Event::Deliver(sender) => self.delivered(sender),
            Event::Step(place, turn) if self.is_due(place, turn) => self.step(place.into()),
            Event::Wake(place, turn) if self.is_due(place, turn) => self.wakes_up(place.into()),
            Event::Grant(place, turn) if self.is_due(place, turn) => self.grant(place.into()),
            Event::Deadlock(place, turn) if self.is_due(place, turn) => self.looks_for_deadlock(place.into()),
            Event::TimeOut(place, turn) if self.is_due(place, turn) => self.times_out(place.into()),
            Event::Step(..) | Event::Wake(..) | Event::Grant(..) | Event::Deadlock(..) | Event::TimeOut(..) => Ok(()),
            Event::Land(orphan) => {
                self.land(orphan);
                Ok(())
            }
            Event::Reap(orphan) => {
                self.reap(orphan);
                Ok(())
            }
            Event::Restart => self.restart(),
        }
    }

    fn is_due(&self, place: u8, turn: u32) -> bool {
        self.turns[usize::from(place)] == turn
    }

    /// Now and then, what nobody can look at any more is forgotten.
    fn forget(&mut self) {
        const EVERY: u32 = 64;
        self.since_forgotten += 1;
        if self.since_forgotten == EVERY {
            self.since_forgotten = 0;
            self.database.forget(&self.store);
            if self.store.is_crowded() {
                let called = self.orphans.iter_mut().filter_map(Orphan::call_mut);
                self.database.renew(&mut self.store, &mut self.spare, called);
            }
        }
    }
}

/// A whole simulation.
///
/// # Errors
/// As [`Simulation::new`] and [`Simulation::run`].
pub fn simulate(options: Options) -> Result<Report, SimulateError> {
    Ok(Simulation::new(options)?.finish()?)
}

/// So many seeds from this one on, itself counted, were run until one broke a claim, and what came of that one; `None` when
/// none of so many did. The median of this over some bases is how quickly a wrong protocol is found out.
///
/// # Errors
/// As [`simulate`].
pub fn seeds_until_broken(options: &Options, most: u64) -> Result<Option<(u64, Report)>, SimulateError> {
    for nth in 0..most {
        let report = simulate(Options { seed: options.seed.wrapping_add(nth), ..options.clone() })?;
        if !report.found.is_empty() {
            return Ok(Some((nth + 1, report)));
        }
    }
    Ok(None)
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The options cannot be used.
    #[error(transparent)]
    Options(#[from] Unusable),
    /// A protocol breaks a rule of protocols.
    #[error(transparent)]
    Protocol(#[from] UnrollError),
}
