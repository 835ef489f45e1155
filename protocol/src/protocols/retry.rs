//! What to do after a transaction that did not end well.

use crate::shop::Outcome;
use crate::{Error, Session};

/// The name of the loop around a transaction, for its checkpoint.
pub(super) const HEAD: &str = "attempt";

/// Cleans up after a transaction, counts the attempt, and says whether another is worth it.
///
/// Only a `Conflict` is tried again: it is known not to have happened. `Unknown` leaves nothing to roll back, because
/// the connection is gone; the sender's next delivery finds out what became of it.
pub(super) async fn again<S: Session>(
    session: &mut S,
    tried: &Result<Outcome, Error>,
    attempt: &mut u64,
    attempts: u64,
) -> bool {
    let Err(error) = *tried else { return false };
    if error != Error::Unknown && session.rollback().await.is_err() {
        return false;
    }
    *attempt += 1;
    if error == Error::Conflict && *attempt >= attempts {
        session.exhausted(HEAD);
    }
    error == Error::Conflict && *attempt < attempts
}
