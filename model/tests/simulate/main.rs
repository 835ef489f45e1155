//! Simulations: the same seed is the same run, the right protocols stay right, and the wrong ones are found out.

mod shrinking;

use paidonce_model::simulate::{Options, Rates, Report, SimulateError, Simulation, Situation, Unusable, simulate};
use paidonce_model::{Claim, Engine};
use paidonce_protocol::shop::Settings;
use paidonce_protocol::{Guard, Without};

fn run(options: Options) -> Report {
    let seed = options.seed;
    simulate(options).unwrap_or_else(|error| panic!("seed {seed}: {error}"))
}

fn wrong(report: &Report) -> Vec<String> {
    report.found.iter().map(|found| format!("{}: {}", found.claim.name(), found.sentence)).collect()
}

fn reached(report: &Report, situation: Situation) -> u64 {
    report.situations.iter().filter(|(known, _)| *known == situation).map(|(_, count)| count).sum()
}

#[test]
fn the_right_protocols_are_clean_on_every_engine_with_every_fault() {
    for settle in ["settle", "worker", "fenced_lease"] {
        for engine in Engine::ALL {
            for seed in 1..=6 {
                let report = run(Options { seed, engine, settle: settle.to_owned(), orders: 60, ..Options::default() });
                assert_eq!(wrong(&report), [""; 0], "{settle} on {}, seed {seed}", engine.name());
            }
        }
    }
}

#[test]
fn settle_and_cancel_are_clean_over_many_seeds_in_every_situation_that_they_can_come_to() {
    // They ask for no lock that could be refused, take stock in one order so that no two wait for each other, and hand every
    // notice a place sooner or later.
    let not_theirs = [Situation::Refused, Situation::TwoHolders, Situation::Deadlock, Situation::GivenUp];
    let mut counts = vec![0; Situation::ALL.len()];
    for seed in 1..=150 {
        let report = run(Options { seed, orders: 100, ..Options::default() });
        assert_eq!(wrong(&report), [""; 0], "seed {seed}");
        for situation in Situation::ALL {
            counts[*situation as usize] += reached(&report, *situation);
        }
    }
    let never = Situation::ALL.iter().filter(|situation| counts[**situation as usize] == 0);
    let never: Vec<&Situation> = never.filter(|situation| !not_theirs.contains(situation)).collect();
    assert_eq!(never, [&Situation::Pause; 0]);
}

#[test]
fn wrong_protocols_are_found_within_two_hundred_seeds() {
    let alone = ["unlocked", "lock_table", "row_lock", "queue"].map(|settle| (settle, None));
    let pairs = alone.into_iter().chain([("settle", Some("cancel_unlocked"))]);
    for (settle, cancel) in pairs {
        let finds = |seed: &u64| {
            let (settle, cancel) = (settle.to_owned(), cancel.map(str::to_owned));
            !run(Options { seed: *seed, settle, cancel, ..Options::default() }).found.is_empty()
        };
        assert!((1..=200).any(|seed| finds(&seed)), "{settle} with {cancel:?}");
    }
}

#[test]
fn without_any_of_its_guards_a_protocol_is_found_wrong() {
    // That a write was lost is nothing that the rows show afterwards, and claims about steps are the checker's.
    let of_steps = [Claim::NoLostUpdate, Claim::FreeLockGranted].map(Claim::name);
    // A simulation restarts the database and undoes no commit: docs/bounds.md.
    let of_crashes = [Guard::LocksFirst, Guard::BookedIsDurable, Guard::MisfitIsDurable, Guard::QueuedIsDurable];
    let is_found = |guard: &&Guard| !of_steps.contains(&guard.claim()) && !of_crashes.contains(guard);
    for guard in Guard::ALL.iter().filter(is_found) {
        let settle = if guard.protocol() == "cancel" { "settle" } else { guard.protocol() };
        // Where another stands behind it, both are left out.
        let without = Without::NOTHING.and(*guard).and(guard.second_line_to().unwrap_or(*guard));
        // A lease that many outlive: some guards stand only between a lease that is taken and the next call.
        let settings = Settings { lease_ms: 2_000, ..Options::default().settings };
        let settle = settle.to_owned();
        let options =
            |seed| Options { seed, settle: settle.clone(), without, settings: settings.clone(), ..Options::default() };
        let finds = |seed: u64| !run(options(seed)).found.is_empty();
        assert!((1..=200).any(finds), "{}", guard.name());
    }
}

#[test]
fn the_same_seed_is_the_same_run_step_by_step_and_at_once() {
    let options = Options { orders: 100, ..Options::default() };
    let at_once = run(options.clone());
    let mut simulation = Simulation::new(options.clone()).expect("the options are as they come");
    while !simulation.run(17).expect("no foul").at_rest {}
    let by_steps = simulation.finish().expect("no foul");
    assert_eq!((at_once.digest, at_once.calls), (by_steps.digest, by_steps.calls));
    assert_ne!(at_once.digest, run(Options { seed: 2, ..options }).digest);
}

/// Every machine and every build is held to the same numbers: a change of them is a change of what happens. (Run with
/// `cargo test --release`, too, when a rule of the model or of the world changes.)
#[test]
fn the_digest_of_a_seed_is_pinned() {
    let digest = |engine| run(Options { engine, orders: 50, ..Options::default() }).digest;
    let engines = [Engine::SqliteImmediate, Engine::PostgresReadCommitted, Engine::MariaDbRepeatableRead];
    assert_eq!(engines.map(digest), [761592134063039666, 15919895118121734926, 2748992968756422669]);
}

#[test]
fn without_faults_each_order_is_booked_once_or_refunded() {
    for settle in ["settle", "worker", "fenced_lease"] {
        let settle = settle.to_owned();
        let report = run(Options { rates: Rates::NOTHING, orders: 300, settle: settle.clone(), ..Options::default() });
        assert_eq!(wrong(&report), [""; 0]);
        let of = |outcome: &str| report.outcomes.get(outcome).copied().unwrap_or(0);
        assert_eq!(of("booked") + of("queued for refund: stock too short"), 300, "{settle}: {:?}", report.outcomes);
        assert!(report.latency.percentile(50) <= report.latency.percentile(99));
        assert_eq!(reached(&report, Situation::Conflict), 0, "{settle}");
    }
}

#[test]
fn options_out_of_their_bounds_are_refused() {
    let refused = |options: Options| simulate(options).map(drop).expect_err("refused").to_string();
    let of = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        refused(options)
    };
    assert_eq!(of(|options| options.orders = 0), "orders is 0; it has to be from 1 to 1000000");
    assert_eq!(of(|options| options.connections = 33), "connections is 33; it has to be from 1 to 32");
    assert_eq!(of(|options| options.rates.crash = 1_000_000), "crash is 1000000; it has to be from 0 to 900000");
    assert!(of(|options| options.settle = "cancel".to_owned()).starts_with("protocol cancel cannot play the notice"));
    let unknown = Options { cancel: Some("nobody".to_owned()), ..Options::default() };
    assert!(matches!(simulate(unknown), Err(SimulateError::Options(Unusable::Protocol(_)))));
}
