//! Connections whose actors no longer listen: what is still on its way there, and who notices that they are dead.

use paidonce_protocol::Call;
use paidonce_sqlx::lockstep::SessionId;

use super::ReplayError;
use super::stage::{Reaction, Stage};
use super::turn::Halt;

/// A connection whose actor no longer listens.
pub(super) struct Aside {
    /// The actor whose connection it was.
    pub(super) owner: usize,
    pub(super) session: SessionId,
    /// When it was left, in the trace's time.
    since_ms: i64,
    fate: Fate,
}

/// What a connection without an actor still does.
pub(super) enum Fate {
    /// This call is on its way, and has not come to the database yet. With its answer the connection ends.
    Lands(Call),
    /// What was on its way waits there. With its answer the connection ends.
    Landing,
    /// Its process is gone, or does nothing any more. `waits` when a statement is still waiting there.
    Dead { waits: bool },
}

impl Aside {
    /// True when a statement still waits there.
    pub(super) fn waits(&self) -> bool {
        matches!(self.fate, Fate::Landing | Fate::Dead { waits: true })
    }
}

impl Stage {
    /// Leave the actor's connection behind. The actor's next call has another.
    pub(super) async fn set_aside(&mut self, who: usize, fate: Fate) -> Result<(), ReplayError> {
        let actor = &self.actors[who];
        self.lockstep.connect(actor.session).await?;
        let session = self.lockstep.set_aside(actor.session);
        if let Some(answer) = self.early.remove(&actor.session) {
            self.early.insert(session, answer);
        }
        self.aside.push(Aside { owner: who, session, since_ms: self.now_ms, fate });
        Ok(())
    }

    /// What is on its way on a connection that the actor has lost takes effect, or has to wait once more.
    pub(super) async fn land(&mut self, who: usize) -> Result<(), Halt> {
        let lands = |(place, aside): (usize, &Aside)| {
            (aside.owner == who && !matches!(aside.fate, Fate::Dead { waits: false })).then_some(place)
        };
        let places: Vec<usize> = self.aside.iter().enumerate().filter_map(lands).collect();
        let name = || self.actors[who].name().to_owned();
        let place = match places.as_slice() {
            [] => return Err(Halt::Impossible(format!("nothing of {} is on its way", name()))),
            [one] => *one,
            _ => {
                let says = format!("the trace leaves open which of two calls of {} landed", name());
                return Err(Halt::Unsupported(says));
            }
        };
        let session = self.aside[place].session;
        let reaction = match &self.aside[place].fate {
            Fate::Lands(call) => {
                let call = call.clone();
                self.send(session, &call).await?
            }
            Fate::Landing | Fate::Dead { .. } => self.look(session).await?,
        };
        let aside = &mut self.aside[place];
        match (&mut aside.fate, reaction) {
            (fate, Reaction::Waits { .. }) => {
                if let Fate::Lands(_) = fate {
                    *fate = Fate::Landing;
                }
                self.lockstep.hold(session);
            }
            (Fate::Dead { waits }, Reaction::Answered(..)) => *waits = false,
            (Fate::Lands(_) | Fate::Landing, Reaction::Answered(..)) => {
                let aside = self.aside.remove(place);
                self.lockstep.close(aside.session).await.map_err(ReplayError::from)?;
            }
        }
        Ok(())
    }

    /// The server notices that an actor's connection is dead.
    pub(super) async fn reap(&mut self, who: usize) -> Result<(), Halt> {
        if !self.has_server() {
            let says = "a server that notices a dead connection: SQLite has no server, and the dead hold no locks";
            return Err(Halt::Unsupported(says.to_owned()));
        }
        let is_dead = |aside: &Aside| aside.owner == who && matches!(aside.fate, Fate::Dead { .. });
        let Some(place) = self.aside.iter().position(is_dead) else {
            let says = format!("no dead connection of {} is left", self.actors[who].name());
            return Err(Halt::Impossible(says));
        };
        Ok(self.bury(place).await?)
    }

    /// The server's limit for idle transactions ends what was left so long ago.
    pub(super) async fn reap_overdue(&mut self) -> Result<(), ReplayError> {
        if !self.has_server() {
            return Ok(());
        }
        let (now_ms, limit_ms) = (self.now_ms, self.idle_limit_ms);
        let is_due = |aside: &Aside| {
            matches!(aside.fate, Fate::Dead { .. }) && aside.since_ms.saturating_add(limit_ms) <= now_ms
        };
        while let Some(place) = self.aside.iter().rposition(is_due) {
            self.bury(place).await?;
        }
        Ok(())
    }

    async fn bury(&mut self, place: usize) -> Result<(), ReplayError> {
        let aside = self.aside.remove(place);
        self.early.remove(&aside.session);
        Ok(self.lockstep.kill(aside.session).await?)
    }
}
