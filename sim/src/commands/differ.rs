//! `paidonce differ`: scripts drawn from a seed, on the model and on the real engine.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use paidonce_model::Engine;
use paidonce_model::script::Script;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::cli::Differing;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::meter::Counter;
use super::{Exit, print_json, quoted};
use crate::differ::{Disagreement, LaneError, Lanes, Tally, Work};
use crate::report::{DrawnRun, Manifest};
use crate::script::transcripts_text;

/// The machine's form, one of them for each engine.
#[derive(serde::Serialize)]
struct Json {
    engine: &'static str,
    seed: u64,
    from: u64,
    #[serde(flatten)]
    tally: Tally,
    /// Scripts a second.
    a_second: u64,
    /// The smallest scripts found, with the real transcript.
    disagreements_found: Vec<String>,
    /// The command that runs the same scripts.
    command: String,
}

/// One engine's run.
struct Ran {
    engine: Engine,
    tally: Tally,
    took: Duration,
    found: Vec<(u64, Disagreement)>,
    /// Why it ended before its time.
    ended: Option<Ended>,
}

/// Why a run ended before its time.
enum Ended {
    /// Somebody wanted it to.
    Interrupted,
    /// A script could not be compared. What came before it counts all the same.
    Failed(Failure),
}

pub(super) fn run(asked: &Differing, out: &mut dyn Write) -> Result<Exit, Failure> {
    let engines = if asked.engines.is_empty() { Engine::ALL.to_vec() } else { asked.engines.clone() };
    let mut lanes = Lanes::open();
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Executor)?;
    let interrupt = Interrupt::listen(&executor)?;
    let mut all = Vec::new();
    let mut ended = None;
    for engine in engines {
        if !asked.json {
            writeln!(out, "drawn scripts · {} · seed {}, from {}", engine.name(), asked.seed, asked.from)?;
        }
        let mut ran = one(asked, engine, &mut lanes, &executor, &interrupt)?;
        for (n, disagreement) in &ran.found {
            let text = kept(&ran, asked, *n, disagreement);
            if !asked.json {
                writeln!(out, "\n{text}")?;
            }
            if let Some(folder) = &asked.keep {
                keep(folder, engine, asked.seed, *n, &text)?;
            }
        }
        if asked.rewrite {
            // Each as it ends: what was played for an hour is not lost to the next one's failure.
            let manifest = asked.manifest.as_deref();
            let mut pins = Manifest::to_rewrite(manifest)?;
            pins.record(recorded(&ran, asked));
            pins.write(manifest)?;
        }
        if !asked.json {
            writeln!(out, "{}", last_line(&ran, asked))?;
            if ran.ended.is_some() {
                writeln!(
                    out,
                    "ended early; the next script: {}",
                    command(engine.name(), asked, next(&ran, asked), None)
                )?;
            }
        }
        ended = ran.ended.take();
        all.push(ran);
        if ended.is_some() {
            break;
        }
    }
    if asked.json {
        print_json(out, &all.iter().map(|ran| json(ran, asked)).collect::<Vec<_>>())?;
    }
    if let Some(Ended::Failed(failure)) = ended {
        return Err(failure);
    }
    let sum = |of: fn(&Tally) -> u64| all.iter().map(|ran| of(&ran.tally)).sum::<u64>();
    Ok(match (sum(|tally| tally.disagreements), sum(|tally| tally.undecided)) {
        (0, 0) => Exit::Clean,
        (0, _) => Exit::Undecided,
        _ => Exit::Found,
    })
}

fn one(
    asked: &Differing,
    engine: Engine,
    lanes: &mut Lanes,
    executor: &Runtime,
    interrupt: &Interrupt,
) -> Result<Ran, Failure> {
    lanes.start(engine).map_err(|error| failure(error, engine, asked.seed, asked.from))?;
    let counter = Counter::new(engine.name(), "scripts");
    let work = Work {
        engine,
        seed: asked.seed,
        names: asked.names,
        from: asked.from,
        count: asked.count,
        most: asked.most,
        one_more: &|| counter.one_more(),
        is_over: &|| interrupt.has_come() || asked.time.is_some_and(|time| counter.elapsed() >= time),
    };
    let run = std::thread::scope(|scope| {
        let (tell, told) = oneshot::channel::<()>();
        let lanes = scope.spawn(|| {
            let _told_at_its_end = tell;
            lanes.run(&work)
        });
        // Whoever interrupts is heard by this thread's executor, while it runs.
        let _ = executor.block_on(told);
        lanes.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let ended = match run.failed {
        Some((n, error)) => match failure(error, engine, asked.seed, n) {
            // Nothing was played.
            failure if run.tally.scripts == 0 => return Err(failure),
            failure => Some(Ended::Failed(failure)),
        },
        None => interrupt.has_come().then_some(Ended::Interrupted),
    };
    Ok(Ran { engine, tally: run.tally, took: counter.elapsed(), found: run.found, ended })
}

fn failure(error: LaneError, engine: Engine, seed: u64, n: u64) -> Failure {
    match error {
        LaneError::Executor(error) => Failure::Executor(error),
        LaneError::Real(error) => error.into(),
        LaneError::Draw(reason) => Failure::Draw(reason),
        LaneError::Script(source) => Failure::Differ { engine: engine.name(), seed, n, source: Box::new(source) },
    }
}

/// A disagreement as a script: the real engine's transcript is its golden part, the model's are comments.
fn kept(ran: &Ran, asked: &Differing, n: u64, found: &Disagreement) -> String {
    let Disagreement { text, allowed, real, .. } = found;
    let engine = ran.engine.name();
    let mut kept = format!("# Drawn: {}\n", command(engine, asked, n, Some(1)));
    kept.push_str("# The model allows:\n");
    for line in transcripts_text(allowed.iter()).lines() {
        kept.push_str(&format!("#   {line}\n"));
    }
    kept.push('\n');
    match Script::parse("drawn", text) {
        Ok(script) => kept.push_str(&script.renewed(text, engine, &real.to_string())),
        Err(_) => kept.push_str(text),
    }
    kept
}

fn keep(folder: &str, engine: Engine, seed: u64, n: u64, text: &str) -> Result<(), Failure> {
    let path = Path::new(folder).join(format!("{}_{seed}_{n}.script", engine.name().replace(['/', '-', '+'], "_")));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| Failure::Write { path: path.display().to_string(), source })
}

fn recorded(ran: &Ran, asked: &Differing) -> DrawnRun {
    let Tally { scripts, disagreements, with_one, undecided, .. } = ran.tally;
    DrawnRun {
        engine: ran.engine.name().to_owned(),
        seed: asked.seed,
        from: asked.from,
        scripts,
        disagreements,
        with_one,
        undecided,
    }
}

fn last_line(ran: &Ran, asked: &Differing) -> String {
    let Ran { engine, tally, .. } = ran;
    let share = tally.share_of_one();
    let undecided = if tally.undecided > 0 { format!("{} undecided · ", tally.undecided) } else { String::new() };
    format!(
        "{} scripts · {} disagreements · {undecided}one transcript allowed for {}.{} % · somebody waits in {} · \
         {} a second · {}",
        tally.scripts,
        tally.disagreements,
        share / 10,
        share % 10,
        tally.with_waits,
        a_second(ran),
        command(engine.name(), asked, asked.from, Some(tally.scripts)),
    )
}

fn a_second(ran: &Ran) -> u64 {
    (ran.tally.scripts as f64 / ran.took.as_secs_f64().max(0.001)) as u64
}

/// The number of the script behind the last one that was played.
fn next(ran: &Ran, asked: &Differing) -> u64 {
    asked.from + ran.tally.scripts
}

fn command(engine: &str, asked: &Differing, from: u64, count: Option<u64>) -> String {
    let names = if asked.names { " --names" } else { "" };
    let count = count.map_or(String::new(), |count| format!(" --count {count}"));
    format!("paidonce differ --engine {}{names} --seed {} --from {from}{count}", quoted(engine), asked.seed)
}

fn json(ran: &Ran, asked: &Differing) -> Json {
    let Ran { engine, tally, found, .. } = ran;
    Json {
        engine: engine.name(),
        seed: asked.seed,
        from: asked.from,
        tally: *tally,
        a_second: a_second(ran),
        disagreements_found: found.iter().map(|(n, found)| kept(ran, asked, *n, found)).collect(),
        command: command(engine.name(), asked, asked.from, Some(tally.scripts)),
    }
}
