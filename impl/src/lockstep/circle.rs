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
        let open = |session: &&Session| {
            matches!(session.state, State::Asked { .. }) && !session.is_finished() && !session.is_held()
        };
        let ids: Vec<i64> = self.sessions.iter().filter(open).map(|session| session.server_id).collect();
        let waiting = self.observer.waiting(&ids, false).await?;
        if waiting.len() < ids.len() {
            return Ok(None);
        }
        let found = |ids: &[i64]| ids.iter().filter_map(|id| self.find(*id)).collect::<Vec<_>>();
        Ok(Some(waiting.iter().filter_map(|(id, by)| Some((self.find(*id)?, found(by)))).collect()))
    }

    /// True when an answer has come that nobody has looked at.
    pub fn has_answers(&self) -> bool {
        self.sessions.iter().any(Session::is_finished)
    }
}
