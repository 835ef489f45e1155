//! Clocks and ticks: true time moves to the next moment at which a lease, a wait or a time-out ends.

use super::World;
use super::log::Log;
use super::state::{OrphanKind, Phase, State};
use crate::db::{Answered, Cause, Val};
use crate::scenario::Assume;
use crate::unroll::UnrollError;

impl World {
    /// The next moment at which anything ends, unless the scenario assumes it away or a statement could go on now: a
    /// database grants a free lock before a clock's hand moves.
    pub(crate) fn next_moment(&self, state: &State) -> Option<i64> {
        let waits = |who: usize| state.database.can_resume(self.engine, &self.store, who);
        if (0..state.database.connections.len()).any(waits) {
            return None;
        }
        let mut next: Option<i64> = None;
        let mut ends = |moment: i64| {
            if moment > state.now_ms && next.is_none_or(|known| moment < known) {
                next = Some(moment);
            }
        };
        for (who, (actor, slot)) in state.actors.iter().zip(&self.slots).enumerate() {
            match actor.phase {
                Phase::Waiting(_, until) | Phase::Blocked(_, until) => ends(until),
                Phase::Dead(at) if self.left_a_lock(state, who) => ends(at + self.scenario.limits.freeze_ms),
                Phase::Fresh
                | Phase::Ready(_)
                | Phase::Written(..)
                | Phase::Shown(..)
                | Phase::Ended
                | Phase::Dead(_) => {}
            }
            if let Some(node) = actor.phase.node().map(|node| self.tree.node(node)) {
                let lease_ends = node.sections.iter().filter_map(|held| held.until_ms);
                node.moments.iter().copied().chain(lease_ends).for_each(|moment| ends(moment - slot.clock_offset_ms));
            }
        }
        for orphan in state.orphans.iter().filter(|orphan| orphan.kind == OrphanKind::Dead) {
            ends(orphan.since_ms + self.scenario.limits.idle_limit_ms);
        }
        // A moment in a row ends at a different true time for each clock that it is compared with: those of the servers and
        // the database's.
        let of_database = self.store.plans.iter().any(|plan| plan.reads_clock).then_some(0);
        for row in self.store.every_row(state.database.committed) {
            for val in self.store.rows.get(row) {
                if let Val::Instant(moment) = val {
                    let of_servers = self.scenario.servers.iter().map(|server| server.clock_offset_ms);
                    of_servers.chain(of_database).for_each(|offset_ms| ends(moment - offset_ms));
                }
            }
        }
        next.filter(|to_ms| !self.assumed_away(state, *to_ms))
    }

    /// True when a tick to this moment leads where the scenario says that it does not go.
    fn assumed_away(&self, state: &State, to_ms: i64) -> bool {
        self.scenario.assume.contains(&Assume::NobodyOutlivesALease)
            && state.actors.iter().zip(&self.slots).any(|(actor, slot)| {
                let node = actor.phase.node().map(|node| self.tree.node(node));
                let mut held = node.iter().flat_map(|node| node.sections.iter()).filter_map(|held| held.until_ms);
                held.any(|until_ms| to_ms + slot.clock_offset_ms >= until_ms)
            })
    }

    /// Move true time on; waits and time-outs that end with it are answered.
    pub(crate) fn tick(&self, state: &mut State, log: &mut Log) -> Result<bool, UnrollError> {
        let Some(to_ms) = self.next_moment(state) else { return Ok(false) };
        let from_ms = std::mem::replace(&mut state.now_ms, to_ms);
        // A scenario without a limit on ticks asks only what a redelivery would do.
        state.ticks_left = state.ticks_left.saturating_sub(1);
        log.ticked(from_ms, to_ms);
        let limit_ms = self.scenario.limits.idle_limit_ms;
        for place in (0..state.orphans.len()).rev() {
            let orphan = &state.orphans[place];
            if orphan.kind == OrphanKind::Dead && orphan.since_ms + limit_ms <= to_ms {
                self.remove_orphan(state, place);
            }
        }
        for who in 0..state.actors.len() {
            let reply = match state.actors[who].phase {
                Phase::Waiting(_, until) if until <= to_ms => self.store.replies.keep(Answered::Done),
                Phase::Blocked(_, until) if until <= to_ms => {
                    state.database.fail_wait(self.engine, &self.store, who, Cause::TimedOut)
                }
                _ => continue,
            };
            log.woken(self, who, reply);
            self.told(state, who, reply, log)?;
        }
        Ok(true)
    }
}
