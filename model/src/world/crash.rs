//! The database's server is killed and comes back: every connection is gone, and on MariaDB perhaps commits, too.
//!
//! A commit takes three steps in any engine: its log is written, others see it, its sender is told. PostgreSQL and SQLite
//! write the log first, so that what anybody saw is there after a crash. InnoDB lets others see it first
//! (`trx_t::commit_in_memory` releases the locks, and `trx_flush_log_if_needed` comes after it): until its sender is told,
//! a crash may undo it. The log is one sequence. So a crash undoes the latest commits and none before them, and whoever
//! is told that a commit with changes of its own is done knows that all before it will last, too. Whoever has only read,
//! or is told of a rollback, knows nothing of the kind.
//!
//! Told apart only while the server may still be killed: without a crash nobody could notice.

use super::World;
use super::log::Log;
use super::state::{Phase, State, Undoable};
use crate::db::{Answered, ContentsId, KeySetId, ReplyId, Transaction};
use crate::engine::Family;
use crate::unroll::{NodeId, UnrollError};
use paidonce_protocol::Error;

impl World {
    /// What is committed now, for [`World::has_committed`].
    pub(super) fn before_call(&self, state: &State) -> (ContentsId, KeySetId) {
        (state.database.committed, state.database.removed)
    }

    /// True when a call has committed what a crash may still undo. It is undone for all that came after it, too.
    pub(super) fn has_committed(
        &self,
        state: &mut State,
        (before, removed): (ContentsId, KeySetId),
        by: Option<usize>,
    ) -> bool {
        let may_be_undone = state.crashes_left > 0 && self.engine.family() == Family::MariaDb;
        if !may_be_undone || state.database.committed == before {
            return false;
        }
        state.unwritten.push(Undoable { before, removed, by: by.map(|who| who as u8) });
        true
    }

    /// The actor's call has committed, others see it, and its answer waits for the log.
    pub(super) fn shows(&self, state: &mut State, who: usize, node: NodeId, reply: ReplyId, log: &mut Log) {
        state.actors[who].phase = Phase::Shown(node, reply);
        log.shown(self, state, who, node);
    }

    /// The log is written as far as this actor's commit, and the actor is told.
    pub(super) fn logged(&self, state: &mut State, who: usize, log: &mut Log) -> Result<bool, UnrollError> {
        let Phase::Shown(_, reply) = state.actors[who].phase else { return Ok(false) };
        if let Some(last) = state.unwritten.iter().rposition(|commit| commit.by == Some(who as u8)) {
            state.unwritten.drain(..=last);
        }
        log.granted(self, state, who, reply);
        self.told(state, who, reply, log)?;
        Ok(true)
    }

    /// An actor no longer waits to be told of its commit: it is dead, or has been told that nobody knows.
    pub(super) fn disowns(&self, state: &mut State, who: usize) {
        state.unwritten.iter_mut().filter(|commit| commit.by == Some(who as u8)).for_each(|commit| commit.by = None);
    }

    /// The server is killed and comes back, with so many of the commits that a crash may undo.
    pub(super) fn crash(&self, state: &mut State, kept: usize, log: &mut Log) -> Result<bool, UnrollError> {
        let lost = state.unwritten.len().checked_sub(kept);
        let (Some(crashes_left), Some(lost)) = (state.crashes_left.checked_sub(1), lost) else { return Ok(false) };
        state.crashes_left = crashes_left;
        while !state.orphans.is_empty() {
            self.remove_orphan(state, 0);
        }
        let mut cut_off = Vec::new();
        for who in 0..state.actors.len() {
            let actor = &mut state.actors[who];
            match actor.phase {
                Phase::Blocked(..) | Phase::Written(..) | Phase::Shown(..) => cut_off.push(who),
                _ => actor.severed |= state.database.connections[who].transaction != Transaction::None,
            }
            state.database.reset(&self.store, who);
        }
        if let Some(first) = state.unwritten.get(kept) {
            (state.database.committed, state.database.removed) = (first.before, first.removed);
        }
        state.unwritten.clear();
        log.crashed(state, lost);
        let unknown = self.store.replies.id(&Answered::Error(Error::Unknown));
        for who in cut_off {
            log.woken(self, who, unknown);
            self.told(state, who, unknown, log)?;
        }
        Ok(true)
    }
}
