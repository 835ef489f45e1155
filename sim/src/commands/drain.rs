//! `paidonce work`: settles the notices that wait in a shop's database.

use std::collections::BTreeMap;
use std::io::Write;

use paidonce_protocol::Schema;
use paidonce_protocol::shop::Outcome;
use paidonce_sqlx::runtime::Tokio;
use paidonce_sqlx::worker::{Ended, Run, Worker, WorkerTerms};
use paidonce_sqlx::{Engine, Options, ShopAt, ShopSession, own_name, without_password};
use serde::Serialize;

use super::book::connect;
use super::cli::Work;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::{Exit, print_json, quoted};

/// The machine's form.
#[derive(Serialize)]
struct Json<'a> {
    database: String,
    /// The worker's name: with a number behind it, what stands in `booked_by` of the rows it wrote.
    worker: &'a str,
    /// `empty`, `stopped` or `gave up`.
    ended: &'static str,
    #[serde(flatten)]
    tally: &'a Tally,
}

/// What came of the runs.
#[derive(Default, Serialize)]
struct Tally {
    /// How many notices were settled, each with what came of it.
    handled: u64,
    outcomes: BTreeMap<String, u64>,
    /// How many runs came to nothing.
    failed: u64,
    /// What went wrong on the way, in its order.
    errors: Vec<String>,
    #[serde(skip)]
    for_somebody: bool,
}

/// A long drain keeps so many of its errors for the machine's form, the last ones.
const MOST_ERRORS: usize = 100;

pub(super) fn run(asked: &Work, out: &mut dyn Write) -> Result<Exit, Failure> {
    let database = without_password(&asked.database);
    if !asked.json {
        writeln!(out, "worker · {database} · claims of {} s", asked.lease)?;
        out.flush()?;
    }
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Executor)?;
    let interrupt = Interrupt::listen(&executor)?;
    let worker = Worker {
        runtime: Tokio,
        sessions: ShopAt::new(&asked.database, Options::shop(Engine::of_url(&asked.database)?)),
        name: own_name("worker"),
        terms: WorkerTerms { lease_ms: asked.lease.saturating_mul(1_000), ..WorkerTerms::default() },
    };
    let mut tally = Tally::default();
    let mut written = Ok(());
    let ended = executor.block_on(async {
        let mut connection = connect(&asked.database).await?;
        connection.check_schema(Schema::Paidonce).await?;
        let mut session = ShopSession::new(connection);
        let on_run = |session: &mut ShopSession, run: Run| {
            let errors: Vec<String> = session.take_errors().iter().map(ToString::to_string).collect();
            if !asked.json && written.is_ok() {
                written = tell(out, &run, &errors);
            }
            tally.note(&run, errors);
        };
        let ended = worker.run(&mut session, &mut interrupt.as_stop(), on_run).await;
        session.into_parts().0.close().await;
        Ok::<_, Failure>(ended)
    })?;
    written?;
    let handled = if tally.for_somebody { Exit::Found } else { Exit::Clean };
    let (exit, ended, says) = match ended {
        Ended::Empty => (handled, "empty", "no notice waits"),
        Ended::Stopped => (handled, "stopped", "stopped"),
        Ended::GaveUp => (Exit::Undecided, "gave up", "gave up: run after run came to nothing"),
    };
    if asked.json {
        print_json(out, &Json { database, worker: &worker.name, ended, tally: &tally })?;
    } else {
        let (handled, database) = (tally.handled, quoted(&database));
        writeln!(out, "{says}; {handled} handled here · paidonce work --database {database}")?;
    }
    Ok(exit)
}

impl Tally {
    fn note(&mut self, run: &Run, errors: Vec<String>) {
        self.errors.extend(errors);
        let first_kept = self.errors.len().saturating_sub(MOST_ERRORS);
        self.errors.drain(..first_kept);
        if run.outcome == Outcome::TryAgain {
            self.failed += 1;
            return;
        }
        self.handled += 1;
        *self.outcomes.entry(run.outcome.to_string()).or_default() += 1;
        self.for_somebody |=
            matches!(run.outcome, Outcome::ToRefund(_) | Outcome::ForReview(_) | Outcome::AlreadyForReview(_));
    }
}

fn tell(out: &mut dyn Write, run: &Run, errors: &[String]) -> std::io::Result<()> {
    for error in errors {
        writeln!(out, "on the way: {error}")?;
    }
    if let Some(job) = &run.job {
        let (txn_id, order_id, outcome) = (&job.notice.txn_id, &job.notice.order_id, run.outcome);
        let lost = if run.was_lost { " (the claim was lost)" } else { "" };
        writeln!(out, "payment {txn_id} for order {order_id}: {outcome}{lost}")?;
    }
    // Each line is there as soon as it is true.
    out.flush()
}
