//! `paidonce seek`: of what the model allows, what does the real engine ever do?

use std::io::Write;

use paidonce_model::Engine;
use paidonce_model::script::{Prepared, Script, Transcript};

use super::cli_seek::Seek;
use super::failure::Failure;
use super::meter::Counter;
use super::script::LONGEST_SCRIPT;
use super::{Exit, print_json, quoted, read_text};
use crate::script::{Direction, Real};
use crate::seek::{Sought, seek};

/// The machine's form, one of them for each script and engine with several outcomes.
#[derive(serde::Serialize)]
struct Json {
    script: String,
    engine: &'static str,
    /// How many transcripts the model allows.
    allowed: usize,
    /// Those that the engine has shown, with how often and by what it was led there first.
    seen: Vec<Seen>,
    /// Those that it has not shown.
    unseen: Vec<String>,
    /// Those that it has shown although the model does not allow them.
    forbidden: Vec<String>,
    plays: u64,
}

#[derive(serde::Serialize)]
struct Seen {
    transcript: String,
    times: u64,
    led_by: String,
}

/// What became of one script on one engine.
struct Found {
    path: String,
    engine: Engine,
    names: Vec<String>,
    sought: Sought,
}

pub(super) fn run(asked: &Seek, out: &mut dyn Write) -> Result<Exit, Failure> {
    let engines = if asked.engines.is_empty() { Engine::ALL.to_vec() } else { asked.engines.clone() };
    let mut scripts = Vec::new();
    for path in &asked.scripts {
        scripts.push((path, Script::parse(path, &read_text(path, LONGEST_SCRIPT)?)?));
    }
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Executor)?;
    let mut all = Vec::new();
    for engine in engines {
        let found = executor.block_on(on(asked, engine, &scripts))?;
        for found in &found {
            if !asked.json {
                tell(found, out)?;
            }
        }
        all.extend(found);
    }
    if asked.json {
        print_json(out, &all.iter().map(json).collect::<Vec<_>>())?;
    } else {
        writeln!(out, "{} · {}", last_line(&all), command(asked))?;
    }
    let is_all = |found: &Found| found.sought.unseen().chain(found.sought.forbidden()).next().is_none();
    Ok(if all.iter().all(is_all) { Exit::Clean } else { Exit::Found })
}

/// Every script that may come to several outcomes on this engine.
async fn on(asked: &Seek, engine: Engine, scripts: &[(&String, Script)]) -> Result<Vec<Found>, Failure> {
    let mut real = None;
    let mut all = Vec::new();
    let counter = Counter::new(engine.name(), "searches");
    for (path, script) in scripts {
        let prepared = Prepared::new(script, path, engine)?;
        for order in prepared.orders()? {
            if prepared.transcripts(&order)?.len() < 2 {
                continue;
            }
            let real = match &mut real {
                Some(real) => real,
                none => none.insert(Real::open(engine.name()).await?),
            };
            let sought = seek(real, engine, &prepared, &order, (asked.rounds, |_| true)).await?;
            let names = script.sessions.iter().map(|session| session.name.clone()).collect();
            all.push(Found { path: (*path).clone(), engine, names, sought });
            counter.one_more();
        }
    }
    if let Some(real) = real {
        real.close().await;
    }
    Ok(all)
}

fn tell(found: &Found, out: &mut dyn Write) -> Result<(), Failure> {
    let Found { path, engine, names, sought } = found;
    writeln!(out, "script {path} · {} · {} plays", engine.name(), sought.plays)?;
    for (place, transcript) in sought.allowed.iter().enumerate() {
        let what = match sought.seen.get(transcript) {
            Some((1, way)) => format!("seen once, with: {}", way.words(names)),
            Some((times, way)) => format!("seen {times} times, first with: {}", way.words(names)),
            None => format!("not seen:\n{transcript}"),
        };
        writeln!(out, "  {}. {what}", place + 1)?;
    }
    for transcript in sought.forbidden() {
        writeln!(out, "  not allowed by the model, and seen:\n{transcript}")?;
    }
    writeln!(out)?;
    Ok(())
}

fn json(found: &Found) -> Json {
    let Found { path, engine, names, sought } = found;
    let seen = |(transcript, (times, way)): (&Transcript, &(u64, Direction))| Seen {
        transcript: transcript.to_string(),
        times: *times,
        led_by: way.words(names),
    };
    Json {
        script: path.clone(),
        engine: engine.name(),
        allowed: sought.allowed.len(),
        seen: sought.seen.iter().map(seen).collect(),
        unseen: sought.unseen().map(Transcript::to_string).collect(),
        forbidden: sought.forbidden().map(Transcript::to_string).collect(),
        plays: sought.plays,
    }
}

fn last_line(all: &[Found]) -> String {
    let sum = |of: fn(&Sought) -> usize| all.iter().map(|found| of(&found.sought)).sum::<usize>();
    if all.is_empty() {
        return "nothing to look for: each script comes to one outcome".to_owned();
    }
    let allowed = sum(|sought| sought.allowed.len());
    let unseen = sum(|sought| sought.unseen().count());
    let mut line = format!("{} of {allowed} outcomes seen", allowed - unseen);
    match sum(|sought| sought.forbidden().count()) {
        0 => {}
        forbidden => line += &format!("; {forbidden} seen that the model does not allow"),
    }
    line
}

fn command(asked: &Seek) -> String {
    let mut command = "paidonce seek".to_owned();
    asked.scripts.iter().for_each(|path| command += &format!(" {}", quoted(path)));
    asked.engines.iter().for_each(|engine| command += &format!(" --engine {}", engine.name()));
    command + &format!(" --rounds {}", asked.rounds)
}
