//! Free running: real processes book and cancel on a real database, are killed with `SIGKILL`, and so is the server. Then
//! the books are audited, and what was asked and answered is held against the model.
//!
//! | file | is about |
//! |---|---|
//! | `plan` | what a round is: a small shop, who comes, who is killed and when; drawn from a seed |
//! | `record` | the file to which all processes of a round append what they ask and are answered |
//! | `deliver` | one process: one request, handled by its protocol on a connection of its own |
//! | `child` | such a process as its driver sees it; none outlives the driver |
//! | `round` | the driver: redelivers what was not accepted, and kills |
//! | `ground` | the database: made for the round, read and audited after it |
//!
//! Nobody is held back and nothing is scheduled: the processes of a round wait for each other once, before their first
//! call, and from then on the operating system and the database decide. A seed gives the same shop, the same requests and
//! the same moments of death, counted in lines of the record; it does not give the same history again.

mod child;
mod deliver;
mod error;
mod ground;
mod plan;
mod record;
mod round;

use std::path::{Path, PathBuf};

use paidonce_model::history::{Explanation, HISTORY_VERSION, Head, History, explain};
use paidonce_protocol::catalogue::{self, Protocol};
use paidonce_sqlx::Engine;
use paidonce_sqlx::server::{Durability, Server, Software};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use deliver::deliver;
pub use error::StressError;
use ground::Ground;
use plan::Plans;
use record::Record;
use round::Driver;

/// Far more than the history of a round has needed.
pub const MOST_STATES: usize = 500_000;

/// Protocols whose answers depend on the time of day: a history of theirs cannot be compared.
const TELLS_TIME: [&str; 2] = ["lock_table", "fenced_lease"];

/// Who books and cancels, on what.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The protocol that handles the notices.
    pub settle: &'static str,
    /// The protocol by which an admin cancels.
    pub cancel: &'static str,
    /// The engine.
    pub engine: Engine,
    /// What every round is drawn from.
    pub seed: u64,
}

/// Rounds of free running on one engine.
pub struct Stress {
    cast: Cast,
    program: PathBuf,
    plans: Plans,
    executor: Runtime,
    server: Option<Server>,
    folder: TempDir,
}

/// What came of a round.
pub struct Round {
    /// Its number.
    pub number: u64,
    /// The history, as it stands in its file.
    pub text: String,
    /// Whether a schedule of the model explains it.
    pub explanation: Explanation,
    /// What the audits found in the database: a claim and a sentence each.
    pub violations: Vec<String>,
    /// What was done.
    pub done: Done,
}

/// What was done in a round, or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Done {
    /// Processes that came, each with one request.
    pub deliveries: u64,
    /// Calls that they made.
    pub calls: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Servers that were killed.
    pub server_kills: u64,
    /// Notices that were not accepted by the last of their deliveries: claims about a shop at rest were not audited then.
    pub given_up: u64,
}

impl Done {
    /// Add what was done in another round.
    pub fn add(&mut self, other: &Done) {
        self.deliveries += other.deliveries;
        self.calls += other.calls;
        self.kills += other.kills;
        self.server_kills += other.server_kills;
        self.given_up += other.given_up;
    }
}

/// Why the histories of a protocol cannot be compared with the model, if they cannot.
pub fn refusal(protocol: &str) -> Option<String> {
    let works = catalogue::find(protocol).is_some_and(|protocol| protocol.work.is_some());
    let why = if works {
        "keeps its notices for a worker, and there is none here"
    } else if TELLS_TIME.contains(&protocol) {
        "reads the time of day, so that its answers cannot be compared with the model's"
    } else {
        return None;
    };
    Some(format!("{protocol} {why}"))
}

impl Stress {
    /// Make ready: the server of the engine, private and durable, or the one that the environment names. `program` is the
    /// `paidonce` command, which is also the program of each process of a round.
    ///
    /// # Errors
    /// When there is no server.
    pub fn open(cast: Cast, program: &Path) -> Result<Self, StressError> {
        let server = match Software::of_dialect(cast.engine.dialect()) {
            Some(software) => Some(Server::find(software, Durability::Durable)?),
            None => None,
        };
        let io = |doing: &'static str| move |source| StressError::Io { doing, source };
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let folder = tempfile::Builder::new().prefix("paidonce-stress-").tempdir();
        Ok(Stress {
            plans: Plans::of_seed(cast.seed),
            cast,
            program: program.to_owned(),
            executor: executor.map_err(io("make an executor"))?,
            server,
            folder: folder.map_err(io("make a temporary folder"))?,
        })
    }

    /// Run a round.
    ///
    /// # Errors
    /// When something is in the way of it: the database, the operating system, a process that fails by itself. What the
    /// audits find, and a history without an explanation, is no error but the result.
    pub fn round(&self, number: u64) -> Result<Round, StressError> {
        let protocol = find(self.cast.settle)?;
        let may_kill_server = self.server.as_ref().is_some_and(Server::is_private);
        let plan = self.plans.draw(number, self.cast.cancel, may_kill_server)?;
        let head = Head {
            version: HISTORY_VERSION,
            engine: self.cast.engine.name().to_owned(),
            protocol: self.cast.settle.to_owned(),
            seed: self.cast.seed,
            round: number,
            scenario: plan.scenario.clone(),
        };
        let path = self.folder.path().join(format!("{number}.jsonl"));
        let record = Record::create(&path, &head)?;
        let ground = Ground::make(self.cast.engine, self.server.as_ref(), protocol.schema, &plan.scenario);
        let ground = self.executor.block_on(ground)?;
        let driver = Driver::new(&self.program, &path, ground.url(), &plan, record, self.server.as_ref());
        let (done, mut seen) = driver.run()?;
        let at_rest = done.given_up == 0;
        let violations = self.executor.block_on(ground.look(&plan.scenario, &mut seen, at_rest))?;
        let text = Record::text(&path)?;
        let explanation = explain(&History::parse(&text)?, MOST_STATES)?;
        Ok(Round { number, text, explanation, violations, done })
    }

    /// True when rounds can kill the server: it was started here.
    pub fn has_own_server(&self) -> bool {
        self.server.as_ref().is_some_and(Server::is_private)
    }
}

fn find(protocol: &str) -> Result<&'static Protocol, StressError> {
    catalogue::find(protocol).ok_or_else(|| StressError::Protocol { name: protocol.to_owned() })
}
