//! What is to be checked, and how one of it is.

use std::sync::Arc;

use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::{Claim, Engine, Limits, Reductions, Setup, Verdict, check};
use paidonce_protocol::Without;

use super::failure::Failure;
use super::meter::Desk;
use super::{names, replaying};
use crate::report::{Manifest, Row, Sample};

/// Who replays on a server waits for it, time-outs and all, for as long as this many states take to explore.
const STATES_A_REPLAY: u64 = 300_000;

/// One protocol in one scenario on one engine.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) scenario: Arc<Scenario>,
    pub(super) protocol: &'static str,
    pub(super) engine: Engine,
    pub(super) claims: Vec<Claim>,
    /// Whether schedules drawn by chance are replayed when nothing is broken.
    pub(super) samples: bool,
}

/// What came of a job.
#[derive(Debug)]
pub(super) struct Examined {
    /// A verdict for each claim.
    pub(super) rows: Vec<Row>,
    /// The clean schedules that were replayed.
    pub(super) samples: Vec<Sample>,
}

/// Every built-in scenario, in the order in which they are published.
pub(super) fn scenarios() -> Result<Vec<Arc<Scenario>>, Failure> {
    let read = |(file, text): &(&str, &str)| {
        Scenario::from_toml(file, text).map(Arc::new).map_err(|error| Failure::BuiltIn(error.to_string()))
    };
    FILES.iter().map(read).collect()
}

/// What every built-in scenario has checked.
pub(super) fn all() -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    for scenario in scenarios()? {
        for entry in &scenario.check {
            let built_in = |problem: String| Failure::BuiltIn(format!("{}: {problem}", scenario.name));
            let protocol = names::protocol(&entry.protocol).map_err(built_in)?;
            let claims = match &entry.claims {
                None => Claim::ALL.to_vec(),
                Some(claims) => {
                    claims.iter().map(|name| names::claim(name)).collect::<Result<_, _>>().map_err(built_in)?
                }
            };
            let engines = match &entry.engines {
                None => Engine::ALL.to_vec(),
                Some(engines) => {
                    engines.iter().map(|name| names::engine(name)).collect::<Result<_, _>>().map_err(built_in)?
                }
            };
            for engine in engines {
                jobs.push(Job {
                    scenario: Arc::clone(&scenario),
                    protocol,
                    engine,
                    claims: claims.clone(),
                    samples: scenario.published,
                });
            }
        }
    }
    Ok(jobs)
}

impl Job {
    /// What it is about, in a few words.
    pub(super) fn about(&self) -> String {
        format!("{} on {} in {}", self.protocol, self.engine.name(), self.scenario.name)
    }

    pub(super) fn setup(&self) -> Setup<'_> {
        Setup {
            scenario: &self.scenario,
            protocol: self.protocol,
            engine: self.engine,
            without: Without::NOTHING,
            reductions: Reductions::ALL,
        }
    }

    /// How long it takes, in states: those pinned for this engine, or for another one, because sizes differ less between
    /// engines than between scenarios. What has no pin at all may be large.
    pub(super) fn cost(&self, pins: &Manifest) -> u64 {
        let size = |engine: Engine| pins.size(&self.scenario.name, self.protocol, engine.name());
        let found = size(self.engine).or_else(|| Engine::ALL.into_iter().filter_map(size).max());
        let Some((states, broken)) = found else { return u64::MAX };
        if self.engine.is_embedded() { states } else { states + broken * STATES_A_REPLAY }
    }

    /// Check it, and replay what was found.
    pub(super) fn examine(&self, limits: Limits, desk: &Desk) -> Result<Examined, Failure> {
        desk.begin(self.about());
        let setup = self.setup();
        let checked = check(&setup, &self.claims, limits, &desk.progress)
            .map_err(|source| Failure::explore(self.about(), source))?;
        let mut rows = Vec::new();
        for (claim, verdict) in checked.verdicts {
            let verdict_name = verdict.name();
            let (trace, replay) = match verdict {
                Verdict::Violated(trace) => {
                    let replay = replaying::replayed(&trace)?;
                    (Some(trace), Some(replay))
                }
                _ => (None, None),
            };
            rows.push(Row {
                protocol: checked.protocol.clone(),
                engine: checked.engine.clone(),
                scenario: checked.scenario.clone(),
                claim: claim.name(),
                verdict: verdict_name,
                bounds: checked.bounds.clone(),
                states: checked.states,
                steps: trace.as_ref().map(|trace| trace.steps.len()),
                replay,
                trace,
            });
        }
        let clean = rows.iter().all(|row| !row.is_violated() && !row.is_undecided());
        let samples = if self.samples && clean { replaying::samples(&setup)? } else { Vec::new() };
        Ok(Examined { rows, samples })
    }
}
