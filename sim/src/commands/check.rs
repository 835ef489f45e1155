//! `paidonce check`: protocols in one scenario, within bounds of one's own.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use paidonce_model::scenario::Scenario;
use paidonce_model::trace::Trace;
use paidonce_model::{self as model, Claim, Limits};

use super::cli::Check;
use super::failure::Failure;
use super::jobs::Job;
use super::meter::Meter;
use super::work::on_all_desks;
use super::{Exit, folded, names, overrides, print_json, published, quoted};
use crate::report::{Document, LEGEND, Manifest, Matrix, Row};
use crate::{show, trace_file};

pub(super) fn run(asked: &Check, out: &mut dyn Write) -> Result<Exit, Failure> {
    if asked.all {
        return published::run(asked, out);
    }
    let given = &asked.scenario.scenario;
    let scenario = overrides::applied(given, asked.actors.as_ref(), asked.faults.as_ref())?;
    let pinned = is_built_in(&scenario);
    let scenario = Arc::new(scenario);
    let jobs = jobs(asked, &scenario);
    if let Some(address) = asked.explore {
        return explore_by_hand(asked, &jobs, address, out);
    }
    let pins = Manifest::read(None)?;
    if !asked.json {
        writeln!(out, "{}\n", first_line(asked, &scenario, &jobs))?;
        out.flush()?;
    }
    let meter = Meter::new(jobs.len());
    let limits = Limits { most_states: asked.max_states, ..Limits::default() };
    let examined = on_all_desks(&jobs, |_| 1, &meter, |job, desk| job.examine(limits, desk))?;
    drop(meter);
    let rows: Vec<Row> = examined.into_iter().flat_map(|examined| examined.rows).collect();
    let shown = shown(asked, &jobs, &rows);
    if asked.json {
        let as_pinned = if pinned { pins.has(&rows) } else { None };
        print_json(out, &Document { as_pinned, rows: &rows })?;
    } else {
        tell(out, &jobs, &rows, &shown)?;
    }
    if let Some(path) = &asked.trace_out {
        let told = write_trace(path, shown.first().copied())?;
        if !asked.json {
            writeln!(out, "{told}")?;
        }
    }
    if !asked.json {
        writeln!(out, "{} · {}", verdict(&rows), command(asked))?;
    }
    Ok(if rows.iter().any(Row::is_violated) {
        Exit::Found
    } else if rows.iter().any(Row::is_undecided) {
        Exit::Undecided
    } else {
        Exit::Clean
    })
}

/// Serve stateright's page until the process is ended.
fn explore_by_hand(asked: &Check, jobs: &[Job], address: SocketAddr, out: &mut dyn Write) -> Result<Exit, Failure> {
    let [job] = jobs else { return Err(Failure::OneProtocol(jobs.iter().map(|job| job.protocol).collect())) };
    writeln!(out, "{}\n", first_line(asked, &job.scenario, jobs))?;
    writeln!(out, "http://{address} takes the steps by hand, until this command is ended")?;
    out.flush()?;
    model::explore_by_hand(&job.setup(), address, show::svg)?;
    Ok(Exit::Clean)
}

/// True for a scenario that is, with everything in it, one of those that the bare command checks.
fn is_built_in(scenario: &Scenario) -> bool {
    names::scenario(&scenario.name).is_ok_and(|built_in| built_in == *scenario)
}

fn jobs(asked: &Check, scenario: &Arc<Scenario>) -> Vec<Job> {
    let all = Claim::ALL.iter().copied();
    let claims: Vec<Claim> = all.filter(|claim| asked.claims.is_empty() || asked.claims.contains(claim)).collect();
    let protocols = names::notice_protocols().into_iter();
    protocols
        .filter(|name| asked.protocols.is_empty() || asked.protocols.contains(name))
        .map(|protocol| Job {
            scenario: Arc::clone(scenario),
            protocol,
            engine: asked.engine,
            claims: claims.clone(),
            samples: false,
        })
        .collect()
}

fn first_line(asked: &Check, scenario: &Scenario, jobs: &[Job]) -> String {
    let claims = claims_asked_for(&asked.claims);
    let protocols: Vec<&str> = jobs.iter().map(|job| job.protocol).collect();
    let (engine, name) = (asked.engine.name(), &scenario.name);
    format!("{claims} · {} · {engine} · {name}: {} · seed none", protocols.join(", "), scenario.bounds())
}

/// Their names, or how many there are when none was named.
pub(super) fn claims_asked_for(claims: &[Claim]) -> String {
    match claims {
        [] => format!("{} claims", Claim::ALL.len()),
        some => some.iter().map(|claim| claim.name()).collect::<Vec<_>>().join(", "),
    }
}

/// The rows whose schedules are shown in full: the shortest of each protocol, or every one of the claims asked for.
fn shown<'r>(asked: &Check, jobs: &[Job], rows: &'r [Row]) -> Vec<&'r Row> {
    let mut shown = Vec::new();
    for job in jobs {
        let violated = rows.iter().filter(|row| row.protocol == job.protocol && row.is_violated());
        if asked.claims.is_empty() {
            shown.extend(violated.min_by_key(|row| row.steps));
        } else {
            shown.extend(violated);
        }
    }
    shown
}

fn tell(out: &mut dyn Write, jobs: &[Job], rows: &[Row], shown: &[&Row]) -> Result<(), Failure> {
    writeln!(out, "{LEGEND}\n\n{}\n", Matrix::of_one_scenario(rows).drawn())?;
    for job in jobs {
        let of_protocol = || rows.iter().filter(|row| row.protocol == job.protocol);
        if let Some(row) = of_protocol().next() {
            writeln!(out, "{}: {} distinct states", job.protocol, row.states)?;
        }
        for row in of_protocol() {
            let (Some(trace), Some(replay)) = (&row.trace, &row.replay) else { continue };
            let told = format!("{} is {}: {}; {}", row.claim, row.told(), trace.verdict.sentence, replay.told());
            writeln!(out, "{}", folded("  ", "    ", &told))?;
        }
    }
    writeln!(out)?;
    for trace in shown.iter().filter_map(|row| row.trace.as_ref()) {
        writeln!(out, "{}", show::text(trace))?;
    }
    Ok(())
}

fn write_trace(path: &str, row: Option<&Row>) -> Result<String, Failure> {
    let trace: Option<&Trace> = row.and_then(|row| row.trace.as_deref());
    let (Some(row), Some(trace)) = (row, trace) else {
        return Ok(format!("no claim is violated, so there is no trace: {path} is not written"));
    };
    let text = trace_file::write(trace)?;
    std::fs::write(path, text).map_err(|source| Failure::Write { path: path.to_owned(), source })?;
    Ok(format!("the trace of {} that breaks {} is in {path}", row.protocol, row.claim))
}

pub(super) fn verdict(rows: &[Row]) -> String {
    let count = |verdict: &str| rows.iter().filter(|row| row.verdict == verdict).count();
    let counted: Vec<String> = ["violated", "undecided", "holds", "not applicable"]
        .into_iter()
        .filter(|verdict| count(verdict) > 0)
        .map(|verdict| format!("{} {verdict}", count(verdict)))
        .collect();
    counted.join(", ")
}

fn command(asked: &Check) -> String {
    let mut command = "paidonce check".to_owned();
    for protocol in &asked.protocols {
        command.push_str(&format!(" {protocol}"));
    }
    command.push_str(&format!(" --scenario {} --engine {}", quoted(&asked.scenario.given), asked.engine.name()));
    for claim in &asked.claims {
        command.push_str(&format!(" --claim {}", claim.name()));
    }
    if let Some(actors) = &asked.actors {
        command.push_str(&format!(" --actors {actors}"));
    }
    if let Some(faults) = &asked.faults {
        command.push_str(&format!(" --faults {faults}"));
    }
    if asked.max_states != Limits::default().most_states {
        command.push_str(&format!(" --max-states {}", asked.max_states));
    }
    command
}
