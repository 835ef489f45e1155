//! `paidonce stress`: free-running processes on a real database, killed at any moment.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use paidonce_model::Engine;
use paidonce_model::history::{Explained, History};
use paidonce_protocol::catalogue;

use super::cli_stress::{Deliver, Stress as Asked};
use super::explain::says;
use super::failure::Failure;
use super::meter::Counter;
use super::{Exit, folded, print_json, quoted};
use crate::stress::{self, Cast, Done, Round, Stress, StressError};

/// Of each engine so many findings are printed.
const MOST_SHOWN: usize = 5;
/// Under a round's number.
const BELOW: &str = "    ";

/// The machine's form, one of them for each engine.
#[derive(serde::Serialize)]
struct Json<'a> {
    engine: &'static str,
    settle: &'static str,
    cancel: &'static str,
    seed: u64,
    from: u64,
    #[serde(flatten)]
    tally: &'a Tally,
    /// The command that runs the same rounds.
    command: String,
}

/// What came of the rounds on one engine.
#[derive(Default, serde::Serialize)]
struct Tally {
    rounds: u64,
    /// Histories that a schedule of the model explains.
    explained: u64,
    unexplained: u64,
    undecided: u64,
    /// Rounds in whose books an audit found something.
    dirty: u64,
    #[serde(flatten)]
    done: Done,
    /// The most distinct states that were looked at for one history.
    most_states: usize,
    seconds: u64,
    /// The first findings: the round, and what an audit found or which line has no explanation.
    findings: Vec<String>,
    /// Files that were written.
    kept: Vec<String>,
}

pub(super) fn run(asked: &Asked, out: &mut dyn Write) -> Result<Exit, Failure> {
    let beside = catalogue::find(asked.settle).map_or(asked.settle, |protocol| protocol.admin);
    let cancel = asked.cancel.unwrap_or(beside);
    let mut all = Vec::new();
    for engine in &asked.engines {
        if !asked.json {
            let (name, seed, from) = (engine.name(), asked.seed, asked.from);
            writeln!(out, "free running · {}, {cancel} · {name} · seed {seed}, from round {from}", asked.settle)?;
            out.flush()?;
        }
        let tally = one(asked, cancel, *engine)?;
        if !asked.json {
            for finding in &tally.findings {
                writeln!(out, "{}", folded("  ", BELOW, finding))?;
            }
            writeln!(out, "{} · {}", words(&tally), command(asked, cancel, *engine, tally.rounds))?;
        }
        all.push((*engine, tally));
    }
    if asked.json {
        let json = |(engine, tally): &(Engine, Tally)| {
            let command = command(asked, cancel, *engine, tally.rounds);
            serde_json::to_value(Json {
                engine: engine.name(),
                settle: asked.settle,
                cancel,
                seed: asked.seed,
                from: asked.from,
                tally,
                command,
            })
        };
        print_json(out, &all.iter().map(json).collect::<Result<Vec<_>, _>>().map_err(Failure::Json)?)?;
    }
    let sum = |of: fn(&Tally) -> u64| all.iter().map(|(_, tally)| of(tally)).sum::<u64>();
    Ok(match (sum(|tally| tally.unexplained + tally.dirty), sum(|tally| tally.undecided + tally.done.given_up)) {
        (0, 0) => Exit::Clean,
        (0, _) => Exit::Undecided,
        _ => Exit::Found,
    })
}

fn one(asked: &Asked, cancel: &'static str, engine: Engine) -> Result<Tally, Failure> {
    let name = engine.name();
    let failed = |round: Option<u64>| {
        let round = round.map(|round| format!(", round {round} of seed {}", asked.seed)).unwrap_or_default();
        move |source| Failure::Stress { about: format!("{name}{round}"), source: Box::new(source) }
    };
    let real = paidonce_sqlx::Engine::find(name);
    let real = real.ok_or_else(|| failed(None)(StressError::Engine { name: name.to_owned() }))?;
    let program = std::env::current_exe().map_err(Failure::Program)?;
    let cast = Cast { settle: asked.settle, cancel, engine: real, seed: asked.seed };
    let stress = Stress::open(cast, &program).map_err(failed(None))?;
    let counter = Counter::new(name, "rounds");
    let mut tally = Tally::default();
    for number in (asked.from..).take(usize::try_from(asked.rounds).unwrap_or(usize::MAX)) {
        let round = stress.round(number).map_err(failed(Some(number)))?;
        tally.add(&round);
        if asked.keep.is_some() || !matches!(round.explanation.verdict, Explained::By(_)) {
            tally.kept.push(keep(asked, engine, &round)?);
        }
        counter.one_more();
        if asked.time.is_some_and(|time| counter.elapsed() >= time) {
            break;
        }
    }
    tally.seconds = counter.elapsed().max(Duration::from_secs(1)).as_secs();
    Ok(tally)
}

impl Tally {
    fn add(&mut self, round: &Round) {
        self.rounds += 1;
        self.done.add(&round.done);
        self.most_states = self.most_states.max(round.explanation.states);
        match &round.explanation.verdict {
            Explained::By(_) => self.explained += 1,
            Explained::Undecided => self.undecided += 1,
            Explained::ByNone { line } => {
                self.unexplained += 1;
                let line = line.zip(History::parse(&round.text).ok()).map(|(line, history)| says(&history, line));
                self.note(round, &format!("no explanation: {}", line.unwrap_or_else(|| "line unknown".to_owned())));
            }
        }
        self.dirty += u64::from(!round.violations.is_empty());
        for violation in &round.violations {
            self.note(round, violation);
        }
    }

    fn note(&mut self, round: &Round, finding: &str) {
        if self.findings.len() < MOST_SHOWN {
            self.findings.push(format!("round {}: {finding}", round.number));
        }
    }
}

fn keep(asked: &Asked, engine: Engine, round: &Round) -> Result<String, Failure> {
    let folder = Path::new(asked.keep.as_deref().unwrap_or("."));
    let engine = engine.name().replace(['/', '+'], "-");
    let path = folder.join(format!("history-{engine}-{}-{}.jsonl", asked.seed, round.number));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &round.text));
    let shown = path.display().to_string();
    written.map(|()| shown.clone()).map_err(|source| Failure::Write { path: shown, source })
}

fn words(tally: &Tally) -> String {
    let Tally { rounds, explained, unexplained, undecided, dirty, done, seconds, .. } = tally;
    let books = match dirty {
        0 => "books clean".to_owned(),
        some => format!("books dirty in {some}"),
    };
    let mut rest = String::new();
    for (number, what) in [(*undecided, "undecided"), (done.given_up, "notices never accepted")] {
        if number > 0 {
            rest.push_str(&format!(", {number} {what}"));
        }
    }
    format!(
        "{rounds} rounds · {books} · {explained} histories explained, {unexplained} not{rest} · {} deliveries, {} calls, \
         {} processes and {} servers killed · {seconds} s",
        done.deliveries, done.calls, done.kills, done.server_kills
    )
}

fn command(asked: &Asked, cancel: &str, engine: Engine, rounds: u64) -> String {
    let (settle, seed, from) = (asked.settle, asked.seed, asked.from);
    let engine = quoted(engine.name());
    format!(
        "paidonce stress --settle {settle} --cancel {cancel} --engine {engine} --seed {seed} --from {from} --rounds {rounds}"
    )
}

/// One process of a round.
pub(super) fn deliver(asked: &Deliver) -> Result<Exit, Failure> {
    let delivered = stress::deliver(Path::new(&asked.record), &asked.who, &asked.database);
    delivered.map(|()| Exit::Clean).map_err(|source| Failure::Deliver(Box::new(source)))
}
