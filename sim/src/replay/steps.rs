//! The steps of a trace, one after the other.

use paidonce_model::trace::{DeathForm, Event, Meaning, Step, Woken};
use paidonce_protocol::{Call, Error, Reply};

use super::difference::{Difference, StepDifference};
use super::stage::{Aside, Reaction, Stage, perform};
use super::turn::{Halt, differs};
use super::{ReplayError, words};

impl Stage {
    /// Play the steps: how many came out as the trace says, and the first difference.
    pub(super) async fn play(&mut self, steps: &[Step]) -> Result<(usize, Option<Difference>), ReplayError> {
        for (done, step) in steps.iter().enumerate() {
            let number = done + 1;
            let actor = || step.actor.clone();
            match self.take(step).await {
                Ok(()) => {}
                Err(Halt::Differs { call, trace, replay }) => {
                    let difference = StepDifference { step: number, actor: actor(), call, trace, replay };
                    return Ok((done, Some(Difference::Step(difference))));
                }
                Err(Halt::Impossible(says)) => return Err(ReplayError::Impossible { step: number, says }),
                Err(Halt::Unsupported(says)) => return Err(ReplayError::Unsupported { step: number, says }),
                Err(Halt::Foul(foul)) => {
                    return Err(ReplayError::Foul { step: number, actor: actor().unwrap_or_default(), foul });
                }
                Err(Halt::Error(error)) => return Err(error),
            }
        }
        Ok((steps.len(), None))
    }

    async fn take(&mut self, step: &Step) -> Result<(), Halt> {
        if step.now_ms != self.now_ms {
            let says = format!("it is taken at {} ms, and by the ticks before it is {} ms", step.now_ms, self.now_ms);
            return Err(Halt::Impossible(says));
        }
        if let Event::Ticked { to_ms, woken } = &step.event {
            return self.tick(*to_ms, woken).await;
        }
        let Some(name) = &step.actor else {
            return Err(Halt::Impossible("it is no tick and names no actor".to_owned()));
        };
        let who = self.find(name)?;
        match &step.event {
            Event::Answered { call, answer } => {
                let asked = self.asks(who, call)?;
                let reaction = self.react(who, &asked).await?;
                self.answered(who, reaction, answer, &step.marks, step.outcome.as_deref()).await
            }
            Event::Blocked { call, by } => {
                let asked = self.asks(who, call)?;
                let reaction = self.react(who, &asked).await?;
                self.has_to_wait(who, &reaction, by)?;
                let until_ms = match asked {
                    Call::Wait(wait_ms) => self.now_ms.saturating_add_unsigned(wait_ms),
                    _ => self.now_ms.saturating_add(self.lock_timeout_ms),
                };
                self.actors[who].waits_until_ms = Some(until_ms);
                Ok(())
            }
            Event::Granted { answer } => {
                let reaction = self.ask_again(who).await?;
                self.answered(who, reaction, answer, &step.marks, step.outcome.as_deref()).await
            }
            Event::BlockedAgain { by } => {
                let reaction = self.ask_again(who).await?;
                self.has_to_wait(who, &reaction, by)
            }
            Event::ReplyLost { call, meaning } => {
                let asked = self.asks(who, call)?;
                self.lose(who, &asked, *meaning).await?;
                self.tell(who, Err(Error::Unknown), &step.marks, step.outcome.as_deref()).await
            }
            Event::Died { form } => self.die(who, *form).await,
            Event::Landed => self.land(who).await,
            Event::Deadlock { .. } => {
                let says = "a deadlock: SQLite has one writer, and never a deadlock's victim";
                Err(Halt::Unsupported(says.to_owned()))
            }
            Event::Reaped => {
                let says = "a server that notices a dead connection: SQLite has no server, and the dead hold no locks";
                Err(Halt::Unsupported(says.to_owned()))
            }
            // Taken above.
            Event::Ticked { .. } => Ok(()),
        }
    }

    /// The actor's call, whose answer it will never hear.
    async fn lose(&mut self, who: usize, call: &Call, meaning: Meaning) -> Result<(), Halt> {
        if !matches!(call, Call::Run(..) | Call::Begin | Call::Commit | Call::Rollback) {
            return Err(Halt::Unsupported(format!(
                "the lost reply of {}, which is no call to a database",
                call.name()
            )));
        }
        match meaning {
            Meaning::Done => {
                let reaction = self.react(who, call).await?;
                if let Reaction::Waits(_) = reaction {
                    return Err(differs(&self.call_words(who), "was done, and its answer was lost", reaction.words()));
                }
                self.disconnect(who).await;
            }
            Meaning::NotDone => self.disconnect(who).await,
            Meaning::Later => self.set_aside(who, Some(call.clone()), false).await?,
        }
        Ok(())
    }

    async fn die(&mut self, who: usize, form: DeathForm) -> Result<(), Halt> {
        let actor = &self.actors[who];
        if !actor.is_under_way() {
            return Err(Halt::Impossible(format!("{} dies, and is not under way", actor.name())));
        }
        match form {
            DeathForm::Soft => {
                self.disconnect(who).await;
                self.actors[who].shut_down()?;
            }
            // The operating system takes a dead process's file locks away, whether anybody is told or not.
            DeathForm::Reset | DeathForm::Silent => {
                self.disconnect(who).await;
                self.actors[who].end();
            }
            DeathForm::Stop => {
                // What it was waiting for is still asked for.
                let waiting = actor.waits_until_ms.and(actor.call()).filter(|call| !matches!(call, Call::Wait(_)));
                let waiting = waiting.cloned();
                self.set_aside(who, waiting, true).await?;
                self.actors[who].end();
            }
        }
        Ok(())
    }

    /// What is on its way on a connection that the actor has lost takes effect, or has to wait once more.
    async fn land(&mut self, who: usize) -> Result<(), Halt> {
        let flying = |(place, aside): (usize, &Aside)| (aside.owner == who && aside.call.is_some()).then_some(place);
        let places: Vec<usize> = self.aside.iter().enumerate().filter_map(flying).collect();
        let name = || self.actors[who].name().to_owned();
        let place = match places.as_slice() {
            [] => return Err(Halt::Impossible(format!("nothing of {} is on its way", name()))),
            [one] => *one,
            _ => {
                let says = format!("the trace leaves open which of two calls of {} landed", name());
                return Err(Halt::Unsupported(says));
            }
        };
        let aside = &mut self.aside[place];
        let Some(call) = aside.call.take() else { return Ok(()) };
        if let Reaction::Waits(_) = perform(&mut aside.connection, &call).await? {
            aside.call = Some(call);
        } else if !aside.stays {
            self.aside.remove(place).connection.close().await;
        }
        Ok(())
    }

    /// True time moves on, and ends what was to end by then: no more and no less than the trace says.
    async fn tick(&mut self, to_ms: i64, woken: &[Woken]) -> Result<(), Halt> {
        if to_ms <= self.now_ms {
            return Err(Halt::Impossible(format!("time moves from {} ms to {to_ms} ms", self.now_ms)));
        }
        let is_due = |who: &usize| self.actors[*who].waits_until_ms.is_some_and(|until_ms| until_ms <= to_ms);
        let due: Vec<usize> = (0..self.actors.len()).filter(is_due).collect();
        let due_names: Vec<&str> = due.iter().map(|who| self.actors[*who].name()).collect();
        if !due_names.iter().eq(woken.iter().map(|woken| &woken.actor)) {
            let side = |names: String| format!("ends the wait of {names}");
            return Err(Halt::Differs {
                call: None,
                trace: side(words::names(woken.iter().map(|woken| woken.actor.as_str()))),
                replay: side(words::names(due_names.into_iter())),
            });
        }
        self.now_ms = to_ms;
        for (who, woken) in due.into_iter().zip(woken) {
            let reaction = match self.actors[who].call() {
                Some(Call::Wait(_)) => Reaction::Answered(Ok(Reply::Done), None),
                // The engine still has to be of the opinion that there is something to wait for; its patience is over.
                _ => match self.ask_again(who).await? {
                    Reaction::Waits(said) => Reaction::Answered(Err(Error::Conflict), said),
                    answered => {
                        let trace = format!("waits in vain, is told {}", words::answer(&woken.answer));
                        return Err(differs(&self.call_words(who), trace, answered.words()));
                    }
                },
            };
            self.answered(who, reaction, &woken.answer, &woken.marks, woken.outcome.as_deref()).await?;
        }
        Ok(())
    }
}
