//! Traces from the model.

use std::sync::Arc;

use paidonce::replay::{Place, Replayed, replay_blocking};
use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::trace::Trace;
use paidonce_model::{Claim, Engine, Limits, Progress, Reductions, Setup, Show, explore, sample, shortest};
use paidonce_protocol::{Guard, Without, catalogue};
use paidonce_sqlx::server::{Server, Software, all_engines_wanted};

/// SQLite and the default level of every server that is here. The other levels' counterexamples are replayed by the bare
/// command.
pub(crate) fn engines() -> Vec<Engine> {
    levels().into_iter().filter(|engine| engine.is_embedded() || engine.is_default()).collect()
}

/// Every level of every server that is here. A server that is not is left out, with the reason, unless the environment asks
/// for all of them.
pub(crate) fn levels() -> Vec<Engine> {
    let is_here = |engine: &Engine| {
        let real = paidonce_sqlx::Engine::find(engine.name()).expect("an engine that can be replayed");
        let Some(software) = Software::of_dialect(real.dialect()) else { return true };
        match Server::shared(software) {
            Ok(_) => true,
            Err(error) if all_engines_wanted() => panic!("{error}"),
            Err(error) => {
                println!("left out: {}: {error}", engine.name());
                false
            }
        }
    };
    Engine::ALL.into_iter().filter(is_here).collect()
}

/// A scenario of this repository.
pub(crate) fn scenario(file: &str) -> Scenario {
    let (name, text) = FILES.iter().find(|(name, _)| *name == file).expect("a file of specs/scenarios/");
    Scenario::from_toml(name, text).unwrap()
}

/// What to explore, with these guards left out.
pub(crate) fn setup<'a>(scenario: &'a Scenario, protocol: &str, engine: Engine, without: &[Guard]) -> Setup<'a> {
    Setup {
        scenario,
        protocol: catalogue::find(protocol).expect("a protocol of the catalogue").name,
        engine,
        without: without.iter().fold(Without::NOTHING, |without, guard| without.and(*guard)),
        reductions: Reductions::ALL,
    }
}

/// A shortest trace for each claim that falls.
pub(crate) fn counterexamples(setup: &Setup<'_>) -> Vec<Trace> {
    let progress = Arc::new(Progress::default());
    let explored = explore(setup, Limits::default(), &progress).unwrap();
    let schedules = shortest(setup, Show::Broken, &explored.broken, Limits::default(), &progress).unwrap();
    assert_eq!(schedules.len(), explored.broken.len(), "a claim that falls has a schedule");
    schedules.into_iter().map(|(claim, schedule)| schedule.trace(Some(claim)).unwrap()).collect()
}

/// A shortest trace that breaks this claim, if there is one.
pub(crate) fn counterexample(setup: &Setup<'_>, claim: Claim) -> Option<Trace> {
    let schedules = shortest(setup, Show::Broken, &[claim], Limits::default(), &Arc::new(Progress::default())).unwrap();
    schedules.into_iter().next().map(|(_, schedule)| schedule.trace(Some(claim)).unwrap())
}

/// A schedule drawn from a seed.
pub(crate) fn sampled(setup: &Setup<'_>, seed: u64) -> Trace {
    sample(setup, seed).unwrap().trace(None).unwrap()
}

/// A replay on a database that is gone afterwards.
pub(crate) fn replayed(trace: &Trace) -> Replayed {
    replay_blocking(trace, &Place::default()).unwrap_or_else(|error| panic!("{}: {error}", title(trace)))
}

/// What a trace is, for the message of a failing test.
pub(crate) fn title(trace: &Trace) -> String {
    let Trace { protocol, engine, scenario, without, verdict, seed, .. } = trace;
    format!("{} {protocol} {without:?} {engine} {:?} seed {seed:?}", scenario.name, verdict.claim)
}

/// Panics when something came out differently, and says what.
pub(crate) fn assert_equal(trace: &Trace, replayed: &Replayed) {
    if let Some(difference) = &replayed.difference {
        panic!("{}: {difference}", title(trace));
    }
    assert!(replayed.equal() && replayed.steps == trace.steps.len(), "{}: {replayed:?}", title(trace));
}
