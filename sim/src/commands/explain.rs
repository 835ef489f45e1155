//! `paidonce explain`: a recorded history held against the model.

use std::io::Write;

use paidonce_model::ExploreError;
use paidonce_model::history::{Explained, History, Line, explain};
use paidonce_model::trace::{Asked, Trace};

use super::cli_stress::Explain;
use super::failure::Failure;
use super::{Exit, print_json, quoted, read_text};
use crate::replay::{answer_words, call_words};
use crate::trace_file;

/// A history has some hundred bytes a line.
const LONGEST_HISTORY: u64 = 64 << 20;

/// The machine's form.
#[derive(serde::Serialize)]
struct Json {
    /// `null` when it is undecided.
    explained: Option<bool>,
    /// The first line that has no explanation.
    line: Option<usize>,
    /// What it says, in words.
    says: Option<String>,
    /// The steps of the schedule that explains it.
    steps: Option<usize>,
    /// Distinct states that were looked at.
    states: usize,
}

pub(super) fn run(asked: &Explain, out: &mut dyn Write) -> Result<Exit, Failure> {
    let text = read_text(&asked.history, LONGEST_HISTORY)?;
    let refused = |source| Failure::History { path: asked.history.clone(), source };
    let history = History::parse(&text).map_err(refused)?;
    let head = history.head();
    let processes = history.processes();
    let calls: usize = processes.iter().map(|process| process.calls.len()).sum();
    if !asked.json {
        let (protocol, engine, seed, round) = (&head.protocol, &head.engine, head.seed, head.round);
        writeln!(
            out,
            "history · {protocol} · {engine} · seed {seed}, round {round} · {} processes, {calls} calls",
            processes.len()
        )?;
        out.flush()?;
    }
    let failed = |error: ExploreError| Failure::explore(asked.history.clone(), error);
    let found = explain(&history, asked.max_states).map_err(failed)?;
    let mut json = Json { explained: None, line: None, says: None, steps: None, states: found.states };
    let (exit, said) = match &found.verdict {
        Explained::By(schedule) => {
            let trace = schedule.trace(None).map_err(failed)?;
            if let Some(path) = &asked.trace_out {
                write(path, &trace)?;
            }
            (json.explained, json.steps) = (Some(true), Some(trace.steps.len()));
            (Exit::Clean, format!("explained: by a schedule of {} steps", trace.steps.len()))
        }
        Explained::ByNone { line } => {
            (json.explained, json.line) = (Some(false), *line);
            json.says = line.map(|line| says(&history, line));
            let what = json.says.clone().unwrap_or_else(|| "where it ends to have one was not found out".to_owned());
            (Exit::Found, format!("no explanation: {what}"))
        }
        Explained::Undecided => (Exit::Undecided, format!("undecided after {} states", found.states)),
    };
    if asked.json {
        print_json(out, &json)?;
    } else {
        writeln!(out, "{said} · {} states · paidonce explain {}", found.states, quoted(&asked.history))?;
    }
    Ok(exit)
}

fn write(path: &str, trace: &Trace) -> Result<(), Failure> {
    let text = trace_file::write(trace)?;
    std::fs::write(path, text).map_err(|source| Failure::Write { path: path.to_owned(), source })
}

/// What a line says, in words.
pub(super) fn says(history: &History, number: usize) -> String {
    let what = match history.line(number) {
        Some(Line::Told { who, answer }) => {
            let call = asked(history, who, number).map_or_else(String::new, |call| format!(" to {}", call_words(call)));
            format!("{who} is told{call}: {}", answer_words(answer))
        }
        Some(Line::Ends { who, outcome }) => format!("{who} ends: {outcome}"),
        Some(Line::Rows { .. }) => "the rows at the end".to_owned(),
        _ => "something that needs none".to_owned(),
    };
    format!("line {number} is the first without one: {what}")
}

/// The call that is answered in this line.
fn asked<'h>(history: &'h History, who: &str, answered: usize) -> Option<&'h Asked> {
    (1..answered).rev().find_map(|number| match history.line(number) {
        Some(Line::Asks { who: asking, call }) if asking == who => Some(call),
        _ => None,
    })
}
