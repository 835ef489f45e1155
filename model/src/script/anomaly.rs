//! What a script is about: a condition on what its steps were answered.

use super::transcript::{Said, Transcript};

/// It is there when all of these are true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// A condition on the answer of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It showed this row: `4 shows (1, 101)`.
    Shows(usize, String),
    /// It was answered rows, and this was not among them: `4 lacks (2, 20)`.
    Lacks(usize, String),
    /// It succeeded: `6 done`.
    Done(usize),
}

impl Anomaly {
    /// Read `4 shows (1, 101) and 6 done`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let conditions = text.split(" and ").map(|part| condition(part.trim())).collect::<Result<_, _>>()?;
        Ok(Anomaly { conditions })
    }

    /// The steps that it looks at.
    pub(super) fn steps(&self) -> impl Iterator<Item = usize> {
        self.conditions.iter().map(|condition| match condition {
            Condition::Shows(step, _) | Condition::Lacks(step, _) | Condition::Done(step) => *step,
        })
    }

    /// True when a transcript shows it.
    pub fn is_in(&self, transcript: &Transcript) -> bool {
        let holds = |condition: &Condition| match condition {
            Condition::Shows(step, row) => transcript.rows_of(*step).is_some_and(|rows| rows.contains(row)),
            Condition::Lacks(step, row) => transcript.rows_of(*step).is_some_and(|rows| !rows.contains(row)),
            Condition::Done(step) => {
                transcript.answer_of(*step).is_some_and(|said| !matches!(said, Said::Failed { .. } | Said::Died))
            }
        };
        self.conditions.iter().all(holds)
    }
}

fn condition(text: &str) -> Result<Condition, String> {
    let expected = || format!("`{text}` is none of `N shows (…)`, `N lacks (…)` and `N done`");
    let (step, rest) = text.split_once(' ').ok_or_else(expected)?;
    let step: usize = step.parse().map_err(|_| expected())?;
    let row = |row: &str| row.trim().to_owned();
    match rest.split_once(' ') {
        Some(("shows", of)) => Ok(Condition::Shows(step, row(of))),
        Some(("lacks", of)) => Ok(Condition::Lacks(step, row(of))),
        None if rest == "done" => Ok(Condition::Done(step)),
        _ => Err(expected()),
    }
}
