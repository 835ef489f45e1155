//! Ctrl-C, or a time limit from outside: long work ends with what it is at, and tells what it has come to.

use paidonce_sqlx::runtime::{self, Stop};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;

/// The exit status of a process that did not wait for its end (128 and the number of SIGINT, as a shell has it).
const AT_ONCE: i32 = 130;

/// Whether somebody wants an end. Who asks a second time does not have to wait for it.
pub(super) struct Interrupt(Stop);

impl Interrupt {
    /// Listen from now on, while this executor runs something.
    pub(super) fn listen(executor: &Runtime) -> Result<Self, Failure> {
        let (stopper, stop) = runtime::stop();
        let of = |kind: SignalKind| signal(kind).map_err(Failure::Executor);
        let _inside = executor.enter();
        let (mut interrupt, mut terminate) = (of(SignalKind::interrupt())?, of(SignalKind::terminate())?);
        executor.spawn(async move {
            either(&mut interrupt, &mut terminate).await;
            stopper.stop();
            either(&mut interrupt, &mut terminate).await;
            std::process::exit(AT_ONCE);
        });
        Ok(Interrupt(stop))
    }

    /// True when somebody wants an end.
    pub(super) fn has_come(&self) -> bool {
        self.0.has_come()
    }

    /// The same for work that waits.
    pub(super) fn as_stop(&self) -> Stop {
        self.0.clone()
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
