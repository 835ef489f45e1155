//! Workers, where a protocol keeps notices for them: each looks again and again.
//!
//! One that has found nothing looks again after a while, which grows up to a lease: by then a job that a dead worker has
//! claimed is free again. When it finds nothing after that, and nothing else is left to happen, there is nothing left to do.

use std::collections::BTreeMap;

use paidonce_protocol::shop::Outcome;

use super::Simulation;
use super::drawn::{Again, Sender};
use super::events::Event;
use super::lot::For;
use crate::unroll::UnrollError;

/// Who has found nothing looks again after so long, then after twice as long, up to a lease.
const PAUSE_MS: u64 = 250;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Workers {
    /// How long each worker has waited before it looked last, and what came of that.
    idle: BTreeMap<u32, Idle>,
    /// So many events are those of workers that will look.
    waiting: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Idle {
    pause_ms: u64,
    /// It has looked, and found nothing.
    has_found_nothing: bool,
}

impl Workers {
    /// Those among the senders, before any of them has looked.
    pub(super) fn of(senders: &[Sender]) -> Self {
        let waiting = senders.iter().filter(|sender| sender.comes_again == Again::Always && sender.at_once > 0).count();
        Workers { idle: BTreeMap::new(), waiting }
    }

    /// What came of a run. True when a worker has found nothing to do.
    pub(super) fn found(&mut self, sender: u32, outcome: Outcome) -> bool {
        let nothing = outcome == Outcome::NothingToDo;
        if nothing {
            self.idle.entry(sender).or_default().has_found_nothing = true;
        }
        nothing
    }
}

impl Simulation {
    /// A worker that has waited looks for something to do.
    pub(super) fn looks_for_work(&mut self, sender: u32) -> Result<(), UnrollError> {
        self.workers.waiting -= 1;
        self.workers.idle.entry(sender).or_default().has_found_nothing = false;
        self.comes(sender)
    }

    /// A worker's run is over, in whatever way.
    pub(super) fn looks_again(&mut self, sender: u32) {
        let mut chance = self.lot(sender).at(0, For::Again);
        let longest_ms = self.options.settings.lease_ms.max(PAUSE_MS) + 1;
        let idle = self.workers.idle.entry(sender).or_default();
        let after_ms = if !idle.has_found_nothing {
            idle.pause_ms = 0;
            chance.between(1, 10)
        } else if idle.pause_ms == longest_ms && self.events.count() == self.workers.waiting {
            return;
        } else {
            idle.pause_ms = (idle.pause_ms * 2).clamp(PAUSE_MS, longest_ms);
            i64::try_from(idle.pause_ms).unwrap_or(i64::MAX)
        };
        self.workers.waiting += 1;
        self.events.add(self.now_ms.saturating_add(after_ms), Event::Deliver(sender));
    }
}
