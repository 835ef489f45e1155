use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::{Engine, Reductions, Setup, sample};
use paidonce_protocol::Without;
use paidonce_protocol::catalogue::{PROTOCOLS, Protocol, Role};

use crate::edits::{each_text, is_line_of};

#[test]
fn a_scenario_is_read_and_can_be_run_or_its_line_is_named() {
    let samples = FILES.iter().map(|(_, text)| (*text).to_owned()).collect();
    each_text(samples, 2_000, |text| match Scenario::from_toml("edited.toml", text) {
        Ok(scenario) => can_be_run(&scenario, text.len() as u64),
        Err(error) => {
            for located in &error.found {
                is_line_of(located.line, text, &error)?;
            }
            if error.found.is_empty() { Err("nothing is wrong".to_owned()) } else { Ok(()) }
        }
    });
}

/// A schedule of it, by a protocol and on an engine that the seed says.
fn can_be_run(scenario: &Scenario, seed: u64) -> Result<(), String> {
    let works = scenario.actors.iter().any(|actor| actor.work);
    let is_for = |protocol: &&Protocol| protocol.role == Role::Notice && protocol.work.is_some() == works;
    let protocols: Vec<&Protocol> = PROTOCOLS.iter().filter(is_for).collect();
    let protocol = protocols[seed as usize % protocols.len()].name;
    let engine = Engine::ALL[seed as usize % Engine::ALL.len()];
    let setup = Setup { scenario, protocol, engine, without: Without::NOTHING, reductions: Reductions::NONE };
    match sample(&setup, seed) {
        Ok(schedule) => schedule.trace(None).map(drop).map_err(|error| error.to_string()),
        // An actor may name a protocol of its own, which keeps notices for nobody.
        Err(error) if scenario.actors.iter().any(|actor| actor.protocol.is_some()) => {
            if error.to_string().contains("worker") { Ok(()) } else { Err(error.to_string()) }
        }
        Err(error) => Err(error.to_string()),
    }
}
