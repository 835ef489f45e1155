//! From a scenario, a protocol and an engine to a world.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32};

use paidonce_protocol::catalogue::{self, Protocol, Role};
use paidonce_protocol::shop::{Input, REQUEST_PLACEHOLDER, Request};
use paidonce_protocol::{Dialect, Guard, Schema, Statement, Without};
use smallvec::SmallVec;

use super::state::{Actor, State};
use super::symmetry::Renaming;
use super::watch::Watched;
use super::{Group, Slot, World};
use crate::claims::{Memo, Shop};
use crate::db::{Database, Store};
use crate::engine::Engine;
use crate::scenario::{Invalid, RequestSpec, Scenario};
use crate::sql::SqlError;
use crate::trace::DeathForm;
use crate::unroll::{Next, Tree, UnrollError};

/// What to explore.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The protocol in the notice role; actors of the scenario may name their own.
    pub protocol: &'static str,
    /// The engine.
    pub engine: Engine,
    /// Guards left out: a mutant.
    pub without: Without,
    /// Which states are not told apart.
    pub reductions: Reductions,
}

/// Which states are not told apart. Neither changes a verdict; a test shows it by running with and without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reductions {
    /// A call that nobody else can notice is made along with the next one: a partial-order reduction.
    pub merge_unseen: bool,
    /// Requests that differ only in their id are counted once.
    pub symmetry: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Reductions = Reductions { merge_unseen: true, symmetry: true };
    /// None: every step on its own, for traces.
    pub const NONE: Reductions = Reductions { merge_unseen: false, symmetry: false };
}

/// Why a world cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The scenario breaks one of its rules.
    #[error("scenario {name}: {invalid}")]
    Scenario {
        /// The scenario.
        name: String,
        /// The first broken rule.
        invalid: Invalid,
    },
    /// A protocol is not in the catalogue, or plays another role.
    #[error("protocol {name} cannot play the {role}; those that can: {known}")]
    Protocol {
        /// The name given.
        name: String,
        /// The role.
        role: &'static str,
        /// The names of those that can.
        known: String,
    },
    /// The schema or a statement cannot be used in the model.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A protocol broke a rule.
    #[error(transparent)]
    Unroll(#[from] UnrollError),
}

impl World {
    /// Make a world.
    ///
    /// # Errors
    /// When the scenario is not valid, a protocol is unknown, or something in it cannot be used in the model.
    pub fn new(setup: &Setup<'_>) -> Result<Self, WorldError> {
        let scenario = setup.scenario.clone();
        if let Some(invalid) = scenario.validate().err().and_then(|all| all.into_iter().next()) {
            return Err(WorldError::Scenario { name: scenario.name, invalid });
        }
        let notice = protocol(setup.protocol, Role::Notice)?;
        let specs = scenario.requests();
        let mut handlers: Vec<&'static Protocol> = Vec::new();
        for spec in &specs {
            handlers.push(match (&spec.input, spec.protocol) {
                (Input::Notice(_), None) => notice,
                (Input::Notice(_), Some(name)) => protocol(name, Role::Notice)?,
                (Input::Cancel { .. }, None) => protocol(notice.admin, Role::Admin)?,
                (Input::Cancel { .. }, Some(name)) => protocol(name, Role::Admin)?,
            });
        }
        let schema = if setup.without.keeps(Guard::UniqueKey) { notice.schema } else { Schema::AsFound };
        let statements: Vec<&'static Statement> =
            handlers.iter().flat_map(|handler| handler.statements.iter().copied()).collect();
        let store = Store::new(schema.sql(Dialect::Postgres), &statements, setup.engine.dialect())?;
        let mut tree = Tree::new(!scenario.assume.is_empty());
        let slots = slots(setup, &scenario, &specs, &handlers, &store, &mut tree)?;
        let groups = groups(&scenario, &specs);
        let initial = store.contents_of(&scenario.initial_rows())?;
        let shop = Shop::find(&store).ok_or_else(|| SqlError {
            subject: "schema".to_owned(),
            problem: "is not the shop's: one of its tables is missing".to_owned(),
        })?;
        let mut constant = vec![true; store.tables.tables.len()];
        for plan in store.plans.iter().filter(|plan| plan.writes()) {
            constant[plan.table] = false;
        }
        let taken = scenario.taken().into_iter().map(|payment| {
            let tells = |group: &usize| {
                let notice = scenario.actors[*group].notice().ok().flatten();
                notice.is_some_and(|notice| (&notice.provider, &notice.txn_id) == (&payment.provider, &payment.txn_id))
            };
            let told_by = (0..scenario.actors.len()).filter(tells).collect();
            (payment, told_by)
        });
        let taken = taken.collect();
        let usual = || vec![DeathForm::Soft, DeathForm::Reset, DeathForm::Silent];
        Ok(World {
            protocol: setup.protocol.to_owned(),
            without: setup.without.guards().map(|guard| guard.name().to_owned()).collect(),
            engine: setup.engine,
            watch: Watched::new(&store),
            symmetry: Renaming::new(&slots, &groups),
            memo: Memo::default(),
            death_forms: scenario.faults.death_forms.clone().unwrap_or_else(usual),
            reductions: setup.reductions,
            arisen: AtomicU32::new(0),
            fault: OnceLock::new(),
            asymmetric: AtomicBool::new(false),
            tells_time: AtomicBool::new(!scenario.locks.is_empty()),
            restart: AtomicBool::new(false),
            exhausted: AtomicBool::new(false),
            scenario,
            store,
            tree,
            slots,
            groups,
            initial,
            shop,
            constant,
            taken,
        })
    }

    /// The state before anything happened.
    pub(crate) fn start(&self) -> State {
        let faults = &self.scenario.faults;
        State {
            now_ms: 0,
            database: Database::new(self.initial, self.slots.iter().map(|_| self.engine)),
            actors: self.slots.iter().map(|_| Actor::fresh()).collect(),
            orphans: SmallVec::new(),
            mails: SmallVec::new(),
            deaths_left: faults.deaths,
            lost_left: faults.lost_replies,
            ticks_left: faults.ticks,
            broken: 0,
        }
    }
}

fn protocol(name: &str, role: Role) -> Result<&'static Protocol, WorldError> {
    catalogue::find(name).filter(|protocol| protocol.role == role).ok_or_else(|| {
        let can = catalogue::PROTOCOLS.iter().filter(|protocol| protocol.role == role);
        let known: Vec<&str> = can.map(|protocol| protocol.name).collect();
        WorldError::Protocol { name: name.to_owned(), role: role.name(), known: known.join(", ") }
    })
}

/// The requests, each with its place in the unrolled protocols. Those with the same input and handler share it: their own
/// id is a placeholder there.
fn slots(
    setup: &Setup<'_>,
    scenario: &Scenario,
    specs: &[RequestSpec<'_>],
    handlers: &[&'static Protocol],
    store: &Store,
    tree: &mut Tree,
) -> Result<Vec<Slot>, UnrollError> {
    let mut slots: Vec<Slot> = Vec::new();
    for (spec, handler) in specs.iter().zip(handlers) {
        let known = slots.iter().find(|slot| slot.group == spec.group).map(|slot| (slot.root, slot.shut_down));
        let (root, shut_down) = match known {
            Some(known) => known,
            None => {
                let request = Request {
                    id: REQUEST_PLACEHOLDER.to_owned(),
                    input: spec.input.clone(),
                    settings: scenario.settings(),
                    without: setup.without,
                };
                let mut add = |start: catalogue::Start| tree.add(store, handler.name, Box::new(start), request.clone());
                let root = add(handler.start)?;
                (root, handler.shut_down.map(&mut add).transpose()?)
            }
        };
        slots.push(Slot {
            name: spec.name.clone(),
            group: spec.group,
            clock_offset_ms: scenario.servers[spec.server].clock_offset_ms,
            root,
            // Shutdown code that does nothing is none.
            shut_down: shut_down.filter(|node| !matches!(tree.node(*node).next, Next::End(_))),
        });
    }
    Ok(slots)
}

fn groups(scenario: &Scenario, specs: &[RequestSpec<'_>]) -> Vec<Group> {
    let group = |(number, actor): (usize, &crate::scenario::Actor)| {
        let first = specs.iter().position(|spec| spec.group == number).unwrap_or(specs.len());
        Group {
            slots: first..first + actor.deliveries,
            overlapping: actor.overlapping,
            redelivers: actor.ipn.is_some(),
            after: actor.after.as_ref().and_then(|name| scenario.actors.iter().position(|other| other.name == *name)),
        }
    };
    scenario.actors.iter().enumerate().map(group).collect()
}
