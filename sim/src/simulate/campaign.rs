//! Many seeds of one simulation: what was run, and what it came to. Shards of a campaign are joined from their JSON.

use paidonce_model::simulate::{Options, Summary, Unjoinable};
use serde::{Deserialize, Serialize};

/// What a campaign is of: only those of the same are joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The protocol that handles notices.
    pub settle: String,
    /// The protocol by which an admin cancels.
    pub cancel: String,
    /// The engine.
    pub engine: String,
    /// Orders of a seed.
    pub orders: u32,
    /// Web servers.
    pub servers: u16,
    /// What goes wrong how often, as `--faults` reads it.
    pub faults: String,
    /// The text of a plan.
    pub plan: Option<String>,
}

impl Subject {
    /// What these options are of, with the protocol that handles cancels.
    pub fn of(options: &Options, cancel: &str) -> Self {
        let plan = options.plan.to_toml();
        Subject {
            settle: options.settle.clone(),
            cancel: cancel.to_owned(),
            engine: options.engine.name().to_owned(),
            orders: options.orders,
            servers: options.servers,
            faults: options.rates.to_string(),
            plan: (!plan.is_empty()).then_some(plan),
        }
    }
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// What it is of.
    pub of: Subject,
    /// What came of it.
    pub summary: Summary,
}

/// Why campaigns are not joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// A file is none.
    #[error("this is no campaign as `paidonce simulate --json` prints it: {0}")]
    NoCampaign(#[source] serde_json::Error),
    /// It says to have more seeds than anybody runs.
    #[error("this campaign says that it has {0} seeds, which nobody has run")]
    TooMany(u64),
    /// They are of something else.
    #[error("it is of other options ({other}) than the one before ({before}); only shards of one campaign are joined")]
    Other {
        /// What it is of.
        other: String,
        /// What the one before is of.
        before: String,
    },
    /// They overlap.
    #[error("it has seeds that were counted already: {0}")]
    Overlap(#[from] Unjoinable),
}

/// More seeds than this are not read.
const MOST_SEEDS: u64 = 100_000_000;

/// A campaign from what `paidonce simulate --json` prints.
///
/// # Errors
/// When the text is something else.
pub fn read_campaign(text: &str) -> Result<Campaign, JoinError> {
    let campaign: Campaign = serde_json::from_str(text).map_err(JoinError::NoCampaign)?;
    match campaign.summary.count() {
        count if count > MOST_SEEDS => Err(JoinError::TooMany(count)),
        _ => Ok(campaign),
    }
}

impl Campaign {
    /// Add another shard.
    ///
    /// # Errors
    /// When it is of something else, or has a seed that is counted already.
    pub fn join(&mut self, other: &Campaign) -> Result<(), JoinError> {
        if self.of != other.of {
            return Err(JoinError::Other { other: other.of.to_string(), before: self.of.to_string() });
        }
        Ok(self.summary.join(&other.summary)?)
    }
}

/// `settle, cancel · postgres/read-committed · 200 orders, 4 servers · faults pause=2000`.
impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Subject { settle, cancel, engine, orders, servers, faults, plan } = self;
        let planned = if plan.is_some() { " · by plan" } else { "" };
        write!(f, "{settle}, {cancel} · {engine} · {orders} orders, {servers} servers · faults {faults}{planned}")
    }
}
