//! Schedules drawn by chance from a seed.

use crate::chance::SplitMix;
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
    let mut chance = SplitMix::new(seed);
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
