//! A schedule as a text: the seed of all chance in it, then who took each step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// The tasks by their numbers; `.` is a number drawn by chance. Each task beyond stands in brackets.
const TASKS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The last schedule, or the one that was to be kept.
#[derive(Clone, Default)]
pub(super) struct Recorded(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    seed: u64,
    steps: String,
    kept: bool,
}

impl Recorded {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This is the one: no other comes after it.
    pub(super) fn keep(&self) {
        self.lock().kept = true;
    }

    pub(super) fn text(&self) -> String {
        let state = self.lock();
        format!("{:x}:{}", state.seed, state.steps)
    }
}

/// A scheduler that writes down what another one decides, and has it end once a schedule is to be kept.
pub(super) struct Recorder<S> {
    inner: S,
    recorded: Recorded,
}

impl<S: Scheduler> Recorder<S> {
    pub(super) fn new(inner: S, recorded: Recorded) -> Self {
        Recorder { inner, recorded }
    }
}

impl<S: Scheduler> Scheduler for Recorder<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.recorded.lock().kept {
            // One that is dropped before its end takes that for a panic, and says so.
            while self.inner.new_execution().is_some() {}
            return None;
        }
        let schedule = self.inner.new_execution()?;
        let mut state = self.recorded.lock();
        (state.seed, state.steps) = (schedule.seed, String::new());
        Some(schedule)
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let next = self.inner.next_task(runnable, current, is_yielding)?;
        let (mut state, number) = (self.recorded.lock(), usize::from(next));
        match TASKS.get(number) {
            Some(letter) => state.steps.push(char::from(*letter)),
            None => state.steps += &format!("({number})"),
        }
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        self.recorded.lock().steps.push('.');
        self.inner.next_u64()
    }
}

/// A text that is no schedule.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was wrong with it, and where.
    pub problem: String,
}

/// The schedule of a text: `SEED:STEPS`, as it was printed.
///
/// # Errors
/// When it is none.
pub fn parse(text: &str) -> Result<Schedule, Malformed> {
    let no = |problem: String| Malformed { problem };
    let (seed, steps) = text.split_once(':').ok_or_else(|| no("there is no `:` behind the seed".to_owned()))?;
    let seed = u64::from_str_radix(seed, 16).map_err(|error| no(format!("the seed `{seed}`: {error}")))?;
    let mut schedule = Schedule::new(seed);
    let mut rest = steps;
    while let Some(letter) = rest.bytes().next() {
        let place = steps.len() - rest.len();
        if letter == b'.' {
            schedule.push_random();
            rest = &rest[1..];
            continue;
        }
        let (number, after) = match (TASKS.iter().position(|known| *known == letter), rest.split_once(')')) {
            (Some(number), _) => (number, &rest[1..]),
            (None, Some((number, after))) if letter == b'(' => {
                let number = number[1..].parse().map_err(|error| no(format!("step {place}: {error}")))?;
                (number, after)
            }
            _ => return Err(no(format!("step {place} is of nobody"))),
        };
        schedule.push_task(TaskId::from(number));
        rest = after;
    }
    Ok(schedule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_it_was_written() {
        let mut schedule = Schedule::new(0xab);
        for task in [0, 1, 61, 62, 7] {
            schedule.push_task(TaskId::from(task));
        }
        schedule.push_random();
        assert_eq!(parse("ab:01Z(62)7."), Ok(schedule));
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for text in ["", "ab", "xy:0", "ab:0é", "ab:(6", "ab:(x)", "ab:0)"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
