//! From text to a script.

use std::fmt;

use super::anomaly::Anomaly;
use super::transcript::Transcript;
use crate::engine::Engine;

/// Between the script and its transcripts.
const GOLDEN: &str = "----";

/// The most sessions of a script, and the most steps: far beyond what anybody can follow.
const MOST_SESSIONS: usize = 16;
const MOST_STEPS: usize = 1_000;

/// The databases that a script may be for.
const DATABASES: [&str; 3] = ["sqlite", "postgres", "mariadb"];

/// A schedule of SQL steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The `CREATE TABLE` statements, one a line.
    pub schema: String,
    /// On which line of the script each of them begins.
    pub schema_lines: Vec<usize>,
    /// The other statements of the setup, with their lines.
    pub setup: Vec<(usize, String)>,
    /// The sessions, in the order in which they are named first.
    pub sessions: Vec<Session>,
    /// The databases that it is for, with the line that says so: `postgres`. `None`: for all.
    pub only: Option<(usize, Vec<String>)>,
    /// The order of the steps.
    pub order: Order,
    /// The steps.
    pub steps: Vec<Step>,
    /// What the script is about: it is there when one of these is.
    pub anomalies: Vec<Anomaly>,
    /// The transcripts in the file: the engines that each is for, and its text.
    pub golden: Vec<(Vec<String>, String)>,
}

/// One session: a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `T1`.
    pub name: String,
    /// The line on which it is named first.
    pub line: usize,
    /// Its isolation level, when it is not that of the engine asked for: `repeatable-read`.
    pub level: Option<String>,
}

/// The order of a script's steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are written.
    Given,
    /// Each interleaving that keeps every session's own order.
    AllPermutations,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line it stands on, from 1.
    pub line: usize,
    /// The number of its session.
    pub session: usize,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a transaction, as the engine's mode says.
    Begin,
    /// Make it last.
    Commit,
    /// Forget it.
    Rollback,
    /// The connection is ended from outside; the session's next step has a new one.
    Kill,
    /// The time-out of the statement that waits runs out.
    TimeOut,
    /// Run this.
    Sql(String),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Begin => "begin",
            Action::Commit => "commit",
            Action::Rollback => "rollback",
            Action::Kill => "kill",
            Action::TimeOut => "time out",
            Action::Sql(sql) => sql,
        })
    }
}

/// Why a text is no script, or a script cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ScriptError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub problem: String,
}

impl Script {
    /// Read a script.
    ///
    /// # Errors
    /// With the line of the first thing that is not of the format.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let mut reader =
            Reader { file, script: empty(), open: None, anomaly_lines: Vec::new(), in_setup: false, in_step: false };
        for (place, line) in text.lines().enumerate() {
            reader.line(place + 1, line)?;
        }
        reader.finish(text.lines().count())
    }

    /// True when it is for this engine: `postgres/serializable`.
    pub fn is_for(&self, engine: &str) -> bool {
        let database = engine.split('/').next().unwrap_or_default();
        self.only.as_ref().is_none_or(|(_, databases)| databases.iter().any(|known| known == database))
    }

    /// The script's text without its transcripts: what `--rewrite` keeps.
    pub fn head(text: &str) -> &str {
        let golden = text.split_inclusive('\n').scan(0, |place, line| {
            let start = *place;
            *place += line.len();
            Some((start, line))
        });
        let first = golden.into_iter().find(|(_, line)| line.starts_with(GOLDEN));
        first.map_or(text, |(start, _)| &text[..start])
    }

    /// True when a transcript shows what the script is about.
    pub fn shows_anomaly(&self, transcript: &Transcript) -> bool {
        self.anomalies.iter().any(|anomaly| anomaly.is_in(transcript))
    }

    /// The script's text with this transcript for an engine, and those for other engines as they are. Engines with the same
    /// transcript stand together.
    pub fn renewed(&self, text: &str, engine: &str, golden: &str) -> String {
        let mut blocks: Vec<(Vec<String>, String)> = self.golden.clone();
        for (engines, _) in &mut blocks {
            engines.retain(|known| known != engine);
        }
        match blocks.iter_mut().find(|(_, known)| known.trim_end() == golden.trim_end()) {
            Some((engines, _)) => engines.push(engine.to_owned()),
            None => blocks.push((vec![engine.to_owned()], golden.to_owned())),
        }
        let mut renewed = format!("{}\n", Self::head(text).trim_end());
        for (engines, golden) in blocks.iter().filter(|(engines, _)| !engines.is_empty()) {
            renewed.push_str(&format!("{GOLDEN} {}\n{}\n", engines.join(", "), golden.trim_end()));
        }
        renewed
    }

    /// The transcripts that the file has for an engine.
    pub fn golden_for(&self, engine: &str) -> Option<&str> {
        let known = |(engines, _): &&(Vec<String>, String)| engines.iter().any(|known| known == engine);
        self.golden.iter().find(known).map(|(_, text)| text.as_str())
    }
}

fn empty() -> Script {
    Script {
        schema: String::new(),
        schema_lines: Vec::new(),
        setup: Vec::new(),
        sessions: Vec::new(),
        only: None,
        order: Order::Given,
        steps: Vec::new(),
        anomalies: Vec::new(),
        golden: Vec::new(),
    }
}

struct Reader<'a> {
    file: &'a str,
    script: Script,
    /// A statement of the setup that has not ended yet, and the line it began on.
    open: Option<(usize, String)>,
    /// The line of each anomaly.
    anomaly_lines: Vec<usize>,
    in_setup: bool,
    /// True when an indented line goes on with the last step.
    in_step: bool,
}

impl Reader<'_> {
    fn no<T>(&self, line: usize, problem: impl Into<String>) -> Result<T, ScriptError> {
        Err(ScriptError { file: self.file.to_owned(), line, problem: problem.into() })
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), ScriptError> {
        if let Some((_, text)) = self.script.golden.last_mut().filter(|_| !line.starts_with(GOLDEN)) {
            text.push_str(line.trim_end());
            text.push('\n');
            return Ok(());
        }
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            return Ok(());
        }
        if line.starts_with(char::is_whitespace) {
            return self.indented(number, line.trim());
        }
        if let Some((begun, _)) = self.open {
            return self.no(begun, "this statement of the setup does not end with `;`");
        }
        (self.in_setup, self.in_step) = (false, false);
        let line = line.trim_end();
        if let Some(engines) = line.strip_prefix(GOLDEN) {
            let engines: Vec<String> = engines.split(',').map(|engine| engine.trim().to_owned()).collect();
            if engines.iter().any(String::is_empty) {
                return self.no(
                    number,
                    "`----` is followed by the engines that the transcript is for: `---- sqlite/immediate`",
                );
            }
            if let Some(odd) = engines.iter().find(|engine| Engine::find(engine).is_none()) {
                return self.no(number, format!("there is no engine `{odd}`; the engines are {}", Engine::known()));
            }
            self.script.golden.push((engines, String::new()));
        } else if line == "setup" {
            self.in_setup = true;
        } else if let Some(rest) = line.strip_prefix("session ") {
            let [name, level] = rest.split_whitespace().collect::<Vec<_>>()[..] else {
                return self.no(number, "a session has a name and a level: `session T2 repeatable-read`");
            };
            let session = self.session(number, name)?;
            if self.script.sessions[session].level.is_some() {
                return self.no(number, format!("the level of {name} is said a second time"));
            }
            self.script.sessions[session].level = Some(level.to_owned());
        } else if let Some(databases) = line.strip_prefix("only ") {
            let databases: Vec<String> = databases.split(',').map(|database| database.trim().to_owned()).collect();
            if let Some(odd) = databases.iter().find(|database| !DATABASES.contains(&database.as_str())) {
                return self.no(number, format!("`{odd}` is none of {}", DATABASES.join(", ")));
            }
            self.script.only = Some((number, databases));
        } else if let Some(which) = line.strip_prefix("permutations:") {
            if which.trim() != "all" {
                return self.no(number, format!("permutations are `all`, and not `{}`", which.trim()));
            }
            self.script.order = Order::AllPermutations;
        } else if let Some(text) = line.strip_prefix("anomaly:") {
            match Anomaly::parse(text) {
                Ok(anomaly) => {
                    self.script.anomalies.push(anomaly);
                    self.anomaly_lines.push(number);
                }
                Err(problem) => return self.no(number, problem),
            }
        } else {
            self.step(number, line)?;
        }
        Ok(())
    }

    fn indented(&mut self, number: usize, text: &str) -> Result<(), ScriptError> {
        if self.in_setup {
            let (begun, statement) = self.open.get_or_insert_with(|| (number, String::new()));
            if !statement.is_empty() {
                statement.push(' ');
            }
            statement.push_str(text);
            let Some(whole) = statement.strip_suffix(';') else { return Ok(()) };
            if whole.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("create")) {
                self.script.schema.push_str(statement);
                self.script.schema.push('\n');
                self.script.schema_lines.push(*begun);
            } else {
                self.script.setup.push((*begun, whole.to_owned()));
            }
            self.open = None;
            return Ok(());
        }
        match self.script.steps.last_mut().map(|step| &mut step.action) {
            Some(Action::Sql(sql)) if self.in_step => {
                sql.push(' ');
                sql.push_str(text);
                Ok(())
            }
            _ => self.no(number, "an indented line goes on with a statement, and there is none"),
        }
    }

    fn step(&mut self, number: usize, line: &str) -> Result<(), ScriptError> {
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
        let Some((name, text)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
            let expected = "`setup`, `session NAME LEVEL`, `only DATABASE`, `permutations: all`, `anomaly: …`, `NAME: STEP` or `---- ENGINE`";
            return self.no(number, format!("`{line}` is none of {expected}"));
        };
        let session = self.session(number, name)?;
        if self.script.steps.len() == MOST_STEPS {
            return self.no(number, format!("there are more than {MOST_STEPS} steps"));
        }
        let action = match text.trim().trim_end_matches(';') {
            "" => {
                return self.no(
                    number,
                    format!("{name} is to do nothing: a step is SQL, begin, commit, rollback, kill or time out"),
                );
            }
            "begin" => Action::Begin,
            "commit" => Action::Commit,
            "rollback" => Action::Rollback,
            "kill" => Action::Kill,
            "time out" => Action::TimeOut,
            sql => Action::Sql(sql.to_owned()),
        };
        self.in_step = matches!(action, Action::Sql(_));
        self.script.steps.push(Step { line: number, session, action });
        Ok(())
    }

    fn session(&mut self, line: usize, name: &str) -> Result<usize, ScriptError> {
        if let Some(known) = self.script.sessions.iter().position(|session| session.name == name) {
            return Ok(known);
        }
        if self.script.sessions.len() == MOST_SESSIONS {
            return self.no(line, format!("there are more than {MOST_SESSIONS} sessions"));
        }
        self.script.sessions.push(Session { name: name.to_owned(), line, level: None });
        Ok(self.script.sessions.len() - 1)
    }

    fn finish(self, lines: usize) -> Result<Script, ScriptError> {
        if let Some((begun, _)) = self.open {
            return self.no(begun, "this statement of the setup does not end with `;`");
        }
        if self.script.steps.is_empty() {
            return self.no(lines.max(1), "the script has no step: `T1: begin`");
        }
        let steps = self.script.steps.len();
        for (anomaly, line) in self.script.anomalies.iter().zip(&self.anomaly_lines) {
            if let Some(step) = anomaly.steps().find(|step| *step > steps || *step == 0) {
                return self.no(*line, format!("an anomaly looks at step {step}, and there are steps 1 to {steps}"));
            }
        }
        Ok(self.script)
    }
}
