//! Until when a lease is held: what the work and the task that renews it share.
//!
//! This file depends on nothing but an atomic, so that loom can take it through every order in which two threads may come to
//! it (`tests/loom/`).

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

/// No moment: the lease is lost, for good.
const LOST: u64 = 0;

/// The moment at which a lease ends, in milliseconds on a clock of this process alone. Once it is lost, it stays lost.
#[derive(Debug)]
pub(crate) struct LeaseState {
    until_ms: AtomicU64,
}

impl LeaseState {
    /// Held until then.
    pub(crate) fn until(until_ms: u64) -> Self {
        LeaseState { until_ms: AtomicU64::new(until_ms) }
    }

    /// Whether it is held at this moment. The first to find it over loses it for everybody.
    pub(crate) fn is_held(&self, now_ms: u64) -> bool {
        let mut until_ms = self.until_ms.load(Ordering::Acquire);
        loop {
            if until_ms == LOST {
                return false;
            }
            if now_ms < until_ms {
                return true;
            }
            match self.until_ms.compare_exchange(until_ms, LOST, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return false,
                // It was renewed meanwhile, or lost.
                Err(newer_ms) => until_ms = newer_ms,
            }
        }
    }

    /// Hold it until then, unless it is lost or over by now: whether it is held on. A renewal that comes late is in vain.
    pub(crate) fn extend(&self, to_ms: u64, now_ms: u64) -> bool {
        let mut until_ms = self.until_ms.load(Ordering::Acquire);
        loop {
            let next_ms = match until_ms {
                LOST => return false,
                over_ms if over_ms <= now_ms => LOST,
                until_ms => until_ms.max(to_ms),
            };
            match self.until_ms.compare_exchange(until_ms, next_ms, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return next_ms != LOST,
                Err(newer_ms) => until_ms = newer_ms,
            }
        }
    }

    /// It is somebody else's, or nobody knows whose.
    pub(crate) fn lose(&self) {
        self.until_ms.store(LOST, Ordering::Release);
    }
}
