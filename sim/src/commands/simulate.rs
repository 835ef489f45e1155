//! `paidonce simulate`: whole shops from seeds, with every fault, in virtual time.

use std::io::Write;
use std::time::Duration;

use paidonce_model::simulate::{Options, Plan, Report, SimulateError, Simulation, Summary};
use paidonce_protocol::catalogue;
use tokio::sync::oneshot;

use super::cli_simulate::Simulate;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::meter::Counter;
use super::replaying::replayed;
use super::simulate_words::{self as words, Shown};
use super::{Exit, print_json, quoted, read_text};
use crate::report::{Manifest, Replay, SimulatedRun};
use crate::simulate::{Broken, Campaign, Files, Real, Subject, follow, followable, read_campaign};
use crate::trace_file;

/// A plan's file is not longer.
const MOST_PLAN_BYTES: u64 = 16 << 20;
/// A campaign's file is not longer.
const MOST_CAMPAIGN_BYTES: u64 = 64 << 20;
/// After so many events it is looked whether somebody wants an end.
const EVENTS_AT_ONCE: u64 = 20_000;

/// What came of the seeds.
#[derive(Default)]
struct Ran {
    summary: Summary,
    took: Duration,
    /// The first seed that broke a claim.
    broken: Option<Report>,
    /// What the real database came to, by seed.
    real: Vec<(u64, Real)>,
    /// The file with a schedule that the real database did not follow.
    schedule: Option<String>,
    /// Somebody wanted an end.
    interrupted: bool,
}

/// A broken claim with where it is shown.
pub(super) struct Told {
    pub(super) report: Report,
    pub(super) broken: Broken,
    pub(super) replay: Replay,
    pub(super) files: Files,
}

pub(super) fn run(asked: &Simulate, out: &mut dyn Write) -> Result<Exit, Failure> {
    if !asked.merge.is_empty() {
        return merge(asked, out);
    }
    let options = options(asked)?;
    let beside = catalogue::find(asked.settle).map_or(asked.settle, |protocol| protocol.admin);
    let of = Subject::of(&options, asked.cancel.unwrap_or(beside));
    // What is wrong with the options is told before anything is run.
    Simulation::new(options.clone()).map_err(SimulateError::from)?;
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Executor)?;
    let interrupt = Interrupt::listen(&executor)?;
    if !asked.json {
        let (first, count) = asked.seeds();
        let seeds = words::seeds(first, count, asked.shard.of, asked.time);
        writeln!(out, "simulation · {of} · {seeds}\n")?;
        out.flush()?;
    }
    let ran = std::thread::scope(|scope| {
        let (tell, told) = oneshot::channel::<()>();
        let work = scope.spawn(|| {
            let _told_at_its_end = tell;
            campaign(asked, &options, &interrupt)
        });
        // Whoever interrupts is heard by this thread's executor, while it runs.
        let _ = executor.block_on(told);
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let Ran { summary, took, broken, real, schedule, interrupted } = ran?;
    let told = broken.map(|report| tell(asked, report)).transpose()?;
    let campaign = Campaign { of, summary };
    if asked.rewrite {
        record(asked, &campaign)?;
    }
    let shown = Shown {
        asked,
        campaign: &campaign,
        options: &options,
        took,
        told: told.as_ref(),
        real: &real,
        schedule: schedule.as_deref(),
        interrupted,
        command: command(asked, &campaign.summary),
    };
    if asked.json {
        print_json(out, &shown.json())?
    } else {
        shown.tell(out)?
    }
    Ok(if told.is_some() || real.iter().any(|(_, real)| differs(real)) { Exit::Found } else { Exit::Clean })
}

/// True when the real database did something else.
pub(super) fn differs(real: &Real) -> bool {
    matches!(real, Real::Followed { replayed, .. } if !replayed.agrees())
}

fn options(asked: &Simulate) -> Result<Options, Failure> {
    let plan = match &asked.plan {
        None => Plan::default(),
        Some(path) => {
            let text = read_text(path, MOST_PLAN_BYTES)?;
            Plan::from_toml(&text).map_err(|source| Failure::Plan { path: path.clone(), source: Box::new(source) })?
        }
    };
    let mut options = Options {
        seed: asked.seeds().0,
        engine: asked.engine,
        settle: asked.settle.to_owned(),
        cancel: asked.cancel.map(str::to_owned),
        orders: asked.orders,
        servers: asked.servers,
        rates: asked.faults.clone(),
        plan,
        ..Options::default()
    };
    if asked.real {
        followable(&mut options);
    }
    Ok(options)
}

/// Seed after seed, up to the first that breaks a claim.
fn campaign(asked: &Simulate, options: &Options, interrupt: &Interrupt) -> Result<Ran, Failure> {
    let counter = Counter::new(&format!("{} on {}", asked.settle, asked.engine.name()), "seeds");
    let mut ran = Ran::default();
    let (_, count) = asked.seeds();
    let mut options = options.clone();
    for _ in 0..count {
        let Some(report) = one(&options, &ran.summary, &counter, interrupt)? else {
            ran.interrupted = true;
            break;
        };
        ran.summary.add(&report, asked.shard.of);
        if asked.real {
            let real = follow(&options)
                .map_err(|source| Failure::Simulated { seed: options.seed, source: Box::new(source) })?;
            if let Real::Followed { schedule: Some(schedule), .. } = &real {
                let default = format!("differs-{}-{}.json", asked.settle, options.seed);
                let path = asked.trace_out.clone().unwrap_or(default);
                let text = trace_file::write(schedule)?;
                std::fs::write(&path, text).map_err(|source| Failure::Write { path: path.clone(), source })?;
                ran.schedule = Some(path);
            }
            ran.real.push((options.seed, real));
            if ran.schedule.is_some() {
                break;
            }
        }
        counter.one_more();
        if !report.found.is_empty() {
            ran.broken = Some(report);
            break;
        }
        if interrupt.has_come() {
            ran.interrupted = true;
            break;
        }
        if asked.time.is_some_and(|time| counter.elapsed() >= time) {
            break;
        }
        options.seed = options.seed.wrapping_add(asked.shard.of);
    }
    ran.took = counter.elapsed();
    Ok(ran)
}

/// One seed; `None` when somebody wants an end.
fn one(
    options: &Options,
    before: &Summary,
    counter: &Counter,
    interrupt: &Interrupt,
) -> Result<Option<Report>, SimulateError> {
    let mut simulation = Simulation::new(options.clone())?;
    loop {
        let progress = simulation.run(EVENTS_AT_ONCE)?;
        let calls = before.calls + progress.calls;
        let a_second = words::a_second(calls, counter.elapsed());
        let (orders, faults) = (before.orders + u64::from(options.orders), before.faults);
        counter.says(format!(
            "seeds · {} orders · {} calls a second · {} faults",
            words::grouped(orders),
            words::grouped(a_second),
            words::grouped(faults)
        ));
        if progress.at_rest {
            return Ok(Some(simulation.finish()?));
        }
        if interrupt.has_come() {
            return Ok(None);
        }
    }
}

/// What is left of a seed that broke a claim, written to files and replayed.
fn tell(asked: &Simulate, report: Report) -> Result<Told, Failure> {
    let counter = Counter::new("shrinking", "");
    let failed = |source| Failure::Broken { seed: report.options.seed, source: Box::new(source) };
    let mut broken = Broken::of(&report.options, report.found[0].claim).map_err(failed)?;
    let default = format!("broken-{}-{}.json", asked.settle, report.options.seed);
    let trace = asked.trace_out.clone().unwrap_or(default);
    let of = broken.shrunk.options.rates.to_string();
    let smaller = |plan: &str| {
        let seed = report.options.seed;
        format!("{} --seed {seed} --faults {of} --plan {}", head(asked), quoted(plan))
    };
    let files = broken.write(&trace, smaller).map_err(failed)?;
    let replay = match broken.shrunk.untold.first() {
        Some(untold) => Replay::Skipped { skipped: format!("a trace cannot say that {}", untold.says()) },
        None => replayed(&broken.shrunk.trace)?,
    };
    drop(counter);
    Ok(Told { report, broken, replay, files })
}

/// The command without its seeds, faults and plan.
pub(super) fn head(asked: &Simulate) -> String {
    let mut command = format!("paidonce simulate --settle {}", asked.settle);
    if let Some(cancel) = asked.cancel {
        command.push_str(&format!(" --cancel {cancel}"));
    }
    let engine = quoted(asked.engine.name());
    command.push_str(&format!(" --engine {engine} --orders {} --servers {}", asked.orders, asked.servers));
    command
}

/// The command that runs the same seeds.
fn command(asked: &Simulate, summary: &Summary) -> String {
    let mut command = format!("{} --seed {}", head(asked), asked.seed);
    let seeds = (summary.count() * asked.shard.of).min(asked.seeds.max(1));
    if seeds > 1 {
        command.push_str(&format!(" --seeds {seeds}"));
    }
    if asked.shard.of > 1 {
        command.push_str(&format!(" --shard {}", asked.shard));
    }
    if asked.faults != paidonce_model::simulate::Rates::default() {
        command.push_str(&format!(" --faults {}", asked.faults));
    }
    if let Some(plan) = &asked.plan {
        command.push_str(&format!(" --plan {}", quoted(plan)));
    }
    if asked.real {
        command.push_str(" --real");
    }
    command
}

fn record(asked: &Simulate, campaign: &Campaign) -> Result<(), Failure> {
    let manifest = asked.manifest.as_deref();
    let mut pins = Manifest::to_rewrite(manifest)?;
    let Campaign { of, summary } = campaign;
    pins.record_simulated(SimulatedRun {
        settle: of.settle.clone(),
        cancel: of.cancel.clone(),
        engine: of.engine.clone(),
        seed: asked.seeds().0,
        seeds: summary.count(),
        orders: of.orders,
        servers: of.servers,
        faults: of.faults.clone(),
        calls: summary.calls,
        violations: summary.violations.len() as u64,
        digest: format!("{:016x}", summary.digest),
    });
    pins.write(manifest)?;
    Ok(())
}

/// Campaigns that others have run, joined.
fn merge(asked: &Simulate, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut joined: Option<Campaign> = None;
    for path in &asked.merge {
        let unjoinable = |source| Failure::Join { path: path.clone(), source: Box::new(source) };
        let campaign = read_campaign(&read_text(path, MOST_CAMPAIGN_BYTES)?).map_err(unjoinable)?;
        match &mut joined {
            None => joined = Some(campaign),
            Some(joined) => joined.join(&campaign).map_err(unjoinable)?,
        }
    }
    // There is a file, or the arguments would not be what they are.
    let Some(campaign) = joined else { return Ok(Exit::Clean) };
    let files: Vec<String> = asked.merge.iter().map(|path| quoted(path)).collect();
    let shown = Shown {
        asked,
        campaign: &campaign,
        options: &Options { rates: campaign.of.faults.parse().unwrap_or_default(), ..Options::default() },
        took: Duration::ZERO,
        told: None,
        real: &[],
        schedule: None,
        interrupted: false,
        command: format!("paidonce simulate --merge {}", files.join(" ")),
    };
    if asked.json {
        print_json(out, &shown.json())?;
    } else {
        writeln!(out, "simulation · {} · {} seeds joined\n", campaign.of, campaign.summary.count())?;
        shown.tell(out)?;
    }
    Ok(if campaign.summary.violations.is_empty() { Exit::Clean } else { Exit::Found })
}
