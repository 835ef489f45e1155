//! Who is answered by now, and who waits, by the engine's own word.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use paidonce_protocol::{Dialect, Reply};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::session::State;
use super::{Lockstep, LockstepError, MEANWHILE, PATIENCE, SessionId, Standing};
use crate::DbError;

impl Lockstep {
    /// Look again at a session that was blocked: answered by now, or still blocked. One that is held is let go before.
    ///
    /// # Errors
    /// When nothing is on its way there, and as [`Lockstep::send`].
    pub async fn look(&mut self, who: SessionId) -> Result<Standing, LockstepError> {
        // What was blocked a moment ago is likely to be blocked still.
        self.look_after(who, Duration::ZERO).await
    }

    pub(super) async fn look_after(&mut self, who: SessionId, at_first: Duration) -> Result<Standing, LockstepError> {
        let looked = timeout(PATIENCE, self.look_until_known(who, at_first)).await;
        looked.unwrap_or(Err(LockstepError::Silent))
    }

    async fn look_until_known(&mut self, who: SessionId, mut time: Duration) -> Result<Standing, LockstepError> {
        self.sessions[who.0].let_go();
        loop {
            let session = &mut self.sessions[who.0];
            match &session.state {
                State::Asked { .. } => {}
                State::Busy { .. } => {
                    session.set_clock(self.clock);
                    return session.ask_again().await;
                }
                State::Idle(_) | State::Closed => return Err(LockstepError::Unasked),
            }
            if let Some(answered) = session.answer_within(std::mem::replace(&mut time, MEANWHILE)).await {
                return answered;
            }
            let id = session.server_id;
            // Where others wait, too, this may be about to be a deadlock's victim.
            let others_wait = self.others_wait(who);
            let Some((_, by)) = self.observer.waiting(&[id], others_wait).await?.pop() else { continue };
            // What is in its way has to be one of ours: a server has work of its own, which passes.
            let known: Vec<SessionId> = by.iter().filter_map(|id| self.find(*id)).collect();
            if known.len() == by.len() && !self.sessions[who.0].is_finished() {
                return Ok(Standing::Blocked { by: known, said: None });
            }
        }
    }

    /// Look again at every session that was blocked, in the order of the sessions, until each of them is answered or
    /// still blocked while nothing moves any more. Those that are held are passed over.
    ///
    /// # Errors
    /// As [`Lockstep::look`].
    pub async fn look_at_all(&mut self) -> Result<Vec<(SessionId, Standing)>, LockstepError> {
        if self.engine.dialect() == Dialect::Sqlite {
            return self.ask_all_again().await;
        }
        let looked = timeout(PATIENCE, self.look_until_all_known()).await;
        looked.unwrap_or(Err(LockstepError::Silent))
    }

    async fn look_until_all_known(&mut self) -> Result<Vec<(SessionId, Standing)>, LockstepError> {
        let mut seen = Vec::new();
        loop {
            // The executor looks at what has arrived on its sockets before it goes on here.
            yield_now().await;
            let mut waiting = Vec::new();
            for who in self.all() {
                if self.sessions[who.0].is_finished() {
                    seen.extend(
                        self.sessions[who.0].answer_within(MEANWHILE).await.transpose()?.map(|said| (who, said)),
                    );
                } else if self.is_unanswered(who) && !self.sessions[who.0].is_held() {
                    waiting.push(who);
                }
            }
            if waiting.is_empty() {
                return Ok(seen);
            }
            let ids: Vec<i64> = waiting.iter().map(|who| self.sessions[who.0].server_id).collect();
            let known = self.observer.waiting(&ids, ids.len() > 1).await?;
            if waiting.iter().any(|who| self.sessions[who.0].is_finished()) {
                continue;
            }
            // All of them at one moment: an answer may let go of what another one waits for.
            let is_ours = |id: &i64| self.find(*id).is_some();
            if known.len() == ids.len() && known.iter().all(|(_, by)| by.iter().all(is_ours)) {
                let found = |ids: &[i64]| ids.iter().filter_map(|id| self.find(*id)).collect();
                let blocked = |(id, by): &(i64, Vec<i64>)| {
                    Some((self.find(*id)?, Standing::Blocked { by: found(by), said: None }))
                };
                seen.extend(known.iter().filter_map(blocked));
                return Ok(seen);
            }
            if let Some((who, answer)) = self.outwait(&waiting, MEANWHILE).await? {
                seen.push((who, Standing::Answered(answer)));
            }
        }
    }

    /// The same on SQLite, where whoever was told to wait asks again.
    async fn ask_all_again(&mut self) -> Result<Vec<(SessionId, Standing)>, LockstepError> {
        let mut seen: Vec<(SessionId, Standing)> = Vec::new();
        loop {
            let mut moved = false;
            seen.retain(|(_, standing)| matches!(standing, Standing::Answered(_)));
            for who in self.all() {
                if self.is_unanswered(who) {
                    let standing = self.look(who).await?;
                    moved |= matches!(standing, Standing::Answered(_));
                    seen.push((who, standing));
                }
            }
            if !moved {
                return Ok(seen);
            }
        }
    }

    /// Wait for a timer of the engine's own: until one of these sessions is answered, which it was not when it was looked
    /// at. Those that are held are let go before. `None` when the time is over before.
    ///
    /// # Errors
    /// When nothing is on its way to any of them, and when a task was ended from outside. SQLite has no such timers.
    pub async fn outwait(
        &mut self,
        whose: &[SessionId],
        at_most: Duration,
    ) -> Result<Option<(SessionId, Result<Reply, DbError>)>, LockstepError> {
        let sessions = &mut self.sessions;
        whose.iter().for_each(|who| sessions[who.0].let_go());
        let waits = |who: &&SessionId| matches!(sessions[who.0].state, State::Asked { .. });
        if whose.iter().find(waits).is_none() {
            return Err(LockstepError::Unasked);
        }
        let first = poll_fn(|context| {
            for who in whose {
                if let State::Asked { task } = &mut sessions[who.0].state
                    && let Poll::Ready(joined) = Pin::new(task).poll(context)
                {
                    return Poll::Ready((*who, joined));
                }
            }
            Poll::Pending
        });
        let Ok((who, joined)) = timeout(at_most, first).await else { return Ok(None) };
        match self.sessions[who.0].answered(joined)? {
            Standing::Answered(answer) => Ok(Some((who, answer))),
            Standing::Blocked { .. } => Err(LockstepError::Ended),
        }
    }
}
