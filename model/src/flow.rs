//! A flow of somebody's own: own tables, own code, own claim, under every interleaving.
//!
//! The page `docs/own-flow.md` walks through an example. Nothing in the model's machinery knows the shop: a [`Flow`] goes through the same parser, the same rules of the engines,
//! the same exploring, and comes out as the same [`Trace`](crate::trace::Trace), which is drawn and replayed like any other.
//!
//! ```
//! use paidonce_model::flow::Flow;
//! use paidonce_model::Verdict;
//! use paidonce_protocol::{Error, Session, Statement};
//!
//! const SCHEMA: &str = "CREATE TABLE counters (name VARCHAR(16) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
//! static READ: Statement = Statement::new("read", "SELECT n FROM counters WHERE name = 'hits'");
//! static WRITE: Statement = Statement::new("write", "UPDATE counters SET n = $1 WHERE name = 'hits'");
//!
//! async fn count(mut session: impl Session) -> Result<(), Error> {
//!     let rows = session.read(&READ, []).await?;
//!     let n = rows.first().ok_or(Error::Refused)?.int(0)?;
//!     session.write(&WRITE, [(n + 1).into()]).await.map(drop)
//! }
//!
//! let flow = Flow::new("count", SCHEMA)
//!     .statements([&READ, &WRITE])
//!     .row("counters", ["hits".into(), 0.into()])
//!     .actor("ann", count)
//!     .actor("bob", |session| async move { count(session).await })
//!     // Both may have come, or one, or none: but once somebody was counted, nobody is forgotten.
//!     .always("the_count_is_0_1_or_2", |rows| {
//!         let n = rows.ints("counters", "n")?[0];
//!         Ok((!(0..=2).contains(&n)).then(|| format!("it is {n}")))
//!     });
//! let found = flow.check("sqlite/immediate")?;
//! assert_eq!(found.verdict, Verdict::Holds);
//! assert!(found.states > 5);
//! # Ok::<(), paidonce_model::ExploreError>(())
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use paidonce_protocol::{Code, Error, OwnStart, Port, Statement, Value, Without};

use crate::check::verdicts;
use crate::claims::{Judge, Own, Test};
use crate::db::Store;
use crate::explore::{Exploration, explore};
use crate::scenario::{Actor, Scenario, ScenarioSettings, Server};
use crate::sql::{SqlError, Tables};
use crate::unroll::Tree;
use crate::world::{Group, Parts, Reductions, Slot, Source};
use crate::{Claim, Engine, ExploreError, Limits, Progress, Verdict, When, World, WorldError};

pub use crate::claims::{ClaimError, Rows};
pub use crate::scenario::Faults;

/// The web server that everybody reaches: its clock is true time.
const SERVER: &str = "web-1";
/// An action names its actor by a small number.
const MOST_ACTORS: usize = 64;

/// Tables with rows, code that comes to them all at once, and a claim about what it leaves there.
///
/// Whoever comes does so at any moment, or never. After [`Flow::faults`] they may also die, and lose replies.
#[derive(Clone)]
pub struct Flow {
    name: String,
    schema: String,
    statements: Vec<&'static Statement>,
    rows: Vec<(String, Vec<Value>)>,
    actors: Vec<(String, OwnStart)>,
    claim: Option<(String, When, Arc<Test>)>,
    faults: Faults,
}

/// What came of checking a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The engine.
    pub engine: &'static str,
    /// Distinct states of the full exploration.
    pub states: u64,
    /// Whether the claim holds in all of them.
    pub verdict: Verdict,
}

/// A flow on an engine, to be explored with the functions of this crate. Its claim is [`Claim::Own`].
pub struct OnEngine<'a> {
    flow: &'a Flow,
    engine: Engine,
}

impl Flow {
    /// A flow with its tables: `CREATE TABLE` statements as all three databases take them, with `BIGINT`, `VARCHAR(n)` and
    /// a primary key each, separated by semicolons.
    pub fn new(name: &str, schema: &str) -> Self {
        Flow {
            name: name.to_owned(),
            schema: schema.to_owned(),
            statements: Vec::new(),
            rows: Vec::new(),
            actors: Vec::new(),
            claim: None,
            faults: Faults::default(),
        }
    }

    /// All statements that the code sends: which rows they can touch is known before anything runs.
    #[must_use]
    pub fn statements(mut self, statements: impl IntoIterator<Item = &'static Statement>) -> Self {
        self.statements.extend(statements);
        self
    }

    /// A row that is there at the start, its values in the order of the table's columns.
    #[must_use]
    pub fn row(mut self, table: &str, values: impl Into<Vec<Value>>) -> Self {
        self.rows.push((table.to_owned(), values.into()));
        self
    }

    /// Somebody who comes, with the code that is then run: an `async fn` that awaits its session and nothing else, one call
    /// at a time. Names are different from each other.
    #[must_use]
    pub fn actor<C, R>(mut self, name: &str, code: C) -> Self
    where
        C: Fn(Port) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.actors.push((name.to_owned(), Arc::new(move |port| Box::pin(code(port)))));
        self
    }

    /// The claim, which has to be true of the committed rows in every state: `test` says in a sentence what is wrong with
    /// them, or nothing. A flow has one claim, the last one given.
    #[must_use]
    pub fn always<T>(self, name: &str, test: T) -> Self
    where
        T: Fn(&Rows<'_>) -> Result<Option<String>, ClaimError> + Send + Sync + 'static,
    {
        self.claims(name, When::Always, test)
    }

    /// As [`Flow::always`], for a claim that has to be true only while nobody is under way.
    #[must_use]
    pub fn at_rest<T>(self, name: &str, test: T) -> Self
    where
        T: Fn(&Rows<'_>) -> Result<Option<String>, ClaimError> + Send + Sync + 'static,
    {
        self.claims(name, When::AtRest, test)
    }

    fn claims<T>(mut self, name: &str, when: When, test: T) -> Self
    where
        T: Fn(&Rows<'_>) -> Result<Option<String>, ClaimError> + Send + Sync + 'static,
    {
        self.claim = Some((name.to_owned(), when, Arc::new(test)));
        self
    }

    /// What may go wrong besides, and how often: nothing, unless it is said here. A statement gives up waiting for a lock
    /// only where time may move on ([`Faults::ticks`]).
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its tables' `CREATE TABLE` statements.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The rows that are there at the start, each with its table.
    pub fn rows(&self) -> &[(String, Vec<Value>)] {
        &self.rows
    }

    /// Who comes, each with the code that is run.
    pub fn actors(&self) -> impl Iterator<Item = (&str, Code)> {
        self.actors.iter().map(|(name, start)| (name.as_str(), Code::Own(Arc::clone(start))))
    }

    /// What the claim says is wrong with these committed rows, by table, wherever they are; nothing when it is true of them.
    ///
    /// # Errors
    /// When the flow cannot be used as it is.
    pub fn broken_by(
        &self,
        rows: BTreeMap<String, Vec<Vec<crate::trace::Datum>>>,
    ) -> Result<Option<String>, WorldError> {
        Ok(self.judge()?.broken(rows))
    }

    /// The flow on an engine, by its name: `postgres/read-committed`.
    ///
    /// # Errors
    /// When there is no such engine.
    pub fn on(&self, engine: &str) -> Result<OnEngine<'_>, WorldError> {
        let found = Engine::find(engine);
        let engine =
            found.ok_or_else(|| self.no(format!("there is no engine {engine}; there are {}", Engine::known())))?;
        Ok(OnEngine { flow: self, engine })
    }

    /// Run it under every interleaving on this engine: the claim's verdict, with a shortest trace when it is broken.
    ///
    /// # Errors
    /// When something in it cannot be used in the model, or the code does what no protocol may do.
    pub fn check(&self, engine: &str) -> Result<Found, ExploreError> {
        let (source, limits, progress) = (self.on(engine)?, Limits::default(), Arc::new(Progress::default()));
        let explored: Exploration = explore(&source, limits, &progress)?;
        let verdicts = verdicts(&source, &[Claim::Own], &explored, limits, &progress)?;
        let verdict = verdicts.into_iter().map(|(_, verdict)| verdict).next().unwrap_or(Verdict::Undecided);
        Ok(Found { engine: source.engine.name(), states: explored.states, verdict })
    }

    fn no(&self, problem: impl Into<String>) -> WorldError {
        WorldError::Flow { name: self.name.clone(), problem: problem.into() }
    }

    fn judge(&self) -> Result<Own, WorldError> {
        let Some((name, when, test)) = &self.claim else {
            return Err(self.no("claims nothing; say with `always` or `at_rest` what has to be true"));
        };
        let tables = Tables::parse(&self.schema)?.tables;
        let columns = tables.into_iter().map(|table| (table.name, table.columns)).collect();
        Ok(Own { name: name.clone(), when: *when, columns, test: Arc::clone(test) })
    }

    /// The bounds as a scenario has them, which is how they stand in a trace. Who comes has no notice there, but code of
    /// their own.
    fn scenario(&self) -> Scenario {
        let actor = |(name, _): &(String, OwnStart)| Actor {
            name: name.clone(),
            ipn: None,
            pdt: None,
            cancel: None,
            work: false,
            servers: vec![SERVER.to_owned()],
            overlapping: 1,
            deliveries: 1,
            after: None,
            protocol: None,
        };
        Scenario {
            name: self.name.clone(),
            story: format!("A flow of somebody's own: {}.", self.name),
            published: false,
            orders: Vec::new(),
            stock: Vec::new(),
            locks: Vec::new(),
            servers: vec![Server { name: SERVER.to_owned(), clock_offset_ms: 0 }],
            actors: self.actors.iter().map(actor).collect(),
            // How often something is tried is the code's own affair.
            settings: ScenarioSettings { attempts: 0, ..ScenarioSettings::default() },
            faults: self.faults.clone(),
            limits: crate::scenario::Limits::default(),
            assume: Vec::new(),
            check: Vec::new(),
        }
    }
}

impl Source for OnEngine<'_> {
    fn world(&self, reductions: Reductions) -> Result<World, WorldError> {
        let OnEngine { flow, engine } = *self;
        let own = flow.judge()?;
        if flow.actors.is_empty() || flow.actors.len() > MOST_ACTORS {
            return Err(flow.no(format!("has {} actors; give it 1 to {MOST_ACTORS}", flow.actors.len())));
        }
        let store = Store::new(&flow.schema, &flow.statements, engine.dialect())?;
        store.suits(engine)?;
        let mut tree = Tree::new(false);
        let mut slots: Vec<Slot> = Vec::new();
        for (group, (name, code)) in flow.actors().enumerate() {
            if slots.iter().any(|slot| slot.name == name) {
                return Err(flow.no(format!("two actors are named {name}; give each a name of its own")));
            }
            let root = tree.add(&store, name, code)?;
            slots.push(Slot { name: name.to_owned(), group, clock_offset_ms: 0, root, shut_down: None });
        }
        let group = |slot| Group { slots: slot..slot + 1, overlapping: 1, redelivers: false, after: None };
        let groups = (0..slots.len()).map(group).collect();
        let world = World::assemble(Parts {
            protocol: flow.name.clone(),
            without: Without::NOTHING,
            scenario: flow.scenario(),
            engine,
            reductions,
            store,
            tree,
            slots,
            groups,
            rows: flow.rows.clone(),
            judge: Judge::Own(Arc::new(own)),
            taken: Vec::new(),
        })?;
        world.try_claim()?;
        Ok(world)
    }
}

impl World {
    /// A claim that reads what is not there is found before anything runs.
    fn try_claim(&self) -> Result<(), SqlError> {
        match &self.judge {
            Judge::Own(own) => own
                .test(self.rows(self.initial))
                .map(drop)
                .map_err(|error| SqlError { subject: format!("claim {}", own.name), problem: error.to_string() }),
            Judge::Shop(_) => Ok(()),
        }
    }
}
