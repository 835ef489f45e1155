//! What is given in place of being drawn: who comes when, what goes wrong, how wrong the clocks are. A file of these is what
//! `paidonce simulate --plan` takes, and what shrinking writes.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::trace::{DeathForm, Meaning};

/// See the module. What is left out is drawn from the seed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// Those who wait for one thing are let in in the order in which they came, at once, as by an engine with a queue, and no
    /// clock drifts: a schedule that a real engine can follow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_turn: bool,
    /// What goes wrong at which call, beside what is drawn by the rates.
    pub faults: Vec<Fault>,
    /// Who comes first when, in virtual milliseconds: nobody else does. Orders of which nobody tells are not there, and
    /// neither are the units that they want.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comes: Option<BTreeMap<String, Vec<i64>>>,
    /// How far each web server's clock is ahead of true time, in milliseconds. When some are given, all others are right, and
    /// none drifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clocks: Option<BTreeMap<String, i64>>,
}

/// Something that goes wrong at one call of one request: `crash silent at call 17 of ipn-o3-1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    /// What.
    pub strike: Strike,
    /// At which of the request's calls, counted from 1.
    pub call: u32,
    /// The request: its sender's name, and which of the sender's deliveries it is.
    pub request: String,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The request stops for so many milliseconds before the call.
    Pause(i64),
    /// It dies before the call.
    Crash(DeathForm),
    /// Nobody is told what became of the call. One that does not commit anything is not done.
    Lost(Meaning),
    /// The database is restarted as the call is made.
    Restart,
}

const FORMS: [(&str, DeathForm); 4] =
    [("soft", DeathForm::Soft), ("reset", DeathForm::Reset), ("silent", DeathForm::Silent), ("stop", DeathForm::Stop)];
const MEANINGS: [(&str, Meaning); 3] =
    [("done", Meaning::Done), ("not_done", Meaning::NotDone), ("later", Meaning::Later)];

impl Display for Strike {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fn name<T: PartialEq>(known: &[(&'static str, T)], wanted: &T) -> &'static str {
            known.iter().find(|(_, known)| known == wanted).map_or("", |(name, _)| *name)
        }
        match self {
            Strike::Pause(ms) => write!(f, "pause {ms}"),
            Strike::Crash(form) => write!(f, "crash {}", name(&FORMS, form)),
            Strike::Lost(meaning) => write!(f, "lose {}", name(&MEANINGS, meaning)),
            Strike::Restart => f.write_str("restart"),
        }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Fault { strike, call, request } = self;
        write!(f, "{strike} at call {call} of {request}")
    }
}

/// Why a sentence is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `pause MS`, `crash soft|reset|silent|stop`, `lose done|not_done|later` or `restart`, then `at call N of \
     REQUEST`, such as `crash silent at call 17 of ipn-o3-1`, not `{0}`"
)]
pub struct NoFault(String);

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let expected = || NoFault(text.to_owned());
        let (what, at) = text.trim().split_once(" at call ").ok_or_else(expected)?;
        let (call, request) = at.split_once(" of ").ok_or_else(expected)?;
        let call: u32 = call.parse().ok().filter(|call| *call > 0).ok_or_else(expected)?;
        let strike = match what.split_once(' ').unwrap_or((what, "")) {
            ("restart", "") => Some(Strike::Restart),
            ("pause", ms) => ms.parse().ok().filter(|ms| (1..=LONGEST_PAUSE_MS).contains(ms)).map(Strike::Pause),
            ("crash", form) => FORMS.iter().find(|(name, _)| *name == form).map(|(_, form)| Strike::Crash(*form)),
            ("lose", meaning) => {
                MEANINGS.iter().find(|(name, _)| *name == meaning).map(|(_, meaning)| Strike::Lost(*meaning))
            }
            _ => None,
        };
        let request = request.trim();
        if request.is_empty() || request.contains(char::is_whitespace) {
            return Err(expected());
        }
        Ok(Fault { strike: strike.ok_or_else(expected)?, call, request: request.to_owned() })
    }
}

/// A year: far from where moments overflow.
const LONGEST_PAUSE_MS: i64 = 366 * 24 * 3_600_000;

impl TryFrom<String> for Fault {
    type Error = NoFault;

    fn try_from(text: String) -> Result<Self, NoFault> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> String {
        fault.to_string()
    }
}

impl Plan {
    /// A plan from its file's text.
    ///
    /// # Errors
    /// What is wrong, with its place in the text.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The text of a file, without a comment at its head.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
        if self.in_turn {
            text.push_str("in_turn = true\n");
        }
        if !self.faults.is_empty() {
            text.push_str("faults = [\n");
            self.faults.iter().for_each(|fault| text.push_str(&format!("  {},\n", string(&fault.to_string()))));
            text.push_str("]\n");
        }
        if let Some(comes) = &self.comes {
            text.push_str("\n[comes]\n");
            comes.iter().for_each(|(sender, moments)| text.push_str(&format!("{sender} = {moments:?}\n")));
        }
        if let Some(clocks) = &self.clocks {
            text.push_str("\n[clocks]\n");
            clocks.iter().for_each(|(server, ms)| text.push_str(&format!("{server} = {ms}\n")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_sentence_that_is_read_again() {
        for text in [
            "pause 5000 at call 4 of pdt-o3-1",
            "crash silent at call 17 of ipn-o3-1",
            "lose not_done at call 1 of worker-a-7",
            "restart at call 2 of admin-o0-1",
        ] {
            assert_eq!(text.parse::<Fault>().map(|fault| fault.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "crash at call 1 of a",
            "crash dead at call 1 of a",
            "pause 0 at call 1 of a",
            "restart at call 0 of a",
        ] {
            assert!(text.parse::<Fault>().unwrap_err().to_string().contains("expected `pause MS`"), "{text}");
        }
    }

    #[test]
    fn a_plan_is_written_as_it_is_read() {
        let plan = Plan {
            in_turn: true,
            faults: vec!["restart at call 2 of admin-o0-1".parse().unwrap()],
            comes: Some([("ipn-o3".to_owned(), vec![0, 4])].into()),
            clocks: Some([("web-2".to_owned(), -120_000)].into()),
        };
        assert_eq!(Plan::from_toml(&plan.to_toml()), Ok(plan));
        assert_eq!(Plan::from_toml(&Plan::default().to_toml()), Ok(Plan::default()));
        assert!(Plan::from_toml("fault = []").unwrap_err().to_string().contains("unknown field"));
    }
}
