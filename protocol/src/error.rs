//! What a call that did not succeed allows its caller to conclude.

/// The four kinds of error, told apart by what the caller may conclude from them.
///
/// This is the one registry of kinds: the names in traces, in JSON and in the documentation come from [`Error::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Error {
    /// Definitely not done, and asking again will not help: a constraint or a guard said no.
    #[error("refused: definitely not done")]
    Refused,
    /// Definitely not done, but asking again may succeed: a serialization failure, a deadlock, a lock time-out.
    /// Inside a transaction the whole transaction has to be rolled back and started again.
    #[error("conflict: definitely not done, worth another try")]
    Conflict,
    /// Done, not done, or done later: the connection died and the answer with it. The transaction, if one was open, is
    /// out of the caller's hands; the next call runs on a new connection.
    #[error("unknown: done, not done, or done later")]
    Unknown,
    /// The caller broke a rule of [`Session`](crate::Session): committing after an error, reading a column that is not
    /// there. A bug, never a circumstance.
    #[error("misuse: the protocol broke a rule of its session")]
    Misuse,
}

impl Error {
    /// Every kind, in the order of the documentation's table.
    pub const ALL: [Error; 4] = [Error::Refused, Error::Conflict, Error::Unknown, Error::Misuse];

    /// The kind's name in traces and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Error::Refused => "refused",
            Error::Conflict => "conflict",
            Error::Unknown => "unknown",
            Error::Misuse => "misuse",
        }
    }

    /// The kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
