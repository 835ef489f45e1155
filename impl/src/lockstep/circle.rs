//! Sessions that wait for each other.

use super::session::{Session, State};
use super::{Lockstep, LockstepError, SessionId};

impl Lockstep {
    /// Sessions that wait for each other in a circle, which only the engine's search for deadlocks ends. Where the engine
    /// says who waits for whom: PostgreSQL. MariaDB looks for a circle before it lets anybody wait, and SQLite has none.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn circle(&mut self) -> Result<Vec<SessionId>, LockstepError> {
        let mut waits = loop {
            if let Some(waits) = self.waits().await? {
                break waits;
            }
            tokio::task::yield_now().await;
        };
        // Whoever does not wait is in no circle, and neither is who waits for nobody that is left.
        loop {
            let left: Vec<SessionId> = waits.iter().map(|(who, _)| *who).collect();
            let before = waits.len();
            waits.retain(|(_, by)| by.iter().any(|other| left.contains(other)));
            if waits.len() == before {
                return Ok(waits.into_iter().map(|(who, _)| who).collect());
            }
        }
    }

    /// Who waits for whom; `None` while somebody neither waits nor is answered, such as one that has just become a victim.
    async fn waits(&mut self) -> Result<Option<Vec<(SessionId, Vec<SessionId>)>>, LockstepError> {
        let mut waits = Vec::new();
        for who in (0..self.sessions.len()).map(SessionId) {
            let session = &self.sessions[who.0];
            if matches!(session.state, State::Asked { .. }) && !session.is_finished() && !session.is_held() {
                let Some(by) = self.observer.blockers(session.server_id, false).await? else { return Ok(None) };
                waits.push((who, by.iter().filter_map(|id| self.find(*id)).collect()));
            }
        }
        Ok(Some(waits))
    }

    /// True when an answer has come that nobody has looked at.
    pub fn has_answers(&self) -> bool {
        self.sessions.iter().any(Session::is_finished)
    }
}
