//! One seeded world in virtual time: thousands of orders, many web servers, every fault; the protocols' own `async fn`s over
//! the model database.
//!
//! | file | is about |
//! |---|---|
//! | `options` | what may be chosen |
//! | `plan` | who buys what, and who will tell the shop of it when: drawn from the seed before anything happens |
//! | `events` | what happens next |
//! | `run` | a request: from call to call |
//! | `workers` | who works through what is kept in the database, and when there is nothing left to do |
//! | `calls` | a call to the database, and who goes on after it |
//! | `faults` | what goes wrong |
//! | `orphans` | connections that nobody listens to any more |
//! | `ledger` | claims, judged from what each commit changed, and of everything at rest |
//! | `situations` | what was reached how often |
//! | `report` | what came of it |
//!
//! The exhaustive checker takes every way and is small; this takes one way, drawn from a seed, and is large. The same seed
//! gives the same events on every machine and build: no thread, no clock, no floating point and no order of a hash table has a
//! part in it. What a call costs grows no faster than the logarithm of the number of orders, but for a statement that the engine
//! itself takes through the whole table: InnoDB locks every record on its way, and PostgreSQL's serializable notes every row,
//! when `cancel` looks for an order's payments, which have no key for that. Time is virtual, in milliseconds, and jumps from one event to the next.

mod calls;
mod events;
mod faults;
mod ledger;
mod options;
mod orphans;
mod plan;
mod report;
mod run;
mod situations;
mod workers;

use std::collections::VecDeque;

use paidonce_protocol::catalogue::{self, Protocol, Role};
use paidonce_protocol::{Dialect, Statement};

pub use options::{Options, Rates, Unusable};
pub use report::{Found, Latency, Report};
pub use situations::Situation;

use crate::chance::SplitMix;
use crate::claims::Shop;
use crate::db::{Database, Store};
use crate::unroll::UnrollError;
use events::{Event, Events};
use ledger::Ledger;
use orphans::Orphan;
use plan::{Sender, Server};
use report::Tally;
use run::Running;
use workers::Workers;

/// A simulation under way.
pub struct Simulation {
    options: Options,
    notice: &'static Protocol,
    admin: &'static Protocol,
    store: Store,
    database: Database,
    /// Chance for what happens as the world goes on; the plan has its own.
    chance: SplitMix,
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
    requests: u32,
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
        let plan = plan::drawn(&options, notice.work.is_some());
        let committed = store.contents_of(&plan.rows)?;
        let database = Database::new(committed, std::iter::repeat_n(options.engine, options.connections.into()));
        let ledger = Ledger::new(shop, &store, committed, &plan);
        let mut events = Events::default();
        for (sender, first_ms) in plan.firsts {
            events.add(first_ms, Event::Deliver(sender));
        }
        let places = usize::from(options.connections);
        Ok(Simulation {
            notice,
            admin,
            store,
            database,
            chance: SplitMix::new(options.seed ^ 0x7061_6964_6f6e_6365),
            now_ms: 0,
            events,
            servers: plan.servers,
            workers: Workers::of(&plan.senders),
            senders: plan.senders,
            running: (0..places).map(|_| None).collect(),
            turns: vec![0; places],
            queue: VecDeque::new(),
            orphans: Vec::new(),
            requests: 0,
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

    /// Let everything happen, judge what is left, and say what came of it.
    ///
    /// # Errors
    /// As [`Simulation::run`].
    pub fn finish(mut self) -> Result<Report, UnrollError> {
        while !self.run(u64::MAX)?.at_rest {}
        self.ledger.judge_rest(&self.store, &self.tally);
        Ok(self.report())
    }

    fn happens(&mut self, event: Event) -> Result<(), UnrollError> {
        match event {
            Event::Deliver(sender) => self.delivered(sender),
            Event::Step(place, turn) if self.is_due(place, turn) => self.step(place.into()),
            Event::Grant(place, turn) if self.is_due(place, turn) => self.grant(place.into()),
            Event::Deadlock(place, turn) if self.is_due(place, turn) => self.looks_for_deadlock(place.into()),
            Event::TimeOut(place, turn) if self.is_due(place, turn) => self.times_out(place.into()),
            Event::Step(..) | Event::Grant(..) | Event::Deadlock(..) | Event::TimeOut(..) => Ok(()),
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
                self.database.renew(&mut self.store, self.orphans.iter_mut().filter_map(Orphan::call_mut));
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
