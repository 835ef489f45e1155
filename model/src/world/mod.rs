//! The world of one scenario: requests over a model database, with clocks and faults.

mod actions;
mod apart;
mod build;
mod crash;
mod log;
mod normal;
mod rest;
mod state;
mod step;
mod symmetry;
mod time;
mod watch;

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

pub(crate) use build::Parts;
pub use build::{Reductions, Setup, Source, WorldError};
pub(crate) use log::Log;
pub use state::{Action, State};
pub(crate) use state::{EXHAUSTED, OrphanKind, Phase};
pub(crate) use watch::Past;

use crate::claims::{Claim, Judge, Memo};
use crate::db::{ContentsId, Store};
use crate::engine::Engine;
use crate::scenario::Scenario;
use crate::trace::{DeathForm, WorldPayment};
use crate::unroll::{NodeId, Tree, UnrollError};

/// One request that may come.
pub(crate) struct Slot {
    /// `ipn-1`.
    pub(crate) name: String,
    /// Which entry of the scenario's actors it belongs to.
    pub(crate) group: usize,
    /// How far its web server's clock is ahead of true time.
    pub(crate) clock_offset_ms: i64,
    /// Where its protocol begins.
    pub(crate) root: NodeId,
    /// Where its shutdown code begins, if that does anything.
    pub(crate) shut_down: Option<NodeId>,
}

/// The requests with the same raw input.
pub(crate) struct Group {
    /// The numbers of its slots.
    pub(crate) slots: std::ops::Range<usize>,
    /// How many of them may be under way at once from the start.
    pub(crate) overlapping: usize,
    /// True for an IPN: the gateway delivers until it is told 200. And for a worker, who is told nothing: it is started
    /// as long as that changes anything.
    pub(crate) redelivers: bool,
    /// The group of which as many deliveries as come at once have to be over before this one comes.
    pub(crate) after: Option<usize>,
}

/// Who comes, with what code, to which rows, on an engine: a scenario of the shop's, or a flow of somebody's own.
pub struct World {
    pub(crate) protocol: String,
    pub(crate) without: Vec<String>,
    pub(crate) scenario: Scenario,
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) tree: Tree,
    pub(crate) slots: Vec<Slot>,
    pub(crate) groups: Vec<Group>,
    pub(crate) initial: ContentsId,
    pub(crate) judge: Judge,
    pub(crate) death_forms: Vec<DeathForm>,
    pub(crate) reductions: Reductions,
    /// The tables that no statement of these protocols writes.
    pub(crate) constant: Vec<bool>,
    watch: watch::Watched,
    past: Past,
    pub(crate) memo: Memo,
    /// The money that the gateway takes in this scenario, each with the groups of requests that tell of it.
    pub(crate) taken: Vec<(WorldPayment, Vec<usize>)>,
    symmetry: symmetry::Renaming,
    /// Set when something turned out to tell requests apart that differ only in their id.
    pub(crate) asymmetric: AtomicBool,
    /// True when the time of day matters: a protocol reads a clock, or a row holds a moment.
    pub(crate) tells_time: AtomicBool,
    /// Set when one of the last two turned out otherwise than it was taken to be: exploring has to begin again.
    pub(crate) restart: AtomicBool,
    /// The first thing a protocol did that no protocol may do.
    pub(crate) fault: OnceLock<UnrollError>,
}

impl World {
    /// The state before anything happened.
    pub fn first(&self) -> State {
        self.start()
    }

    /// Everything that can happen next in a state, each with the state after it, one unreduced step at a time.
    ///
    /// # Errors
    /// When a protocol breaks a rule of protocols.
    pub fn next(&self, state: &State) -> Result<Vec<(Action, State)>, UnrollError> {
        let mut actions = Vec::new();
        self.enabled(state, &mut actions);
        let mut next = Vec::new();
        for action in actions {
            if let Some(mut after) = self.after(state, action, &mut Log::off())? {
                after.arisen = 0;
                next.push((action, after));
            }
        }
        Ok(next)
    }

    /// True when a state, or the step that led to it, breaks the claim.
    pub fn breaks(&self, state: &State, claim: Claim) -> bool {
        self.judge(state).broken & claim.bit() != 0
    }
}
