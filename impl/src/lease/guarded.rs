//! A session that asks a lease before each write.

use paidonce_protocol::{Call, Error, Mark, Reply, Session};

use super::Lease;
use crate::runtime::Runtime;

/// The session of work under a lease. See [`Lease::guard`].
///
/// Whatever changes something, or could, is `Refused` once the lease is lost: definitely not done. To roll back, to wait and
/// to look at the clock stay possible. Between the question and the write the lease may still be lost; that is what
/// the fence is for, which the database checks.
pub struct Guarded<'a, S, R> {
    pub(super) session: &'a mut S,
    pub(super) lease: &'a Lease<R>,
}

impl<S: Session, R: Runtime> Session for Guarded<'_, S, R> {
    async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        let needs_lease = match &call {
            Call::Run(..) | Call::Begin | Call::Commit | Call::Mail(_) | Call::Cache(_) | Call::Answer(_) => true,
            Call::Rollback | Call::Clock | Call::Wait(_) | Call::Checkpoint { .. } => false,
        };
        if needs_lease && !self.lease.is_held() {
            return Err(Error::Refused);
        }
        self.session.call(call).await
    }

    fn mark(&mut self, mark: Mark) {
        self.session.mark(mark);
    }
}
