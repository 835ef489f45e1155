//! `paidonce check --all`: the published bounds on every engine.

use std::io::Write;

use paidonce_model::{Claim, Engine, Limits};

use super::check::verdict;
use super::cli::Check;
use super::failure::Failure;
use super::jobs::{self, Job};
use super::meter::Meter;
use super::work::on_all_desks;
use super::{Exit, all, folded, print_json};
use crate::report::{Document, Engines, LEGEND, Manifest, Matrix, Row};

pub(super) fn run(asked: &Check, out: &mut dyn Write) -> Result<Exit, Failure> {
    let jobs = jobs(asked)?;
    let pins = Manifest::read(None)?;
    if !asked.json {
        writeln!(out, "{}\n", all::first_line(&jobs, &asked.claims))?;
        out.flush()?;
    }
    let meter = Meter::new(jobs.len());
    let limits = Limits { most_states: asked.max_states, ..Limits::default() };
    let examined = on_all_desks(&jobs, |job| job.cost(&pins), &meter, |job, desk| job.examine(limits, desk))?;
    drop(meter);
    let rows: Vec<Row> = examined.into_iter().flat_map(|examined| examined.rows).collect();
    let differ = rows.iter().filter(|row| row.replay.as_ref().is_some_and(|replay| !replay.agrees()));
    if asked.json {
        print_json(out, &Document { as_pinned: pins.has(&rows), rows: &rows })?;
    } else {
        writeln!(out, "{LEGEND}\n\n{}\n\n{}\n", Matrix::of_protocols(&rows).drawn(), Engines::of(&rows).drawn())?;
        for row in differ.clone() {
            let told = row.replay.as_ref().map(|replay| replay.told()).unwrap_or_default();
            let Row { protocol, engine, scenario, claim, .. } = row;
            writeln!(out, "{}\n", folded("", "  ", &format!("{claim} · {protocol} · {engine} · {scenario}: {told}")))?;
        }
        writeln!(out, "{} · {}", verdict(&rows), command(asked))?;
    }
    Ok(if rows.iter().any(Row::is_violated) || differ.count() > 0 {
        Exit::Found
    } else if rows.iter().any(Row::is_undecided) {
        Exit::Undecided
    } else {
        Exit::Clean
    })
}

/// Every protocol that a published scenario has checked, there, on every engine.
fn jobs(asked: &Check) -> Result<Vec<Job>, Failure> {
    let mut jobs: Vec<Job> = Vec::new();
    let all = Claim::ALL.iter().copied();
    let claims: Vec<Claim> = all.filter(|claim| asked.claims.is_empty() || asked.claims.contains(claim)).collect();
    for job in jobs::all()?.into_iter().filter(|job| job.scenario.published) {
        let known = |other: &Job| other.protocol == job.protocol && other.scenario.name == job.scenario.name;
        let wanted = asked.protocols.is_empty() || asked.protocols.contains(&job.protocol);
        if wanted && !jobs.iter().any(known) {
            let on = |engine| Job { engine, claims: claims.clone(), samples: false, ..job.clone() };
            jobs.extend(Engine::ALL.map(on));
        }
    }
    Ok(jobs)
}

fn command(asked: &Check) -> String {
    let mut command = "paidonce check".to_owned();
    for protocol in &asked.protocols {
        command.push_str(&format!(" {protocol}"));
    }
    command.push_str(" --all");
    for claim in &asked.claims {
        command.push_str(&format!(" --claim {}", claim.name()));
    }
    if asked.max_states != Limits::default().most_states {
        command.push_str(&format!(" --max-states {}", asked.max_states));
    }
    command
}
