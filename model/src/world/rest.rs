//! When nothing is left to happen.

use smallvec::SmallVec;

use super::World;
use super::log::Log;
use super::state::{Action, Actor, OrphanKind, Phase, State};
use crate::trace::WorldPayment;

/// A single redelivery takes fewer steps than this, or it is taken to change something.
const LONGEST_REDELIVERY: usize = 500;

/// After more moments than this at which a lease or a wait ends, something is taken to go on for ever.
const MOST_MOMENTS: usize = 100;

impl World {
    /// True when no step is left but such as change nothing, or as nobody owes: a buyer who may never come back, a
    /// duplicate of what was accepted.
    pub(crate) fn is_at_rest(&self, state: &State) -> bool {
        let under_way = state.actors.iter().any(|actor| actor.phase.node().is_some());
        let lands = state.orphans.iter().any(|orphan| orphan.kind != OrphanKind::Stopped);
        if under_way || lands {
            return false;
        }
        let unaccepted = |who: &usize| {
            let group = &self.groups[*who];
            group.redelivers && !state.actors[group.slots.clone()].iter().any(|actor| actor.accepted)
        };
        let owed: SmallVec<[usize; 4]> = (0..self.groups.len()).filter(unaccepted).collect();
        // The gateway owes the shop deliveries until one is accepted. Where the scenario has no more of them, that is out of
        // bounds and not at rest, unless one more would leave everything as it is, now and at any later time.
        let all_came = |group: &usize| {
            state.actors[self.groups[*group].slots.clone()].iter().all(|actor| actor.phase != Phase::Fresh)
        };
        owed.is_empty() || owed.iter().all(all_came) && self.redeliveries_change_nothing(state, &owed)
    }

    /// Further deliveries of these groups' notices, now and after every moment that is still to come: a lease that a dead
    /// request left behind refuses one delivery, and no longer the one after its end.
    fn redeliveries_change_nothing(&self, state: &State, owed: &[usize]) -> bool {
        let mut later = state.clone();
        for _ in 0..MOST_MOMENTS {
            let last_slot = |group: usize| self.groups[group].slots.end - 1;
            if !owed.iter().all(|group| self.redelivery_changes_nothing(&later, last_slot(*group))) {
                return false;
            }
            if self.next_moment(&later).is_none() {
                return true;
            }
            match self.after(&later, Action::Tick, &mut Log::off()) {
                Ok(Some(next)) => later = next,
                Ok(None) | Err(_) => return false,
            }
        }
        false
    }

    /// One more delivery, alone and without faults: does it come to nothing?
    fn redelivery_changes_nothing(&self, state: &State, who: usize) -> bool {
        let mut tried = state.clone();
        tried.actors[who] = Actor { phase: Phase::Ready(self.slots[who].root), ..Actor::fresh() };
        for _ in 0..LONGEST_REDELIVERY {
            let action = match tried.actors[who].phase {
                Phase::Ready(_) => Action::Step(who as u8, 0),
                Phase::Waiting(..) | Phase::Blocked(..) => Action::Tick,
                Phase::Written(..) => Action::Commit(who as u8),
                Phase::Shown(..) => Action::Logged(who as u8),
                Phase::Fresh | Phase::Ended | Phase::Dead(_) => {
                    return !tried.actors[who].accepted
                        && tried.database.committed == state.database.committed
                        && tried.mails == state.mails
                        && tried.now_ms == state.now_ms;
                }
            };
            match self.after(&tried, action, &mut Log::off()) {
                Ok(Some(next)) => tried = next,
                Ok(None) | Err(_) => return false,
            }
        }
        false
    }

    /// The payments that the gateway has told the shop of, one bit each.
    pub(crate) fn told_of(&self, state: &State) -> u32 {
        let came = |group: &usize| {
            let actors = &state.actors[self.groups[*group].slots.clone()];
            actors.iter().any(|actor| actor.phase != Phase::Fresh)
        };
        let told = self.taken.iter().enumerate().filter(|(_, (_, groups))| groups.iter().any(came));
        told.fold(0, |set, (place, _)| set | 1 << place)
    }

    /// The payments of such a set.
    pub(crate) fn payments_told(&self, told: u32) -> SmallVec<[&WorldPayment; 4]> {
        let payments = self.taken.iter().enumerate().filter(|(place, _)| told & 1 << place != 0);
        payments.map(|(_, (payment, _))| payment).collect()
    }
}
