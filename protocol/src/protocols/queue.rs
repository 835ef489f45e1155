//! W10 `queue`: notices are appended to a table, and a cron job's worker claims them for a while.
//!
//! As the shops had it. Right as long as there is one worker: the claims are by the web servers' clocks, a release goes by
//! ids, whoever has the job by then, and what keeps a job from running twice is a status that is read first and written
//! afterwards.
//!
//! The request that brings the notice: 1. `append_job`. 2. `answer`.
//!
//! A worker's run:
//! 1. `unclaim`: claims that are older than the lease (300 s in the shops) are taken off.
//! 2. `claim_all`: what is not claimed is this run's. (The shops claim a bounded number at a time, which is as many as there
//!    are here.)
//! 3. `read_claimed`, and for each of these: `read_job_state`; done: on to the next one; else `mark_in_progress`, whatever
//!    it has become meanwhile.
//! 4. The shop's own "payment complete", which trusts that it is alone (`unlocked`).
//! 5. `mark_done`, `release`: by its id.

use crate::shop::{Input, Money, Outcome, Request};
use crate::{Answer, Body, Error, Port, Session, Statement, Value};

use super::jobs::{Job, identity, new_job};
use super::unlocked;

static APPEND_JOB: Statement = Statement::new(
    "append_job",
    "INSERT INTO jobs (id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, state, claimed_by, \
     until_ms, fence, told) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', '', 0, 0, 1)",
);

static UNCLAIM: Statement =
    Statement::new("unclaim", "UPDATE jobs SET claimed_by = '' WHERE claimed_by <> '' AND until_ms <= $1");

static CLAIM_ALL: Statement = Statement::new(
    "claim_all",
    "UPDATE jobs SET claimed_by = $1, until_ms = $2 WHERE claimed_by = '' AND state <> 'done'",
);

static READ_CLAIMED: Statement = Statement::new(
    "read_claimed",
    "SELECT id, provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, fence FROM jobs \
     WHERE claimed_by = $1 ORDER BY id",
);

static READ_JOB_STATE: Statement = Statement::new("read_job_state", "SELECT state FROM jobs WHERE id = $1");

static MARK_IN_PROGRESS: Statement =
    Statement::new("mark_in_progress", "UPDATE jobs SET state = 'in progress' WHERE id = $1");

static MARK_DONE: Statement = Statement::new("mark_done", "UPDATE jobs SET state = 'done' WHERE id = $1");

static RELEASE: Statement = Statement::new("release", "UPDATE jobs SET claimed_by = '' WHERE id = $1");

/// Every statement of its own.
static OWN: [&Statement; 8] =
    [&APPEND_JOB, &UNCLAIM, &CLAIM_ALL, &READ_CLAIMED, &READ_JOB_STATE, &MARK_IN_PROGRESS, &MARK_DONE, &RELEASE];

/// Every statement this protocol may send.
pub static STATEMENTS: [&Statement; 14] = {
    let mut all = [OWN[0]; 14];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < OWN.len() { OWN[place] } else { unlocked::STATEMENTS[place - OWN.len()] };
        place += 1;
    }
    all
};

/// Append a notice to the queue.
pub async fn append<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    if notice.payment_status.money() != Money::Taken {
        let _ = session.answer(Answer::Accepted).await;
        return Outcome::NothingToBook;
    }
    let queued = session.write(&APPEND_JOB, new_job(request, notice)).await;
    // Nobody is left to tell when even the answer fails.
    let _ = session.answer(if queued.is_ok() { Answer::Accepted } else { Answer::TryAgain }).await;
    if queued.is_ok() { Outcome::Queued } else { Outcome::TryAgain }
}

/// Work through all that is not claimed.
pub async fn work<S: Session>(session: &mut S, request: &Request) -> Outcome {
    work_through(session, request).await.unwrap_or(Outcome::TryAgain)
}

async fn work_through<S: Session>(session: &mut S, request: &Request) -> Result<Outcome, Error> {
    let now_ms = session.clock().await?;
    session.write(&UNCLAIM, [Value::Instant(now_ms)]).await?;
    let until_ms = now_ms.saturating_add_unsigned(request.settings.lease_ms);
    session.write(&CLAIM_ALL, [(&request.id).into(), Value::Instant(until_ms)]).await?;
    let claimed = session.read(&READ_CLAIMED, [(&request.id).into()]).await?;
    let claimed: Vec<Job> = claimed.iter().map(Job::from_row).collect::<Result<_, _>>()?;
    let mut outcome = Outcome::NothingToDo;
    for (place, Job { id, notice, .. }) in claimed.iter().enumerate() {
        let states = session.read(&READ_JOB_STATE, [id.into()]).await?;
        if states.first().is_none_or(|row| row.text(0) == Ok("done")) {
            continue;
        }
        session.write(&MARK_IN_PROGRESS, [id.into()]).await?;
        outcome = unlocked::payment_complete(session, request, notice, identity(&claimed[place..])).await?;
        session.write(&MARK_DONE, [id.into()]).await?;
        session.write(&RELEASE, [id.into()]).await?;
    }
    Ok(outcome)
}

/// The notice's side as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { append(&mut port, &request).await })
}

/// A worker's run as a coroutine.
pub fn start_work(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { work(&mut port, &request).await })
}
