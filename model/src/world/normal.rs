//! States that no future step can tell apart are made the same.

use std::sync::atomic::Ordering;

use super::World;
use super::state::{OrphanKind, Phase, State};
use crate::claims::Shop;

impl World {
    /// Take away what nobody can meet any more.
    pub(crate) fn normalise(&self, state: &mut State) {
        state.database.connections.tidy();
        for who in 0..state.actors.len() {
            if matches!(state.actors[who].phase, Phase::Dead(_)) && !self.left_a_lock(state, who) {
                state.actors[who].phase = Phase::Ended;
            }
        }
        if !self.tells_time.load(Ordering::Relaxed) {
            self.restart_time(state);
        }
    }

    /// A protocol reads a clock: the time of day matters.
    pub(super) fn notice_clock(&self) {
        if !self.tells_time.swap(true, Ordering::Relaxed) {
            self.restart.store(true, Ordering::Relaxed);
        }
    }

    /// True when a lock row of this actor is there: then somebody may meet its death.
    pub(super) fn left_a_lock(&self, state: &State, who: usize) -> bool {
        let is_owner = |shop: &Shop| shop.is_lock_owner(&self.store, state.database.committed, &self.slots[who].name);
        self.judge.shop().is_some_and(is_owner)
    }

    /// Where no protocol reads a clock, only the time from now on counts, not the time of day.
    fn restart_time(&self, state: &mut State) {
        let passed_ms = std::mem::take(&mut state.now_ms);
        if passed_ms == 0 {
            return;
        }
        for actor in &mut state.actors {
            match &mut actor.phase {
                Phase::Waiting(_, moment) | Phase::Blocked(_, moment) | Phase::Dead(moment) => *moment -= passed_ms,
                Phase::Fresh | Phase::Ready(_) | Phase::Written(..) | Phase::Shown(..) | Phase::Ended => {}
            }
        }
        for orphan in &mut state.orphans {
            // What is on its way has no limit.
            let counts = !matches!(orphan.kind, OrphanKind::Landing(_));
            orphan.since_ms = if counts { orphan.since_ms - passed_ms } else { 0 };
        }
    }
}
