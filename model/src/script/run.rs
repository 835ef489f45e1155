//! The steps of a script on the model's database, in every way that the engine leaves open.

use std::collections::BTreeSet;

use paidonce_protocol::Statement;

use super::board::Board;
use super::permute::{Interleavings, count};
use super::{Action, Order, Said, Script, ScriptError, Transcript};
use crate::db::{Answered, Asked, Cause, Choices, Database, DbCall, Effects, ReplyId, RequestId, Rule, Store};
use crate::engine::{Engine, Family};

/// More interleavings than this are nobody's to read, and take too long.
const MOST_INTERLEAVINGS: usize = 100_000;
/// And so are more ways through one of them.
const MOST_WAYS: usize = 20_000;

/// A script, compiled for an engine, with the rows that are there at the start.
pub struct Prepared<'a> {
    script: &'a Script,
    file: &'a str,
    engines: Vec<Engine>,
    store: Store,
    setup: Vec<(usize, &'static Statement)>,
    /// The statement of each step that is one.
    steps: Vec<Option<(&'static Statement, RequestId)>>,
    start: Database,
}

impl<'a> Prepared<'a> {
    /// Compile a script of this file for an engine, and run its setup.
    ///
    /// # Errors
    /// When it is not for this engine; with the line of a statement that the model does not know, or of one of the setup that
    /// does not succeed.
    pub fn new(script: &'a Script, file: &'a str, engine: Engine) -> Result<Self, ScriptError> {
        let no = |line: usize, problem: String| ScriptError { file: file.to_owned(), line, problem };
        if let Some((line, databases)) = script.only.as_ref().filter(|_| !script.is_for(engine.name())) {
            return Err(no(
                *line,
                format!("the script is for {} only, and not for {}", databases.join(", "), engine.name()),
            ));
        }
        let mut engines = Vec::new();
        for session in &script.sessions {
            engines.push(match &session.level {
                None => engine,
                Some(level) => engine.at(level).map_err(|problem| no(session.line, problem))?,
            });
        }
        let mut store = Store::for_scripts(&script.schema, engine.dialect()).map_err(|error| {
            // Of the statements the first that is none by itself.
            let is_wrong = |sql: &str| Store::for_scripts(sql, engine.dialect()).is_err();
            let wrong = script.schema.lines().zip(&script.schema_lines).find(|(sql, _)| is_wrong(sql));
            no(wrong.map_or(1, |(_, line)| *line), error.to_string())
        })?;
        let mut compiled = |line: usize, engine: Engine, sql: &str| {
            let statement = Statement::of_text(sql);
            let made = store.add(statement).and_then(|()| store.suits_with(engine, statement));
            let made = made.and_then(|()| store.request(statement, &[]));
            made.map(|request| (statement, request)).map_err(|error| no(line, error.problem))
        };
        let mut setup = Vec::new();
        for (line, sql) in &script.setup {
            let (statement, request) = compiled(*line, engine, sql)?;
            setup.push((*line, statement, request));
        }
        let mut steps = Vec::new();
        for step in &script.steps {
            steps.push(match &step.action {
                Action::Sql(sql) => Some(compiled(step.line, engines[step.session], sql)?),
                _ => None,
            });
        }
        let empty = store.contents_of::<&str>(&[]).map_err(|error| no(1, error.to_string()))?;
        let mut start = Database::new(empty, engines.iter().copied());
        for (line, _, request) in &setup {
            let (call, mut effects) = (DbCall::Run(*request), Effects::default());
            let asked = start.ask(engine, &store, 0, call, &mut Choices::first(), &mut effects);
            if let Asked::Answered(reply) = asked
                && let Answered::Failed(cause) = store.replies.get(reply)
            {
                return Err(no(*line, format!("the setup fails: {}", cause.kind())));
            }
        }
        let setup = setup.into_iter().map(|(line, statement, _)| (line, statement)).collect();
        Ok(Prepared { script, file, engines, store, setup, steps, start })
    }

    /// The database with the rows that are there at the start.
    pub(super) fn start(&self) -> &Database {
        &self.start
    }

    /// The script.
    pub fn script(&self) -> &'a Script {
        self.script
    }

    /// The statements of the setup that fill the tables, with their lines.
    pub fn setup(&self) -> &[(usize, &'static Statement)] {
        &self.setup
    }

    /// The statement of a step, when it is one.
    pub fn statement(&self, step: usize) -> Option<&'static Statement> {
        self.steps[step].map(|(statement, _)| statement)
    }

    /// The tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.store.tables.tables.iter().map(|table| table.name.as_str())
    }

    /// True when the rows that a step shows have one order.
    pub fn is_ordered(&self, step: usize) -> bool {
        // Without an order of its own not even a read by a unique key: a snapshot may have two rows of one key.
        let is_ordered = |request: RequestId| {
            let plan = self.store.plan(request);
            plan.has_order() && plan.is_ordered()
        };
        self.steps[step].is_some_and(|(_, request)| is_ordered(request))
    }

    /// The orders in which the steps are to be taken.
    ///
    /// # Errors
    /// When there are too many of them.
    pub fn orders(&self) -> Result<Vec<Vec<usize>>, ScriptError> {
        match self.script.order {
            Order::Given => Ok(vec![(0..self.script.steps.len()).collect()]),
            Order::AllPermutations => {
                let sessions: Vec<usize> = self.script.steps.iter().map(|step| step.session).collect();
                if count(&sessions, MOST_INTERLEAVINGS).is_none() {
                    let problem = format!("there are more than {MOST_INTERLEAVINGS} interleavings: take steps away");
                    return Err(ScriptError { file: self.file.to_owned(), line: 1, problem });
                }
                Ok(Interleavings::new(&sessions).collect())
            }
        }
    }

    /// The engine's rules that have decided something in what was played so far.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        self.store.noted()
    }

    /// Every transcript that the model allows for the steps in this order.
    ///
    /// # Errors
    /// When the engine leaves so much open that they cannot all be looked at.
    pub fn transcripts(&self, order: &[usize]) -> Result<BTreeSet<Transcript>, ScriptError> {
        match self.transcripts_within(order, MOST_WAYS) {
            (found, Some(_)) => Ok(found),
            (_, None) => {
                let problem =
                    format!("the engine may go on in more than {MOST_WAYS} ways: let fewer sessions wait at once");
                Err(ScriptError { file: self.file.to_owned(), line: 1, problem })
            }
        }
    }

    /// The same, with an end to it: so many ways at most are taken. The second part says how many there are, where these
    /// were all.
    pub fn transcripts_within(&self, order: &[usize], most_ways: usize) -> (BTreeSet<Transcript>, Option<usize>) {
        let mut found = BTreeSet::new();
        let mut choices = Choices::first();
        for ways in 1..=most_ways {
            let playing = Playing { prepared: self, database: self.start.clone(), board: Board::new(self.script) };
            found.insert(playing.play(order, &mut choices));
            if !choices.advance() {
                return (found, Some(ways));
            }
        }
        (found, None)
    }
}

/// A script while it is played.
#[derive(Clone)]
pub(super) struct Playing<'a> {
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) database: Database,
    pub(super) board: Board<'a>,
}

impl Playing<'_> {
    fn play(mut self, order: &[usize], choices: &mut Choices) -> Transcript {
        for step in order {
            self.board.turn(*step);
            while let Some(next) = self.board.next_to_send() {
                self.take(next, choices);
            }
        }
        self.board.into_transcript()
    }

    /// Take a step, and let everything go on that can.
    fn take(&mut self, number: usize, choices: &mut Choices) {
        let own = self.send(number, choices);
        let mut sender = Some(self.prepared.script.steps[number].session);
        while self.settles(sender.take(), choices) {}
        self.board.came_to(number, own);
    }

    /// Send a step: what its session is told at once.
    pub(super) fn send(&mut self, number: usize, choices: &mut Choices) -> Said {
        let Prepared { script, engines, store, steps, .. } = self.prepared;
        let step = &script.steps[number];
        let session = step.session;
        let call = match (&step.action, steps[number]) {
            (Action::Begin, _) => Some(DbCall::Begin),
            (Action::Commit, _) => Some(DbCall::Commit),
            (Action::Rollback, _) => Some(DbCall::Rollback),
            (Action::Sql(_), Some((_, request))) => Some(DbCall::Run(request)),
            (Action::Sql(_) | Action::Kill | Action::TimeOut, _) => None,
        };
        match (call, &step.action) {
            (Some(call), _) => {
                let mut effects = Effects::default();
                match self.database.ask(engines[session], store, session, call, choices, &mut effects) {
                    Asked::Answered(reply) => self.said(number, reply),
                    Asked::Blocked => {
                        self.board.blocks(number);
                        Said::Blocks
                    }
                }
            }
            (None, Action::TimeOut) => match self.board.waiting(session) {
                None => Said::Nothing,
                Some(waiting) => {
                    let reply = self.database.fail_wait(engines[session], store, session, Cause::TimedOut);
                    self.board.goes_on(session, self.said(waiting, reply));
                    Said::Done
                }
            },
            (None, _) => {
                self.board.ends(session);
                self.database.reset(&self.prepared.store, session);
                Said::Died
            }
        }
    }

    /// Let somebody go on who can, or break a deadlock, which nobody but this sender can have closed. False when there is
    /// nothing left to do.
    pub(super) fn settles(&mut self, closed_by: Option<usize>, choices: &mut Choices) -> bool {
        let Prepared { engines, store, .. } = self.prepared;
        if engines.iter().any(|engine| engine.is_embedded()) {
            self.ask_again(choices);
            return false;
        }
        let sessions = 0..engines.len();
        let can_go = |who: &usize| self.database.can_resume(engines[*who], store, *who);
        let is_stuck =
            |who: &usize| self.board.waiting(*who).is_some() && self.database.is_deadlocked(engines[*who], store, *who);
        let free: Vec<usize> = sessions.clone().filter(can_go).collect();
        // MariaDB looks for a cycle as soon as somebody begins to wait (`lock_wait`), while others are let go on; PostgreSQL
        // takes its time (`deadlock_timeout`).
        let looks = free.is_empty() || engines.iter().any(|engine| engine.family() == Family::MariaDb);
        let stuck: Vec<usize> = if looks { sessions.filter(is_stuck).collect() } else { Vec::new() };
        let next = free.get(choices.pick((free.len() + usize::from(!stuck.is_empty())).max(1)));
        let (who, reply) = if let Some(who) = next.copied() {
            match self.database.resume(engines[who], store, who, choices, &mut Effects::default()) {
                Asked::Answered(reply) => (who, reply),
                Asked::Blocked => return true,
            }
        } else if !stuck.is_empty() {
            let is_sure = |who: &usize| self.database.is_surely_deadlocked(engines[*who], store, *who);
            if !stuck.iter().any(is_sure) && choices.pick(2) == 1 {
                return false;
            }
            let victims = self.database.victims(engines[stuck[0]], store, &stuck, closed_by);
            let who = victims[choices.pick(victims.len())];
            (who, self.database.fail_wait(engines[who], store, who, Cause::Deadlock))
        } else {
            return false;
        };
        if let Some(step) = self.board.waiting(who) {
            self.board.goes_on(who, self.said(step, reply));
        }
        true
    }

    /// An embedded engine keeps nobody waiting: those that it has told to wait ask again, in the order of the sessions, until
    /// none of them is answered any more. It is they who choose that order, and not the engine.
    fn ask_again(&mut self, choices: &mut Choices) {
        let Prepared { engines, store, .. } = self.prepared;
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for (who, engine) in engines.iter().enumerate() {
                let Some(step) = self.board.waiting(who).filter(|_| self.database.can_resume(*engine, store, who))
                else {
                    continue;
                };
                let resumed = self.database.resume(*engine, store, who, choices, &mut Effects::default());
                if let Asked::Answered(reply) = resumed {
                    self.board.goes_on(who, self.said(step, reply));
                    moved = true;
                }
            }
        }
    }

    fn said(&self, step: usize, reply: ReplyId) -> Said {
        let Prepared { store, engines, script, .. } = self.prepared;
        match store.replies.get(reply) {
            Answered::Done | Answered::Clock(_) => Said::Done,
            Answered::Affected(rows) => Said::Affected(u64::from(*rows)),
            Answered::Rows(rows) => {
                let rows: Vec<Vec<_>> =
                    rows.iter().map(|row| row.iter().map(|val| store.symbols.value(*val)).collect()).collect();
                Said::rows(rows.iter().map(Vec::as_slice), self.prepared.is_ordered(step))
            }
            Answered::Error(kind) => Said::failed(*kind, None::<String>),
            Answered::Failed(cause) => {
                Said::failed(cause.kind(), cause.code(engines[script.steps[step].session].family()))
            }
        }
    }
}
