//! Who takes part in a trace, and where each of them stands in the picture.

use std::collections::BTreeMap;

use paidonce_model::scenario::{Actor, Scenario};
use paidonce_model::trace::{Asked, Event, Step, Trace};

use super::picture::{Lane, LaneKind};
use super::words;

/// Stands for a step's missing actor.
const NOBODY: &str = "nobody";

/// The lanes of a trace, and who is where. Only those who act have one.
pub(super) struct Cast<'a> {
    scenario: &'a Scenario,
    pub(super) lanes: Vec<Lane>,
    actors: BTreeMap<&'a str, usize>,
    senders: BTreeMap<Sender, usize>,
    pub(super) database: usize,
    mail_server: usize,
}

/// Who sends an actor's request, by what the scenario gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sender {
    Gateway,
    Buyer,
    Admin,
    Cron,
    /// The scenario does not know the actor.
    Caller,
}

impl Sender {
    fn name(self) -> &'static str {
        match self {
            Sender::Gateway => "gateway",
            Sender::Buyer => "buyer",
            Sender::Admin => "admin",
            Sender::Cron => "cron",
            Sender::Caller => "caller",
        }
    }

    /// That the sender sends once more.
    pub(super) fn comes_again(self) -> &'static str {
        match self {
            Sender::Gateway => "the gateway delivers again",
            Sender::Buyer => "the buyer comes back again",
            Sender::Admin => "the admin asks again",
            Sender::Cron => "cron starts the worker again",
            Sender::Caller => "the caller asks again",
        }
    }
}

/// The step's actor. A tick has none.
pub(super) fn actor_of(step: &Step) -> &str {
    step.actor.as_deref().unwrap_or(NOBODY)
}

/// What kind of lane a call goes to; `None` for what a web server does by itself.
fn goes_to(call: &Asked) -> Option<LaneKind> {
    match call.name.as_str() {
        _ if call.sql.is_some() => Some(LaneKind::Database),
        "answer" => Some(LaneKind::Sender),
        "mail" => Some(LaneKind::MailServer),
        "clock" | "wait" | "checkpoint" => None,
        _ => Some(LaneKind::Database),
    }
}

impl<'a> Cast<'a> {
    /// Goes through the trace once. Actors stand in the order in which they first act.
    pub(super) fn of(trace: &'a Trace) -> Self {
        let mut cast = Cast {
            scenario: &trace.scenario,
            lanes: Vec::new(),
            actors: BTreeMap::new(),
            senders: BTreeMap::new(),
            database: 0,
            mail_server: 0,
        };
        let mut names: Vec<&str> = Vec::new();
        let mut mails = false;
        for step in &trace.steps {
            match &step.event {
                Event::Ticked { woken, .. } | Event::Crashed { woken, .. } => {
                    names.extend(woken.iter().map(|woken| woken.actor.as_str()))
                }
                _ => names.push(actor_of(step)),
            }
            let (Event::Answered { call, .. }
            | Event::Blocked { call, .. }
            | Event::Shown { call }
            | Event::ReplyLost { call, .. }) = &step.event
            else {
                continue;
            };
            mails |= goes_to(call) == Some(LaneKind::MailServer);
            if goes_to(call) == Some(LaneKind::Sender) {
                cast.senders.insert(cast.sender(actor_of(step)), 0);
            }
        }
        let mut seen = BTreeMap::new();
        names.retain(|name| seen.insert(*name, ()).is_none());
        for name in &names {
            if cast.is_redelivery(name) {
                cast.senders.insert(cast.sender(name), 0);
            }
        }
        cast.place(&names, &trace.engine, mails);
        cast
    }

    fn place(&mut self, names: &[&'a str], engine: &str, mails: bool) {
        for (sender, place) in &mut self.senders {
            *place = self.lanes.len();
            self.lanes.push(Lane { name: sender.name().to_owned(), kind: LaneKind::Sender });
        }
        for name in names {
            self.actors.insert(name, self.lanes.len());
            self.lanes.push(Lane { name: words::clip(name, words::NAME_WIDTH), kind: LaneKind::Actor });
        }
        self.database = self.lanes.len();
        self.lanes.push(Lane { name: words::clip(engine, words::NAME_WIDTH), kind: LaneKind::Database });
        self.mail_server = self.lanes.len();
        if mails {
            self.lanes.push(Lane { name: "mail server".to_owned(), kind: LaneKind::MailServer });
        }
    }

    /// The actor's lane.
    pub(super) fn actor(&self, name: &str) -> Option<usize> {
        self.actors.get(name).copied()
    }

    /// The lane that an actor's call goes to; `None` for what a web server does by itself.
    pub(super) fn target(&self, actor: &str, call: &Asked) -> Option<usize> {
        match goes_to(call)? {
            LaneKind::Sender => self.senders.get(&self.sender(actor)).copied(),
            LaneKind::MailServer => Some(self.mail_server),
            LaneKind::Actor | LaneKind::Database => Some(self.database),
        }
    }

    /// For a request that comes because an earlier one was not accepted: its sender, and the sender's lane. Those are
    /// the requests beyond the ones that were under way from the start.
    pub(super) fn comes_again(&self, actor: &str) -> Option<(Sender, usize)> {
        let sender = self.sender(actor);
        let lane = self.senders.get(&sender).copied()?;
        self.is_redelivery(actor).then_some((sender, lane))
    }

    fn is_redelivery(&self, actor: &str) -> bool {
        self.source(actor).is_some_and(|(source, number)| number > source.overlapping)
    }

    fn sender(&self, actor: &str) -> Sender {
        match self.source(actor) {
            Some((Actor { ipn: Some(_), .. }, _)) => Sender::Gateway,
            Some((Actor { pdt: Some(_), .. }, _)) => Sender::Buyer,
            Some((Actor { cancel: Some(_), .. }, _)) => Sender::Admin,
            Some((Actor { work: true, .. }, _)) => Sender::Cron,
            _ => Sender::Caller,
        }
    }

    /// The scenario's entry for a request, and which of its deliveries this is: `ipn-2` is the second of `ipn`.
    fn source(&self, actor: &str) -> Option<(&'a Actor, usize)> {
        let (stem, number) = actor.rsplit_once('-')?;
        Some((self.scenario.actors.iter().find(|source| source.name == stem)?, number.parse().ok()?))
    }
}
