//! Writing down steps for a trace. Exploring does without: a log that is off costs a branch.

use paidonce_protocol::{Ended, Mark};

use super::World;
use super::state::State;
use crate::db::ReplyId;
use crate::trace::{Asked, DeathForm, Event, Meaning, Remark, Step, Told, Woken};
use crate::unroll::NodeId;

/// The steps taken, if anybody wants to know.
pub(crate) struct Log {
    steps: Option<Vec<Step>>,
}

impl Log {
    pub(crate) fn off() -> Self {
        Log { steps: None }
    }

    pub(crate) fn on() -> Self {
        Log { steps: Some(Vec::new()) }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.steps.is_some()
    }

    pub(crate) fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps.unwrap_or_default()
    }

    pub(crate) fn push(&mut self, actor: Option<String>, now_ms: i64, event: impl FnOnce() -> Event) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step { actor, now_ms, event: event(), marks: Vec::new(), outcome: None });
        }
    }

    fn of(&mut self, world: &World, state: &State, who: usize, event: impl FnOnce() -> Event) {
        if self.steps.is_some() {
            self.push(Some(world.slots[who].name.clone()), state.now_ms, event);
        }
    }

    pub(super) fn answered(&mut self, world: &World, state: &State, who: usize, node: NodeId, reply: ReplyId) {
        self.of(world, state, who, || Event::Answered {
            call: world.asked(who, node),
            answer: world.reply_text(reply),
        });
    }

    pub(super) fn waits(&mut self, world: &World, state: &State, who: usize, node: NodeId) {
        self.of(world, state, who, || Event::Blocked { call: world.asked(who, node), by: Vec::new() });
    }

    /// The call of `node`, or, without one, a statement that had waited before.
    pub(super) fn blocked(&mut self, world: &World, state: &State, who: usize, node: Option<NodeId>) {
        self.of(world, state, who, || {
            let blockers = state.database.blockers(world.engine, &world.store, who);
            let by = blockers.iter().map(|other| world.owner_of(state, *other)).collect();
            match node {
                Some(node) => Event::Blocked { call: world.asked(who, node), by },
                None => Event::BlockedAgain { by },
            }
        });
    }

    /// The call of `node` has committed, and is not answered yet.
    pub(super) fn shown(&mut self, world: &World, state: &State, who: usize, node: NodeId) {
        self.of(world, state, who, || Event::Shown { call: world.asked(who, node) });
    }

    pub(super) fn granted(&mut self, world: &World, state: &State, who: usize, reply: ReplyId) {
        self.of(world, state, who, || Event::Granted { answer: world.reply_text(reply) });
    }

    pub(super) fn deadlock(&mut self, world: &World, state: &State, who: usize, reply: ReplyId) {
        self.of(world, state, who, || Event::Deadlock { answer: world.reply_text(reply) });
    }

    pub(super) fn reply_lost(&mut self, world: &World, state: &State, who: usize, node: NodeId, meaning: Meaning) {
        self.of(world, state, who, || Event::ReplyLost { call: world.asked(who, node), meaning });
    }

    pub(super) fn died(&mut self, world: &World, state: &State, who: usize, form: DeathForm) {
        self.of(world, state, who, || Event::Died { form });
    }

    pub(super) fn landed(&mut self, world: &World, state: &State, owner: usize) {
        self.of(world, state, owner, || Event::Landed);
    }

    pub(super) fn reaped(&mut self, world: &World, state: &State, place: usize) {
        let owner = usize::from(state.orphans[place].owner);
        self.of(world, state, owner, || Event::Reaped);
    }

    pub(crate) fn ticked(&mut self, from_ms: i64, to_ms: i64) {
        self.push(None, from_ms, || Event::Ticked { to_ms, woken: Vec::new() });
    }

    pub(super) fn crashed(&mut self, state: &State, lost: usize) {
        self.push(None, state.now_ms, || Event::Crashed { lost, woken: Vec::new() });
    }

    pub(super) fn woken(&mut self, world: &World, who: usize, reply: ReplyId) {
        if let Some(Event::Ticked { woken, .. } | Event::Crashed { woken, .. }) =
            self.last().map(|step| &mut step.event)
        {
            let actor = world.slots[who].name.clone();
            woken.push(Woken { actor, answer: world.reply_text(reply), marks: Vec::new(), outcome: None });
        }
    }

    /// Somebody is woken by the tick that was the last step. False when that was another step, or a tick to another moment.
    pub(crate) fn woken_too(&mut self, at_ms: i64, also: Woken) -> bool {
        match self.last().map(|step| &mut step.event) {
            Some(Event::Ticked { to_ms, woken }) if *to_ms == at_ms => {
                woken.push(also);
                true
            }
            _ => false,
        }
    }

    fn last(&mut self) -> Option<&mut Step> {
        self.steps.as_mut()?.last_mut()
    }

    /// What the actor remarked when it was answered.
    pub(crate) fn told(&mut self, said: &[Mark]) {
        let Some(step) = self.last() else { return };
        let marks = match &mut step.event {
            Event::Ticked { woken, .. } | Event::Crashed { woken, .. } => {
                woken.last_mut().map(|woken| &mut woken.marks)
            }
            _ => Some(&mut step.marks),
        };
        if let Some(marks) = marks {
            marks.extend(said.iter().map(Remark::from));
        }
    }

    pub(crate) fn ended(&mut self, outcome: Ended) {
        let Some(step) = self.last() else { return };
        let text = Some(outcome.to_string());
        match &mut step.event {
            Event::Ticked { woken, .. } | Event::Crashed { woken, .. } => {
                if let Some(woken) = woken.last_mut() {
                    woken.outcome = text;
                }
            }
            _ => step.outcome = text,
        }
    }
}

impl World {
    /// A node's call as this actor makes it.
    fn asked(&self, who: usize, node: NodeId) -> Asked {
        let mut asked = match &self.tree.node(node).call {
            Some(call) => Asked::from(call),
            None => Asked { name: "end".to_owned(), sql: None, arguments: Vec::new() },
        };
        for argument in &mut asked.arguments {
            if let crate::trace::Datum::Text(text) = argument {
                *text = text.replace(paidonce_protocol::shop::REQUEST_PLACEHOLDER, &self.slots[who].name);
            }
        }
        asked
    }

    fn reply_text(&self, reply: ReplyId) -> Told {
        Told::from(&self.store.reply(reply))
    }

    /// The name of the actor that a connection belongs or belonged to.
    fn owner_of(&self, state: &State, connection: usize) -> String {
        let who = match connection.checked_sub(self.slots.len()) {
            None => connection,
            Some(place) => usize::from(state.orphans[place].owner),
        };
        self.slots[who].name.clone()
    }
}
