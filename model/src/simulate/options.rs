//! What may be chosen.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use paidonce_protocol::Without;
use paidonce_protocol::catalogue::CannotPlay;
use paidonce_protocol::shop::Settings;

use super::plan::Plan;
use crate::engine::Engine;
use crate::scenario::Limits;
use crate::sql::SqlError;

/// What a simulation is made from. The same options give the same events.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything that chance decides comes from this.
    pub seed: u64,
    /// The database.
    pub engine: Engine,
    /// The protocol that handles notices.
    pub settle: String,
    /// The protocol that handles cancels; `None`: the one that goes with the other.
    pub cancel: Option<String>,
    /// Guards left out: a mutant.
    pub without: Without,
    /// How many orders are placed.
    pub orders: u32,
    /// How many web servers there are.
    pub servers: u16,
    /// How many connections all of them share: as many requests are in flight at once, others wait.
    pub connections: u8,
    /// How the code that handles requests is configured.
    pub settings: Settings,
    /// When waits and dead connections end.
    pub limits: Limits,
    /// What goes wrong how often.
    pub rates: Rates,
    /// What is given in place of being drawn.
    pub plan: Plan,
}

/// What goes wrong how often, in parts per million.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of calls: the request stops for a while before it.
    pub pause: u32,
    /// Of calls: the request dies before it, in any of the forms of death.
    pub crash: u32,
    /// Of calls to the database: nobody is told what became of it.
    pub lost_reply: u32,
    /// Of calls: the database is restarted.
    pub restart: u32,
    /// Of notices: it is delivered twice at once.
    pub duplicate: u32,
    /// Of notices: it is underway for so long that others overtake it.
    pub late: u32,
    /// Of orders: an admin cancels it about when its payment comes.
    pub cancel: u32,
    /// Of orders: the buyer pays twice.
    pub second_payment: u32,
    /// Of orders: a notice comes that does not fit it.
    pub misfit: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            pause: 2_000,
            crash: 2_000,
            lost_reply: 2_000,
            restart: 100,
            duplicate: 100_000,
            late: 100_000,
            cancel: 100_000,
            second_payment: 20_000,
            misfit: 10_000,
        }
    }
}

impl Rates {
    /// Nothing goes wrong, nobody cancels: each order is paid once and told of once by the gateway and once by the buyer.
    pub const NOTHING: Rates = Rates {
        pause: 0,
        crash: 0,
        lost_reply: 0,
        restart: 0,
        duplicate: 0,
        late: 0,
        cancel: 0,
        second_payment: 0,
        misfit: 0,
    };
}

/// A rate's name with its place.
type Named = (&'static str, fn(&mut Rates) -> &mut u32);

const NAMES: [Named; 9] = [
    ("pause", |rates| &mut rates.pause),
    ("crash", |rates| &mut rates.crash),
    ("lost_reply", |rates| &mut rates.lost_reply),
    ("restart", |rates| &mut rates.restart),
    ("duplicate", |rates| &mut rates.duplicate),
    ("late", |rates| &mut rates.late),
    ("cancel", |rates| &mut rates.cancel),
    ("second_payment", |rates| &mut rates.second_payment),
    ("misfit", |rates| &mut rates.misfit),
];

/// Why a text says no rates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `none` or NAME=RATE with a rate in parts per million, divided by commas, not `{0}`; the names are {names}",
    names = NAMES.map(|(name, _)| name).join(", ")
)]
pub struct NoRates(String);

/// `crash=0,pause=5000` beside the defaults; `none,crash=5000` and nothing else.
impl FromStr for Rates {
    type Err = NoRates;

    fn from_str(text: &str) -> Result<Self, NoRates> {
        let parts = match text.strip_prefix("none") {
            None => Some(text),
            Some("") => None,
            Some(rest) => Some(rest.strip_prefix(',').ok_or_else(|| NoRates(text.to_owned()))?),
        };
        let mut rates = if text.starts_with("none") { Rates::NOTHING } else { Rates::default() };
        let mut given: Vec<&str> = Vec::new();
        for part in parts.iter().flat_map(|parts| parts.split(',')) {
            let expected = || NoRates(part.to_owned());
            let (name, rate) = part.split_once('=').ok_or_else(expected)?;
            let (name, place) = NAMES.iter().find(|(known, _)| *known == name.trim()).ok_or_else(expected)?;
            if given.contains(name) {
                return Err(expected());
            }
            given.push(name);
            *place(&mut rates) = rate.trim().parse().map_err(|_| expected())?;
        }
        Ok(rates)
    }
}

/// What differs from the defaults, or from nothing: it is read as it is written.
impl Display for Rates {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = |of: &Rates, place: fn(&mut Rates) -> &mut u32| *place(&mut of.clone());
        let differing = |from: Rates| -> Vec<String> {
            let given = NAMES.into_iter().filter(|(_, place)| value(&from, *place) != value(self, *place));
            given.map(|(name, place)| format!("{name}={}", value(self, place))).collect()
        };
        let (from_default, from_nothing) = (differing(Rates::default()), differing(Rates::NOTHING));
        if from_nothing.len() < from_default.len() {
            let none = std::iter::once("none".to_owned());
            return f.write_str(&none.chain(from_nothing).collect::<Vec<_>>().join(","));
        }
        if from_default.is_empty() {
            return f.write_str(&NAMES.map(|(name, place)| format!("{name}={}", value(self, place))).join(","));
        }
        f.write_str(&from_default.join(","))
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            engine: Engine::PostgresReadCommitted,
            settle: "settle".to_owned(),
            cancel: None,
            without: Without::NOTHING,
            orders: 200,
            servers: 4,
            connections: 32,
            settings: Settings { attempts: 5, polls: 3, lease_ms: 60_000, ..Settings::default() },
            limits: Limits::default(),
            rates: Rates::default(),
            plan: Plan::default(),
        }
    }
}

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A protocol is not in the catalogue, or plays another role.
    #[error(transparent)]
    Protocol(#[from] CannotPlay),
    /// The schema or a statement cannot be used in the model.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The schema is not the shop's.
    #[error("the schema is not the shop's: one of its tables is missing")]
    NotTheShop,
    /// A plan names somebody who does not come.
    #[error("the plan has {name} come, and there is none of that name among those who are drawn from this seed")]
    NoSuchSender {
        /// The name given.
        name: String,
    },
    /// A plan has something go wrong with a request of somebody who does not come.
    #[error(
        "the plan has something go wrong with {request}; a request is called after its sender and a number: ipn-o3-1"
    )]
    NoSuchRequest {
        /// The name given.
        request: String,
    },
    /// A plan has a request die before it has asked anything.
    #[error(
        "the plan has {request} die at its first call; who dies before that has not come: expected call 2 or later"
    )]
    TooEarly {
        /// The request.
        request: String,
    },
    /// A plan sets the clock of a server that is not there.
    #[error("the plan sets the clock of {name}; the servers are {known}")]
    NoSuchServer {
        /// The name given.
        name: String,
        /// Those that are there.
        known: String,
    },
    /// A moment of a plan is out of its bounds.
    #[error("the plan has {name} at {at_ms} ms; expected a moment from 0 to a year")]
    NoMoment {
        /// Whose it is.
        name: String,
        /// As given.
        at_ms: i64,
    },
    /// A number is out of its bounds.
    #[error("{name} is {value}; it has to be from {least} to {most}")]
    OutOfBounds {
        /// What.
        name: &'static str,
        /// As given.
        value: i64,
        /// The least that it may be.
        least: i64,
        /// The most that it may be.
        most: i64,
    },
}

impl Options {
    pub(super) fn validate(&self) -> Result<(), Unusable> {
        /// Longer than any delivery is repeated, and far from where moments overflow.
        const LONGEST_MS: i64 = 366 * 24 * 3_600_000;
        let million = |rate: u32| i64::from(rate);
        let rates = &self.rates;
        let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let bounds = [
            ("orders", i64::from(self.orders), 1, 1_000_000),
            ("servers", i64::from(self.servers), 1, 1_000),
            ("connections", i64::from(self.connections), 1, 32),
            ("pause", million(rates.pause), 0, 1_000_000),
            ("crash", million(rates.crash), 0, 900_000),
            ("lost_reply", million(rates.lost_reply), 0, 900_000),
            ("restart", million(rates.restart), 0, 100_000),
            ("duplicate", million(rates.duplicate), 0, 1_000_000),
            ("late", million(rates.late), 0, 1_000_000),
            ("cancel", million(rates.cancel), 0, 1_000_000),
            ("second_payment", million(rates.second_payment), 0, 1_000_000),
            ("misfit", million(rates.misfit), 0, 1_000_000),
            ("lease_ms", time(self.settings.lease_ms), 1, LONGEST_MS),
            ("poll_ms", time(self.settings.poll_ms), 1, LONGEST_MS),
            ("polls", time(self.settings.polls), 0, 1_000),
            ("attempts", time(self.settings.attempts), 1, 1_000),
            ("lock_timeout_ms", self.limits.lock_timeout_ms, 1, LONGEST_MS),
            ("idle_limit_ms", self.limits.idle_limit_ms, 1, LONGEST_MS),
            ("freeze_ms", self.limits.freeze_ms, 1, LONGEST_MS),
        ];
        if let Some((name, value, least, most)) =
            bounds.into_iter().find(|(_, value, least, most)| !(least..=most).contains(&value))
        {
            return Err(Unusable::OutOfBounds { name, value, least, most });
        }
        let comes = self.plan.comes.iter().flatten();
        let moments = comes.flat_map(|(name, moments)| moments.iter().map(move |at_ms| (name, *at_ms, 0)));
        let clocks = self.plan.clocks.iter().flatten().map(|(name, offset_ms)| (name, *offset_ms, -LONGEST_MS));
        let wrong = moments.chain(clocks).find(|(_, at_ms, least)| !(*least..=LONGEST_MS).contains(at_ms));
        wrong.map_or(Ok(()), |(name, at_ms, _)| Err(Unusable::NoMoment { name: name.clone(), at_ms }))
    }
}
