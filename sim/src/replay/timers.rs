//! The engine's own timers, declared for each wait: they end those waits that end with them in the trace, and no others.
//!
//! A trace says how each wait ends. Where that is a lock's time-out or a search for a deadlock, the session is given a
//! timer that is long enough for the steps before that, and everybody else one that never comes.

use std::time::Duration;

use paidonce_model::trace::{Event, Step};
use paidonce_protocol::{Call, Dialect};
use paidonce_sqlx::lockstep::{SessionId, Standing};

use super::actor::Actor;
use super::stage::{Reaction, Stage};
use super::turn::Halt;
use super::{ReplayError, words};

/// A timer of the engine's that others come before: the steps until the wait's end, which take milliseconds, or where a
/// waiter can be held only that. A machine may be too busy even so: then all is played again with a longer one.
pub(super) const SOON: [Duration; 3] =
    [Duration::from_millis(60), Duration::from_millis(1_000), Duration::from_secs(10)];
/// A timer that is waited for is over so long after its time.
const AT_MOST: Duration = Duration::from_secs(20);
/// A timer that never comes, in milliseconds.
const NEVER_MS: u32 = 3_600_000;

/// How a wait ends in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitEnds {
    /// By whatever others do.
    ByOthers,
    /// With the lock's time-out.
    ByTimeOut,
    /// As a deadlock's victim: `next` when that is the very next step.
    AsVictim { next: bool },
}

/// How the wait that begins with this step ends.
pub(super) fn wait_ends(steps: &[Step], begins: usize) -> WaitEnds {
    let actor = &steps[begins].actor;
    for (place, step) in steps.iter().enumerate().skip(begins + 1) {
        match &step.event {
            Event::Ticked { woken, .. } if woken.iter().any(|woken| Some(&woken.actor) == actor.as_ref()) => {
                return WaitEnds::ByTimeOut;
            }
            Event::Deadlock { .. } if step.actor == *actor => {
                return WaitEnds::AsVictim { next: place == begins + 1 };
            }
            Event::Granted { .. } | Event::Shown { .. } | Event::Died { .. } if step.actor == *actor => {
                return WaitEnds::ByOthers;
            }
            _ => {}
        }
    }
    WaitEnds::ByOthers
}

impl Stage {
    /// Declare the timers of a wait that is about to begin.
    pub(super) async fn declare_timers(&mut self, who: usize, ends: WaitEnds) -> Result<(), Halt> {
        let sql = match self.lockstep.engine().dialect() {
            // Its waits are ended by the trace's clock alone.
            Dialect::Sqlite => return Ok(()),
            Dialect::Postgres => {
                let lock_timeout_ms = if ends == WaitEnds::ByTimeOut { self.soon.as_millis() } else { 0 };
                let deadlock_timeout_ms = match ends {
                    WaitEnds::AsVictim { next: true } => 1,
                    WaitEnds::AsVictim { next: false } => self.soon.as_millis(),
                    WaitEnds::ByOthers | WaitEnds::ByTimeOut => NEVER_MS.into(),
                };
                format!("SET lock_timeout = {lock_timeout_ms}; SET deadlock_timeout = {deadlock_timeout_ms}")
            }
            Dialect::MariaDb => {
                let seconds = if ends == WaitEnds::ByTimeOut { self.soon.as_secs() + 1 } else { 100_000_000 };
                format!("SET SESSION innodb_lock_wait_timeout = {seconds}")
            }
        };
        let session = self.actors[who].session;
        match self.lockstep.send_sql(session, &sql).await.map_err(ReplayError::from)? {
            Standing::Answered(Ok(_)) => Ok(()),
            Standing::Answered(Err(error)) => {
                Err(Halt::Unsupported(format!("the timers of the wait cannot be declared: {error}")))
            }
            Standing::Blocked { .. } => Err(Halt::Unsupported("the timers of the wait cannot be declared".to_owned())),
        }
    }

    /// Keep a waiter from going on before the trace says so, where that can be done. Its timers run meanwhile, and are
    /// seen to when it goes on.
    pub(super) fn hold(&mut self, who: usize) {
        let actor = &self.actors[who];
        let is_statement = actor.call().is_some_and(|call| !matches!(call, Call::Wait(_)));
        let at_once = actor.wait_ends == WaitEnds::AsVictim { next: true };
        if is_statement && !at_once && !self.early.contains_key(&actor.session) {
            self.lockstep.hold(actor.session);
        }
    }

    /// In the trace a waiter is let in while one that came before it still waits. Both the model and the manual leave
    /// open who is first; PostgreSQL keeps them in a queue.
    pub(super) fn is_let_in(&self, who: usize, reaction: &Reaction) -> Result<(), Halt> {
        match reaction {
            Reaction::Waits { behind, .. } if !behind.is_empty() && behind.iter().all(|other| self.waits(*other)) => {
                let names = words::names(behind.iter().filter_map(|session| self.name_of(*session)));
                let says = format!("{} is let in before {names}, who came first", self.actors[who].name());
                Err(Halt::Unsupported(format!("{says}: the engine has a queue for each row")))
            }
            _ => Ok(()),
        }
    }

    /// True when a statement waits on this connection, as the trace has it.
    fn waits(&self, session: SessionId) -> bool {
        let actor_waits = |actor: &Actor| actor.session == session && actor.waits_until_ms.is_some();
        self.actors.iter().any(actor_waits) || self.aside.iter().any(|aside| aside.session == session && aside.waits())
    }

    /// What was to be ended by a timer has not been ended before its time: then all that came after would be something
    /// else.
    pub(super) fn check_timers(&self) -> Result<(), Halt> {
        let too_early = |actor: &Actor| {
            let early = self.early.get(&actor.session);
            actor.wait_ends == WaitEnds::ByTimeOut && early.is_some_and(Reaction::is_conflict)
        };
        if self.actors.iter().any(too_early) { Err(Halt::TooBusy) } else { Ok(()) }
    }

    /// Wait for the timer of the engine's that ends an actor's wait.
    pub(super) async fn outwait(&mut self, who: usize) -> Result<Reaction, Halt> {
        let session = self.actors[who].session;
        if self.early.contains_key(&session) {
            return Ok(self.look(session).await?);
        }
        let outwaited = self.lockstep.outwait(&[session], self.soon + AT_MOST).await.map_err(ReplayError::from)?;
        match outwaited {
            Some((_, answer)) => Ok(self.reaction(Standing::Answered(answer))?),
            None if self.actors[who].wait_ends == WaitEnds::ByOthers => Ok(self.look(session).await?),
            // Its timer came when there was nothing yet that it could end.
            None => Err(Halt::TooBusy),
        }
    }

    /// The actor is a deadlock's victim, if it is the one that the engine chooses.
    pub(super) async fn fall(&mut self, who: usize) -> Result<Reaction, Halt> {
        if !self.has_server() {
            let says = "a deadlock: SQLite has one writer, and never a deadlock's victim";
            return Err(Halt::Unsupported(says.to_owned()));
        }
        let session = self.actors[who].session;
        if !self.early.contains_key(&session) && !self.lockstep.is_unanswered(session) {
            return Err(Halt::Impossible(format!("no statement of {} had to wait", self.actors[who].name())));
        }
        if self.early.iter().any(|(other, reaction)| *other != session && reaction.is_conflict()) {
            let says = "the engine broke the circle elsewhere, as it may: it says itself who is a deadlock's victim";
            return Err(Halt::Unsupported(says.to_owned()));
        }
        self.outwait(who).await
    }
}

#[cfg(test)]
mod tests {
    use paidonce_model::trace::{Asked, Told, Woken};

    use super::*;

    fn step(actor: Option<&str>, event: Event) -> Step {
        Step { actor: actor.map(str::to_owned), now_ms: 0, event, marks: Vec::new(), outcome: None }
    }

    fn blocked() -> Event {
        let call = Asked { name: "take_stock".to_owned(), sql: None, arguments: Vec::new() };
        Event::Blocked { call, by: Vec::new() }
    }

    fn conflict() -> Told {
        Told::Error("conflict".to_owned())
    }

    #[test]
    fn how_a_wait_ends_is_read_from_the_steps_that_follow() {
        let woken =
            |actor: &str| Woken { actor: actor.to_owned(), answer: conflict(), marks: Vec::new(), outcome: None };
        let ticked = |actor: &str| step(None, Event::Ticked { to_ms: 5_000, woken: vec![woken(actor)] });
        let begins = step(Some("ipn-1"), blocked());
        let other = step(Some("pdt-1"), blocked());
        let again = step(Some("ipn-1"), Event::BlockedAgain { by: Vec::new() });
        let fell = |actor: &str| step(Some(actor), Event::Deadlock { answer: conflict() });
        let granted = step(Some("ipn-1"), Event::Granted { answer: Told::Done });
        for (after, expected) in [
            (vec![], WaitEnds::ByOthers),
            (vec![granted.clone(), ticked("ipn-1")], WaitEnds::ByOthers),
            (vec![other.clone(), again, ticked("ipn-1")], WaitEnds::ByTimeOut),
            (vec![ticked("pdt-1"), granted], WaitEnds::ByOthers),
            (vec![fell("ipn-1")], WaitEnds::AsVictim { next: true }),
            (vec![other, fell("ipn-1")], WaitEnds::AsVictim { next: false }),
            (vec![fell("pdt-1"), ticked("ipn-1")], WaitEnds::ByTimeOut),
        ] {
            let steps: Vec<Step> = std::iter::once(begins.clone()).chain(after).collect();
            assert_eq!(wait_ends(&steps, 0), expected, "{steps:?}");
        }
    }
}
