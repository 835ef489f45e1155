//! One state of the world.

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use crate::db::{ContentsId, Database, DbCall, KeySetId, ReplyId, Symbol};
use crate::trace::{DeathForm, Meaning};
use crate::unroll::NodeId;

/// Where an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// It has not come yet.
    Fresh,
    /// Its next call is this node's.
    Ready(NodeId),
    /// It waits until true time is this.
    Waiting(NodeId, i64),
    /// Its statement waits for others, until true time is this.
    Blocked(NodeId, i64),
    /// Its statement on its own has written, with this answer, and has not committed: see [`Action::Write`].
    Written(NodeId, ReplyId),
    /// What it asked for is committed and others see it; this answer waits for the log: see `crash`.
    Shown(NodeId, ReplyId),
    /// It is over: done, or dead with nothing left that anybody could still meet.
    Ended,
    /// It died, or stopped for ever, at this true time, and a lock of its is still there.
    Dead(i64),
}

impl Phase {
    /// Its place in the code while it is under way.
    pub(crate) fn node(self) -> Option<NodeId> {
        match self {
            Phase::Ready(node)
            | Phase::Waiting(node, _)
            | Phase::Blocked(node, _)
            | Phase::Written(node, _)
            | Phase::Shown(node, _) => Some(node),
            Phase::Fresh | Phase::Ended | Phase::Dead(_) => None,
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) phase: Phase,
    /// The sender was told 200.
    pub(crate) accepted: bool,
    /// True while its shutdown code runs: whatever comes of that, the request failed.
    pub(crate) shutting_down: bool,
    /// Its transaction is gone with the server: its next call to the database tells it so.
    pub(crate) severed: bool,
    /// Of the rows that somebody might overwrite: those that it has been shown, one bit each.
    pub(crate) shown: u16,
    /// Those of them that others have changed since.
    pub(crate) outdated: u16,
    /// How often it came back to the loop head that it passed last with the loop in the same state, up to
    /// [`RETURNS_COUNTED`].
    pub(crate) returns: u8,
}

/// Returns to a loop head are counted up to this, so that nothing only counts up.
pub(crate) const RETURNS_COUNTED: u8 = 2;

/// States are hashed more often than anything else is done with them: what is small goes in one piece.
impl Hash for Actor {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Actor { phase, accepted, shutting_down, severed, shown, outdated, returns } = self;
        let flags = u64::from(*accepted) | u64::from(*shutting_down) << 1 | u64::from(*severed) << 2;
        phase.hash(hasher);
        hasher.write_u64(flags | u64::from(*returns) << 8 | u64::from(*shown) << 16 | u64::from(*outdated) << 32);
    }
}

impl Actor {
    pub(crate) fn fresh() -> Self {
        Actor {
            phase: Phase::Fresh,
            accepted: false,
            shutting_down: false,
            severed: false,
            shown: 0,
            outdated: 0,
            returns: 0,
        }
    }

    /// It is over: only what somebody could still meet of it stays.
    pub(crate) fn close(&mut self, phase: Phase) {
        *self = Actor { phase, accepted: self.accepted, ..Actor::fresh() };
    }
}

/// A connection whose actor no longer listens. Its place among the connections is behind those of the actors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Orphan {
    /// The actor whose connection it was.
    pub(crate) owner: u8,
    /// True time when it was left.
    pub(crate) since_ms: i64,
    pub(crate) kind: OrphanKind,
}

/// What a connection without an actor still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OrphanKind {
    /// This call is still under way and will be done at some later step.
    Landing(DbCall),
    /// Nothing comes any more; the server does not know yet.
    Dead,
    /// Nothing comes any more, and there is no server that would ever notice.
    Stopped,
}

/// A commit that others see and that a crash may still undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Undoable {
    /// What was committed before it, and the records of removed rows.
    pub(crate) before: ContentsId,
    pub(crate) removed: KeySetId,
    /// Whose it is, while that actor waits to be told.
    pub(crate) by: Option<u8>,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// True time in milliseconds since the start.
    pub(crate) now_ms: i64,
    pub(crate) database: Database,
    pub(crate) actors: SmallVec<[Actor; 6]>,
    pub(crate) orphans: SmallVec<[Orphan; 1]>,
    /// The mails at the mail server (message id, order), each once, in a fixed order.
    pub(crate) mails: SmallVec<[(Symbol, Symbol); 2]>,
    /// The commits that a crash may undo, in the order of the log.
    pub(crate) unwritten: SmallVec<[Undoable; 1]>,
    pub(crate) deaths_left: u8,
    pub(crate) lost_left: u8,
    pub(crate) ticks_left: u8,
    pub(crate) crashes_left: u8,
    /// The claims about single steps that some step has broken, one bit each.
    pub(crate) broken: u16,
    /// The claims whose situation some step has reached, one bit each, and [`EXHAUSTED`].
    pub(crate) arisen: u16,
}

/// Beside the claims of a set: a protocol's own bound on the passes of a loop was reached.
pub(crate) const EXHAUSTED: u16 = 1 << 15;

/// One thing that can happen next. Where an engine leaves open how a call comes out, the second number of an action says
/// which of the ways is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The actor makes its next call.
    Step(u8, u8),
    /// The actor's waiting statement goes on.
    Grant(u8, u8),
    /// The actor's waiting statement is the victim of a deadlock.
    Victim(u8),
    /// The actor makes its next call, and the reply is lost.
    Lose(u8, Meaning),
    /// The actor dies.
    Die(u8, DeathForm),
    /// What a lost connection had in flight takes effect, or goes on.
    Land(u8, u8),
    /// The server notices that a connection is dead.
    Reap(u8),
    /// True time moves to the next moment at which something ends.
    Tick,
    /// The actor's statement on its own writes and does not commit yet. Exploring takes such a statement in one step; this
    /// and the next are for what a real engine was seen to do.
    Write(u8, u8),
    /// What was written so commits, and the actor is answered.
    Commit(u8),
    /// The log is written as far as the actor's commit, which others see already, and the actor is answered.
    Logged(u8),
    /// The database's server is killed and comes back, with so many of the commits that a crash may undo.
    Crash(u8),
}

impl Action {
    /// By which of the ways that the engine leaves open it comes out.
    pub(super) fn way(self) -> u8 {
        match self {
            Action::Step(_, way) | Action::Grant(_, way) | Action::Land(_, way) | Action::Write(_, way) => way,
            Action::Victim(_)
            | Action::Lose(..)
            | Action::Die(..)
            | Action::Reap(_)
            | Action::Tick
            | Action::Commit(_)
            | Action::Logged(_)
            | Action::Crash(_) => 0,
        }
    }
}
