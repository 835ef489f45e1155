//! A statement on its own, taken apart: it writes, and commits later.
//!
//! Exploring takes a statement outside of a transaction in one step. In a real engine it is a transaction of its own, whose
//! locks others meet for a moment: on PostgreSQL from repeatable read on, another statement that has its snapshot by then
//! is told a conflict. Free-running processes were; so a history may be explained with these two steps
//! (`crate::history`).

use super::World;
use super::log::Log;
use super::state::{Phase, State};
use crate::db::{Asked, Choices, DbCall, Effects, Transaction};
use crate::unroll::{Next, UnrollError};

impl World {
    /// The actor's statement on its own writes. False when its next call is none, or when it does not come to its end.
    pub(super) fn write_apart(&self, state: &mut State, who: usize, choices: &mut Choices, log: &mut Log) -> bool {
        let node = match state.actors[who].phase {
            Phase::Ready(node) => node,
            Phase::Fresh => self.slots[who].root,
            _ => return false,
        };
        let Next::Database(call @ DbCall::Run(request), names_itself) = self.tree.node(node).next else { return false };
        if state.database.connections[who].transaction != Transaction::None || !self.store.plan(request).writes() {
            return false;
        }
        let call = self.fill_in(state, call, names_itself, who);
        let mut effects = Effects::default();
        let mut ask = |call| state.database.ask(self.engine, &self.store, who, call, choices, &mut effects);
        if ask(DbCall::Begin) == Asked::Blocked {
            return false;
        }
        let Asked::Answered(reply) = ask(call) else { return false };
        // A statement that failed has nothing that others could meet.
        if state.database.connections[who].transaction != Transaction::Open {
            return false;
        }
        state.actors[who].phase = Phase::Written(node, reply);
        log.waits(self, state, who, node);
        true
    }

    /// What was written so commits, and the actor is answered; or the commit is refused, and it is told that.
    pub(super) fn commit_apart(
        &self,
        state: &mut State,
        who: usize,
        choices: &mut Choices,
        log: &mut Log,
    ) -> Result<bool, UnrollError> {
        let Phase::Written(_, reply) = state.actors[who].phase else { return Ok(false) };
        let mut effects = Effects::default();
        let asked = state.database.ask(self.engine, &self.store, who, DbCall::Commit, choices, &mut effects);
        let Asked::Answered(committed) = asked else { return Ok(false) };
        let failed = self.store.reply(committed).is_err();
        if failed {
            state.database.clear(&self.store, who);
        }
        let reply = if failed { committed } else { reply };
        log.granted(self, state, who, reply);
        self.told(state, who, reply, log)?;
        Ok(true)
    }
}
