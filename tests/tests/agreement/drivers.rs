//! What each driver says of a protocol.

use std::collections::{BTreeMap, BTreeSet};

use paidonce::replay::{Place, replay_blocking};
use paidonce::report::Manifest;
use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::simulate::{Options, seeds_until_broken};
use paidonce_model::{Claim, Engine, Reductions, Setup, sample};
use paidonce_protocol::Without;
use paidonce_protocol::catalogue::{PROTOCOLS, Protocol, Role, find};
use paidonce_tests::schedules::{Campaign, Order, schedules_until_violation};

/// So many campaigns of each driver that draws.
pub(crate) const CAMPAIGNS: u64 = 20;
/// A campaign of simulations ends after so many seeds.
const SEEDS: u64 = 200;
/// Orders of a seed. In a larger shop most seeds break whatever can be broken, and nobody would see a driver grow weaker.
pub(crate) const ORDERS: u32 = 1;
/// A campaign of shuttle's ends after so many schedules.
const SCHEDULES: u64 = 200;
/// A campaign on a real engine ends after so many schedules.
const REPLAYS: u64 = 20;
/// Or after so many, where the model says that nothing will end it sooner.
const REPLAYS_OF_RIGHT: u64 = 2;
/// Campaigns begin so many seeds apart.
const APART: u64 = 1_000;

/// Who handles notices, and who cancels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) notice: &'static str,
    pub(crate) cancel: &'static str,
}

/// Every protocol of the catalogue: one for notices with the admin's that goes with it, one of the admin's beside `settle`.
pub(crate) fn pairs() -> Vec<Pair> {
    let of = |protocol: &Protocol| match protocol.role {
        Role::Admin => Pair { notice: "settle", cancel: protocol.name },
        Role::Notice | Role::Worker => Pair { notice: protocol.name, cancel: protocol.admin },
    };
    let mut pairs: Vec<Pair> = Vec::new();
    for pair in PROTOCOLS.iter().map(of) {
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

impl Pair {
    /// True when the catalogue has the one go with the other.
    fn is_own(self) -> bool {
        find(self.notice).is_some_and(|protocol| protocol.admin == self.cancel)
    }

    /// The protocol that this pair is about.
    pub(crate) fn about(self) -> &'static str {
        if self.is_own() { self.notice } else { self.cancel }
    }

    /// The built-in scenarios in which these two are checked on an engine and nobody else comes.
    fn scenarios(self, engine: Engine) -> Vec<Scenario> {
        let all =
            FILES.iter().map(|(file, text)| Scenario::from_toml(file, text).expect("built-in scenarios are valid"));
        let is_for = |scenario: &Scenario| {
            let checks = scenario.check.iter().any(|check| {
                let on = |engines: &Vec<String>| engines.iter().any(|name| name == engine.name());
                check.protocol == self.notice && check.engines.as_ref().is_none_or(on)
            });
            let mut named = scenario.actors.iter().filter_map(|actor| actor.protocol.as_deref()).peekable();
            checks && (self.is_own() || named.peek().is_some()) && named.all(|name| name == self.cancel)
        };
        all.filter(is_for).collect()
    }
}

/// What the exhaustive model says: the pins of the bare command.
pub(crate) struct Exhaustive {
    pub(crate) scenarios: usize,
    pub(crate) states: u64,
    /// The claims that fall.
    pub(crate) violated: BTreeSet<&'static str>,
}

pub(crate) fn exhaustive(pins: &Manifest, pair: Pair, engine: Engine) -> Exhaustive {
    let names: Vec<String> = pair.scenarios(engine).into_iter().map(|scenario| scenario.name).collect();
    let is_of = |scenario: &String, protocol: &str, name: &str| {
        protocol == pair.notice && name == engine.name() && names.contains(scenario)
    };
    let (mut sizes, mut violated) = (BTreeMap::new(), BTreeSet::new());
    for pin in pins.verdict.iter().filter(|pin| is_of(&pin.scenario, &pin.protocol, &pin.engine)) {
        sizes.insert(&pin.scenario, pin.states);
        match pin.verdict.as_str() {
            "violated" => drop(violated.insert(claim(&pin.claim))),
            "holds" | "not applicable" => {}
            other => panic!("{} is {other} in {}", pin.claim, pin.scenario),
        }
    }
    Exhaustive { scenarios: sizes.len(), states: sizes.values().sum(), violated }
}

/// What the campaigns of a driver that draws came to.
pub(crate) struct Campaigns {
    /// A campaign ends after so many.
    pub(crate) most: u64,
    /// How many each of them needed until a claim fell, if one did.
    pub(crate) needed: Vec<Option<u64>>,
    /// The claims that fell.
    pub(crate) violated: BTreeSet<&'static str>,
}

/// The name of a claim, by itself or before what is said of it.
fn claim(text: &str) -> &'static str {
    let name = text.split(':').next().unwrap_or_default();
    Claim::find(name).unwrap_or_else(|| panic!("no claim: {text}")).name()
}

/// Let campaigns run, each from a base seed of its own: how many it took, and what fell, if anything did.
fn campaigns<F>(most: u64, run: impl Fn(u64) -> Option<(u64, F)>) -> Campaigns
where
    F: IntoIterator<Item = &'static str>,
{
    let mut came_to = Campaigns { most, needed: Vec::new(), violated: BTreeSet::new() };
    for campaign in 0..CAMPAIGNS {
        let found = run(1 + campaign * APART);
        came_to.needed.push(found.as_ref().map(|(needed, _)| *needed));
        came_to.violated.extend(found.into_iter().flat_map(|(_, violated)| violated));
    }
    came_to
}

pub(crate) fn simulation(pair: Pair, engine: Engine) -> Campaigns {
    campaigns(SEEDS, |seed| {
        let (settle, cancel) = (pair.notice.to_owned(), Some(pair.cancel.to_owned()));
        let options = Options { seed, engine, settle, cancel, orders: ORDERS, ..Options::default() };
        let broken = seeds_until_broken(&options, SEEDS).unwrap_or_else(|error| panic!("{}: {error}", pair.notice));
        broken.map(|(seeds, report)| (seeds, report.found.into_iter().map(|found| found.claim.name())))
    })
}

pub(crate) fn shuttle(pair: Pair, engine: Engine) -> Campaigns {
    campaigns(SCHEDULES, |seed| {
        let campaign = Campaign { seed, schedules: SCHEDULES as usize, order: Order::Random };
        let violation = schedules_until_violation(pair.about(), engine, campaign)?;
        Some((violation.schedules, [claim(&violation.says)]))
    })
}

/// Schedules drawn from seeds, one in each scenario in turn, on the real engine; the audits look for what is broken.
pub(crate) fn real(pair: Pair, engine: Engine, is_right: bool) -> Campaigns {
    let mut scenarios = pair.scenarios(engine);
    // A replay kills no server.
    scenarios.iter_mut().for_each(|scenario| scenario.faults.crashes = 0);
    let most = if is_right { REPLAYS_OF_RIGHT } else { REPLAYS };
    campaigns(most, |base| {
        // Right protocols come to other scenarios in each campaign.
        let in_turn = scenarios.iter().cycle().skip((base / APART * REPLAYS_OF_RIGHT) as usize % scenarios.len());
        (1..=most).zip(in_turn).find_map(|(number, scenario)| {
            let (without, reductions) = (Without::NOTHING, Reductions::ALL);
            let setup = Setup { scenario, protocol: pair.notice, engine, without, reductions };
            let seed = base + number;
            let about = format!("{} in {}, seed {seed}", pair.notice, scenario.name);
            let trace = sample(&setup, seed).and_then(|schedule| schedule.trace(None));
            let trace = trace.unwrap_or_else(|error| panic!("{about}: {error}"));
            let replayed =
                replay_blocking(&trace, &Place::default()).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert!(replayed.equal(), "{about}: {:?}", replayed.difference);
            let violated: Vec<&'static str> = replayed.audit.violations.iter().map(|says| claim(says)).collect();
            (!violated.is_empty()).then_some((number, violated))
        })
    })
}
