//! What can happen next in a state.

use super::World;
use super::state::{Action, Actor, OrphanKind, Phase, State};
use crate::db::{DbCall, Transaction};
use crate::scenario::LostOn;
use crate::trace::{DeathForm, Meaning};
use crate::unroll::{Next, NodeId};

impl World {
    /// Everything that can happen next, always in the same order.
    pub(crate) fn enabled(&self, state: &State, actions: &mut Vec<Action>) {
        for who in 0..state.actors.len() {
            self.actions_of(state, who, actions);
        }
        for (place, orphan) in state.orphans.iter().enumerate() {
            let connection = self.slots.len() + place;
            let waits = state.database.connections[connection].wait.is_some();
            let resumes = waits && state.database.can_resume(self.engine, &self.store, connection);
            if resumes || matches!(orphan.kind, OrphanKind::Landing(_)) && !waits {
                let call = match (&state.database.connections[connection].wait, orphan.kind) {
                    (Some(wait), _) => Some(wait.call),
                    (None, OrphanKind::Landing(call)) => Some(call),
                    (None, OrphanKind::Dead | OrphanKind::Stopped) => None,
                };
                self.each_way(state, call, |way| Action::Land(place as u8, way), actions);
            }
            if orphan.kind == OrphanKind::Dead {
                actions.push(Action::Reap(place as u8));
            }
        }
        if state.crashes_left > 0 {
            actions.extend((0..=state.unwritten.len()).map(|kept| Action::Crash(kept as u8)));
        }
        if state.ticks_left > 0 && self.next_moment(state).is_some() {
            actions.push(Action::Tick);
        }
    }

    fn actions_of(&self, state: &State, who: usize, actions: &mut Vec<Action>) {
        let id = who as u8;
        match state.actors[who].phase {
            Phase::Fresh => {
                if !self.may_come(state, who) {
                    return;
                }
                self.steps(state, who, self.slots[who].root, actions);
                self.lost_replies(state, who, self.slots[who].root, actions);
                return;
            }
            Phase::Ready(node) => {
                self.steps(state, who, node, actions);
                self.lost_replies(state, who, node, actions);
            }
            Phase::Waiting(..) | Phase::Written(..) => {}
            Phase::Shown(..) => actions.push(Action::Logged(id)),
            Phase::Blocked(..) => {
                if state.database.can_resume(self.engine, &self.store, who) {
                    let call = state.database.connections[who].wait.as_ref().map(|wait| wait.call);
                    self.each_way(state, call, |way| Action::Grant(id, way), actions);
                } else if state.database.may_be_victim(self.engine, &self.store, who) {
                    actions.push(Action::Victim(id));
                }
            }
            Phase::Ended | Phase::Dead(_) => return,
        }
        self.deaths(state, who, actions);
    }

    fn steps(&self, state: &State, who: usize, node: NodeId, actions: &mut Vec<Action>) {
        let call = match self.tree.node(node).next {
            Next::Database(call, _) => Some(call),
            _ => None,
        };
        self.each_way(state, call, |way| Action::Step(who as u8, way), actions);
    }

    /// The action in every way in which its call can come out.
    fn each_way(&self, state: &State, call: Option<DbCall>, action: impl Fn(u8) -> Action, actions: &mut Vec<Action>) {
        let is_open = call.is_some_and(|call| self.engine.leaves_open(&self.store, call));
        // A foul of the protocol comes out by the first way, too.
        let ways = if is_open { self.ways(state, action(0)).unwrap_or(1) } else { 1 };
        actions.extend((0..ways).map(action));
    }

    /// A delivery comes when an earlier one is not in its way: the first ones overlap, each further one follows a failure.
    fn may_come(&self, state: &State, who: usize) -> bool {
        let group = &self.groups[self.slots[who].group];
        let actors = &state.actors[group.slots.clone()];
        let came = actors.iter().filter(|actor| actor.phase != Phase::Fresh).count();
        // Deliveries are numbered in the order in which they come.
        if who - group.slots.start != came {
            return false;
        }
        if let Some(first) = group.after.map(|first| &self.groups[first]) {
            // However many: which of them came first is not told apart.
            let over = |actor: &&Actor| matches!(actor.phase, Phase::Ended | Phase::Dead(_));
            if state.actors[first.slots.clone()].iter().filter(over).count() < first.overlapping {
                return false;
            }
        }
        let failed = actors.iter().filter(|actor| self.failed(actor)).count();
        let wanted = if actors.iter().any(|actor| actor.accepted) { 0 } else { failed };
        came < group.overlapping + wanted
    }

    pub(crate) fn failed(&self, actor: &super::state::Actor) -> bool {
        matches!(actor.phase, Phase::Ended | Phase::Dead(_)) && !actor.accepted
    }

    /// What may become of a call whose reply is lost.
    fn lost_replies(&self, state: &State, who: usize, node: NodeId, actions: &mut Vec<Action>) {
        if state.lost_left == 0 || state.actors[who].severed {
            return;
        }
        let Next::Database(call, _) = self.tree.node(node).next else { return };
        let transaction = state.database.connections[who].transaction;
        let any = self.scenario.faults.lost_on == LostOn::Any;
        let commits = match (call, transaction) {
            (DbCall::Commit, Transaction::Open) => true,
            // A write on its own commits with its statement.
            (DbCall::Run(request), Transaction::None) => any && self.store.plan(request).writes(),
            _ => false,
        };
        if commits {
            actions.extend(Meaning::ALL.map(|meaning| Action::Lose(who as u8, meaning)));
        } else if any {
            // Whatever was in flight, the transaction is gone with the connection.
            actions.push(Action::Lose(who as u8, Meaning::NotDone));
        }
    }

    fn deaths(&self, state: &State, who: usize, actions: &mut Vec<Action>) {
        if state.deaths_left == 0 {
            return;
        }
        let mut chosen: smallvec::SmallVec<[DeathForm; 4]> = smallvec::SmallVec::new();
        for form in &self.death_forms {
            let effective = self.effective(state, who, *form);
            if !chosen.contains(&effective) {
                chosen.push(effective);
                // An exception without shutdown code comes to a reset, and is one all the same.
                let form = if *form == DeathForm::Soft { *form } else { effective };
                actions.push(Action::Die(who as u8, form));
            }
        }
    }

    /// The form of death that this one comes to here, so that no two that are the same are both explored.
    fn effective(&self, state: &State, who: usize, form: DeathForm) -> DeathForm {
        let holds_nothing = state.database.holds_nothing(who);
        match form {
            DeathForm::Soft if self.slots[who].shut_down.is_some() && !state.actors[who].shutting_down => form,
            // The operating system takes a dead process's file locks away.
            DeathForm::Silent if !holds_nothing && !self.engine.is_embedded() => form,
            DeathForm::Stop if !holds_nothing => form,
            _ => DeathForm::Reset,
        }
    }
}
