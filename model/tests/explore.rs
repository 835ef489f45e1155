//! What exploring promises: shortest traces, verdicts that do not depend on the reductions, and protocols kept to the rules.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::{
    Claim, Engine, Family, Limits, Progress, Reductions, Setup, Show, World, check, explore, shortest,
};
use paidonce_protocol::{Guard, Without, catalogue};

fn scenario(name: &str) -> Scenario {
    let file = format!("{name}.toml");
    let (_, text) = FILES.iter().find(|(known, _)| *known == file).expect("a built-in scenario");
    Scenario::from_toml(&file, text).expect("built-in scenarios are valid")
}

fn setup<'a>(scenario: &'a Scenario, protocol: &str, engine: Engine) -> Setup<'a> {
    let protocol = catalogue::find(protocol).expect("a protocol of the catalogue").name;
    Setup { scenario, protocol, engine, without: Without::NOTHING, reductions: Reductions::ALL }
}

fn progress() -> Arc<Progress> {
    Arc::new(Progress::default())
}

/// A breadth-first search of its own, without stateright and without reductions: how many steps to the first state that
/// breaks the claim?
fn fewest_steps(setup: &Setup<'_>, claim: Claim) -> Option<usize> {
    let world = World::new(&Setup { reductions: Reductions::NONE, ..setup.clone() }).expect("the world can be made");
    let print = |state: &paidonce_model::State| {
        let mut hasher = std::hash::DefaultHasher::new();
        state.hash(&mut hasher);
        hasher.finish()
    };
    let first = world.first();
    let mut seen = BTreeSet::from([print(&first)]);
    let mut waiting = VecDeque::from([(first, 0)]);
    while let Some((state, steps)) = waiting.pop_front() {
        if world.breaks(&state, claim) {
            return Some(steps);
        }
        for (_, next) in world.next(&state).expect("the protocols keep to the rules") {
            if seen.insert(print(&next)) {
                waiting.push_back((next, steps + 1));
            }
        }
    }
    None
}

#[test]
fn the_trace_reported_for_a_claim_is_a_shortest_one() {
    let stories = [
        ("unlocked_ipn_and_pdt", "unlocked"),
        ("f1_paused_past_expiry", "lock_table"),
        ("f2_stolen_delete", "lock_table"),
        ("f5_released_between", "lock_table"),
        ("f6_crashed_holder", "lock_table"),
        ("mixed_cancel_unlocked", "settle"),
    ];
    let mut compared = 0;
    for (name, protocol) in stories {
        let scenario = scenario(name);
        let setup = setup(&scenario, protocol, Engine::SqliteImmediate);
        let found = explore(&setup, Limits::default(), &progress()).expect("explored");
        let schedules =
            shortest(&setup, Show::Broken, &found.broken, Limits::default(), &progress()).expect("searched");
        assert!(schedules.iter().map(|(claim, _)| *claim).eq(found.broken), "every broken claim has a schedule");
        for (claim, schedule) in schedules {
            let trace = schedule.trace(Some(claim)).expect("a trace");
            assert_eq!(Some(trace.steps.len()), fewest_steps(&setup, claim), "{name}: {}", claim.name());
            compared += 1;
        }
    }
    assert!(compared >= 20, "only {compared} traces were compared");
}

#[test]
fn verdicts_are_the_same_with_and_without_each_reduction() {
    let each = [
        Reductions::NONE,
        Reductions { merge_unseen: true, ..Reductions::NONE },
        Reductions { symmetry: true, ..Reductions::NONE },
        Reductions { forget: true, ..Reductions::NONE },
    ];
    let stories = [
        ("unlocked_ipn_twice", "unlocked"),
        ("f7_three_requests", "lock_table"),
        ("f6_crashed_holder", "lock_table"),
        ("two_payments", "settle"),
        ("two_payments", "row_lock"),
        ("late_notice", "settle"),
        ("mixed_unlocked", "settle"),
        ("lost_anywhere", "settle"),
        ("server_crash", "settle"),
        ("server_crash", "row_lock"),
        ("server_crash_misfit", "settle"),
    ];
    for (name, protocol) in stories {
        let scenario = scenario(name);
        for engine in Engine::ALL {
            let setup = setup(&scenario, protocol, engine);
            let reduced = explore(&setup, Limits::default(), &progress()).expect("explored");
            for reductions in each {
                let setup = Setup { reductions, ..setup.clone() };
                let full = explore(&setup, Limits::default(), &progress()).expect("explored");
                let at = format!("{name}, {protocol}, {}, {reductions:?}", engine.name());
                assert_eq!(reduced.broken, full.broken, "{at}");
                assert_eq!(reduced.arisen, full.arisen, "{at}");
                assert!(reduced.states <= full.states, "{at}: {} states, {} without", reduced.states, full.states);
            }
        }
    }
}

/// See `docs/decisions/0019-a-commit-is-seen-before-it-is-durable.md`.
#[test]
fn a_200_without_a_write_of_ones_own_is_undone_by_a_crash_of_mariadb_and_of_no_other() {
    let stories = [
        ("server_crash", "settle", Guard::BookedIsDurable),
        ("server_crash_misfit", "settle", Guard::MisfitIsDurable),
        ("server_crash_queue", "worker", Guard::QueuedIsDurable),
    ];
    for (name, protocol, guard) in stories {
        let crash = scenario(name);
        let mut calm = crash.clone();
        calm.faults.crashes = 0;
        for engine in Engine::ALL {
            let broken = |scenario: &Scenario, without: Without| {
                let setup = Setup { without, ..setup(scenario, protocol, engine) };
                let found = explore(&setup, Limits::default(), &progress()).expect("explored");
                assert!(found.complete, "{name}, {}", engine.name());
                found.broken
            };
            let without = Without::NOTHING.and(guard);
            let is_undone = engine.family() == Family::MariaDb;
            let expected = if is_undone { vec![Claim::MoneyNotLost] } else { Vec::new() };
            assert_eq!(broken(&crash, without), expected, "{name}, {}, without {guard:?}", engine.name());
            assert_eq!(broken(&crash, Without::NOTHING), [], "{name}, {}", engine.name());
            assert_eq!(broken(&calm, without), [], "{name}, {}, no crash", engine.name());
        }
    }
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let stories = [("f7_three_requests", "lock_table"), ("mixed_unlocked", "settle"), ("late_notice", "unlocked")];
    for (name, protocol) in stories {
        let scenario = scenario(name);
        for engine in Engine::ALL {
            let setup = setup(&scenario, protocol, engine);
            let found = |threads| {
                let found = explore(&setup, Limits { threads, ..Limits::default() }, &progress()).expect("explored");
                (found.states, found.generated, found.broken, found.arisen)
            };
            assert_eq!(found(1), found(4), "{name}, {protocol}, {}", engine.name());
        }
    }
}

#[test]
fn an_exploration_that_hits_its_limit_is_not_complete() {
    let scenario = scenario("default");
    let setup = setup(&scenario, "settle", Engine::SqliteImmediate);
    let cut = explore(&setup, Limits { most_states: 1_000, ..Limits::default() }, &progress()).expect("explored");
    assert!(!cut.complete);
    assert!(cut.states < 10_000);
}

#[test]
fn a_bound_on_attempts_that_is_reached_leaves_retries_undecided() {
    let verdict = |attempts| {
        let mut scenario = scenario("late_notice");
        scenario.settings.attempts = attempts;
        let setup = setup(&scenario, "settle", Engine::SqliteDeferred);
        let claims = [Claim::RetriesEnd, Claim::PaymentBookedOnce];
        let checked = check(&setup, &claims, Limits::default(), &progress()).expect("checked");
        checked.verdicts.iter().map(|(_, verdict)| verdict.name()).collect::<Vec<_>>()
    };
    assert_eq!(verdict(1), ["undecided", "holds"]);
    assert_eq!(verdict(3), ["holds", "holds"]);
}
