use std::sync::OnceLock;

use paidonce::replay::{Place, replay_blocking};
use paidonce::show::{Format, show};
use paidonce::trace_file::{TraceFileError, read, write};
use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::trace::Trace;
use paidonce_model::{Engine, Limits, Reductions, Setup, Show, explore, sample, shortest};
use paidonce_protocol::Without;

use crate::edits::each_text;

/// Traces that `check` writes on SQLite: a shortest one for each claim that `unlocked` breaks, and schedules by chance.
pub(crate) fn traces() -> &'static [Trace] {
    static TRACES: OnceLock<Vec<Trace>> = OnceLock::new();
    TRACES.get_or_init(|| {
        let scenario = |file: &str| {
            let (name, text) = FILES.iter().find(|(name, _)| *name == file).expect("a file of specs/scenarios/");
            Scenario::from_toml(name, text).unwrap()
        };
        let (unlocked, default) = (scenario("unlocked_ipn_and_pdt.toml"), scenario("default.toml"));
        let setup = |scenario, protocol| Setup {
            scenario,
            protocol,
            engine: Engine::SqliteImmediate,
            without: Without::NOTHING,
            reductions: Reductions::ALL,
        };
        let wrong = setup(&unlocked, "unlocked");
        let explored = explore(&wrong, Limits::default(), &Default::default()).unwrap();
        let broken = shortest(&wrong, Show::Broken, &explored.broken, Limits::default(), &Default::default()).unwrap();
        let broken = broken.into_iter().map(|(claim, schedule)| schedule.trace(Some(claim)).unwrap());
        let drawn = ["settle", "lock_table"].into_iter().flat_map(|protocol| (0..3).map(move |seed| (protocol, seed)));
        let drawn =
            drawn.map(|(protocol, seed)| sample(&setup(&default, protocol), seed).unwrap().trace(None).unwrap());
        broken.chain(drawn).collect()
    })
}

fn samples() -> Vec<String> {
    traces().iter().map(|trace| write(trace).unwrap()).collect()
}

/// That an error says where.
fn says_where(error: &TraceFileError) -> Result<(), String> {
    let said = error.to_string();
    match error {
        TraceFileError::Version { .. } | TraceFileError::NoVersion => Ok(()),
        _ if said.contains(" line ") => Ok(()),
        _ => Err(said),
    }
}

#[test]
fn a_trace_is_read_and_shown_in_every_form_or_its_place_is_named() {
    each_text(samples(), 1_500, |text| {
        let trace = match read(text) {
            Ok(trace) => trace,
            Err(error) => return says_where(&error),
        };
        for format in Format::ALL {
            show(&trace, format).map_err(|error| error.to_string())?;
        }
        Ok(())
    });
}

#[test]
fn a_trace_that_is_read_is_replayed_to_its_end_or_to_where_it_is_wrong() {
    each_text(samples(), 300, |text| {
        if let Ok(trace) = read(text) {
            // Most are of something else by now. That is an error or a difference, and both are well.
            let _ = replay_blocking(&Trace { engine: "sqlite/immediate".to_owned(), ..trace }, &Place::default());
        }
        Ok(())
    });
}
