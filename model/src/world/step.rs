//! What happens when an action is taken.

use paidonce_protocol::{Answer, Error};

use super::World;
use super::log::Log;
use super::state::{Action, Actor, Orphan, OrphanKind, Phase, RETURNS_COUNTED, State};
use crate::claims::Claim;
use crate::db::{Answered, Asked, Cause, Choices, DbCall, Effects, NOTHING, ReplyId};
use crate::trace::{DeathForm, Meaning};
use crate::unroll::{Next, NodeId, UnrollError};

impl World {
    /// The state after an action, or `None` when it turns out not to be possible.
    pub(crate) fn after(&self, state: &State, action: Action, log: &mut Log) -> Result<Option<State>, UnrollError> {
        let mut next = state.clone();
        Ok(self.advance(&mut next, action, log)?.then_some(next))
    }

    /// As [`World::after`], in place. False, and a state of no meaning, when it is not possible.
    pub(crate) fn advance(&self, state: &mut State, action: Action, log: &mut Log) -> Result<bool, UnrollError> {
        let mut choices = Choices::first();
        for _ in 0..action.way() {
            self.take(&mut state.clone(), action, &mut choices, &mut Log::off())?;
            if !choices.advance() {
                return Ok(false);
            }
        }
        self.take(state, action, &mut choices, log)
    }

    /// In how many ways the database can let an action come out.
    pub(super) fn ways(&self, state: &State, action: Action) -> Result<u8, UnrollError> {
        let mut choices = Choices::first();
        let mut ways = 0;
        loop {
            self.take(&mut state.clone(), action, &mut choices, &mut Log::off())?;
            ways += 1;
            if ways == u8::MAX || !choices.advance() {
                return Ok(ways);
            }
        }
    }

    fn take(
        &self,
        state: &mut State,
        action: Action,
        choices: &mut Choices,
        log: &mut Log,
    ) -> Result<bool, UnrollError> {
        Ok(match action {
            Action::Step(who, _) => self.step(state, usize::from(who), choices, log)?,
            Action::Grant(who, _) => self.grant(state, usize::from(who), choices, log)?,
            Action::Victim(who) => {
                let who = usize::from(who);
                let reply = state.database.fail_wait(self.engine, &self.store, who, Cause::Deadlock);
                log.deadlock(self, state, who, reply);
                self.told(state, who, reply, log)?;
                true
            }
            Action::Lose(who, meaning) => self.lose(state, usize::from(who), meaning, choices, log)?,
            Action::Die(who, form) => self.die(state, usize::from(who), form, log),
            Action::Land(place, _) => self.land(state, usize::from(place), choices, log),
            Action::Reap(place) => {
                log.reaped(self, state, usize::from(place));
                self.remove_orphan(state, usize::from(place));
                true
            }
            Action::Tick => self.tick(state, log)?,
            Action::Write(who, _) => self.write_apart(state, usize::from(who), choices, log),
            Action::Commit(who) => self.commit_apart(state, usize::from(who), choices, log)?,
            Action::Logged(who) => self.logged(state, usize::from(who), log)?,
            Action::Crash(kept) => self.crash(state, usize::from(kept), log)?,
        })
    }

    /// The actor makes its next call. With the reduction on, calls that nobody can notice are made along with it: those
    /// before it and those after it.
    fn step(&self, state: &mut State, who: usize, choices: &mut Choices, log: &mut Log) -> Result<bool, UnrollError> {
        let node = state.actors[who].phase.node().unwrap_or(self.slots[who].root);
        state.actors[who].phase = Phase::Ready(node);
        if !self.reductions.merge_unseen {
            self.call(state, who, node, choices, log)?;
            return Ok(true);
        }
        let mut seen = false;
        while let Phase::Ready(node) = state.actors[who].phase {
            let unseen = self.is_unseen(state, who, node);
            if seen && !unseen {
                break;
            }
            // A remark can be noticed whatever the call was.
            seen |= self.call(state, who, node, choices, log)? || !unseen;
        }
        Ok(true)
    }

    /// Make the call of a node. True when the actor remarked something when it was answered.
    fn call(
        &self,
        state: &mut State,
        who: usize,
        node: NodeId,
        choices: &mut Choices,
        log: &mut Log,
    ) -> Result<bool, UnrollError> {
        let reply = match &self.tree.node(node).next {
            Next::Database(..) if std::mem::take(&mut state.actors[who].severed) => {
                log.reply_lost(self, state, who, node, Meaning::NotDone);
                let reply = self.store.replies.id(&Answered::Error(Error::Unknown));
                return self.told(state, who, reply, log);
            }
            Next::Database(call, names_itself) => {
                let call = self.fill_in(state, *call, *names_itself, who);
                let mut effects = Effects::default();
                let before = self.before_call(state);
                let asked = state.database.ask(self.engine, &self.store, who, call, choices, &mut effects);
                if asked == Asked::Blocked {
                    self.watch_call(state, who, call, &effects);
                    let own_ms = state.database.own_patience_ms(&self.store, who);
                    let patience_ms = own_ms.unwrap_or(self.scenario.limits.lock_timeout_ms);
                    let deadline = state.now_ms.saturating_add(patience_ms);
                    state.actors[who].phase = Phase::Blocked(node, deadline);
                    log.blocked(self, state, who, Some(node));
                    return Ok(false);
                }
                let Asked::Answered(reply) = asked else { return Ok(false) };
                if self.has_committed(state, before, Some(who)) {
                    self.watch_call(state, who, call, &effects);
                    self.shows(state, who, node, reply, log);
                    return Ok(false);
                }
                log.answered(self, state, who, node, reply);
                self.watch_call(state, who, call, &effects);
                return self.told(state, who, reply, log);
            }
            Next::Clock => {
                self.notice_clock();
                self.store.replies.keep(Answered::Clock(state.now_ms + self.slots[who].clock_offset_ms))
            }
            Next::Wait(0) | Next::End(_) => self.store.replies.keep(Answered::Done),
            Next::Wait(wait_ms) => {
                let until = state.now_ms.saturating_add_unsigned(*wait_ms);
                state.actors[who].phase = Phase::Waiting(node, until);
                log.waits(self, state, who, node);
                return Ok(false);
            }
            Next::Mail { message_id, order_id } => {
                let mail = (self.store.fill_in(*message_id, &self.slots[who].name), *order_id);
                if !state.mails.contains(&mail) {
                    state.mails.push(mail);
                    state.mails.sort_unstable();
                }
                self.store.replies.keep(Answered::Done)
            }
            Next::Answer(answer) => {
                // Only a sender that would deliver again acts on the answer.
                if self.groups[self.slots[who].group].redelivers && *answer == Answer::Accepted {
                    state.actors[who].accepted = true;
                }
                self.store.replies.keep(Answered::Done)
            }
        };
        log.answered(self, state, who, node, reply);
        self.told(state, who, reply, log)
    }

    pub(crate) fn fill_in(&self, state: &State, call: DbCall, names_itself: bool, who: usize) -> DbCall {
        match call {
            DbCall::Run(request) if names_itself => {
                self.at_once(state, DbCall::Run(self.store.fill_in_request(request, &self.slots[who].name)))
            }
            other => self.at_once(state, other),
        }
    }

    /// The call as it is made now: a statement may look at the engine's clock. That is true time, because no claim is about
    /// how far the database's clock is from it, and there is only one.
    fn at_once(&self, state: &State, call: DbCall) -> DbCall {
        match call {
            DbCall::Run(request) if self.store.plan(request).reads_clock => {
                self.notice_clock();
                DbCall::Run(self.store.at(request, state.now_ms))
            }
            other => other,
        }
    }

    /// A connection's waiting statement goes on. A server keeps the moment at which it came; SQLite, which kept nobody
    /// waiting, is asked once more.
    fn resume(
        &self,
        state: &mut State,
        who: usize,
        choices: &mut Choices,
        effects: &mut Effects,
    ) -> Option<(DbCall, Asked)> {
        let mut call = state.database.connections[who].wait.as_ref()?.call;
        if self.engine.is_embedded() {
            call = self.at_once(state, call);
            if let Some(wait) = &mut state.database.connections[who].wait {
                wait.call = call;
            }
        }
        Some((call, state.database.resume(self.engine, &self.store, who, choices, effects)))
    }

    /// True for a call that no other actor, no claim and no clock can notice, whenever it is made: it commutes with
    /// everything, and dying before it comes to the same as dying after it.
    fn is_unseen(&self, state: &State, who: usize, node: NodeId) -> bool {
        let call = match self.tree.node(node).next {
            Next::Database(call, _) => call,
            // Nothing moves a clock any more.
            Next::Clock => return state.ticks_left == 0,
            // Only a gateway acts on what it is answered.
            Next::Answer(_) => return !self.groups[self.slots[who].group].redelivers,
            _ => return false,
        };
        let may_be_lost = state.lost_left > 0 && self.scenario.faults.lost_on == crate::scenario::LostOn::Any;
        // A server that is killed takes a transaction with it that has done nothing yet.
        if may_be_lost || state.crashes_left > 0 || state.actors[who].severed {
            return false;
        }
        let connection = &state.database.connections[who];
        match call {
            DbCall::Begin => self.engine.begins_unseen(),
            DbCall::Run(request) => {
                let plan = self.store.plan(request);
                // The first read of a transaction takes its snapshot, where it keeps one.
                let takes_snapshot = (self.engine.is_embedded() || self.engine.keeps_snapshot())
                    && connection.transaction != crate::db::Transaction::None
                    && !connection.writer
                    && connection.snapshot.is_none();
                // Somebody else may have decided meanwhile that the transaction is to fail.
                let is_watched = state.database.ssi.is_some() && connection.transaction != crate::db::Transaction::None;
                let is_timeless = !plan.reads_clock || state.ticks_left == 0;
                !is_watched
                    && is_timeless
                    && plan.only_reads()
                    && plan.tables().all(|table| self.constant[table])
                    && !takes_snapshot
            }
            DbCall::Commit | DbCall::Rollback => false,
        }
    }

    /// The actor is answered and goes on to its next call, or ends. True when it remarked something on the way.
    pub(crate) fn told(
        &self,
        state: &mut State,
        who: usize,
        reply: ReplyId,
        log: &mut Log,
    ) -> Result<bool, UnrollError> {
        let Some(from) = state.actors[who].phase.node() else { return Ok(false) };
        let reply = self.store.as_told(reply);
        let edge = self.tree.advance(&self.store, from, reply, || self.notice_names(reply))?;
        let node = self.tree.node(edge.to);
        if edge.passed {
            let before = self.tree.node(from);
            let same = node.head == before.head;
            let returns = &mut state.actors[who].returns;
            *returns = if same && self.past.returns { (*returns + 1).min(RETURNS_COUNTED) } else { 0 };
            if node.head_name == before.head_name {
                state.arisen |= Claim::RetriesEnd.bit();
            }
            if *returns == RETURNS_COUNTED {
                state.broken |= Claim::RetriesEnd.bit();
            }
        }
        state.actors[who].phase = Phase::Ready(edge.to);
        log.told(&edge.marks);
        if !edge.marks.is_empty() {
            self.watch_marks(state, who, &edge.marks);
        }
        if let Next::End(outcome) = node.next {
            log.ended(outcome);
            self.end(state, who);
        }
        Ok(!edge.marks.is_empty())
    }

    /// An actor's run is over; what its connection still held goes with it.
    fn end(&self, state: &mut State, who: usize) {
        state.database.reset(&self.store, who);
        state.actors[who].close(Phase::Ended);
    }

    fn grant(&self, state: &mut State, who: usize, choices: &mut Choices, log: &mut Log) -> Result<bool, UnrollError> {
        let mut effects = Effects::default();
        let before = self.before_call(state);
        let Some((call, asked)) = self.resume(state, who, choices, &mut effects) else { return Ok(false) };
        self.watch_call(state, who, call, &effects);
        match (asked, state.actors[who].phase.node()) {
            (Asked::Answered(reply), Some(node)) if self.has_committed(state, before, Some(who)) => {
                self.shows(state, who, node, reply, log);
            }
            (Asked::Answered(reply), _) => {
                log.granted(self, state, who, reply);
                self.told(state, who, reply, log)?;
            }
            (Asked::Blocked, _) => log.blocked(self, state, who, None),
        }
        Ok(true)
    }

    /// The actor makes its next call and is told that nobody knows what became of it.
    fn lose(
        &self,
        state: &mut State,
        who: usize,
        meaning: Meaning,
        choices: &mut Choices,
        log: &mut Log,
    ) -> Result<bool, UnrollError> {
        let node = state.actors[who].phase.node().unwrap_or(self.slots[who].root);
        let Next::Database(call, names_itself) = self.tree.node(node).next else { return Ok(false) };
        let call = self.fill_in(state, call, names_itself, who);
        state.actors[who].phase = Phase::Ready(node);
        state.actors[who].severed = false;
        state.lost_left -= 1;
        match meaning {
            Meaning::Done => {
                let mut effects = Effects::default();
                let before = self.before_call(state);
                match state.database.ask(self.engine, &self.store, who, call, choices, &mut effects) {
                    Asked::Answered(_) => {
                        self.watch_call(state, who, call, &effects);
                        self.has_committed(state, before, None);
                    }
                    // It waits: a reply that is not there yet cannot be lost.
                    Asked::Blocked => return Ok(false),
                }
            }
            Meaning::NotDone => {}
            Meaning::Later => self.leave_connection(state, who, OrphanKind::Landing(call)),
        }
        state.database.reset(&self.store, who);
        log.reply_lost(self, state, who, node, meaning);
        let reply = self.store.replies.keep(Answered::Error(Error::Unknown));
        self.told(state, who, reply, log)?;
        Ok(true)
    }

    /// The actor's connection goes on without it.
    fn leave_connection(&self, state: &mut State, who: usize, kind: OrphanKind) {
        state.database.set_aside(who);
        state.orphans.push(Orphan { owner: who as u8, since_ms: state.now_ms, kind });
    }

    fn die(&self, state: &mut State, who: usize, form: DeathForm, log: &mut Log) -> bool {
        let holds = |node: NodeId| !self.tree.node(node).sections.is_empty();
        if state.actors[who].phase.node().is_some_and(holds) || state.database.connections[who].changes != NOTHING {
            state.arisen |= Claim::NoOrderIsFrozen.bit();
        }
        state.deaths_left -= 1;
        self.disowns(state, who);
        log.died(self, state, who, form);
        match form {
            DeathForm::Soft => {
                state.database.reset(&self.store, who);
                if let Some(root) = self.slots[who].shut_down.filter(|_| !state.actors[who].shutting_down) {
                    let accepted = state.actors[who].accepted;
                    state.actors[who] =
                        Actor { phase: Phase::Ready(root), accepted, shutting_down: true, ..Actor::fresh() };
                    return true;
                }
            }
            DeathForm::Reset => state.database.reset(&self.store, who),
            DeathForm::Silent => self.leave_connection(state, who, OrphanKind::Dead),
            DeathForm::Stop => {
                let kind = if self.engine.is_embedded() { OrphanKind::Stopped } else { OrphanKind::Dead };
                self.leave_connection(state, who, kind);
            }
        }
        state.actors[who].close(Phase::Dead(state.now_ms));
        true
    }

    /// What a lost connection had in flight takes effect, or its waiting statement goes on.
    fn land(&self, state: &mut State, place: usize, choices: &mut Choices, log: &mut Log) -> bool {
        let connection = self.slots.len() + place;
        let owner = usize::from(state.orphans[place].owner);
        let mut effects = Effects::default();
        let before = self.before_call(state);
        let (call, asked) = match (self.resume(state, connection, choices, &mut effects), state.orphans[place].kind) {
            (Some(resumed), _) => resumed,
            (None, OrphanKind::Landing(call)) => {
                let call = self.at_once(state, call);
                (call, state.database.ask(self.engine, &self.store, connection, call, choices, &mut effects))
            }
            (None, OrphanKind::Dead | OrphanKind::Stopped) => return false,
        };
        log.landed(self, state, owner);
        self.watch_orphan(state, connection, call, &effects);
        self.has_committed(state, before, None);
        // Once it has nothing more to do and holds nothing, nobody could tell that it is there.
        let over = matches!(state.orphans[place].kind, OrphanKind::Landing(_)) && matches!(asked, Asked::Answered(_));
        if over || state.database.holds_nothing(connection) {
            self.remove_orphan(state, place);
        }
        true
    }

    pub(crate) fn remove_orphan(&self, state: &mut State, place: usize) {
        state.orphans.remove(place);
        state.database.remove(&self.store, self.slots.len() + place);
    }
}
