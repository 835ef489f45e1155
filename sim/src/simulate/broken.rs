//! A claim that a seed broke: everything is taken away that is not needed for it, and what is left goes to files.

use std::fs;
use std::path::{Path, PathBuf};

use paidonce_model::simulate::{Options, Shrunk, SimulateError, shrink};
use paidonce_model::{Claim, ExploreError};
use paidonce_protocol::catalogue;

use super::exhaustive::{Exhaustive, ask};
use crate::trace_file::{self, TraceFileError};

/// So many smaller simulations are tried.
const MOST_RUNS: u64 = 2_000;

/// What is left, and whether the exhaustive model knows it.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What is left.
    pub shrunk: Shrunk,
    /// What the exhaustive model says.
    pub exhaustive: Exhaustive,
}

/// Where it was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Files {
    /// The trace.
    pub trace: String,
    /// The plan, for `paidonce simulate --plan`.
    pub plan: String,
    /// The scenario, for `paidonce check --scenario`.
    pub scenario: String,
}

/// Why there is nothing.
#[derive(Debug, thiserror::Error)]
pub enum BrokenError {
    /// No smaller simulation could be made.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The seed does not break the claim again: a bug of ours.
    #[error("seed {0} broke a claim once and not again; this is a bug in paidonce")]
    NotAgain(u64),
    /// The exhaustive model could not be asked.
    #[error(transparent)]
    Explore(#[from] ExploreError),
    /// What is left cannot be written.
    #[error("what is left cannot be written as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceFileError),
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Broken {
    /// Shrink a simulation that breaks a claim, and ask the exhaustive model.
    ///
    /// # Errors
    /// When the simulation does not break the claim, or the model cannot be asked.
    pub fn of(options: &Options, claim: Claim) -> Result<Self, BrokenError> {
        let shrunk = shrink(options, claim, MOST_RUNS)?.ok_or(BrokenError::NotAgain(options.seed))?;
        let protocol = catalogue::find(&options.settle).map_or("settle", |protocol| protocol.name);
        let exhaustive = ask(&shrunk.trace.scenario, protocol, options.engine, claim)?;
        Ok(Broken { shrunk, exhaustive })
    }

    /// Write the trace to this file, and the plan and the scenario beside it. `command` makes the smaller simulation from the
    /// plan's file.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&mut self, trace: &str, command: impl Fn(&str) -> String) -> Result<Files, BrokenError> {
        let path = PathBuf::from(trace);
        let beside = |ending: &str| path.with_extension(ending).display().to_string();
        let files = Files { trace: trace.to_owned(), plan: beside("plan.toml"), scenario: beside("toml") };
        let name = path.file_stem().map_or_else(|| "simulated".to_owned(), |stem| stem.to_string_lossy().into_owned());
        self.shrunk.trace.scenario.name = name;
        self.shrunk.trace.scenario.faults.ticks = self.exhaustive.scenario.faults.ticks;
        let claim = self.shrunk.found.claim.name();
        let plan = self.shrunk.options.plan.to_toml();
        let plan =
            format!("# What is left of a seed that breaks {claim}:\n#\n#     {}\n\n{plan}", command(&files.plan));
        write(&files.trace, &trace_file::write(&self.shrunk.trace)?)?;
        write(&files.plan, &plan)?;
        write(&files.scenario, &self.scenario_text(claim)?)?;
        Ok(files)
    }

    fn scenario_text(&self, claim: &str) -> Result<String, toml::ser::Error> {
        let text = toml::to_string_pretty(&self.exhaustive.scenario)?;
        // The name is the file's, and what nobody has said is left out.
        let lines =
            text.lines().filter(|line| !line.starts_with("name = \"simulated\"") && *line != "published = false");
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        Ok(format!("# What is left of a simulation that breaks {claim}.\n\n{text}"))
    }
}

fn write(path: &str, text: &str) -> Result<(), BrokenError> {
    fs::write(Path::new(path), text).map_err(|source| BrokenError::Write { path: path.to_owned(), source })
}
