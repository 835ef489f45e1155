//! A protocol taken one call at a time: the state machine that an `async fn` is.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::{Call, Error, Mark, Reply, Session};

/// What a coroutine did when it was let run.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress<O> {
    /// It asked for this and waits for the answer.
    Asks(Call),
    /// It is done.
    Ends(O),
}

/// How a coroutine broke the rules of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foul {
    /// It awaited something that is not its session.
    #[error("awaits something that is not its session")]
    AwaitsSomethingElse,
    /// It asked a second thing before the first was answered.
    #[error("keeps two calls in flight")]
    TwoCallsInFlight,
    /// It was let run without an answer, or after its end. The driver's fault.
    #[error("was resumed out of turn")]
    OutOfTurn,
}

#[derive(Default)]
struct Slot {
    asked: Option<Call>,
    answered: Option<Result<Reply, Error>>,
    marks: Vec<Mark>,
    two_in_flight: bool,
}

type Shared = Arc<Mutex<Slot>>;

fn lock(slot: &Shared) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The session of a coroutine: hands each call out and waits to be resumed.
pub struct Port(Shared);

impl Session for Port {
    fn call(&mut self, call: Call) -> impl Future<Output = Result<Reply, Error>> + Send {
        let slot = Arc::clone(&self.0);
        let mut call = Some(call);
        std::future::poll_fn(move |_| {
            let mut slot = lock(&slot);
            if let Some(call) = call.take() {
                slot.two_in_flight |= slot.asked.is_some();
                slot.asked = Some(call);
                return Poll::Pending;
            }
            match slot.answered.take() {
                Some(answer) => Poll::Ready(answer),
                None => Poll::Pending,
            }
        })
    }

    fn mark(&mut self, mark: Mark) {
        lock(&self.0).marks.push(mark);
    }
}

/// A protocol's future, before it was first let run.
pub type Body<O> = Pin<Box<dyn Future<Output = O> + Send>>;

/// One run of a protocol, let run from call to call by whoever answers.
pub struct Coroutine<O> {
    slot: Shared,
    body: Body<O>,
    waiting: bool,
    ended: bool,
}

impl<O> Coroutine<O> {
    /// A run that has not asked anything yet.
    pub fn new(start: impl FnOnce(Port) -> Body<O>) -> Self {
        let slot = Shared::default();
        let body = start(Port(Arc::clone(&slot)));
        Coroutine { slot, body, waiting: false, ended: false }
    }

    /// Let it run to its first call.
    ///
    /// # Errors
    /// A [`Foul`] when the protocol breaks the rules.
    pub fn start(&mut self) -> Result<Progress<O>, Foul> {
        if self.waiting || self.ended {
            return Err(Foul::OutOfTurn);
        }
        self.run()
    }

    /// Answer the call it waits for and let it run to the next.
    ///
    /// # Errors
    /// A [`Foul`] when the protocol breaks the rules.
    pub fn resume(&mut self, answer: Result<Reply, Error>) -> Result<Progress<O>, Foul> {
        if !self.waiting {
            return Err(Foul::OutOfTurn);
        }
        self.waiting = false;
        lock(&self.slot).answered = Some(answer);
        self.run()
    }

    /// The remarks made since the last time this was asked.
    pub fn take_marks(&mut self) -> Vec<Mark> {
        std::mem::take(&mut lock(&self.slot).marks)
    }

    fn run(&mut self) -> Result<Progress<O>, Foul> {
        let polled = self.body.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let mut slot = lock(&self.slot);
        // An answer that nobody took means that the protocol moved on without it.
        if slot.two_in_flight || slot.answered.is_some() {
            return Err(Foul::TwoCallsInFlight);
        }
        match polled {
            Poll::Ready(outcome) => {
                self.ended = true;
                Ok(Progress::Ends(outcome))
            }
            Poll::Pending => match slot.asked.take() {
                Some(call) => {
                    self.waiting = true;
                    Ok(Progress::Asks(call))
                }
                None => Err(Foul::AwaitsSomethingElse),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn two_clocks(mut session: Port) -> Result<i64, Error> {
        let first = session.clock().await?;
        session.holds("order-1", None);
        Ok(session.clock().await? - first)
    }

    #[test]
    fn a_run_asks_one_thing_at_a_time() {
        let mut run = Coroutine::new(|port| Box::pin(two_clocks(port)));
        assert_eq!(run.start(), Ok(Progress::Asks(Call::Clock)));
        assert_eq!(run.resume(Ok(Reply::Clock(5))), Ok(Progress::Asks(Call::Clock)));
        assert_eq!(run.take_marks(), [Mark::Holds { section: "order-1".into(), until_ms: None }]);
        assert_eq!(run.resume(Ok(Reply::Clock(7))), Ok(Progress::Ends(Ok(2))));
        assert_eq!(run.resume(Ok(Reply::Clock(9))), Err(Foul::OutOfTurn));
    }

    #[test]
    fn awaiting_something_else_is_a_foul() {
        let mut run = Coroutine::<()>::new(|_| Box::pin(std::future::pending()));
        assert_eq!(run.start(), Err(Foul::AwaitsSomethingElse));
    }

    #[test]
    fn two_calls_in_flight_are_a_foul() {
        let mut run = Coroutine::<()>::new(|port| {
            Box::pin(async move {
                let mut other = Port(Arc::clone(&port.0));
                let mut port = port;
                let mut first = Box::pin(port.call(Call::Clock));
                let mut second = Box::pin(other.call(Call::Clock));
                std::future::poll_fn(move |cx| {
                    let _ = first.as_mut().poll(cx);
                    let _ = second.as_mut().poll(cx);
                    Poll::Pending
                })
                .await
            })
        });
        assert_eq!(run.start(), Err(Foul::TwoCallsInFlight));
    }
}
