//! A lease that is renewed beside the work that it protects.
//!
//! A lease is a row with a moment at which it ends, by the database's clock, and a fence: a number that only grows, and that
//! the database checks at the last write (the protocol `fenced_lease`). Work that takes longer than anybody wants to wait
//! for a dead process takes a short lease and has it renewed.
//!
//! | file | is about |
//! |---|---|
//! | `state` | until when it is held: one atomic |
//! | `renewing` | the task that renews it |
//! | `guarded` | a session that asks it before each write |
//!
//! How long a lease is believed in is counted on a clock of this process, from the moment *before* the statement was sent
//! that took or renewed it. The database counts from when the statement came to it, which is later. So it is never believed
//! in for longer than the database has it, whoever is paused in between, as long as the two clocks run alike. Where
//! they do not, the fence is what counts.

mod guarded;
mod renewing;
mod state;

use std::sync::Arc;

use paidonce_protocol::protocols::fenced_lease::{MAKE_LEASE, READ_FENCE, RELEASE_LEASE, TAKE_LEASE};
use paidonce_protocol::protocols::worker::Job;
use paidonce_protocol::{Error, Session, Statement, Value};

pub use guarded::Guarded;
use state::LeaseState;

use crate::runtime::{Runtime, oneshot};
use crate::{Retry, Sessions};

/// Renew a lease that is not over.
pub static RENEW_LEASE: Statement = Statement::new(
    "renew_lease",
    "UPDATE leases SET until_ms = clock_ms() + $1 WHERE name = $2 AND fence = $3 AND until_ms > clock_ms()",
);

/// Renew a claim on a job that is not over.
pub static RENEW_CLAIM: Statement = Statement::new(
    "renew_claim",
    "UPDATE jobs SET until_ms = clock_ms() + $1 WHERE id = $2 AND fence = $3 AND state = 'waiting' \
     AND until_ms > clock_ms()",
);

/// How long a lease lasts, and how hard its renewal is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How long it lasts when it is not renewed, in milliseconds. A third of it passes between renewals.
    pub lease_ms: u64,
    /// How a renewal that meets a `Conflict` is tried again.
    pub retry: Retry,
}

/// The row that is a lease.
#[derive(Debug)]
struct LeaseRow {
    /// Takes how long in milliseconds, the key and the fence.
    renew: &'static Statement,
    key: String,
    fence: i64,
}

/// A lease that is held, or was. Dropped, it is no longer renewed.
pub struct Lease<R> {
    row: Arc<LeaseRow>,
    state: Arc<LeaseState>,
    runtime: R,
    /// Ends the renewing when it is dropped.
    _over: oneshot::Sender<()>,
}

impl<R: Runtime> Lease<R> {
    /// Take the lease of this name for a holder whose name nobody else has, if it is free: a row of the table `leases`.
    /// From then on it is renewed, on a session of its own.
    ///
    /// # Errors
    /// As [`Session::write`]. After `Unknown` nobody knows whether it was taken; it is free again when it is over.
    pub async fn take<D: Sessions>(
        runtime: &R,
        sessions: &D,
        session: &mut D::Session,
        (name, holder): (&str, &str),
        terms: LeaseTerms,
    ) -> Result<Option<Self>, Error> {
        session.write(&MAKE_LEASE, [name.into()]).await?;
        let sent_ms = runtime.now_ms();
        let lease_ms = Value::Int(i64::try_from(terms.lease_ms).unwrap_or(i64::MAX));
        if session.write(&TAKE_LEASE, [holder.into(), lease_ms, name.into()]).await? == 0 {
            return Ok(None);
        }
        let found = session.read(&READ_FENCE, [name.into(), holder.into()]).await?;
        // No row: it was over, and another has it by now.
        let Some(row) = found.first() else { return Ok(None) };
        let row = LeaseRow { renew: &RENEW_LEASE, key: name.to_owned(), fence: row.int(0)? };
        Ok(Some(Self::begin(runtime, sessions, row, sent_ms, terms)))
    }

    /// The lease that a claim on a job is, from this moment before the claim was sent.
    pub(crate) fn of_claim<D: Sessions>(runtime: &R, sessions: &D, job: &Job, sent_ms: u64, terms: LeaseTerms) -> Self {
        let row = LeaseRow { renew: &RENEW_CLAIM, key: job.id.clone(), fence: job.fence };
        Self::begin(runtime, sessions, row, sent_ms, terms)
    }

    fn begin<D: Sessions>(runtime: &R, sessions: &D, row: LeaseRow, sent_ms: u64, terms: LeaseTerms) -> Self {
        let (row, state) = (Arc::new(row), LeaseState::until(sent_ms.saturating_add(terms.lease_ms)));
        let state = Arc::new(state);
        let (over, is_over) = oneshot::channel();
        let (known, shared) = (Arc::clone(&row), Arc::clone(&state));
        runtime.spawn(renewing::renew(runtime.clone(), sessions.clone(), known, shared, terms, is_over));
        Lease { row, state, runtime: runtime.clone(), _over: over }
    }

    /// The number that it is held with.
    pub fn fence(&self) -> i64 {
        self.row.fence
    }

    /// Whether it is held now. Once it is not, it never is again: it was over, another has it, or a renewal failed.
    pub fn is_held(&self) -> bool {
        self.state.is_held(self.runtime.now_ms())
    }

    /// A session that asks the lease before each write, and writes nothing any more once it is lost.
    pub fn guard<'a, S: Session>(&'a self, session: &'a mut S) -> Guarded<'a, S, R> {
        Guarded { session, lease: self }
    }

    /// Give a lease of the table `leases` back, as the first statement of the final write's transaction: it locks the row
    /// until the commit, and is the database's own word on whose the lease is.
    ///
    /// # Errors
    /// `Refused` when it is lost, or another has it: then nothing may be written. Otherwise as [`Session::write`].
    pub async fn release<S: Session>(&self, session: &mut S) -> Result<(), Error> {
        let mut session = self.guard(session);
        let released = session.write(&RELEASE_LEASE, [self.row.key.as_str().into(), self.row.fence.into()]).await?;
        if released == 0 { Err(Error::Refused) } else { Ok(()) }
    }
}
