//! O7 `worker`: a notice becomes a job in a table, and workers settle jobs, each under a claim that runs out.
//!
//! The request that brings the notice:
//! 1. `queue_job`: one insert under the event's unique key, so that a notice that comes again is one job. There already:
//!    `count_job`, a write of its own that is in the log behind the one that it saw (see `settle`).
//! 2. `answer`: 200 once that is committed, never on `Unknown`. The gateway waits for nothing else.
//!
//! A worker's run, for one job:
//! 1. `begin`, `find_job`: the first job that is not done, and whose claim is over *by the database's clock*, `FOR UPDATE
//!    SKIP LOCKED`: two workers find two jobs, and neither waits. None: `rollback`, nothing to do.
//! 2. `claim_job`: claimed until the lease is over, with the next fence, *where the fence is still the one that was read*.
//!    SQLite knows no row locks: there the guard is all there is. 0 rows: somebody was faster. `commit`.
//!    Whatever fails here ends the run; the next one looks again.
//! 3. All of `settle` but its answer, in its own transaction, under the payment's unique key.
//! 4. `finish_job`: done, *where the fence is still this one*. Not settled: `give_back_job` by the same guard, and the job
//!    is there for the next worker at once; nobody knows (`Unknown`): it is there once the claim is over.
//!
//! A worker that is paused for longer than its lease has a successor, and both settle the one notice: what keeps the books
//! right is `settle`, which may run many times over. The fence keeps the late one from touching what is its successor's job.

use std::slice;

use crate::shop::{Input, Money, Notice, Outcome, Request};
use crate::{Answer, Body, Error, Guard, Port, Session, Statement};

pub use super::jobs::Job;
use super::jobs::{identity, new_job};
use super::settle;

static QUEUE_JOB: Statement = Statement::new(
    "queue_job",
    "INSERT INTO jobs (id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, state, claimed_by, \
     until_ms, fence, told) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', '', 0, 0, 1) ON CONFLICT DO NOTHING",
);

static COUNT_JOB: Statement = Statement::new(
    "count_job",
    "UPDATE jobs SET told = told + 1 WHERE provider = $1 AND txn_id = $2 AND payment_status = $3 AND order_id = $4 \
     AND amount_cents = $5 AND currency = $6 AND receiver = $7",
);

static FIND_JOB: Statement = Statement::new(
    "find_job",
    "SELECT id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, fence FROM jobs \
     WHERE state = 'waiting' AND until_ms <= clock_ms() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
);

static FIND_UNCLAIMED: Statement = Statement::new(
    "find_unclaimed",
    "SELECT id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, fence FROM jobs \
     WHERE state = 'waiting' AND until_ms = 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
);

static CLAIM_JOB: Statement = Statement::new(
    "claim_job",
    "UPDATE jobs SET claimed_by = $1, until_ms = clock_ms() + $2, fence = fence + 1 WHERE id = $3 AND fence = $4",
);

static FINISH_JOB: Statement =
    Statement::new("finish_job", "UPDATE jobs SET state = 'done' WHERE id = $1 AND fence = $2");

static GIVE_BACK_JOB: Statement =
    Statement::new("give_back_job", "UPDATE jobs SET until_ms = 0 WHERE id = $1 AND fence = $2");

/// Every statement this protocol (or a mutant of it) may send, besides those of `settle`.
static OWN: [&Statement; 7] =
    [&QUEUE_JOB, &COUNT_JOB, &FIND_JOB, &FIND_UNCLAIMED, &CLAIM_JOB, &FINISH_JOB, &GIVE_BACK_JOB];

/// Every statement this protocol (or a mutant of it) may send.
pub static STATEMENTS: [&Statement; 21] = {
    let mut all = [OWN[0]; 21];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < OWN.len() { OWN[place] } else { settle::STATEMENTS[place - OWN.len()] };
        place += 1;
    }
    all
};

/// Keep a notice for a worker.
pub async fn queue_job<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    let keeps = |guard| request.without.keeps(guard);
    if notice.payment_status.money() == Money::NotTaken {
        let _ = session.answer(Answer::Accepted).await;
        return Outcome::NothingToBook;
    }
    if !keeps(Guard::AnswersAfterQueued) {
        let _ = session.answer(Answer::Accepted).await;
    }
    let queued = keep(session, request, notice).await;
    let accepted = queued.is_ok() || queued == Err(Error::Unknown) && !keeps(Guard::QueuedUnknownIsNotDone);
    // Nobody is left to tell when even the answer fails.
    let _ = session.answer(if accepted { Answer::Accepted } else { Answer::TryAgain }).await;
    match queued {
        Ok(0) => Outcome::AlreadyQueued,
        Ok(_) => Outcome::Queued,
        Err(_) => Outcome::TryAgain,
    }
}

/// One job for the event: 0 when it was there. `Conflict` when it was there and is gone.
async fn keep<S: Session>(session: &mut S, request: &Request, notice: &Notice) -> Result<u64, Error> {
    let [id, event @ ..] = new_job(request, notice);
    let mut job = vec![id];
    job.extend(event.clone());
    let queued = session.write(&QUEUE_JOB, job).await?;
    let counts = queued == 0 && request.without.keeps(Guard::QueuedIsDurable);
    if counts && session.write(&COUNT_JOB, event).await? == 0 {
        return Err(Error::Conflict);
    }
    Ok(queued)
}

/// Settle one job, if there is one.
pub async fn work<S: Session>(session: &mut S, request: &Request) -> Outcome {
    match claim_one(session, request).await {
        Ok(job) => settle_claimed(session, request, &job).await,
        Err(outcome) => outcome,
    }
}

/// The first half of a run: a job that is claimed now, or how the run ended without one.
///
/// # Errors
/// [`Outcome::NothingToDo`] when no job is free, and [`Outcome::TryAgain`] when it could not be claimed.
pub async fn claim_one<S: Session>(session: &mut S, request: &Request) -> Result<Job, Outcome> {
    match claim(session, request).await {
        Ok(job) => job.ok_or(Outcome::NothingToDo),
        Err(error) => {
            // Somebody was faster. A worker is started again anyway.
            if error != Error::Unknown {
                let _ = session.rollback().await;
            }
            Err(Outcome::TryAgain)
        }
    }
}

/// The second half: settle a job that is claimed, and finish it or give it back.
pub async fn settle_claimed<S: Session>(session: &mut S, request: &Request, job: &Job) -> Outcome {
    settle_job(session, request, job).await.unwrap_or(Outcome::TryAgain)
}

/// Claim the first job that nobody has: with its fence.
async fn claim<S: Session>(session: &mut S, request: &Request) -> Result<Option<Job>, Error> {
    session.begin().await?;
    let find = if request.without.keeps(Guard::ClaimsRunOut) { &FIND_JOB } else { &FIND_UNCLAIMED };
    let found = session.read(find, []).await?;
    let Some(row) = found.first() else {
        session.rollback().await?;
        return Ok(None);
    };
    let mut job = Job::from_row(row)?;
    let lease_ms = i64::try_from(request.settings.lease_ms).unwrap_or(i64::MAX);
    let claim = [(&request.id).into(), lease_ms.into(), (&job.id).into(), job.fence.into()];
    if session.write(&CLAIM_JOB, claim).await? == 0 {
        return Err(Error::Conflict);
    }
    session.commit().await?;
    job.fence += 1;
    Ok(Some(job))
}

/// Settle a job that was claimed, and say so.
async fn settle_job<S: Session>(session: &mut S, request: &Request, job: &Job) -> Result<Outcome, Error> {
    let input = Input::Notice(job.notice.clone());
    let inner = Request { input, ..request.clone() };
    let settled = settle::settled(session, &inner, &job.notice, identity(slice::from_ref(job))).await;
    let own = || [(&job.id).into(), job.fence.into()];
    match settled {
        Ok(outcome) => {
            session.write(&FINISH_JOB, own()).await?;
            Ok(outcome)
        }
        Err(_) if !request.without.keeps(Guard::FinishesWhatIsSettled) => {
            session.write(&FINISH_JOB, own()).await?;
            Ok(Outcome::TryAgain)
        }
        Err(Error::Unknown) => Err(Error::Unknown),
        Err(error) => {
            session.write(&GIVE_BACK_JOB, own()).await?;
            Err(error)
        }
    }
}

/// The notice's side as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { queue_job(&mut port, &request).await })
}

/// A worker's run as a coroutine.
pub fn start_work(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { work(&mut port, &request).await })
}
