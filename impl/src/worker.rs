//! A worker: settles the notices that wait in the table `jobs`, one after the other.
//!
//! A run is the protocol `worker`'s own: claim a job, settle it, finish it or give it back. The claim is a lease, which is
//! renewed while the job is settled: a job that takes long is nobody else's, and one whose worker is dead soon is. A run
//! may end anywhere and be made again: the books stay right by `settle`, the job stays by its row.

use std::hash::Hasher as _;

use fnv::FnvHasher;
use paidonce_protocol::protocols::worker::{Job, claim_one, settle_claimed};
use paidonce_protocol::shop::{Input, Outcome, Request, Settings};
use paidonce_protocol::{Error, Session, Statement, Without};

use crate::lease::{Lease, LeaseTerms};
use crate::retry::Tries;
use crate::runtime::{Runtime, Stop};
use crate::{Retry, Sessions};

/// A job that is not done, whoever has claimed it.
pub static FIND_WAITING: Statement =
    Statement::new("find_waiting", "SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 1");

/// How a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerTerms {
    /// How long a claim lasts when its worker is gone, in milliseconds.
    pub lease_ms: u64,
    /// How long a worker waits about before it looks again for a job, when all that wait are claimed by others, in
    /// milliseconds.
    pub poll_ms: u64,
    /// How often a transaction is tried within a run when the database answers `Conflict`.
    pub attempts: u64,
    /// How runs that came to nothing are followed by others, and how a renewal that meets a `Conflict` is.
    pub retry: Retry,
}

impl Default for WorkerTerms {
    fn default() -> Self {
        WorkerTerms { lease_ms: 30_000, poll_ms: 500, attempts: Settings::default().attempts, retry: Retry::default() }
    }
}

/// A worker that has not begun.
#[derive(Debug)]
pub struct Worker<R, D> {
    /// What it runs on.
    pub runtime: R,
    /// Where the session comes from that a claim is renewed on.
    pub sessions: D,
    /// Different from the names of all other workers, also of those before it.
    pub name: String,
    /// How it works.
    pub terms: WorkerTerms,
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The job, if one was claimed.
    pub job: Option<Job>,
    /// What came of it.
    pub outcome: Outcome,
    /// True when the claim was lost before the run was over.
    pub was_lost: bool,
}

/// Why a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No notice waits any more.
    Empty,
    /// Somebody asked for an end. What it had claimed it has finished or given back.
    Stopped,
    /// Too many runs came to nothing, one after the other.
    GaveUp,
}

impl<R: Runtime, D: Sessions> Worker<R, D> {
    /// Work until no notice waits any more, until somebody asks for an end, or until nothing succeeds. `on_run` is told of
    /// each run that had a job, or that failed.
    pub async fn run(
        &self,
        session: &mut D::Session,
        stop: &mut Stop,
        mut on_run: impl FnMut(&mut D::Session, Run),
    ) -> Ended {
        let mut tries = Tries::new(self.terms.retry, seed(&self.name));
        let mut runs = 0_u64;
        while !stop.has_come() {
            runs += 1;
            let mut run = self.run_once(session, runs).await;
            if run.outcome == Outcome::NothingToDo {
                match is_empty(session).await {
                    Ok(true) => return Ended::Empty,
                    // Others have claimed what there is. They finish it, or their claims run out.
                    Ok(false) => {
                        stop.or_pause(&self.runtime, tries.about(self.terms.poll_ms)).await;
                        continue;
                    }
                    Err(_) => run.outcome = Outcome::TryAgain,
                }
            }
            let failed = run.outcome == Outcome::TryAgain;
            on_run(session, run);
            if !failed {
                tries.succeeded();
                continue;
            }
            match tries.failed() {
                Some(pause_ms) => stop.or_pause(&self.runtime, pause_ms).await,
                None => return Ended::GaveUp,
            }
        }
        Ended::Stopped
    }

    /// One run of the protocol, its second half under the lease that the first half's claim is.
    async fn run_once(&self, session: &mut D::Session, number: u64) -> Run {
        let WorkerTerms { lease_ms, attempts, retry, .. } = self.terms;
        let request = Request {
            id: format!("{}-{number}", self.name),
            input: Input::Work,
            settings: Settings { lease_ms, attempts, ..Settings::default() },
            without: Without::NOTHING,
        };
        let sent_ms = self.runtime.now_ms();
        let job = match claim_one(session, &request).await {
            Ok(job) => job,
            Err(outcome) => return Run { job: None, outcome, was_lost: false },
        };
        let terms = LeaseTerms { lease_ms, retry };
        let lease = Lease::of_claim(&self.runtime, &self.sessions, &job, sent_ms, terms);
        let outcome = settle_claimed(&mut lease.guard(session), &request, &job).await;
        Run { job: Some(job), outcome, was_lost: !lease.is_held() }
    }
}

async fn is_empty<S: Session>(session: &mut S) -> Result<bool, Error> {
    Ok(session.read(&FIND_WAITING, []).await?.is_empty())
}

/// Workers that begin at one moment do not wait alike.
fn seed(name: &str) -> u64 {
    let mut hash = FnvHasher::default();
    hash.write(name.as_bytes());
    hash.finish()
}
