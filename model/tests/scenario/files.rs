//! The scenario files of the repository.

use std::collections::BTreeSet;
use std::path::Path;

use paidonce_model::scenario::{Check, FILES, Scenario};
use paidonce_protocol::catalogue::Role;

fn load(file: &str) -> Scenario {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file).unwrap_or_else(|| panic!("no file {file}"));
    Scenario::from_toml(file, text).unwrap_or_else(|error| panic!("{error}"))
}

fn all() -> impl Iterator<Item = Scenario> {
    FILES.iter().map(|(file, _)| load(file))
}

#[test]
fn every_file_loads_and_is_named_after_itself() {
    for (file, _) in FILES {
        let scenario = load(file);
        assert_eq!(format!("{}.toml", scenario.name), *file);
        assert!(!scenario.check.is_empty(), "{file}: nothing would ever check it");
    }
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/scenarios");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let built_in: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, built_in, "the list is in model/src/scenario/files.rs");
}

#[test]
fn every_file_explains_itself_before_it_begins() {
    for (file, text) in FILES {
        assert!(text.starts_with("# "), "{file}: expected a comment that says what is at stake");
    }
}

#[test]
fn every_published_scenario_checks_settle_on_every_engine() {
    // The default is large: there `paidonce check --all` has the other engines. Where there are workers, a protocol has to
    // keep something for them.
    let is_for_all = |scenario: &Scenario| !scenario.actors.iter().any(|actor| actor.work);
    for scenario in all().filter(|scenario| scenario.published && scenario.name != "default" && is_for_all(scenario)) {
        let settle = scenario.check.iter().find(|check| check.protocol == "settle");
        assert_eq!(settle.unwrap().engines, None, "{}", scenario.name);
    }
}

#[test]
fn every_protocol_has_a_verdict_on_every_engine() {
    for protocol in paidonce_protocol::catalogue::PROTOCOLS.iter().filter(|protocol| protocol.role == Role::Notice) {
        let everywhere = |check: &Check| check.protocol == protocol.name && check.engines.is_none();
        assert!(all().any(|scenario| scenario.check.iter().any(everywhere)), "{}", protocol.name);
    }
}

#[test]
fn the_published_bounds_hold_what_the_design_promises() {
    let published: Vec<String> = all().filter(|scenario| scenario.published).map(|scenario| scenario.name).collect();
    for promised in
        ["default", "two_payments", "completed_then_pending", "last_units", "two_skus_second_short", "late_notice"]
    {
        assert!(published.iter().any(|name| name == promised), "{promised} is not published");
    }
}

#[test]
fn a_scenario_comes_back_from_json_as_it_was() {
    for scenario in all() {
        let json = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
    }
}
