//! From lines to a history.

use std::collections::BTreeMap;

use super::line::{HISTORY_VERSION, Head, Line, Tables};
use crate::trace::{Asked, Told};

/// Why a text is no history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct HistoryError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub problem: String,
}

/// A history, read and found to be one.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    head: Head,
    /// Each with its number in the file.
    lines: Vec<(usize, Line)>,
    last: usize,
    /// How many lines were cut short, as the last one of a killed process may be.
    cut: usize,
}

/// What one process did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// The request's name.
    pub name: String,
    /// The line with which it came.
    pub came: usize,
    /// Its calls, in their order.
    pub calls: Vec<Recorded>,
    /// What became of it.
    pub end: End,
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// What was asked.
    pub call: Asked,
    /// The line before it was sent.
    pub asked: usize,
    /// The answer, with its line; none when the process did not live to tell it.
    pub answer: Option<(usize, Told)>,
}

/// What became of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Nothing is told.
    #[default]
    UnderWay,
    /// Its code came to an end.
    Ended {
        /// How, in the protocol's word.
        outcome: String,
        /// The line that says so.
        by: usize,
    },
    /// It was killed.
    Killed {
        /// The line before the signal was sent.
        from: usize,
        /// The line that says that it is gone.
        by: usize,
    },
}

impl History {
    /// Read a history.
    ///
    /// # Errors
    /// The first line that is none, or that contradicts the lines before it.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let mut numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let refuse = |line: usize, problem: String| HistoryError { line, problem };
        let (_, first) = numbered.next().ok_or_else(|| refuse(1, "there is no line at all".to_owned()))?;
        let head = head(first).map_err(|problem| refuse(1, problem))?;
        if let Some(invalid) = head.scenario.validate().err().and_then(|all| all.into_iter().next()) {
            return Err(refuse(1, format!("scenario: {invalid}")));
        }
        let mut history = History { head, lines: Vec::new(), last: 1, cut: 0 };
        for (number, line) in numbered.filter(|(_, line)| !line.is_empty()) {
            history.last = number;
            match serde_json::from_str(line) {
                Ok(line) => history.lines.push((number, line)),
                // What a process was writing when it was killed.
                Err(error) if error.is_eof() => history.cut += 1,
                Err(error) => return Err(refuse(number, format!("is no line of a history: {error}"))),
            }
        }
        history.validate()?;
        Ok(history)
    }

    /// What ran, on what.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The number of its last line.
    pub fn lines(&self) -> usize {
        self.last
    }

    /// How many lines were cut short.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// The line of this number, if it says something.
    pub fn line(&self, number: usize) -> Option<&Line> {
        self.lines.iter().find(|(known, _)| *known == number).map(|(_, line)| line)
    }

    /// The processes, in the order in which they came.
    pub fn processes(&self) -> Vec<Process> {
        let mut processes: Vec<Process> = Vec::new();
        let mut kills: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, line) in &self.lines {
            let Some(who) = line.who() else { continue };
            let place = processes.iter().position(|process| process.name == who);
            let place = place.unwrap_or_else(|| {
                processes.push(Process { name: who.to_owned(), came: *number, ..Process::default() });
                processes.len() - 1
            });
            let process = &mut processes[place];
            match line {
                Line::Asks { call, .. } => {
                    process.calls.push(Recorded { call: call.clone(), asked: *number, answer: None });
                }
                Line::Told { answer, .. } => {
                    if let Some(last) = process.calls.last_mut() {
                        last.answer = Some((*number, answer.clone()));
                    }
                }
                Line::Ends { outcome, .. } => process.end = End::Ended { outcome: outcome.clone(), by: *number },
                Line::Kill { .. } => {
                    kills.insert(who, *number);
                }
                Line::Gone { .. } => {
                    let from = kills.get(who).copied().unwrap_or(*number);
                    process.end = End::Killed { from, by: *number };
                }
                Line::Comes { .. } | Line::ServerKill | Line::ServerBack | Line::Rows { .. } => {}
            }
        }
        processes
    }

    /// When the server was killed, and when it was there again.
    pub fn crashes(&self) -> Vec<(usize, Option<usize>)> {
        let mut crashes: Vec<(usize, Option<usize>)> = Vec::new();
        for (number, line) in &self.lines {
            match line {
                Line::ServerKill => crashes.push((*number, None)),
                Line::ServerBack => {
                    if let Some((_, back)) = crashes.last_mut() {
                        *back = Some(*number);
                    }
                }
                _ => {}
            }
        }
        crashes
    }

    /// The rows at the end, with their line.
    pub fn rows(&self) -> Option<(usize, &Tables)> {
        self.lines.iter().find_map(|(number, line)| match line {
            Line::Rows { rows } => Some((*number, rows)),
            _ => None,
        })
    }

    fn validate(&self) -> Result<(), HistoryError> {
        let requests = self.head.scenario.requests();
        /// How far a process is.
        enum At {
            Came,
            Asked,
            Over,
        }
        let mut at: BTreeMap<&str, At> = BTreeMap::new();
        let mut server_is_down = false;
        let mut over = false;
        for (number, line) in &self.lines {
            let refuse = |problem: String| Err(HistoryError { line: *number, problem });
            if over {
                return refuse("comes after the rows at the end".to_owned());
            }
            let state = line.who().and_then(|who| at.get(who));
            match (line, state) {
                (Line::Comes { who }, None) => {
                    if !requests.iter().any(|request| request.name == *who) {
                        return refuse(format!("there is no request {who} in the scenario"));
                    }
                    at.insert(who, At::Came);
                }
                (Line::Asks { who, .. }, Some(At::Came)) => drop(at.insert(who, At::Asked)),
                (Line::Told { who, .. }, Some(At::Asked)) => drop(at.insert(who, At::Came)),
                (Line::Ends { who, .. }, Some(At::Came)) | (Line::Gone { who }, Some(At::Came | At::Asked)) => {
                    at.insert(who, At::Over);
                }
                // A signal may come too late.
                (Line::Kill { .. }, Some(_)) => {}
                (Line::ServerKill, _) if !server_is_down => server_is_down = true,
                (Line::ServerBack, _) if server_is_down => server_is_down = false,
                (Line::Rows { .. }, _) => over = true,
                _ => return refuse("cannot follow the lines before it".to_owned()),
            }
        }
        Ok(())
    }
}

fn head(line: &str) -> Result<Head, String> {
    let json: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("is no JSON: {error}"))?;
    match json.get("version") {
        Some(version) if version.as_u64() == Some(HISTORY_VERSION.into()) => {}
        Some(version) => {
            return Err(format!("the version is {version}; this paidonce reads version {HISTORY_VERSION} only"));
        }
        None => return Err("is no history's head: that says its version".to_owned()),
    }
    serde_json::from_value(json).map_err(|error| format!("is no history's head: {error}"))
}
