//! A scenario: what is in the shop, who comes, and what may go wrong. The files are in `specs/scenarios/`.

use serde::{Deserialize, Serialize};

use crate::trace::DeathForm;

mod bounds;
mod files;
mod load;
mod names;
mod requests;
mod validate;

pub use bounds::{ActorBounds, Bounds, FaultBounds};
pub use files::FILES;
pub use load::{Located, ScenarioError};
pub use requests::RequestSpec;
pub(crate) use requests::rows_of;
pub use validate::Invalid;

/// One scenario. The file's form and this one are the same; every field that may be left out has its default here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// What happens, for a reader.
    pub story: String,
    /// True for the scenarios that make up the published bounds; false for a story of one protocol.
    #[serde(default)]
    pub published: bool,
    /// The shop's orders.
    #[serde(default)]
    pub orders: Vec<Order>,
    /// The shop's stock.
    #[serde(default)]
    pub stock: Vec<Stock>,
    /// Rows that are in the table `locks` from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// The web servers and how far their clocks are off.
    pub servers: Vec<Server>,
    /// Who comes.
    pub actors: Vec<Actor>,
    /// The values that protocols take from their configuration.
    #[serde(default)]
    pub settings: ScenarioSettings,
    /// What may go wrong, and how often.
    #[serde(default)]
    pub faults: Faults,
    /// Time limits of the databases and of the claims.
    #[serde(default)]
    pub limits: Limits,
    /// Named predicates that prune what this scenario does not mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assume: Vec<Assume>,
    /// What the bare command checks here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
}

/// A row of `orders` with its lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The order's id.
    pub id: String,
    /// Its total in minor units.
    pub total_cents: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The account that the buyer was told to pay.
    pub receiver: String,
    /// Its status at the start.
    #[serde(default = "pending")]
    pub status: String,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
}

fn pending() -> String {
    "pending".to_owned()
}

/// A row of `order_lines`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// What.
    pub sku: String,
    /// How many, at least 1.
    pub units: i64,
}

/// A row of `stock`: at the start all units are on hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stock {
    /// What.
    pub sku: String,
    /// How many.
    pub on_hand: i64,
}

/// A row of `locks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The lock's name.
    pub name: String,
    /// The request that wrote it.
    pub request_id: String,
    /// The moment it expires. True time starts at 0.
    pub expires_ms: i64,
}

/// A web server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name: `web-1`.
    pub name: String,
    /// How far its clock is ahead of true time, in milliseconds.
    #[serde(default)]
    pub clock_offset_ms: i64,
}

/// Requests with the same raw input. Exactly one of `ipn`, `pdt`, `cancel` and `work` is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The name's stem: the requests are `ipn-1`, `ipn-2`, …
    pub name: String,
    /// The body of an IPN as the gateway posts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipn: Option<String>,
    /// The gateway's answer to a PDT query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdt: Option<String>,
    /// The id of an order to cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<String>,
    /// A worker's runs: it looks for a notice that waits in the database. A cron job starts the next one as long as that
    /// changes anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub work: bool,
    /// The web servers that the requests reach, in turn.
    pub servers: Vec<String>,
    /// How many of the deliveries may be under way at once from the start.
    #[serde(default = "one")]
    pub overlapping: usize,
    /// How often the sender delivers in all. It delivers again only what was not accepted.
    #[serde(default = "one")]
    pub deliveries: usize,
    /// The name of another entry that comes first: none of these requests starts before as many of its deliveries as
    /// `overlapping` says have ended in one way or another (answered, dead, or stopped for ever).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The protocol that handles it, when it is not the role's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

fn one() -> usize {
    1
}

/// See `paidonce_protocol::shop::Settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioSettings {
    /// How often a transaction is tried in all.
    pub attempts: u64,
    /// How long a lock of `lock_table` or a lease of `fenced_lease` lasts.
    pub lease_ms: u64,
    /// How long it waits between two tries.
    pub poll_ms: u64,
    /// How often it tries again after a first refusal.
    pub polls: u64,
    /// How long the work of `fenced_lease` outside of the database takes.
    pub work_ms: u64,
    /// What the sender is told when the lock was refused: `200` or `try again`.
    pub refused_answer: String,
    /// Whether the shutdown hook is wired so that it runs.
    pub shutdown_release: bool,
    /// Whether a plugin's hook asks for the same lock inside the section.
    pub hook_inside: bool,
}

impl Default for ScenarioSettings {
    fn default() -> Self {
        ScenarioSettings {
            attempts: 5,
            lease_ms: 3_600_000,
            poll_ms: 1_000,
            polls: 0,
            work_ms: 0,
            refused_answer: "try again".to_owned(),
            shutdown_release: false,
            hook_inside: false,
        }
    }
}

/// A budget for each kind of fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// How many actors may die.
    pub deaths: u8,
    /// The forms of death: `soft`, `reset`, `silent`, `stop`. All but `stop` when left out.
    pub death_forms: Option<Vec<DeathForm>>,
    /// How many replies may be lost.
    pub lost_replies: u8,
    /// Which replies may be lost: those of commits only, or of any call to the database.
    pub lost_on: LostOn,
    /// How often true time may move on.
    pub ticks: u8,
    /// How often the database's server may be killed. It comes back at once.
    pub crashes: u8,
}

impl Faults {
    /// The forms in which an actor may die here.
    pub fn forms(&self) -> Vec<DeathForm> {
        self.death_forms.clone().unwrap_or_else(|| vec![DeathForm::Soft, DeathForm::Reset, DeathForm::Silent])
    }
}

/// Which replies may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostOn {
    /// Those of `commit`.
    #[default]
    Commit,
    /// Those of any call to the database. A write on its own commits with its statement, so that its lost reply has all
    /// three meanings, too.
    Any,
}

/// Time limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long a statement waits for a lock before the database answers with a conflict.
    pub lock_timeout_ms: i64,
    /// How long a server keeps the transaction of a connection from which nothing comes.
    pub idle_limit_ms: i64,
    /// How long a dead or stopped holder may keep others out before an order counts as frozen.
    pub freeze_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { lock_timeout_ms: 5_000, idle_limit_ms: 10_000, freeze_ms: 60_000 }
    }
}

/// A named predicate that prunes what a scenario does not mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assume {
    /// No actor is still inside a section when the lease that it holds it by has run out on its own server's clock.
    NobodyOutlivesALease,
}

/// What the bare command checks in a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The protocol in the notice role.
    pub protocol: String,
    /// The engines, by name: all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engines: Option<Vec<String>>,
    /// The claims to report: all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Vec<String>>,
}
