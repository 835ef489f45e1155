//! What came of many seeds: sums, which are the same in whatever order they are made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::report::Latency;
use super::{Report, Situation};
use crate::chance::mix;

/// Some of the seeds from one on: every so many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// From each to the next.
    pub every: u64,
    /// So many.
    pub count: u64,
}

impl Seeds {
    /// The seeds, in their order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let Seeds { first, every, count } = *self;
        (0..count).map(move |nth| first.wrapping_add(nth.wrapping_mul(every)))
    }

    fn has(&self, seed: u64) -> bool {
        let past = seed.wrapping_sub(self.first);
        self.every > 0 && past.is_multiple_of(self.every) && past / self.every < self.count
    }

    /// A seed that both have.
    fn shared(&self, other: &Seeds) -> Option<u64> {
        if self.every == other.every {
            return [(self, other), (other, self)]
                .into_iter()
                .find_map(|(one, other)| (one.count > 0 && other.has(one.first)).then_some(one.first));
        }
        let (shorter, longer) = if self.count <= other.count { (self, other) } else { (other, self) };
        shorter.iter().find(|seed| longer.has(*seed))
    }
}

/// A claim that a seed broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// The claim's name.
    pub claim: String,
    /// What is wrong, in the shop's words.
    pub sentence: String,
    /// After so many events.
    pub events: u64,
    /// At this virtual moment, in milliseconds.
    pub at_ms: i64,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The seeds that were run.
    pub seeds: Vec<Seeds>,
    /// The sum of what each seed's digest comes to, in hexadecimal digits.
    #[serde(with = "hexadecimal")]
    pub digest: u64,
    /// Orders placed.
    pub orders: u64,
    /// Events.
    pub events: u64,
    /// Calls answered.
    pub calls: u64,
    /// Requests that came.
    pub requests: u64,
    /// What went wrong: pauses, deaths, lost replies, restarts.
    pub faults: u64,
    /// How requests ended.
    pub outcomes: BTreeMap<String, u64>,
    /// How often each situation was reached.
    pub situations: BTreeMap<Situation, u64>,
    /// Virtual time from a request's coming to its end.
    pub latency: Latency,
    /// The claims that were broken, by seed.
    pub violations: Vec<Violation>,
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{digest:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

/// Why two summaries are not joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {0} is in both")]
pub struct Unjoinable(pub u64);

impl Summary {
    /// How many seeds were run.
    pub fn count(&self) -> u64 {
        self.seeds.iter().fold(0, |sum: u64, seeds| sum.saturating_add(seeds.count))
    }

    /// Add the next of some seeds that are `every` apart.
    pub fn add(&mut self, report: &Report, every: u64) {
        let seed = report.options.seed;
        match self.seeds.last_mut() {
            Some(last) if last.every == every && last.first.wrapping_add(last.count.wrapping_mul(every)) == seed => {
                last.count += 1;
            }
            _ => self.seeds.push(Seeds { first: seed, every, count: 1 }),
        }
        self.digest = self.digest.wrapping_add(mix(report.digest ^ mix(seed)));
        self.orders += u64::from(report.options.orders);
        self.events += report.events;
        self.calls += report.calls;
        self.requests += report.requests;
        self.faults += report.faults.len() as u64;
        for (outcome, count) in &report.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        for (situation, count) in &report.situations {
            *self.situations.entry(*situation).or_default() += count;
        }
        self.latency.join(&report.latency);
        self.violations.extend(report.found.iter().map(|found| Violation {
            seed,
            claim: found.claim.name().to_owned(),
            sentence: found.sentence.clone(),
            events: found.events,
            at_ms: found.at_ms,
        }));
    }

    /// Add another one, of other seeds.
    ///
    /// # Errors
    /// When a seed is in both.
    pub fn join(&mut self, other: &Summary) -> Result<(), Unjoinable> {
        let shared = self.seeds.iter().find_map(|one| other.seeds.iter().find_map(|other| one.shared(other)));
        if let Some(seed) = shared {
            return Err(Unjoinable(seed));
        }
        let Summary {
            seeds,
            digest,
            orders,
            events,
            calls,
            requests,
            faults,
            outcomes,
            situations,
            latency,
            violations,
        } = other;
        self.seeds.extend(seeds.iter().cloned());
        self.seeds.sort_by_key(|seeds| (seeds.first, seeds.every));
        self.digest = self.digest.wrapping_add(*digest);
        // Whoever has written these numbers may have written anything.
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        let sums = [&mut self.orders, &mut self.events, &mut self.calls, &mut self.requests, &mut self.faults];
        sums.into_iter().zip([orders, events, calls, requests, faults]).for_each(|(sum, more)| add(sum, *more));
        outcomes.iter().for_each(|(outcome, count)| add(self.outcomes.entry(outcome.clone()).or_default(), *count));
        situations.iter().for_each(|(reached, count)| add(self.situations.entry(*reached).or_default(), *count));
        self.latency.join(latency);
        self.violations.extend(violations.iter().cloned());
        self.violations.sort_by(|one, other| (one.seed, &one.claim).cmp(&(other.seed, &other.claim)));
        Ok(())
    }

    /// How often a situation was reached.
    pub fn reached(&self, situation: Situation) -> u64 {
        self.situations.get(&situation).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, simulate};
    use super::*;

    fn summary(seeds: impl Iterator<Item = u64>, every: u64) -> Summary {
        let mut summary = Summary::default();
        for seed in seeds {
            summary.add(&simulate(Options { seed, orders: 20, ..Options::default() }).unwrap(), every);
        }
        summary
    }

    #[test]
    fn shards_come_to_the_whole() {
        let whole = summary(1..=6, 1);
        let mut joined = summary([1, 3, 5].into_iter(), 2);
        joined.join(&summary([2, 4, 6].into_iter(), 2)).unwrap();
        assert_eq!(joined.count(), whole.count());
        assert_eq!(Summary { seeds: whole.seeds.clone(), ..joined.clone() }, whole);
        assert_eq!(joined.join(&summary(4..=4, 1)), Err(Unjoinable(4)));
    }
}
