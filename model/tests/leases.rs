//! A lease goes by the database's clock, wherever those of the web servers are.

use std::sync::Arc;

use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::{Claim, Engine, Exploration, Limits, Progress, Reductions, Setup, explore};
use paidonce_protocol::{Guard, Without};

/// One tick, work that takes no time, and all web servers' clocks ahead by this much.
fn ahead_by(clock_offset_ms: i64) -> Scenario {
    let file = "lease_outlived.toml";
    let (_, text) = FILES.iter().find(|(known, _)| *known == file).expect("a built-in scenario");
    let mut scenario = Scenario::from_toml(file, text).expect("built-in scenarios are valid");
    scenario.settings.work_ms = 0;
    scenario.faults.ticks = 1;
    scenario.servers.iter_mut().for_each(|server| server.clock_offset_ms = clock_offset_ms);
    scenario
}

fn explored(scenario: &Scenario, without: Without) -> Exploration {
    let (engine, reductions) = (Engine::SqliteImmediate, Reductions::ALL);
    let setup = Setup { scenario, protocol: "fenced_lease", engine, without, reductions };
    explore(&setup, Limits::default(), &Arc::new(Progress::default())).expect("explored")
}

#[test]
fn a_lease_runs_out_by_the_databases_clock_wherever_the_servers_clocks_are() {
    let no_fence = Without::NOTHING.and(Guard::FenceChecked);
    // Where every server is far ahead, none of them could name the moment at which the lease is over.
    for offset_ms in [0, 120_000, 3_600_000] {
        let scenario = ahead_by(offset_ms);
        let broken = explored(&scenario, no_fence).broken;
        assert!(broken.contains(&Claim::NotHalfSettled), "{offset_ms}: nobody takes the lease over: {broken:?}");
        assert_eq!(explored(&scenario, Without::NOTHING).broken, [], "{offset_ms}");
    }
}

#[test]
fn a_lease_that_is_not_over_is_not_taken_over() {
    let mut scenario = ahead_by(0);
    scenario.faults.ticks = 0;
    let no_fence = explored(&scenario, Without::NOTHING.and(Guard::FenceChecked));
    assert_eq!(no_fence.broken, [], "nobody is late while no time passes");
}
