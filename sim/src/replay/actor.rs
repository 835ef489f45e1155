//! One actor: its protocol's own `async fn`, let run from call to call, and its connection.

use paidonce_model::trace::Remark;
use paidonce_protocol::{Call, Code, Coroutine, Ended, Error, Foul, Progress, Reply};
use paidonce_sqlx::lockstep::SessionId;

use super::cast::Part;
use super::timers::WaitEnds;

/// One request that has come or may come.
pub(super) struct Actor {
    pub(super) part: Part,
    run: Run,
    /// Connected when the database is first asked for something, and again after each connection that was lost.
    pub(super) session: SessionId,
    /// When its call has to wait: true time at which that ends in any case.
    pub(super) waits_until_ms: Option<i64>,
    /// How that ends in the trace.
    pub(super) wait_ends: WaitEnds,
}

enum Run {
    NotCome,
    Asks(Coroutine<Ended>, Call),
    Over,
}

/// How an actor went on when it was answered.
pub(super) struct WentOn {
    pub(super) marks: Vec<Remark>,
    pub(super) outcome: Option<String>,
}

impl Actor {
    pub(super) fn new(part: Part, session: SessionId) -> Self {
        Actor { part, run: Run::NotCome, session, waits_until_ms: None, wait_ends: WaitEnds::ByOthers }
    }

    /// The actor's name.
    pub(super) fn name(&self) -> &str {
        &self.part.name
    }

    /// True while it is under way: it has come and has neither ended nor died.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.run, Run::Asks(..))
    }

    /// What it asks, if it is under way.
    pub(super) fn call(&self) -> Option<&Call> {
        match &self.run {
            Run::Asks(_, call) => Some(call),
            Run::NotCome | Run::Over => None,
        }
    }

    /// What it asks; it comes, when it has not come yet. `None` when it has ended or died.
    pub(super) fn next_call(&mut self) -> Result<Option<&Call>, Foul> {
        if matches!(self.run, Run::NotCome) {
            self.start(&self.part.code.clone())?;
        }
        Ok(self.call())
    }

    /// Answer what it asks, and let it run to its next call.
    pub(super) fn tell(&mut self, answer: Result<Reply, Error>) -> Result<WentOn, Foul> {
        self.no_longer_waits();
        let Run::Asks(mut coroutine, _) = std::mem::replace(&mut self.run, Run::Over) else {
            return Err(Foul::OutOfTurn);
        };
        let progress = coroutine.resume(answer)?;
        self.go_on(coroutine, progress)
    }

    /// It dies of an exception: its shutdown code runs, if it has some.
    pub(super) fn shut_down(&mut self) -> Result<(), Foul> {
        self.no_longer_waits();
        self.run = Run::Over;
        match self.part.shut_down.clone() {
            Some(code) => self.start(&code),
            None => Ok(()),
        }
    }

    /// It is over, in whatever way.
    pub(super) fn end(&mut self) {
        self.no_longer_waits();
        self.run = Run::Over;
    }

    fn no_longer_waits(&mut self) {
        self.waits_until_ms = None;
        self.wait_ends = WaitEnds::ByOthers;
    }

    fn start(&mut self, code: &Code) -> Result<(), Foul> {
        let mut coroutine = Coroutine::new(|port| code.run(port));
        let progress = coroutine.start()?;
        // What is remarked before the first call belongs to no step.
        self.go_on(coroutine, progress).map(drop)
    }

    /// Pass the heads of loops, which cost no step.
    fn go_on(&mut self, mut coroutine: Coroutine<Ended>, mut progress: Progress<Ended>) -> Result<WentOn, Foul> {
        while let Progress::Asks(Call::Checkpoint { .. }) = progress {
            progress = coroutine.resume(Ok(Reply::Done))?;
        }
        let marks = coroutine.take_marks().iter().map(Remark::from).collect();
        let outcome = match progress {
            Progress::Asks(call) => {
                self.run = Run::Asks(coroutine, call);
                None
            }
            Progress::Ends(outcome) => {
                self.run = Run::Over;
                Some(outcome.to_string())
            }
        };
        Ok(WentOn { marks, outcome })
    }
}
