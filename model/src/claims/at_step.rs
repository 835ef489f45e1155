//! What a step that breaks a claim did, in the shop's words.

use super::Claim;
use crate::trace::{Event, Step};

/// The sentence for a claim about steps that this step breaks; `None` for other claims.
pub(crate) fn at_step(claim: Claim, step: &Step) -> Option<String> {
    let woken = match &step.event {
        Event::Ticked { woken, .. } => woken.last().map(|woken| &woken.actor),
        _ => None,
    };
    let who = step.actor.as_ref().or(woken)?;
    Some(match claim {
        Claim::NoLostUpdate => format!("{who} overwrote what another request had written since {who} last read it"),
        Claim::DeletesOnlyReadLock => {
            format!("{who} took over an expired lock and deleted a newer, live one that it had never read")
        }
        Claim::ReleasesOnlyOwnLock => format!("{who} released its lock and deleted its successor's"),
        Claim::FreeLockGranted => format!("{who} was refused the lock although no other request held it"),
        Claim::NoOrderIsFrozen => format!("{who} was kept out by a holder that had long been dead"),
        Claim::RetriesEnd => {
            format!("{who} had to begin again for the second time, and nothing says how often it may have to")
        }
        _ => return None,
    })
}
