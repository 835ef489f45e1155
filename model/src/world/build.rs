//! From a scenario, a protocol and an engine to a world.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use paidonce_protocol::catalogue::{self, CannotPlay, Protocol, Role};
use paidonce_protocol::shop::{REQUEST_PLACEHOLDER, Request};
use paidonce_protocol::{Code, Dialect, Statement, Value, Without};
use smallvec::SmallVec;

use super::state::{Actor, State};
use super::symmetry::Renaming;
use super::watch::{Past, Watched};
use super::{Group, Slot, World};
use crate::claims::{Judge, Memo, Shop};
use crate::db::{Database, Store};
use crate::engine::Engine;
use crate::scenario::{Invalid, RequestSpec, Scenario};
use crate::sql::SqlError;
use crate::trace::WorldPayment;
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

/// What a world is made of: a scenario of the shop's with its protocols ([`Setup`]), or a flow of somebody's own
/// ([`crate::flow::OnEngine`]).
pub trait Source {
    /// Make the world.
    ///
    /// # Errors
    /// When something in it cannot be used in the model.
    fn world(&self, reductions: Reductions) -> Result<World, WorldError>;

    /// Which states a full exploration does not tell apart.
    fn reductions(&self) -> Reductions {
        Reductions::ALL
    }
}

impl Source for Setup<'_> {
    fn world(&self, reductions: Reductions) -> Result<World, WorldError> {
        World::new(&Setup { reductions, ..self.clone() })
    }

    fn reductions(&self) -> Reductions {
        self.reductions
    }
}

/// Which states are not told apart. None of these changes a verdict; a test shows it by running with and without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reductions {
    /// A call that nobody else can notice is made along with the next one: a partial-order reduction.
    pub merge_unseen: bool,
    /// Requests that differ only in their id are counted once.
    pub symmetry: bool,
    /// What is remembered of the past for the sake of claims that are known to be broken is forgotten.
    pub forget: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Reductions = Reductions { merge_unseen: true, symmetry: true, forget: true };
    /// None: every step on its own, for traces.
    pub const NONE: Reductions = Reductions { merge_unseen: false, symmetry: false, forget: false };
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
    #[error(transparent)]
    Protocol(#[from] CannotPlay),
    /// Nobody works through the notices that a protocol keeps.
    #[error(
        "protocol {protocol} keeps notices for a worker, and scenario {scenario} has none: give it an actor with `work = true`"
    )]
    NoWorker {
        /// The protocol.
        protocol: String,
        /// The scenario.
        scenario: String,
    },
    /// The schema or a statement cannot be used in the model.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A protocol broke a rule.
    #[error(transparent)]
    Unroll(#[from] UnrollError),
    /// A history names what there is not.
    #[error("{problem}: the history is of another paidonce")]
    History {
        /// What there is not.
        problem: String,
    },
    /// A flow cannot be used as it is.
    #[error("flow {name}: {problem}")]
    Flow {
        /// The flow.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// All that a world is put together from.
pub(crate) struct Parts {
    pub(crate) protocol: String,
    pub(crate) without: Without,
    /// Its bounds count, and its servers; whoever comes has been made into slots.
    pub(crate) scenario: Scenario,
    pub(crate) engine: Engine,
    pub(crate) reductions: Reductions,
    pub(crate) store: Store,
    pub(crate) tree: Tree,
    pub(crate) slots: Vec<Slot>,
    pub(crate) groups: Vec<Group>,
    pub(crate) rows: Vec<(String, Vec<Value>)>,
    pub(crate) judge: Judge,
    pub(crate) taken: Vec<(WorldPayment, Vec<usize>)>,
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
        let notice = catalogue::find_for(setup.protocol, Role::Notice)?;
        let has_worker = scenario.actors.iter().any(|actor| actor.work);
        if notice.work.is_some() && !has_worker {
            return Err(WorldError::NoWorker { protocol: notice.name.to_owned(), scenario: scenario.name });
        }
        let specs = scenario.requests();
        let mut handlers: Vec<&'static Protocol> = Vec::new();
        for spec in &specs {
            handlers.push(notice.handler(&spec.input, spec.protocol)?);
        }
        let schema = notice.schema_without(setup.without);
        let statements: Vec<&'static Statement> =
            handlers.iter().flat_map(|handler| handler.statements.iter().copied()).collect();
        let store = Store::new(schema.sql(Dialect::Postgres), &statements, setup.engine.dialect())?;
        store.suits(setup.engine)?;
        let mut tree = Tree::new(!scenario.assume.is_empty());
        let slots = slots(setup, &scenario, &specs, &handlers, &store, &mut tree)?;
        let groups = groups(&scenario, &specs);
        let shop = Shop::find(&store).ok_or_else(|| SqlError {
            subject: "schema".to_owned(),
            problem: "is not the shop's: one of its tables is missing".to_owned(),
        })?;
        let taken = scenario.taken().into_iter().map(|payment| {
            let tells = |group: &usize| {
                let notice = scenario.actors[*group].notice().ok().flatten();
                notice.is_some_and(|notice| (&notice.provider, &notice.txn_id) == (&payment.provider, &payment.txn_id))
            };
            let told_by = (0..scenario.actors.len()).filter(tells).collect();
            (payment, told_by)
        });
        let taken = taken.collect();
        let rows = scenario.initial_rows().into_iter().map(|(table, row)| (table.to_owned(), row)).collect();
        World::assemble(Parts {
            protocol: setup.protocol.to_owned(),
            without: setup.without,
            scenario,
            engine: setup.engine,
            reductions: setup.reductions,
            store,
            tree,
            slots,
            groups,
            rows,
            judge: Judge::Shop(shop),
            taken,
        })
    }

    /// Put a world together.
    pub(crate) fn assemble(parts: Parts) -> Result<Self, WorldError> {
        let Parts { store, slots, groups, scenario, .. } = parts;
        let initial = store.contents_of(&parts.rows)?;
        let mut constant = vec![true; store.tables.tables.len()];
        for plan in store.plans.iter().filter(|plan| plan.writes()) {
            constant[plan.table] = false;
        }
        let watch = if parts.judge.shop().is_some() { Watched::new(&store) } else { Watched::nothing() };
        let is_moment = |value: &Value| matches!(value, Value::Instant(_));
        let symmetry = Renaming::new(&slots, &groups);
        // An engine that locks all at once or nothing comes to all rows before others go on, unless it stops at some.
        if parts.reductions.symmetry
            && (store.dialect != Dialect::Sqlite || store.plans.iter().any(|plan| plan.stops_early()))
        {
            store.names.watch(symmetry.stems(&slots));
        }
        Ok(World {
            protocol: parts.protocol,
            without: parts.without.guards().map(|guard| guard.name().to_owned()).collect(),
            engine: parts.engine,
            watch,
            past: Past::ALL,
            symmetry,
            memo: Memo::default(),
            death_forms: scenario.faults.forms(),
            reductions: parts.reductions,
            fault: OnceLock::new(),
            asymmetric: AtomicBool::new(false),
            tells_time: AtomicBool::new(parts.rows.iter().any(|(_, row)| row.iter().any(is_moment))),
            restart: AtomicBool::new(false),
            scenario,
            store,
            tree: parts.tree,
            slots,
            groups,
            initial,
            judge: parts.judge,
            constant,
            taken: parts.taken,
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
            unwritten: SmallVec::new(),
            deaths_left: faults.deaths,
            lost_left: faults.lost_replies,
            ticks_left: faults.ticks,
            crashes_left: faults.crashes,
            broken: 0,
            arisen: 0,
        }
    }
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
                let mut add = |start| tree.add(store, handler.name, Code::Shop(start, Box::new(request.clone())));
                let root = add(handler.start_for(&request.input))?;
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
            redelivers: actor.ipn.is_some() || actor.work,
            after: actor.after.as_ref().and_then(|name| scenario.actors.iter().position(|other| other.name == *name)),
        }
    };
    scenario.actors.iter().enumerate().map(group).collect()
}
