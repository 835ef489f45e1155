//! `paidonce replay`: a trace on a real database.

use std::io::Write;

use paidonce_model::trace::Trace;
use serde::Serialize;

use super::cli::Replay;
use super::failure::Failure;
use super::{Exit, print_json, quoted, show};
use crate::replay::{AuditOutcome, Place, Replayed, replay_blocking};

/// The machine's form.
#[derive(Serialize)]
struct Json<'a> {
    /// True when everything is equal and the audit agrees.
    agrees: bool,
    #[serde(flatten)]
    replayed: &'a Replayed,
}

pub(super) fn run(asked: &Replay, out: &mut dyn Write) -> Result<Exit, Failure> {
    let trace = show::read(&asked.trace)?;
    let engine = asked.engine.map(|engine| engine.name().to_owned());
    let place = Place { engine, database: asked.database.clone() };
    if !asked.json {
        writeln!(out, "{}", first_line(&trace))?;
        out.flush()?;
    }
    let about = || asked.trace.clone();
    let replayed = replay_blocking(&trace, &place).map_err(|source| Failure::replay(about(), source))?;
    let agrees = replayed.agrees();
    if asked.json {
        print_json(out, &Json { agrees, replayed: &replayed })?;
    } else {
        tell(out, &trace, &replayed)?;
        writeln!(out, "{} · {}", verdict(&replayed), command(asked))?;
    }
    Ok(if agrees { Exit::Clean } else { Exit::Found })
}

fn first_line(trace: &Trace) -> String {
    let claim = trace.verdict.claim.as_deref().unwrap_or("no claim broken");
    let seed = trace.seed.map_or_else(|| "none".to_owned(), |seed| seed.to_string());
    let bounds = trace.scenario.bounds();
    format!("{claim} · {} · {} · {}: {bounds} · seed {seed}", trace.protocol, trace.engine, trace.scenario.name)
}

fn tell(out: &mut dyn Write, trace: &Trace, replayed: &Replayed) -> Result<(), Failure> {
    writeln!(out, "steps: {} of {} came out as in the trace", replayed.steps, trace.steps.len())?;
    if let Some(difference) = &replayed.difference {
        writeln!(out, "difference: {difference}")?;
    }
    if replayed.rows_equal {
        writeln!(out, "rows: those of all {} tables are the trace's", trace.rows.len())?;
    }
    match &replayed.audit {
        AuditOutcome { found: None, why_none, .. } => {
            writeln!(out, "audit: none: {}", why_none.as_deref().unwrap_or("no query was run"))?;
        }
        AuditOutcome { found: Some(false), queries, .. } => writeln!(out, "audit: {queries} run, nothing found")?,
        AuditOutcome { violations, .. } => {
            for violation in violations {
                writeln!(out, "audit: {violation}")?;
            }
        }
    }
    Ok(())
}

fn verdict(replayed: &Replayed) -> &'static str {
    match (replayed.equal(), replayed.agrees()) {
        (true, true) => "equal: the real database did what the trace says",
        (true, false) => "the rows are equal, but the audit does not agree",
        (false, _) => "different: the real database did not do what the trace says",
    }
}

fn command(asked: &Replay) -> String {
    let mut command = format!("paidonce replay {}", quoted(&asked.trace));
    if let Some(engine) = asked.engine {
        command.push_str(&format!(" --engine {}", engine.name()));
    }
    if let Some(database) = &asked.database {
        command.push_str(&format!(" --database {}", quoted(database)));
    }
    command
}
