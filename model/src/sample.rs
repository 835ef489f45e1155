//! Schedules drawn by chance from a seed.

use crate::explore::{ExploreError, Schedule};
use crate::world::{Action, Log, Reductions, Source};

/// A walk that does not come to an end within this many steps is cut off.
const LONGEST_WALK: usize = 2_000;

/// A schedule drawn by chance, to its end. The same seed gives the same schedule.
///
/// # Errors
/// When the world cannot be made, or a protocol breaks a rule of protocols.
pub fn sample(source: &impl Source, seed: u64) -> Result<Schedule, ExploreError> {
    let world = source.world(Reductions::NONE)?;
    let mut chance = SplitMix(seed);
    let mut state = world.start();
    let mut actions = Vec::new();
    let mut enabled: Vec<Action> = Vec::new();
    while actions.len() < LONGEST_WALK {
        enabled.clear();
        world.enabled(&state, &mut enabled);
        let mut next = None;
        while next.is_none() && !enabled.is_empty() {
            let action = enabled.swap_remove(chance.below(enabled.len()));
            next = world.after(&state, action, &mut Log::off())?.map(|state| (state, action));
        }
        let Some((after, action)) = next else { break };
        state = after;
        actions.push(action);
    }
    Ok(Schedule { world, actions, seed: Some(seed) })
}

/// Sebastiano Vigna's SplitMix64: a whole random generator in three lines, the same on every machine.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is at least 1.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
