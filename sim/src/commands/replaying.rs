//! What a check does with its traces: a counterexample, or a clean sample, goes to a real database.

use paidonce_model::trace::Trace;
use paidonce_model::{Engine, Setup, sample};

use super::failure::Failure;
use crate::replay::{Place, ReplayError, replay_blocking};
use crate::report::{Replay, Sample};

/// So many schedules are drawn for a sample, by the seeds from 1 on.
const DRAWN: u64 = 12;
/// So many of them are replayed: the longest.
const REPLAYED: usize = 2;

/// Replay a trace on an embedded database that is gone afterwards, when there is one of its engine.
pub(super) fn replayed(trace: &Trace) -> Result<Replay, Failure> {
    if !Engine::find(&trace.engine).is_some_and(Engine::is_embedded) {
        return Ok(Replay::Skipped { skipped: format!("no server of {} in this build", trace.engine) });
    }
    match replay_blocking(trace, &Place::default()) {
        Ok(replayed) => Ok(Replay::Compared {
            agrees: replayed.agrees(),
            difference: difference(trace, &replayed),
            engine: replayed.engine,
            rows_equal: replayed.rows_equal,
            audit_found: replayed.audit.found,
        }),
        Err(error @ (ReplayError::Engine { .. } | ReplayError::Unsupported { .. })) => {
            Ok(Replay::Skipped { skipped: error.to_string() })
        }
        Err(source) => {
            let about = format!("{} on {} in {}", trace.protocol, trace.engine, trace.scenario.name);
            Err(Failure::replay(about, source))
        }
    }
}

/// What does not agree, in words.
fn difference(trace: &Trace, replayed: &crate::replay::Replayed) -> Option<String> {
    if replayed.agrees() {
        return None;
    }
    Some(match (&replayed.difference, &trace.verdict.claim) {
        (Some(difference), _) => difference.to_string(),
        (None, Some(claim)) => format!("the audit of {claim} finds nothing"),
        (None, None) => format!("nothing is broken, but the audits say: {}", replayed.audit.violations.join("; ")),
    })
}

/// Replay the longest of some schedules drawn by chance, for a protocol that breaks nothing in this setup.
pub(super) fn samples(setup: &Setup<'_>) -> Result<Vec<Sample>, Failure> {
    if !setup.engine.is_embedded() {
        return Ok(Vec::new());
    }
    let about = || format!("{} on {} in {}", setup.protocol, setup.engine.name(), setup.scenario.name);
    let mut traces: Vec<Trace> = Vec::new();
    for seed in 1..=DRAWN {
        let drawn = sample(setup, seed).and_then(|schedule| schedule.trace(None));
        traces.push(drawn.map_err(|source| Failure::explore(about(), source))?);
    }
    // The longest first; of two of a length, that of the smaller seed.
    traces.sort_by_key(|trace| (std::cmp::Reverse(trace.steps.len()), trace.seed));
    traces
        .iter()
        .take(REPLAYED)
        .map(|trace| {
            Ok(Sample {
                protocol: trace.protocol.clone(),
                engine: trace.engine.clone(),
                scenario: trace.scenario.name.clone(),
                seed: trace.seed.unwrap_or_default(),
                steps: trace.steps.len(),
                replay: replayed(trace)?,
            })
        })
        .collect()
}
