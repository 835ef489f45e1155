//! How often something is tried that another try may change, and how long to wait between.

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

/// A bound for tries, and the waits between them.
///
/// A wait is drawn between nothing and an upper end that doubles with each try (the "full jitter" of M. Brooker, Exponential
/// Backoff And Jitter, AWS Architecture Blog, 2015): processes that met once do not meet again at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often something is tried in all; at least once.
    pub attempts: u32,
    /// The upper end of the first wait, in milliseconds.
    pub first_ms: u64,
    /// The upper end of any wait, in milliseconds.
    pub most_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { attempts: 10, first_ms: 20, most_ms: 2_000 }
    }
}

/// The tries so far, with the chance that the waits are drawn from.
#[derive(Debug)]
pub struct Tries {
    retry: Retry,
    failed: u32,
    chance: SmallRng,
}

impl Tries {
    /// None so far. The same seed draws the same waits.
    pub fn new(retry: Retry, seed: u64) -> Self {
        Tries { retry, failed: 0, chance: SmallRng::seed_from_u64(seed) }
    }

    /// A try has failed: how long to wait before the next, in milliseconds, or nothing when that was the last.
    pub fn failed(&mut self) -> Option<u64> {
        self.failed = self.failed.saturating_add(1);
        if self.failed >= self.retry.attempts {
            return None;
        }
        let doubled = self.retry.first_ms.saturating_mul(1 << (self.failed - 1).min(32));
        Some(self.drawn_up_to(doubled.min(self.retry.most_ms)))
    }

    /// One has succeeded: what comes has all its tries again.
    pub fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// A wait of about so long, in milliseconds: between a half and all of it.
    pub fn about(&mut self, wait_ms: u64) -> u64 {
        wait_ms - self.drawn_up_to(wait_ms / 2)
    }

    fn drawn_up_to(&mut self, most: u64) -> u64 {
        self.chance.random_range(0..=most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry { attempts: 5, first_ms: 10, most_ms: 40 };

    #[test]
    fn tries_end_and_waits_stay_below_an_end_that_doubles() {
        for seed in 0..200 {
            let mut tries = Tries::new(RETRY, seed);
            for most in [10, 20, 40, 40] {
                assert!(tries.failed().is_some_and(|wait| wait <= most));
            }
            assert_eq!(tries.failed(), None);
        }
    }

    #[test]
    fn waits_are_spread_and_the_same_for_the_same_seed() {
        let waits = |seed| {
            let mut tries = Tries::new(RETRY, seed);
            [tries.failed(), tries.failed(), tries.failed(), tries.failed()]
        };
        assert_eq!(waits(7), waits(7));
        let different: std::collections::BTreeSet<_> = (0..50).map(waits).collect();
        assert!(different.len() > 40);
    }

    #[test]
    fn a_success_gives_all_tries_back() {
        let mut tries = Tries::new(Retry { attempts: 2, ..RETRY }, 1);
        assert!(tries.failed().is_some());
        tries.succeeded();
        assert!(tries.failed().is_some());
        assert_eq!(tries.failed(), None);
        for _ in 0..100 {
            assert!((50..=100).contains(&tries.about(100)));
        }
        assert_eq!(Tries::new(Retry { attempts: 99, first_ms: 1, most_ms: u64::MAX }, 1).about(0), 0);
    }
}
