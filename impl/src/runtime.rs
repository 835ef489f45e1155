//! What concurrent code here needs of an executor. All of it comes in through this module.
//!
//! A shop runs on [`Tokio`]. Tests run the same code on an executor that tries one order of steps after the other, in a time
//! of its own: whatever is generic over a [`Runtime`] is what a shop runs. What one task tells another goes through tokio's
//! channels, which need no executor: they wake whoever waits, whatever runs that.

use std::future::Future;
use std::time::Duration;

pub(crate) use tokio::select;
pub(crate) use tokio::sync::oneshot;
use tokio::sync::watch;

/// An executor and its time.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Let something go on by itself.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static);

    /// Wait so many milliseconds.
    fn pause(&self, pause_ms: u64) -> impl Future<Output = ()> + Send;

    /// Milliseconds since some moment, by a clock that nobody turns back and that does not stand still while the machine
    /// is suspended. It can be compared within one process only.
    fn now_ms(&self) -> u64;
}

/// The executor of a shop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Runtime for Tokio {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }

    async fn pause(&self, pause_ms: u64) {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }

    fn now_ms(&self) -> u64 {
        let now = rustix::time::clock_gettime(CLOCK);
        let (seconds, nanoseconds) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
        seconds.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000)
    }
}

/// Linux's monotonic clock stands still while the machine is suspended (clock_gettime(2)), and a lease does not.
#[cfg(target_os = "linux")]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// Whoever can ask for an end.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Whether somebody has asked for an end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// A signal that comes once and stays.
pub fn stop() -> (Stopper, Stop) {
    let (stopper, stop) = watch::channel(false);
    (Stopper(stopper), Stop(stop))
}

impl Stopper {
    /// Ask for an end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// True when somebody has asked.
    pub fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Wait until somebody asks; for ever when nobody can any more.
    pub async fn come(&mut self) {
        if self.0.wait_for(|come| *come).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Wait so many milliseconds, or until somebody asks.
    pub(crate) async fn or_pause(&mut self, runtime: &impl Runtime, pause_ms: u64) {
        select! {
            biased;
            () = self.come() => {}
            () = runtime.pause(pause_ms) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_shop_never_goes_back() {
        let mut last_ms = Tokio.now_ms();
        for _ in 0..1_000 {
            let now_ms = Tokio.now_ms();
            assert!(now_ms >= last_ms);
            last_ms = now_ms;
        }
        assert!(last_ms > 0);
    }

    #[tokio::test]
    async fn a_stop_that_has_come_ends_every_pause() {
        let (stopper, mut stop) = stop();
        assert!(!stop.has_come());
        stopper.stop();
        assert!(stop.has_come());
        stop.or_pause(&Tokio, u64::MAX).await;
    }
}
