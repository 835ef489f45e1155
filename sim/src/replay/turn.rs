//! One turn of one actor: what it asks and is answered, what it remarks and how it ends, compared with the trace.

use paidonce_model::trace::{Asked, Remark, Told};
use paidonce_protocol::{Call, Error, Foul, Reply};

use super::stage::{Reaction, Stage};
use super::{ReplayError, words};

/// Why a step is not followed by the next.
pub(super) enum Halt {
    /// The database, or the protocol, does something else than the trace says.
    Differs {
        call: Option<String>,
        trace: String,
        replay: String,
    },
    /// The trace contradicts itself.
    Impossible(String),
    /// The trace cannot be followed here.
    Unsupported(String),
    /// A timer of the engine's came before the steps that it had to come after.
    TooBusy,
    /// The protocol is none.
    Foul(Foul),
    Error(ReplayError),
}

impl From<ReplayError> for Halt {
    fn from(error: ReplayError) -> Self {
        Halt::Error(error)
    }
}

impl From<Foul> for Halt {
    fn from(foul: Foul) -> Self {
        Halt::Foul(foul)
    }
}

pub(super) fn differs(call: &str, trace: impl Into<String>, replay: impl Into<String>) -> Halt {
    Halt::Differs { call: Some(call.to_owned()), trace: trace.into(), replay: replay.into() }
}

impl Stage {
    pub(super) fn find(&self, name: &str) -> Result<usize, Halt> {
        self.actors.iter().position(|actor| actor.name() == name).ok_or_else(|| {
            let known = words::names(self.actors.iter().map(|actor| actor.name()));
            Halt::Impossible(format!("there is no {} in its scenario, only {known}", words::plain(name)))
        })
    }

    /// What the actor asks next, which has to be what the trace says.
    pub(super) fn asks(&mut self, who: usize, traced: &Asked) -> Result<Call, Halt> {
        let actor = &mut self.actors[who];
        if actor.waits_until_ms.is_some() {
            return Err(Halt::Impossible(format!("{} asks while it has to wait", actor.name())));
        }
        let says = |asked: &Asked| format!("asks {}", words::call(asked));
        let Some(call) = actor.next_call()? else {
            return Err(differs(&words::call(traced), says(traced), "is over and asks nothing"));
        };
        let asked = Asked::from(call);
        if asked == *traced {
            return Ok(call.clone());
        }
        let (mut trace, mut replay) = (says(traced), says(&asked));
        if trace == replay {
            (trace, replay) = (words::call_with_sql(traced), words::call_with_sql(&asked));
        }
        Err(differs(&words::call(traced), trace, replay))
    }

    /// What became of the call that had to wait.
    pub(super) async fn ask_again(&mut self, who: usize) -> Result<Reaction, Halt> {
        let actor = &self.actors[who];
        match (actor.waits_until_ms, actor.call()) {
            (Some(_), Some(call)) if !matches!(call, Call::Wait(_)) => {
                let session = actor.session;
                Ok(self.look(session).await?)
            }
            _ => Err(Halt::Impossible(format!("no statement of {} had to wait", actor.name()))),
        }
    }

    /// The name of what the actor asks, for a difference.
    pub(super) fn call_words(&self, who: usize) -> String {
        self.actors[who].call().map_or_else(|| "(nothing)".to_owned(), |call| words::call(&Asked::from(call)))
    }

    pub(super) fn has_to_wait(&self, who: usize, reaction: &Reaction, by: &[String]) -> Result<(), Halt> {
        match reaction {
            Reaction::Waits { .. } => Ok(()),
            Reaction::Answered(..) => {
                let trace = match by {
                    [] => "has to wait".to_owned(),
                    by => format!("has to wait for {}", words::names(by.iter().map(String::as_str))),
                };
                Err(differs(&self.call_words(who), trace, reaction.words()))
            }
        }
    }

    /// The world has reacted: it has to have answered what the trace says.
    pub(super) async fn answered(
        &mut self,
        who: usize,
        reaction: Reaction,
        traced: &Told,
        marks: &[Remark],
        outcome: Option<&str>,
    ) -> Result<(), Halt> {
        match reaction {
            Reaction::Answered(answer, _) if Told::from(&answer) == *traced => {
                self.tell(who, answer, marks, outcome).await
            }
            other => {
                self.may_hang_on_pages(Some(traced), &other).await?;
                Err(differs(&self.call_words(who), words::answer(traced), other.words()))
            }
        }
    }

    /// Tell the actor its answer: it has to go on as the trace says.
    pub(super) async fn tell(
        &mut self,
        who: usize,
        answer: Result<Reply, Error>,
        marks: &[Remark],
        outcome: Option<&str>,
    ) -> Result<(), Halt> {
        let call = self.call_words(who);
        let went_on = self.actors[who].tell(answer)?;
        if went_on.outcome.is_some() {
            self.disconnect(who).await?;
        }
        if went_on.marks != marks {
            return Err(differs(&call, words::remarks(marks), words::remarks(&went_on.marks)));
        }
        if went_on.outcome.as_deref() != outcome {
            return Err(differs(&call, words::end(outcome), words::end(went_on.outcome.as_deref())));
        }
        Ok(())
    }
}
