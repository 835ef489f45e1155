//! What came of a simulation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use paidonce_protocol::shop::Outcome;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::events::Event;
use super::{Fault, Options, Simulation, Situation};
use crate::chance::mix;
use crate::claims::Claim;

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Report {
    /// From what it was made.
    pub options: Options,
    /// A number for all events in their order and the rows at the end.
    pub digest: u64,
    /// Virtual milliseconds.
    pub lasted_ms: i64,
    /// Events.
    pub events: u64,
    /// Calls answered.
    pub calls: u64,
    /// Requests that came.
    pub requests: u64,
    /// How requests ended, by what they said themselves.
    pub outcomes: BTreeMap<String, u64>,
    /// What has gone wrong at which call, as a plan says it.
    pub faults: Vec<Fault>,
    /// How often each situation was reached.
    pub situations: Vec<(Situation, u64)>,
    /// Virtual time from a request's coming to its end.
    pub latency: Latency,
    /// The claims that are broken, each with the first time that it was.
    pub found: Vec<Found>,
}

/// A claim that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The claim.
    pub claim: Claim,
    /// After so many events.
    pub events: u64,
    /// At this virtual moment.
    pub at_ms: i64,
    /// What is wrong, in the shop's words.
    pub sentence: String,
}

/// How long requests took, in classes that are an eighth of a power of two wide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// How many there are in each class, up to the last one in which there is any.
    classes: Vec<u64>,
    count: u64,
}

impl Latency {
    fn add(&mut self, ms: i64) {
        let ms = ms.max(0).unsigned_abs();
        let class = match ms.checked_ilog2() {
            Some(power) if power >= 3 => power as usize * 8 + (ms >> (power - 3) & 7) as usize,
            _ => ms as usize,
        };
        self.grow(class + 1);
        self.classes[class] += 1;
        self.count += 1;
    }

    fn grow(&mut self, classes: usize) {
        let classes = classes.max(self.classes.len());
        self.classes.resize(classes, 0);
    }

    /// Add those of others.
    pub(super) fn join(&mut self, other: &Latency) {
        self.grow(other.classes.len());
        self.classes.iter_mut().zip(&other.classes).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
        self.count = self.count.saturating_add(other.count);
    }

    /// No more than so many of a hundred requests took less than this, in milliseconds, rounded down to the beginning of its class.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = self.count / 100 * percent.min(100) + self.count % 100 * percent.min(100) / 100;
        let mut before: u64 = 0;
        for (class, count) in self.classes.iter().enumerate() {
            before = before.saturating_add(*count);
            if *count > 0 && before >= wanted.max(1) {
                let (power, eighth) = (class / 8, class as u64 % 8);
                // Eight is the first that has a class by its power: 24 to 31.
                return if class < 24 { class as u64 } else { (8 + eighth) << (power - 3).min(60) };
            }
        }
        0
    }
}

/// What is counted on the way.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) digest: Digest,
    pub(super) now_ms: i64,
    pub(super) events: u64,
    pub(super) calls: u64,
    pub(super) requests: u64,
    pub(super) latency: Latency,
    outcomes: FxHashMap<Outcome, u64>,
    situations: Vec<u64>,
}

/// A number for a sequence of words: another sequence has, as far as anybody will meet one, another number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn word(&mut self, word: u64) {
        self.0 = mix(self.0.rotate_left(5) ^ mix(word));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        for part in text.as_bytes().chunks(8) {
            self.word(part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
}

impl Tally {
    pub(super) fn event(&mut self, now_ms: i64, event: Event) {
        self.events += 1;
        self.now_ms = now_ms;
        self.digest.word(now_ms.unsigned_abs());
        self.digest.word(event.word());
    }

    pub(super) fn reached(&mut self, situation: Situation) {
        self.situations.resize(Situation::ALL.len(), 0);
        self.situations[situation as usize] += 1;
    }

    pub(super) fn ended(&mut self, outcome: Outcome, took_ms: i64) {
        *self.outcomes.entry(outcome).or_default() += 1;
        self.latency.add(took_ms);
    }
}

impl Simulation {
    pub(super) fn report(mut self) -> Report {
        let mut digest = self.tally.digest;
        let mut text = String::new();
        for table in 0..self.store.tables.tables.len() {
            for (_, row) in self.store.rows_of(self.database.committed, table as u8 as _).iter() {
                for val in self.store.rows.get(*row) {
                    text.clear();
                    // A string takes whatever is written.
                    let _ = write!(text, "{}", self.store.symbols.value(*val));
                    digest.text(&text);
                }
            }
        }
        self.tally.situations.resize(Situation::ALL.len(), 0);
        let counts = std::mem::take(&mut self.tally.situations);
        let faults = self.happened();
        let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
        for (outcome, count) in self.tally.outcomes {
            *outcomes.entry(outcome.to_string()).or_default() += count;
        }
        Report {
            faults,
            digest: digest.0,
            lasted_ms: self.now_ms,
            events: self.tally.events,
            calls: self.tally.calls,
            requests: self.tally.requests,
            outcomes,
            situations: Situation::ALL.iter().copied().zip(counts).collect(),
            latency: self.tally.latency,
            found: self.ledger.into_found(),
            options: self.options,
        }
    }
}
