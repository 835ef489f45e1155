//! The driver of a round: starts a process for each delivery, redelivers what was not accepted, and kills.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use paidonce_model::history::Line;
use paidonce_model::trace::Datum;
use paidonce_protocol::Answer;
use paidonce_sqlx::server::{Server, Stop};

use super::child::{Child, End};
use super::ground::Seen;
use super::plan::Plan;
use super::record::Record;
use super::{Done, StressError};

/// How often the driver looks at what was written. A call takes some tenths of a millisecond.
const LOOK: Duration = Duration::from_micros(100);

/// When nothing was written for so many looks, nothing will be: at least a minute.
const PATIENCE: u32 = 600_000;

/// The driver of a round.
pub(super) struct Driver<'a> {
    program: &'a Path,
    path: PathBuf,
    url: &'a str,
    plan: &'a Plan,
    server: Option<&'a Server>,
    record: Record,
    children: Vec<Child>,
    senders: Vec<Sender>,
    /// What each process has written.
    told: BTreeMap<String, Told>,
    lines: usize,
    killed: BTreeSet<usize>,
    /// Those that came before the server was killed last: they may not have been let in.
    before_crash: BTreeSet<String>,
    mails: Vec<(String, String)>,
    done: Done,
}

/// Somebody who sends again until it is handled: an entry of the scenario's actors.
struct Sender {
    came: usize,
    under_way: usize,
    /// Deliveries that ended without a 200.
    failed: usize,
    accepted: bool,
}

/// What a process has written so far.
#[derive(Default)]
struct Told {
    lines: usize,
    /// Its last call is to answer the sender so.
    answering: bool,
    accepted: bool,
    ended: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        program: &'a Path,
        path: &Path,
        url: &'a str,
        plan: &'a Plan,
        record: Record,
        server: Option<&'a Server>,
    ) -> Self {
        let sender = |_| Sender { came: 0, under_way: 0, failed: 0, accepted: false };
        Driver {
            program,
            path: path.to_owned(),
            url,
            senders: plan.scenario.actors.iter().map(sender).collect(),
            plan,
            server,
            record,
            children: Vec::new(),
            told: BTreeMap::new(),
            lines: 0,
            killed: BTreeSet::new(),
            before_crash: BTreeSet::new(),
            mails: Vec::new(),
            done: Done::default(),
        }
    }

    /// Run the round to its end: until everything is handled, or nobody sends again.
    pub(super) fn run(mut self) -> Result<(Done, Seen), StressError> {
        self.deliver()?;
        // All are connected before the first one begins, so that they meet.
        for child in &mut self.children {
            child.wait_until_ready()?;
        }
        self.children.iter_mut().for_each(Child::go);
        let mut silent = 0;
        while self.senders.iter().any(|sender| sender.under_way > 0) {
            let before = self.lines;
            self.look()?;
            self.kill()?;
            self.kill_server()?;
            self.reap()?;
            let come = self.children.len();
            self.deliver()?;
            self.children[come..].iter_mut().for_each(Child::go);
            silent = if self.lines == before { silent + 1 } else { 0 };
            if silent > PATIENCE {
                let under_way = self.children.iter().filter(|child| child.is_under_way());
                let who: Vec<&str> = under_way.map(|child| child.who.as_str()).collect();
                return Err(StressError::Hangs { who: who.join(", ") });
            }
            thread::sleep(LOOK);
        }
        let owed = self.plan.scenario.actors.iter().zip(&self.senders);
        let given_up = owed.filter(|(actor, sender)| actor.ipn.is_some() && !sender.accepted).count();
        self.done.given_up = given_up as u64;
        Ok((self.done, Seen { record: self.record, mails: self.mails }))
    }

    /// Each sender delivers for the first time, and again for each delivery that failed.
    fn deliver(&mut self) -> Result<(), StressError> {
        for (actor, sender) in self.plan.scenario.actors.iter().zip(&mut self.senders) {
            let wanted = if sender.accepted { 0 } else { actor.overlapping + sender.failed };
            while sender.came < wanted.min(actor.deliveries) {
                sender.came += 1;
                sender.under_way += 1;
                self.done.deliveries += 1;
                let who = format!("{}-{}", actor.name, sender.came);
                self.children.push(Child::start(self.program, &self.path, &who, self.url)?);
            }
        }
        Ok(())
    }

    /// Read what was written.
    fn look(&mut self) -> Result<(), StressError> {
        for line in self.record.news()? {
            self.lines += 1;
            let Some(who) = line.who() else { continue };
            let told = self.told.entry(who.to_owned()).or_default();
            told.lines += 1;
            match &line {
                Line::Asks { call, .. } => {
                    self.done.calls += 1;
                    told.answering =
                        call.name == "answer" && call.arguments == [Datum::Text(Answer::Accepted.name().to_owned())];
                    if let ("mail", [Datum::Text(message_id)]) = (call.name.as_str(), call.arguments.as_slice()) {
                        self.mails.push((message_id.clone(), who.to_owned()));
                    }
                }
                Line::Told { .. } => told.accepted |= told.answering,
                Line::Ends { .. } => told.ended = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Kill whose moment has come.
    fn kill(&mut self) -> Result<(), StressError> {
        for (number, kill) in self.plan.kills.iter().enumerate() {
            let is_due = self.told.get(&kill.who).is_some_and(|told| told.lines >= kill.after);
            let child = self.children.iter_mut().find(|child| child.who == kill.who && child.is_under_way());
            if let Some(child) = child.filter(|_| is_due && !self.killed.contains(&number)) {
                self.killed.insert(number);
                self.record.write(&Line::Kill { who: kill.who.clone() })?;
                child.kill()?;
            }
        }
        Ok(())
    }

    /// Kill the server when its moment has come, and start it again.
    fn kill_server(&mut self) -> Result<(), StressError> {
        let is_due = self.plan.server_kill.is_some_and(|after| self.lines >= after) && self.done.server_kills == 0;
        let Some(server) = self.server.filter(|_| is_due) else { return Ok(()) };
        self.done.server_kills += 1;
        self.before_crash.extend(self.children.iter().map(|child| child.who.clone()));
        self.record.write(&Line::ServerKill)?;
        server.restart(Stop::Crash)?;
        self.record.write(&Line::ServerBack)
    }

    /// See who has ended, and how.
    fn reap(&mut self) -> Result<(), StressError> {
        for place in 0..self.children.len() {
            if !self.children[place].is_under_way() {
                continue;
            }
            let Some(end) = self.children[place].reap()? else { continue };
            // Whatever it has written is there by now.
            self.look()?;
            let who = self.children[place].who.clone();
            let told = self.told.entry(who.clone()).or_default();
            match end {
                // A signal may find a process that has said its last word.
                End::Killed if !told.ended => {
                    self.done.kills += 1;
                    self.record.write(&Line::Gone { who: who.clone() })?;
                }
                End::Killed | End::Well => {}
                End::Failed(says) => {
                    if !self.before_crash.contains(&who) || told.lines > 1 {
                        return Err(StressError::Child { who, says });
                    }
                }
            }
            let accepted = self.told.get(&who).is_some_and(|told| told.accepted);
            let actors = self.plan.scenario.actors.iter();
            let is_sender = |name: &str| who.rsplit_once('-').is_some_and(|(stem, _)| stem == name);
            if let Some(place) = actors.map(|actor| actor.name.as_str()).position(is_sender) {
                let sender = &mut self.senders[place];
                sender.under_way -= 1;
                sender.accepted |= accepted;
                sender.failed += usize::from(!accepted);
            }
        }
        Ok(())
    }
}
