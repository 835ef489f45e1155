//! A state and the one that stands for it go on alike: whatever can come next of one, can of the other.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashSet, FxHasher};

use super::{Action, Log, Source, State, World};
use crate::engine::Engine;
use crate::scenario::{FILES, Scenario};
use crate::world::Reductions;
use crate::world::Setup;
use paidonce_protocol::catalogue::find;
use paidonce_protocol::{Guard, Without};

/// More states are not looked at.
const MOST_STATES: usize = 1_500;

fn hash(state: &State) -> u64 {
    let mut hasher = FxHasher::default();
    state.hash(&mut hasher);
    hasher.finish()
}

fn next(world: &World, state: &State, action: Action) -> Option<State> {
    let mut next = state.clone();
    if !world.advance(&mut next, action, &mut Log::off()).expect("no foul") {
        return None;
    }
    (next.broken, next.arisen) = (0, 0);
    world.normalise(&mut next);
    Some(next)
}

/// What stands for the states that can come next.
fn comes_of(world: &World, state: &State) -> BTreeSet<u64> {
    let mut actions = Vec::new();
    world.enabled(state, &mut actions);
    let stands = |mut state: State| {
        world.canonicalise(&mut state);
        hash(&state)
    };
    actions.into_iter().filter_map(|action| next(world, state, action)).map(stands).collect()
}

/// How many states had another that stands for them, each of which went on as they did; `None` when requests turned out not
/// to be alike, so that nobody exchanges them.
fn compared(setup: &Setup<'_>) -> Option<usize> {
    let world = setup.world(Reductions { merge_unseen: false, symmetry: true, forget: false }).expect("a world");
    // A moment matters from the beginning: it would be another world from the first clock on.
    world.tells_time.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut start = world.start();
    world.normalise(&mut start);
    world.canonicalise(&mut start);
    let mut seen: FxHashSet<u64> = FxHashSet::default();
    seen.insert(hash(&start));
    let mut open = VecDeque::from([start]);
    let mut compared = 0;
    while let Some(state) = open.pop_front().filter(|_| seen.len() < MOST_STATES) {
        let mut actions = Vec::new();
        world.enabled(&state, &mut actions);
        for after in actions.into_iter().filter_map(|action| next(&world, &state, action)) {
            let mut stands = after.clone();
            world.canonicalise(&mut stands);
            let (of_both, is_other) =
                ((comes_of(&world, &after), comes_of(&world, &stands)), hash(&after) != hash(&stands));
            if world.asymmetric.load(std::sync::atomic::Ordering::Relaxed) || world.store.names.has_decided() {
                return None;
            }
            let about = || format!("{} on {} in {}", setup.protocol, setup.engine.name(), setup.scenario.name);
            assert_eq!(of_both.0, of_both.1, "{}:\n{after:#?}\nand\n{stands:#?}", about());
            compared += usize::from(is_other);
            if seen.insert(hash(&stands)) {
                open.push_back(stands);
            }
        }
    }
    Some(compared)
}

#[test]
fn a_state_and_the_one_that_stands_for_it_go_on_alike() {
    let (mut alike, mut told_apart) = (0, 0);
    let engines = [Engine::SqliteDeferred, Engine::PostgresRepeatableRead, Engine::MariaDbRepeatableRead];
    for (file, text) in FILES {
        let scenario = Scenario::from_toml(file, text).expect("it is built in");
        for check in &scenario.check {
            let protocol = find(&check.protocol).expect("it is checked").name;
            let guarded = |guard: &&Guard| guard.protocol() == protocol && guard.second_line_to().is_some();
            let mutants = Guard::ALL.iter().filter(guarded).map(|guard| Without::NOTHING.and(*guard));
            for without in std::iter::once(Without::NOTHING).chain(mutants) {
                for engine in engines {
                    let setup = Setup { scenario: &scenario, protocol, engine, without, reductions: Reductions::ALL };
                    match compared(&setup) {
                        Some(0) => {}
                        Some(_) => alike += 1,
                        None => told_apart += 1,
                    }
                }
            }
        }
    }
    assert!(alike > 20 && told_apart > 20, "{alike} worlds with requests that are alike, {told_apart} without");
}
