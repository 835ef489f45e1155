//! What is decided here and not by the machine: who comes last, and what time it is.

use super::{Lockstep, SessionId};
use crate::server::{Server, Software};

impl Lockstep {
    /// Say that the database is on this server. Only a PostgreSQL that was started here has processes that can be held.
    pub fn is_on(&mut self, server: &Server) {
        self.private = server.is_private().then(|| server.software());
    }

    /// Let nothing happen on a session that is blocked until it is looked at or outwaited, also when what it waits for is over: its
    /// server's process is stopped, as if a busy machine did not come to it. True when it is held.
    ///
    /// So others can be let in before it, which without it is up to chance. Whatever it has asked for already keeps its
    /// place in the queue.
    pub fn hold(&mut self, who: SessionId) -> bool {
        self.private == Some(Software::Postgres) && self.sessions[who.0].hold()
    }

    /// From now on protocols' statements take this moment for the time of day, in milliseconds: time is a replay's own, and
    /// passes without waiting. One that waits keeps the moment at which it came, except on SQLite, where it is asked
    /// again.
    pub fn set_clock(&mut self, now_ms: i64) {
        self.clock = Some(now_ms);
    }
}
