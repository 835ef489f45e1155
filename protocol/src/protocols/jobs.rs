//! The table `jobs`, in which notices wait for workers.

use std::hash::Hasher;

use crate::shop::{Notice, PaymentStatus, Request};
use crate::{Error, Row, Value};

/// A notice in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The request that put it there.
    pub id: String,
    /// The notice.
    pub notice: Notice,
    /// How often it was claimed: when it was read, or with a claim of one's own the number of that.
    pub fence: i64,
}

impl Job {
    /// From the columns `id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, fence`.
    pub(super) fn from_row(row: &Row) -> Result<Self, Error> {
        let text = |column: usize| row.text(column).map(str::to_owned);
        let notice = Notice {
            provider: text(1)?,
            txn_id: text(2)?,
            payment_status: PaymentStatus::from(row.text(3)?),
            order_id: text(4)?,
            amount_cents: row.int(5)?,
            currency: text(6)?,
            receiver: text(7)?,
        };
        Ok(Job { id: text(0)?, notice, fence: row.int(8)? })
    }
}

/// The first columns of a new job: `id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver`.
pub(super) fn new_job(request: &Request, notice: &Notice) -> [Value; 8] {
    [
        (&request.id).into(),
        (&notice.provider).into(),
        (&notice.txn_id).into(),
        notice.payment_status.as_str().into(),
        (&notice.order_id).into(),
        notice.amount_cents.into(),
        (&notice.currency).into(),
        (&notice.receiver).into(),
    ]
}

/// What tells some jobs from others, in 32 bits, for a checkpoint behind which nothing else counts of what was read.
pub(super) fn identity(jobs: &[Job]) -> u64 {
    let mut hash = fnv::FnvHasher::default();
    for Job { id, notice, fence } in jobs {
        let Notice { provider, txn_id, payment_status, order_id, amount_cents, currency, receiver } = notice;
        for text in [id, provider, txn_id, payment_status.as_str(), order_id, currency, receiver] {
            hash.write(text.as_bytes());
            hash.write_u8(0);
        }
        hash.write(&amount_cents.to_le_bytes());
        hash.write(&fence.to_le_bytes());
    }
    hash.finish() >> 32
}
