//! What many scripts came to.

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
    /// Those with so many ways that not all were looked at, and the real one was not among them.
    pub undecided: u64,
    /// Those in which somebody waited.
    pub with_waits: u64,
}

impl Tally {
    /// Count one more.
    pub fn add(&mut self, compared: &Compared) {
        self.scripts += 1;
        self.disagreements += u64::from(compared.agrees() == Some(false));
        self.undecided += u64::from(compared.agrees().is_none());
        self.with_one += u64::from(compared.all && compared.allowed.len() == 1);
        self.with_waits += u64::from(compared.real.has_waits());
    }

    /// The share of scripts for which the model allows exactly one transcript, in thousandths.
    pub fn share_of_one(&self) -> u64 {
        (self.with_one * 1_000).checked_div(self.scripts).unwrap_or_default()
    }
}
