//! The steps of a trace, one after the other.

use paidonce_model::trace::{DeathForm, Event, Meaning, Step, Woken};
use paidonce_protocol::{Call, Error, Reply};

use super::aside::Fate;
use super::difference::{Difference, StepDifference};
use super::stage::{Reaction, Stage};
use super::timers::{WaitEnds, wait_ends};
use super::turn::{Halt, differs};
use super::{Checkpoints, ReplayError, words};

impl Stage {
    /// Play the steps: how many came out as the trace says, and the first difference.
    pub(super) async fn play(
        &mut self,
        steps: &[Step],
        checkpoints: &Checkpoints,
    ) -> Result<(usize, Option<Difference>), ReplayError> {
        for (done, step) in steps.iter().enumerate() {
            let number = done + 1;
            let actor = || step.actor.clone();
            match self.take(step, wait_ends(steps, done)).await {
                Ok(()) => {
                    if let Some(rows) = checkpoints.get(&number)
                        && let Some(difference) = self.compare(rows, number).await?
                    {
                        return Ok((number, Some(difference)));
                    }
                }
                Err(Halt::Differs { .. }) if let Some(name) = &self.ahead => {
                    return Err(ReplayError::Unsupported { step: number, says: let_in_early(name) });
                }
                Err(Halt::Differs { call, trace, replay }) => {
                    let difference = StepDifference { step: number, actor: actor(), call, trace, replay };
                    return Ok((done, Some(Difference::Step(difference))));
                }
                Err(Halt::Impossible(says)) => return Err(ReplayError::Impossible { step: number, says }),
                Err(Halt::Unsupported(says)) => return Err(ReplayError::Unsupported { step: number, says }),
                Err(Halt::TooBusy) => return Err(ReplayError::TooBusy { step: number }),
                Err(Halt::Foul(foul)) => {
                    return Err(ReplayError::Foul { step: number, actor: actor().unwrap_or_default(), foul });
                }
                Err(Halt::Error(error)) => return Err(error),
            }
        }
        Ok((steps.len(), None))
    }

    /// Take a step, and let the server do what it then does by itself. `ends` says how a wait ends that begins with it.
    async fn take(&mut self, step: &Step, ends: WaitEnds) -> Result<(), Halt> {
        self.check_timers()?;
        self.note_ahead(step.actor.as_deref());
        self.take_alone(step, ends).await?;
        Ok(self.settle().await?)
    }

    async fn take_alone(&mut self, step: &Step, ends: WaitEnds) -> Result<(), Halt> {
        if step.now_ms != self.now_ms {
            let says = format!("it is taken at {} ms, and by the ticks before it is {} ms", step.now_ms, self.now_ms);
            return Err(Halt::Impossible(says));
        }
        if let Event::Ticked { to_ms, woken } = &step.event {
            return self.tick(*to_ms, woken).await;
        }
        if let Event::Shown { .. } | Event::Crashed { .. } = &step.event {
            return Err(Halt::Unsupported("a replay kills no server: `paidonce stress` does".to_owned()));
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
                let until_ms = match asked {
                    Call::Wait(wait_ms) => self.now_ms.saturating_add_unsigned(wait_ms),
                    _ => {
                        self.declare_timers(who, ends).await?;
                        self.now_ms.saturating_add(self.lock_timeout_ms)
                    }
                };
                let reaction = self.react(who, &asked).await?;
                self.may_hang_on_pages(None, &reaction).await?;
                self.begins_to_wait(who, reaction, by, ends)?;
                self.actors[who].waits_until_ms = Some(until_ms);
                self.actors[who].wait_ends = ends;
                self.hold(who);
                Ok(())
            }
            Event::Granted { answer } => {
                let reaction = self.ask_again(who).await?;
                self.is_let_in(who, &reaction)?;
                self.answered(who, reaction, answer, &step.marks, step.outcome.as_deref()).await
            }
            Event::BlockedAgain { by } => {
                self.actors[who].wait_ends = ends;
                let reaction = self.ask_again(who).await?;
                self.has_to_wait(who, &reaction, by)?;
                self.hold(who);
                Ok(())
            }
            Event::ReplyLost { call, meaning } => {
                let asked = self.asks(who, call)?;
                self.lose(who, &asked, *meaning).await?;
                self.tell(who, Err(Error::Unknown), &step.marks, step.outcome.as_deref()).await
            }
            Event::Died { form } => self.die(who, *form).await,
            Event::Landed => self.land(who).await,
            Event::Deadlock { answer } => {
                let reaction = self.fall(who).await?;
                self.answered(who, reaction, answer, &step.marks, step.outcome.as_deref()).await
            }
            Event::Reaped => self.reap(who).await,
            // Taken above.
            Event::Ticked { .. } | Event::Shown { .. } | Event::Crashed { .. } => Ok(()),
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
                if let Reaction::Waits { .. } = reaction {
                    return Err(differs(&self.call_words(who), "was done, and its answer was lost", reaction.words()));
                }
                self.disconnect(who).await?;
            }
            Meaning::NotDone => self.disconnect(who).await?,
            Meaning::Later => self.set_aside(who, Fate::Lands(call.clone())).await?,
        }
        Ok(())
    }

    /// The caller has to wait, or is told at once what ends its wait in the trace: MariaDB looks for a deadlock before it
    /// lets anybody wait.
    fn begins_to_wait(&mut self, who: usize, reaction: Reaction, by: &[String], ends: WaitEnds) -> Result<(), Halt> {
        match (reaction, ends) {
            (reaction, WaitEnds::AsVictim { .. }) if reaction.is_conflict() => {
                self.early.insert(self.actors[who].session, reaction);
                Ok(())
            }
            (reaction, _) => self.has_to_wait(who, &reaction, by),
        }
    }

    async fn die(&mut self, who: usize, form: DeathForm) -> Result<(), Halt> {
        let actor = &self.actors[who];
        if !actor.is_under_way() {
            return Err(Halt::Impossible(format!("{} dies, and is not under way", actor.name())));
        }
        // What it was waiting for is still asked for.
        let waits = actor.waits_until_ms.is_some() && !matches!(actor.call(), Some(Call::Wait(_)));
        match form {
            DeathForm::Soft => {
                self.disconnect(who).await?;
                self.actors[who].shut_down()?;
            }
            DeathForm::Reset => {
                self.disconnect(who).await?;
                self.actors[who].end();
            }
            // The operating system takes a dead process's file locks away, whether anybody is told or not.
            DeathForm::Silent if !self.has_server() => {
                self.disconnect(who).await?;
                self.actors[who].end();
            }
            DeathForm::Silent | DeathForm::Stop => {
                self.set_aside(who, Fate::Dead { waits }).await?;
                self.actors[who].end();
            }
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
        self.lockstep.set_clock(to_ms);
        for (who, woken) in due.into_iter().zip(woken) {
            let reaction = match self.actors[who].call() {
                Some(Call::Wait(_)) => Reaction::Answered(Ok(Reply::Done), None),
                _ if self.has_server() => self.outwait(who).await?,
                // The engine still has to be of the opinion that there is something to wait for; its patience is over.
                _ => match self.ask_again(who).await? {
                    Reaction::Waits { said, .. } => {
                        self.lockstep.give_up(self.actors[who].session);
                        Reaction::Answered(Err(Error::Conflict), said)
                    }
                    answered => {
                        let trace = format!("waits in vain, is told {}", words::answer(&woken.answer));
                        return Err(differs(&self.call_words(who), trace, answered.words()));
                    }
                },
            };
            self.answered(who, reaction, &woken.answer, &woken.marks, woken.outcome.as_deref()).await?;
        }
        // At the same moment, and after those who would wait for the dead no longer.
        Ok(self.reap_overdue().await?)
    }
}

/// Why what differs may differ by chance.
pub(super) fn let_in_early(name: &str) -> String {
    format!(
        "{} was let in as soon as it could be, and the trace has it wait longer, which only a private PostgreSQL can \
         be made to do",
        words::plain(name)
    )
}
