//! Concurrent code of ours under shuttle's schedules, over the model database.
//!
//! `PAIDONCE_SCHEDULES` says how many schedules of each scenario are tried (a few thousand by default; 100 000 in the long
//! run), `PAIDONCE_SCHEDULE=ENGINE=SCHEDULE` takes one again. A failure prints the command for that.

use std::process::Command;

use paidonce_model::Engine;
use paidonce_protocol::catalogue::{PROTOCOLS, Role};
use paidonce_tests::schedules::{
    Campaign, Explored, Order, Scenario, Violation, explore, replay, schedules_until_violation,
};

/// One engine of each kind.
const ENGINES: [Engine; 3] = [Engine::SqliteImmediate, Engine::PostgresReadCommitted, Engine::MariaDbRepeatableRead];
const SEED: u64 = 1;
const COUNT: &str = "PAIDONCE_SCHEDULES";
const ONE: &str = "PAIDONCE_SCHEDULE";

const PAUSED_RENEWER: Scenario = Scenario::PausedRenewer { asks: true, fenced: true };

/// How many schedules of a scenario are tried on one engine in one order.
fn schedules() -> usize {
    let all = std::env::var(COUNT).ok().filter(|count| !count.is_empty());
    let all: usize = all.map_or(3_000, |count| count.parse().unwrap_or_else(|_| panic!("{COUNT}={count}: no number")));
    all.div_ceil(ENGINES.len() * 2)
}

/// The command that takes a schedule again.
fn command(test: &str, engine: Engine, violation: &Violation) -> String {
    let schedule = &violation.schedule;
    format!("{ONE}='{}={schedule}' cargo test -p paidonce-tests --test schedules -- --exact {test}", engine.name())
}

/// The schedule that was asked for: what is wrong by it.
fn asked_for(scenario: Scenario) -> Option<String> {
    let asked = std::env::var(ONE).ok().filter(|asked| !asked.is_empty())?;
    let (name, schedule) = asked.split_once('=').unwrap_or_else(|| panic!("{ONE} is ENGINE=SCHEDULE"));
    let engine = Engine::find(name).unwrap_or_else(|| panic!("{ONE}: there is no engine {name}"));
    let says = replay(scenario, engine, schedule).unwrap_or_else(|error| panic!("{ONE}: {}", error.problem));
    Some(says.unwrap_or_else(|| panic!("nothing is wrong by this schedule")))
}

/// Try a scenario on each engine, in both orders: nothing is wrong.
fn try_all(test: &str, scenario: Scenario) -> Explored {
    if let Some(says) = asked_for(scenario) {
        panic!("{says}");
    }
    let mut all = Explored::default();
    for engine in ENGINES {
        for order in [Order::Random, Order::Pct(3)] {
            let campaign = Campaign { seed: SEED, schedules: schedules(), order };
            let explored = explore(scenario, engine, campaign).unwrap_or_else(|violation| {
                let again = command(test, engine, &violation);
                panic!(
                    "{}\nin schedule {} of {order:?} on {}:\n{again}",
                    violation.says,
                    violation.schedules,
                    engine.name()
                )
            });
            all.schedules += explored.schedules;
            all.at_rest += explored.at_rest;
            all.lost += explored.lost;
        }
    }
    all
}

#[test]
fn two_workers_book_each_notice_once_though_claims_run_out() {
    let all = try_all("two_workers_book_each_notice_once_though_claims_run_out", Scenario::TwoWorkers);
    assert_eq!(all.at_rest, all.schedules);
    assert!(all.lost > all.schedules / 100, "claims hardly ever run out: {all:?}");
}

#[test]
fn nobody_writes_under_a_lease_whose_renewer_came_too_late() {
    let all = try_all("nobody_writes_under_a_lease_whose_renewer_came_too_late", PAUSED_RENEWER);
    assert!(all.lost > all.schedules / 100, "leases hardly ever run out: {all:?}");
    assert!(all.lost < all.schedules * 99 / 100, "leases are hardly ever held: {all:?}");
}

#[test]
fn a_worker_that_is_stopped_while_it_claims_leaves_nothing_claimed() {
    let all = try_all("a_worker_that_is_stopped_while_it_claims_leaves_nothing_claimed", Scenario::StopAndClaim);
    assert_eq!(all.at_rest, all.schedules);
}

#[test]
fn settle_books_a_notice_once_for_several_tasks() {
    let all = try_all("settle_books_a_notice_once_for_several_tasks", Scenario::Protocol("settle"));
    assert!(all.at_rest > all.schedules / 2, "{all:?}");
}

#[test]
fn worker_books_a_notice_once_for_several_tasks() {
    let all = try_all("worker_books_a_notice_once_for_several_tasks", Scenario::Protocol("worker"));
    assert!(all.at_rest > all.schedules / 2, "{all:?}");
}

#[test]
fn fenced_lease_books_a_notice_once_for_several_tasks() {
    let all = try_all("fenced_lease_books_a_notice_once_for_several_tasks", Scenario::Protocol("fenced_lease"));
    assert!(all.at_rest > all.schedules / 2, "{all:?}");
}

/// The protocols that notices come to and that are not tried above: a claim falls, as the exhaustive checker says.
#[test]
fn every_wrong_protocol_falls() {
    let campaign = Campaign { seed: SEED, schedules: schedules(), order: Order::Random };
    let is_right = |name: &str| matches!(name, "settle" | "fenced_lease" | "worker");
    for protocol in PROTOCOLS.iter().filter(|protocol| protocol.role == Role::Notice && !is_right(protocol.name)) {
        let falls = |engine: &&Engine| schedules_until_violation(protocol.name, **engine, campaign).is_some();
        let fallen = ENGINES.iter().filter(falls).count();
        println!("{}: {fallen} of {}", protocol.name, ENGINES.len());
        assert!(fallen > 0, "{} stands", protocol.name);
    }
}

/// Variants with one thing left out: each falls.
#[test]
fn work_that_does_not_ask_its_lease_or_the_database_falls() {
    let campaign = Campaign { seed: SEED, schedules: 1_000, order: Order::Random };
    let unfenced = Scenario::PausedRenewer { asks: false, fenced: false };
    let violation = explore(unfenced, Engine::PostgresReadCommitted, campaign).unwrap_err();
    assert!(violation.says.contains("made its last write behind a newer one"), "{violation:?}");
    // What it does not know, the database does.
    let fenced = Scenario::PausedRenewer { asks: false, fenced: true };
    assert!(explore(fenced, Engine::PostgresReadCommitted, campaign).is_ok());
}

#[test]
fn the_same_seed_finds_the_same_schedule() {
    for order in [Order::Random, Order::Pct(3)] {
        let campaign = Campaign { seed: 7, schedules: 500, order };
        let find = || schedules_until_violation("unlocked", Engine::PostgresReadCommitted, campaign);
        let found = find().expect("unlocked falls");
        assert_eq!(find(), Some(found.clone()));
        let again = replay(Scenario::protocol("unlocked"), Engine::PostgresReadCommitted, &found.schedule);
        assert_eq!(again, Ok(Some(found.says)));
    }
}

/// Passes, unless it is given a schedule: then it fails as any test here does.
#[test]
fn one_that_is_broken_on_purpose() {
    if let Some(says) = asked_for(Scenario::protocol("unlocked")) {
        panic!("{says}");
    }
}

#[test]
fn the_printed_command_fails_in_the_same_way() {
    let campaign = Campaign { seed: SEED, schedules: 500, order: Order::Random };
    let engine = Engine::SqliteImmediate;
    let violation = schedules_until_violation("unlocked", engine, campaign).expect("unlocked falls");
    let printed = command("one_that_is_broken_on_purpose", engine, &violation);
    // `VARIABLE='VALUE' cargo test … -- ARGUMENTS`: this program is what cargo would run.
    let (variable, rest) = printed.split_once("='").expect("a variable");
    let (value, rest) = rest.split_once("' ").expect("its value");
    let (cargo, arguments) = rest.split_once(" -- ").expect("arguments");
    assert_eq!(cargo, "cargo test -p paidonce-tests --test schedules");
    let program = std::env::current_exe().expect("this program");
    let run = |value: &str| {
        let mut command = Command::new(&program);
        let done = command.args(arguments.split(' ')).env(variable, value).output().expect("it starts");
        (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (succeeded, says) = run(value);
    assert!(!succeeded && says.contains(&violation.says), "{printed}\n{says}");
    assert!(run("").0);
    assert!(run("sqlite/immediate=nonsense").1.contains("there is no `:` behind the seed"));
}
