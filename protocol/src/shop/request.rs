//! One request in flight: what it was called with, and the values that a scenario or a configuration gives it.

use crate::{Answer, Without};

use super::Notice;

/// Stands for the id of the request in flight, for a driver that runs one protocol as many interchangeable requests.
pub const REQUEST_PLACEHOLDER: &str = "{request}";

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The gateway says that money was taken.
    Notice(Notice),
    /// A worker looks for a notice that waits in the database.
    Work,
    /// An admin, or a cron job, cancels an order.
    Cancel {
        /// The order's id.
        order_id: String,
    },
}

impl Input {
    /// The order that the request is about; nothing for a worker, who does not know yet.
    pub fn order_id(&self) -> &str {
        match self {
            Input::Work => "",
            Input::Notice(notice) => &notice.order_id,
            Input::Cancel { order_id } => order_id,
        }
    }
}

/// One request: an id of its own, what it is about, and the settings of the code that handles it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Different for each request, also for two deliveries of one notice.
    pub id: String,
    /// What it is about.
    pub input: Input,
    /// How the code that handles it is configured.
    pub settings: Settings,
    /// Guards left out on purpose: a mutant. Empty in production.
    pub without: Without,
}

impl Request {
    /// The name of the section in which this request's order is worked on.
    pub fn section(&self) -> String {
        format!("order-{}", self.input.order_id())
    }
}

/// The values that a protocol takes from its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How often a transaction is tried in all when the database answers `Conflict`.
    pub attempts: u64,
    /// `lock_table`, `fenced_lease`: how long a lock or a lease lasts, in milliseconds. The pull request's default is an
    /// hour.
    pub lease_ms: u64,
    /// `lock_table`, `fenced_lease`: how long to wait between two tries to get it, in milliseconds.
    pub poll_ms: u64,
    /// `lock_table`, `fenced_lease`: how often to try again after a first refusal. The pull request polls once a second
    /// for 10 s.
    pub polls: u64,
    /// `fenced_lease`: how long the work takes that is done outside of the database, in milliseconds.
    pub work_ms: u64,
    /// `lock_table`: what the sender is told when the lock was refused.
    pub refused_answer: Answer,
    /// `lock_table`: whether the shutdown hook runs when the request dies of an exception. As wired in the pull request
    /// it never ran.
    pub shutdown_release: bool,
    /// `lock_table`: whether a plugin's hook asks for the same lock inside the section.
    pub hook_inside: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            attempts: 3,
            lease_ms: 3_600_000,
            poll_ms: 1_000,
            polls: 10,
            work_ms: 0,
            refused_answer: Answer::TryAgain,
            shutdown_release: false,
            hook_inside: false,
        }
    }
}
