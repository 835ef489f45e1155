//! Progress on a terminal, for whoever waits longer than a second. A pipe sees nothing of it.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use paidonce_model::Progress;

/// How many threads work.
const DESKS: usize = 4;
/// Whoever is done before this was not waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is drawn anew, and the speed measured.
const TICK: Duration = Duration::from_millis(250);

/// A line on the terminal that counts, and a watch.
pub(super) struct Counter {
    bar: ProgressBar,
}

impl Counter {
    /// It begins now, and counts these.
    pub(super) fn new(about: &str, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if io::stderr().is_terminal()
            && let Ok(style) = ProgressStyle::with_template("{prefix}: {pos} {msg} · {per_sec} · {elapsed}")
        {
            bar.set_style(style);
            bar.set_prefix(about.to_owned());
            bar.set_message(what.to_owned());
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(TICK);
        }
        Counter { bar }
    }

    /// One more is done.
    pub(super) fn one_more(&self) {
        self.bar.inc(1);
    }

    /// Say something else beside the number.
    pub(super) fn says(&self, message: String) {
        self.bar.set_message(message);
    }

    /// How long it has been counting.
    pub(super) fn elapsed(&self) -> Duration {
        self.bar.elapsed()
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The line on the terminal. It goes when this does.
pub(super) struct Meter {
    bar: ProgressBar,
    watched: Arc<Watched>,
}

/// One thread's place: what it does now, and how far it is.
#[derive(Default)]
pub(super) struct Desk {
    /// The numbers of the exploration that runs here.
    pub(super) progress: Arc<Progress>,
    about: Mutex<String>,
}

impl Desk {
    /// Say what is done here from now on.
    pub(super) fn begin(&self, about: String) {
        *self.about.lock().unwrap_or_else(PoisonError::into_inner) = about;
    }
}

struct Watched {
    desks: [Desk; DESKS],
    jobs: usize,
    done: AtomicUsize,
    speed: Mutex<Speed>,
}

#[derive(Default)]
struct Speed {
    at: Duration,
    seen: [u64; DESKS],
    a_second: u64,
}

impl Meter {
    /// A meter for this many jobs.
    pub(super) fn new(jobs: usize) -> Self {
        let watched = Arc::new(Watched {
            desks: <[Desk; DESKS]>::default(),
            jobs,
            done: AtomicUsize::new(0),
            speed: Mutex::default(),
        });
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if io::stderr().is_terminal() {
            let told = Arc::clone(&watched);
            let tell = move |state: &ProgressState, line: &mut dyn std::fmt::Write| told.tell(state.elapsed(), line);
            if let Ok(style) = ProgressStyle::with_template("{told}") {
                bar.set_style(style.with_key("told", tell));
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(TICK);
            }
        }
        Meter { bar, watched }
    }

    /// One place for each thread.
    pub(super) fn desks(&self) -> &[Desk] {
        &self.watched.desks
    }

    /// A job is done.
    pub(super) fn one_more(&self) {
        self.watched.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Let everything come to an end.
    pub(super) fn stop(&self) {
        for desk in self.desks() {
            desk.progress.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Watched {
    fn tell(&self, elapsed: Duration, line: &mut dyn std::fmt::Write) {
        if elapsed < PATIENCE {
            return;
        }
        let states = std::array::from_fn(|desk| self.desks[desk].progress.states.load(Ordering::Relaxed));
        let mut speed = self.speed.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = elapsed.saturating_sub(speed.at);
        if passed >= TICK {
            // An exploration that began anew counts from 0.
            let more = |(now, seen): (u64, u64)| if now < seen { now } else { now - seen };
            let more: u64 = states.into_iter().zip(speed.seen).map(more).sum();
            let a_second = more as f64 / passed.as_secs_f64();
            *speed = Speed { at: elapsed, seen: states, a_second: a_second as u64 };
        }
        // Nobody is to be told when a terminal cannot be written to.
        let done = self.done.load(Ordering::Relaxed);
        let _ = write!(line, "{done} of {} · {} states a second", self.jobs, speed.a_second);
        for (desk, states) in self.desks.iter().zip(states) {
            let about = desk.about.lock().unwrap_or_else(PoisonError::into_inner);
            if !about.is_empty() {
                let _ = write!(line, " · {about}: {states} states");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done_and_how_fast() {
        let meter = Meter::new(3);
        let [first, ..] = meter.desks() else { panic!() };
        first.begin("settle in default".to_owned());
        let told = |ms: u64| {
            let mut line = String::new();
            meter.watched.tell(Duration::from_millis(ms), &mut line);
            line
        };
        first.progress.states.store(1_000, Ordering::Relaxed);
        assert_eq!(told(900), "");
        assert_eq!(told(2_000), "0 of 3 · 500 states a second · settle in default: 1000 states");
        first.progress.states.store(100, Ordering::Relaxed);
        meter.one_more();
        assert_eq!(told(3_000), "1 of 3 · 100 states a second · settle in default: 100 states");
    }
}
