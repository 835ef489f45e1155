//! What a check does with its traces: a counterexample, or a clean sample, goes to a real database.

use paidonce_model::trace::Trace;
use paidonce_model::{Setup, sample};
use paidonce_sqlx::server::all_engines_wanted;

use super::failure::Failure;
use crate::replay::{Place, ReplayError, replay_blocking};
use crate::report::{Replay, Sample};

/// So many schedules are drawn for a sample, by the seeds from 1 on.
const DRAWN: u64 = 12;
/// So many of them are replayed on the embedded database: the longest.
const REPLAYED: usize = 2;
/// And on a server, which takes longer; of its levels only the default one is sampled here. The tests have them all.
const REPLAYED_ON_SERVER: usize = 1;

/// Replay a trace on a database that is gone afterwards, when there is one of its engine: embedded, or on a server that
/// is private or named in the environment.
pub(super) fn replayed(trace: &Trace) -> Result<Replay, Failure> {
    match replay_blocking(trace, &Place::default()) {
        Ok(replayed) => Ok(Replay::Compared {
            agrees: replayed.agrees(),
            difference: difference(trace, &replayed),
            engine: replayed.engine,
            rows_equal: replayed.rows_equal,
            audit_found: replayed.audit.found,
        }),
        Err(
            error @ (ReplayError::Engine { .. }
            | ReplayError::NoServer(_)
            | ReplayError::Unsupported { .. }
            | ReplayError::TooBusy { .. }),
        ) if !(matches!(error, ReplayError::NoServer(_)) && all_engines_wanted()) => {
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
    let about = || format!("{} on {} in {}", setup.protocol, setup.engine.name(), setup.scenario.name);
    let wanted = match (setup.engine.is_embedded(), setup.engine.is_default()) {
        (true, _) => REPLAYED,
        (false, true) => REPLAYED_ON_SERVER,
        (false, false) => return Ok(Vec::new()),
    };
    // A replay kills no server.
    let mut calm = setup.scenario.clone();
    calm.faults.crashes = 0;
    let calm = Setup { scenario: &calm, ..setup.clone() };
    let mut traces: Vec<Trace> = Vec::new();
    for seed in 1..=DRAWN {
        let drawn = sample(&calm, seed).and_then(|schedule| schedule.trace(None));
        traces.push(drawn.map_err(|source| Failure::explore(about(), source))?);
    }
    // The longest first; of two of a length, that of the smaller seed.
    traces.sort_by_key(|trace| (std::cmp::Reverse(trace.steps.len()), trace.seed));
    let mut samples = Vec::new();
    let mut left_out = Vec::new();
    for trace in traces {
        if samples.len() == wanted || left_out.len() > wanted {
            break;
        }
        let sample = Sample {
            protocol: trace.protocol.clone(),
            engine: trace.engine.clone(),
            scenario: trace.scenario.name.clone(),
            seed: trace.seed.unwrap_or_default(),
            steps: trace.steps.len(),
            replay: replayed(&trace)?,
        };
        // A schedule may have what the model leaves open and the engine does not: another one is taken.
        let skipped = matches!(sample.replay, Replay::Skipped { .. });
        if skipped { left_out.push(sample) } else { samples.push(sample) }
    }
    let missing = wanted - samples.len();
    samples.extend(left_out.into_iter().take(missing));
    Ok(samples)
}
