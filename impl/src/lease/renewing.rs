//! The task that renews a lease, on a session of its own, until the work is over or the lease is lost.

use std::sync::Arc;

use fnv::FnvHasher;
use paidonce_protocol::{Error, Session as _, Value};
use std::hash::Hasher as _;

use super::state::LeaseState;
use super::{LeaseRow, LeaseTerms};
use crate::Sessions;
use crate::retry::Tries;
use crate::runtime::{Runtime, oneshot, select};

/// So many renewals fall into a lease: two may be late before it is over.
const RENEWALS: u64 = 3;

/// Renew until it is over or lost. Work that is over before the first renewal is due costs no session.
pub(super) async fn renew<R: Runtime, D: Sessions>(
    runtime: R,
    sessions: D,
    row: Arc<LeaseRow>,
    state: Arc<LeaseState>,
    terms: LeaseTerms,
    mut is_over: oneshot::Receiver<()>,
) {
    let mut own = None;
    loop {
        select! {
            biased;
            _ = &mut is_over => break,
            () = runtime.pause((terms.lease_ms / RENEWALS).max(1)) => {}
        }
        if !renewed(&runtime, &sessions, &mut own, &row, &state, terms).await {
            state.lose();
            break;
        }
    }
    if let Some(session) = own {
        sessions.close(session).await;
    }
}

/// Renew it once: whether it is held on. `Conflict` is tried again, as long as it is held.
async fn renewed<R: Runtime, D: Sessions>(
    runtime: &R,
    sessions: &D,
    own: &mut Option<D::Session>,
    row: &LeaseRow,
    state: &LeaseState,
    terms: LeaseTerms,
) -> bool {
    let mut tries = Tries::new(terms.retry, seed(row));
    while state.is_held(runtime.now_ms()) {
        let session = match own {
            Some(session) => session,
            None => match sessions.open().await {
                Ok(session) => own.insert(session),
                Err(_) => return false,
            },
        };
        let sent_ms = runtime.now_ms();
        let lease_ms = Value::Int(i64::try_from(terms.lease_ms).unwrap_or(i64::MAX));
        match session.write(row.renew, [lease_ms, row.key.as_str().into(), row.fence.into()]).await {
            // Another has it, or it was over: by the database's clock, whatever ours says.
            Ok(0) => return false,
            Ok(_) => return state.extend(sent_ms.saturating_add(terms.lease_ms), runtime.now_ms()),
            Err(Error::Conflict) => match tries.failed() {
                Some(pause_ms) => runtime.pause(pause_ms).await,
                None => return false,
            },
            Err(_) => return false,
        }
    }
    false
}

/// Different for different leases, and for each time that one is taken.
fn seed(row: &LeaseRow) -> u64 {
    let mut hash = FnvHasher::default();
    hash.write(row.key.as_bytes());
    hash.write_i64(row.fence);
    hash.finish()
}
