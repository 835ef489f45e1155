//! What leads a real engine to one of several outcomes, where it may come to any of them.

use std::time::Duration;

/// How soon PostgreSQL looks for a deadlock. It looks once for each wait.
const DEADLOCK_TIMEOUT: Duration = Duration::from_millis(20);

/// The soonest of several timers. Each later one is three times as long, so that two waits on end are over before it is. The
/// first one leaves the time that it takes until everybody waits.
const SOONEST: Duration = Duration::from_millis(120);

/// What is done besides the steps of a script. None of it changes what an engine may do; it changes what is likely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// What each session is told before its first step, about how to come to rows.
    pub setting: Option<&'static str>,
    /// Before each table's rows there is room where others were removed, and new versions of rows go there. On PostgreSQL,
    /// which comes to rows in the order in which they lie.
    pub room: bool,
    /// This session is let go on after the others that wait with it. Only a private PostgreSQL has processes that can be held.
    pub last: Option<usize>,
    /// The sessions whose search for a deadlock begins one after the other. PostgreSQL aborts whoever finds it.
    pub timers: Vec<usize>,
    /// The machine comes to this session only when it has nothing to do for the others. Only on a private server.
    pub slow: Option<usize>,
}

impl Direction {
    /// True when there is nothing to be done besides the steps.
    pub fn is_plain(&self) -> bool {
        *self == Direction::default()
    }

    /// How soon PostgreSQL looks for a deadlock for this session.
    pub(super) fn deadlock_timeout(&self, session: usize) -> Duration {
        if self.timers.is_empty() {
            return DEADLOCK_TIMEOUT;
        }
        let rank = self.timers.iter().position(|known| *known == session).unwrap_or(self.timers.len());
        SOONEST * 3_u32.pow(u32::try_from(rank).unwrap_or(0).min(3))
    }

    /// In words, with the names of the sessions.
    pub fn words(&self, names: &[String]) -> String {
        let name = |session: &usize| names.get(*session).map_or("?", String::as_str);
        let mut words = Vec::new();
        words.extend(self.setting.map(|setting| format!("`{setting}`")));
        if self.room {
            words.push("there is room before the first row".to_owned());
        }
        words.extend(self.last.as_ref().map(|last| format!("{} goes on last", name(last))));
        if !self.timers.is_empty() {
            let names: Vec<&str> = self.timers.iter().map(name).collect();
            words.push(format!("deadlocks are looked for by {}", names.join(", then ")));
        }
        words.extend(self.slow.as_ref().map(|slow| format!("{} is slow", name(slow))));
        if words.is_empty() { "as it comes".to_owned() } else { words.join(", ") }
    }
}
