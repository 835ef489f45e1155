//! What many scripts came to.

use std::ops::AddAssign;

use paidonce_model::script::Followed;

use super::Compared;

/// Numbers over scripts that were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Scripts that were played.
    pub scripts: u64,
    /// Those on which the model does not allow what the real engine did.
    pub disagreements: u64,
    /// Those for which the model allows exactly one transcript.
    pub with_one: u64,
    /// Those with so many ways that the model cannot tell whether it allows what the real engine did.
    pub undecided: u64,
    /// Those in which somebody waited.
    pub with_waits: u64,
}

impl Tally {
    /// Of one script.
    pub fn of(compared: &Compared) -> Self {
        Tally {
            scripts: 1,
            disagreements: u64::from(compared.agrees() == Some(false)),
            with_one: u64::from(compared.model == Followed::Only),
            undecided: u64::from(compared.agrees().is_none()),
            with_waits: u64::from(compared.real.has_waits()),
        }
    }

    /// The share of scripts for which the model allows exactly one transcript, in thousandths.
    pub fn share_of_one(&self) -> u64 {
        (self.with_one * 1_000).checked_div(self.scripts).unwrap_or_default()
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.scripts += other.scripts;
        self.disagreements += other.disagreements;
        self.with_one += other.with_one;
        self.undecided += other.undecided;
        self.with_waits += other.with_waits;
    }
}
