//! The bare command: the whole catalogue, every counterexample on a real database, and the pins.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use paidonce_model::{Claim, Engine, Limits};

use super::cli::Pinned;
use super::failure::Failure;
use super::jobs::{self, Examined, Job};
use super::meter::Meter;
use super::work::on_all_desks;
use super::{Exit, check, folded, print_json, quoted};
use crate::report::{Document, Engines, LEGEND, Manifest, Matrix, Replay, Row, Sample, stories};
use crate::show;

/// The scenario whose failing schedules are shown.
const SHOWN: &str = "default";

pub(super) fn run(asked: &Pinned, out: &mut dyn Write) -> Result<Exit, Failure> {
    let manifest = asked.manifest.as_deref();
    let pins = if asked.rewrite { Manifest::to_rewrite(manifest)? } else { Manifest::read(manifest)? };
    let jobs = jobs::all()?;
    if !asked.json {
        writeln!(out, "{}\n", first_line(&jobs, &[]))?;
        out.flush()?;
    }
    let (rows, samples) = examined(&jobs, &pins)?;
    let undecided = rows.iter().filter(|row| row.is_undecided()).count();
    let pins = if asked.rewrite { renewed(pins, &rows, undecided, manifest, asked.json, out)? } else { pins };
    let differences = differences(&pins, &rows, &samples);
    if asked.json {
        print_json(out, &Document { as_pinned: Some(differences.is_empty()), rows: &rows })?;
    } else {
        tell(out, &rows, &samples)?;
        for difference in &differences {
            writeln!(out, "not as pinned: {difference}")?;
        }
        writeln!(out, "{} · {}", verdict(&rows, &differences, undecided), command(asked))?;
    }
    Ok(match (undecided, differences.is_empty()) {
        (0, true) => Exit::Clean,
        (0, false) => Exit::Found,
        _ => Exit::Undecided,
    })
}

fn examined(jobs: &[Job], pins: &Manifest) -> Result<(Vec<Row>, Vec<Sample>), Failure> {
    let meter = Meter::new(jobs.len());
    let examined = on_all_desks(jobs, |job| job.cost(pins), &meter, |job, desk| job.examine(Limits::default(), desk))?;
    let (mut rows, mut samples) = (Vec::new(), Vec::new());
    for Examined { rows: more, samples: drawn } in examined {
        rows.extend(more);
        samples.extend(drawn);
    }
    Ok((rows, samples))
}

fn renewed(
    mut pins: Manifest,
    rows: &[Row],
    undecided: usize,
    manifest: Option<&str>,
    quiet: bool,
    out: &mut dyn Write,
) -> Result<Manifest, Failure> {
    if undecided > 0 {
        return Err(Failure::NothingToPin(undecided));
    }
    pins.pin_verdicts(rows);
    let written = pins.write(manifest)?;
    if !quiet {
        writeln!(out, "pinned {} verdicts in {written}\n", rows.len())?;
    }
    Ok(pins)
}

/// What is checked: these claims, or all that the scenarios ask for.
pub(super) fn first_line(jobs: &[Job], claims: &[Claim]) -> String {
    let count = |names: BTreeSet<&str>| names.len();
    let protocols: BTreeSet<&str> = jobs.iter().map(|job| job.protocol).collect();
    let engines: BTreeSet<&str> = jobs.iter().map(|job| job.engine.name()).collect();
    let scenarios = count(jobs.iter().map(|job| job.scenario.name.as_str()).collect());
    // In the order of the catalogue and of the model, not of the alphabet.
    let protocols: Vec<&str> =
        super::names::notice_protocols().into_iter().filter(|name| protocols.contains(name)).collect();
    let engines: Vec<&str> = paidonce_model::Engine::ALL
        .map(|engine| engine.name())
        .into_iter()
        .filter(|name| engines.contains(name))
        .collect();
    format!(
        "{} · {} · {} · every schedule within the bounds of {scenarios} scenarios · seed none",
        check::claims_asked_for(claims),
        protocols.join(", "),
        engines.join(", ")
    )
}

fn tell(out: &mut dyn Write, rows: &[Row], samples: &[Sample]) -> Result<(), Failure> {
    for row in headlines(rows) {
        if let Some(trace) = &row.trace {
            writeln!(out, "{}", show::text(trace))?;
        }
    }
    writeln!(out, "{LEGEND}\n\n{}\n", Matrix::of_protocols(rows).drawn())?;
    writeln!(out, "{}\n", Engines::of(rows).drawn())?;
    writeln!(out, "Mixed code in a roll-out:\n\n{}\n", Matrix::of_mixtures(rows).drawn())?;
    for story in stories(rows) {
        writeln!(out, "{}", folded("", "    ", &story))?;
    }
    writeln!(out, "\n{}", folded("", "    ", &replays(rows)))?;
    writeln!(out, "{}\n", folded("", "    ", &clean_samples(samples)))?;
    Ok(())
}

/// For each wrong protocol in the default scenario one broken claim: money booked twice, if that happens, else money lost,
/// else the claim with the shortest schedule; on the first engine on which it is broken.
fn headlines(rows: &[Row]) -> Vec<&Row> {
    let telling = |row: &Row| match Claim::find(row.claim) {
        Some(Claim::PaymentBookedOnce) => 0,
        Some(Claim::MoneyNotLost) => 1,
        _ => 2,
    };
    let engine = |row: &Row| Engine::ALL.iter().position(|engine| engine.name() == row.engine);
    super::names::notice_protocols()
        .into_iter()
        .filter_map(|protocol| {
            let broken = |row: &&Row| row.scenario == SHOWN && row.protocol == protocol && row.is_violated();
            rows.iter().filter(broken).min_by_key(|row| (telling(row), engine(row), row.steps))
        })
        .collect()
}

fn replays(rows: &[Row]) -> String {
    let replays: Vec<&Replay> = rows.iter().filter_map(|row| row.replay.as_ref()).collect();
    let (mut equal, mut found, mut without) = (0, 0, 0);
    for replay in &replays {
        match replay {
            Replay::Compared { agrees: true, audit_found, .. } => {
                equal += 1;
                if audit_found.is_some() { found += 1 } else { without += 1 }
            }
            Replay::Compared { .. } | Replay::Skipped { .. } => {}
        }
    }
    let told = format!(
        "{} counterexamples: {equal} replayed on real databases with equal answers and rows, {found} of them found by \
         the claim's audit and {without} of claims without one; {} differ",
        replays.len(),
        replays.iter().filter(|replay| !replay.agrees()).count()
    );
    told + &skips(replays.into_iter())
}

/// Each reason for which some are not replayed, and for how many.
fn skips<'r>(replays: impl Iterator<Item = &'r Replay>) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for replay in replays {
        if let Replay::Skipped { skipped } = replay {
            *reasons.entry(skipped).or_default() += 1;
        }
    }
    reasons.into_iter().map(|(why, times)| format!("; {times} not replayed: {why}")).collect()
}

fn clean_samples(samples: &[Sample]) -> String {
    let clean = samples.iter().filter(|sample| matches!(sample.replay, Replay::Compared { agrees: true, .. })).count();
    let longest = samples.iter().map(|sample| sample.steps).max().unwrap_or(0);
    let mut protocols: Vec<&str> = samples.iter().map(|sample| sample.protocol.as_str()).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let told = format!(
        "{} long schedules drawn by seed of {}, where nothing is broken: {clean} replayed with equal answers and rows, \
         up to {longest} steps, and clean audits",
        samples.len(),
        protocols.join(" and ")
    );
    told + &skips(samples.iter().map(|sample| &sample.replay))
}

/// Verdicts that are not as pinned, and replays that do not agree.
fn differences(pins: &Manifest, rows: &[Row], samples: &[Sample]) -> Vec<String> {
    let mut differences = pins.differences(rows);
    for row in rows {
        if let Some(replay) = row.replay.as_ref().filter(|replay| !replay.agrees()) {
            differences.push(format!("{} in {}: {} · {}", row.protocol, row.scenario, replay.told(), row.command()));
        }
    }
    for sample in samples.iter().filter(|sample| !sample.replay.agrees()) {
        let Sample { protocol, engine, scenario, seed, .. } = sample;
        differences.push(format!("{protocol} on {engine} in {scenario}, seed {seed}: {}", sample.replay.told()));
    }
    differences
}

fn verdict(rows: &[Row], differences: &[String], undecided: usize) -> String {
    match (undecided, differences.len()) {
        (0, 0) => format!("as pinned: {} verdicts", rows.len()),
        (0, 1) => "not as pinned: 1 difference".to_owned(),
        (0, some) => format!("not as pinned: {some} differences"),
        (some, _) => format!("undecided: {some} of {} verdicts", rows.len()),
    }
}

fn command(asked: &Pinned) -> String {
    let manifest = asked.manifest.as_ref().map(|path| format!(" --manifest {}", quoted(path))).unwrap_or_default();
    format!("paidonce{manifest}")
}
