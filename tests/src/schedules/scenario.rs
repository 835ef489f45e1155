//! What runs at once, and what has to be true of it.

use std::sync::Arc;

use ::shuttle::rand::RngCore as _;
use ::shuttle::rand::rngs::ThreadRng;
use paidonce_model::Engine;
use paidonce_model::shared::{Ground, Shared};
use paidonce_protocol::catalogue;
use paidonce_protocol::shop::{Notice, PaymentStatus};
use paidonce_protocol::{Error, Schema, Session as _, Statement, Value};
use paidonce_sqlx::lease::{Lease, LeaseTerms, RENEW_CLAIM, RENEW_LEASE};
use paidonce_sqlx::runtime::{Runtime as _, Stop, stop};
use paidonce_sqlx::worker::{Ended, FIND_WAITING, Worker, WorkerTerms};
use paidonce_sqlx::{Retry, Sessions as _};

use super::protocols::{self, LEASE_MS};
use super::world::{Claims, ModelSession, World, turn};

/// A number at what is protected: of two writes the later one has the larger one.
static WRITE_NUMBER: Statement =
    Statement::new("write_number", "UPDATE stock SET owned = $1, on_hand = $2 WHERE sku = 'nightly' AND owned < $3");

const TERMS: LeaseTerms =
    LeaseTerms { lease_ms: LEASE_MS, retry: Retry { attempts: 4, first_ms: 100, most_ms: 1_000 } };

/// Something that goes on in several tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Two workers with two jobs, and claims that run out while they work.
    TwoWorkers,
    /// Two holders of one lease, one after the other, whose renewers come late.
    PausedRenewer {
        /// The work asks its lease now and then. Without it, it believes in the lease for ever.
        asks: bool,
        /// The last write's transaction begins with the fence. Without it, the write is made whoever has the lease.
        fenced: bool,
    },
    /// A worker that is asked to stop while it claims.
    StopAndClaim,
    /// Notices and a cancel, handled by a protocol of the catalogue; by an admin's and `settle`.
    Protocol(&'static str),
}

impl Scenario {
    /// Notices and a cancel, handled by the protocol of this name.
    ///
    /// # Panics
    /// When there is no such protocol.
    pub fn protocol(name: &str) -> Self {
        let found = catalogue::find(name).unwrap_or_else(|| panic!("there is no protocol {name}"));
        Scenario::Protocol(found.name)
    }

    /// The database that it begins with.
    pub(super) fn ground(self, engine: Engine) -> Arc<Ground> {
        let ground = match self {
            Scenario::Protocol(name) => protocols::ground(name, engine),
            Scenario::TwoWorkers | Scenario::StopAndClaim | Scenario::PausedRenewer { .. } => {
                let protocol = catalogue::find("worker").expect("the catalogue has it");
                let lease = catalogue::find("fenced_lease").expect("the catalogue has it");
                let own = [&RENEW_CLAIM, &RENEW_LEASE, &FIND_WAITING, &WRITE_NUMBER];
                let all: Vec<&'static Statement> =
                    protocol.statements.iter().chain(lease.statements).chain(&own).copied().collect();
                let mut rows = protocols::shop();
                rows.push(("stock", vec!["nightly".into(), 0.into(), 0.into()]));
                rows.extend(jobs());
                Ground::new(engine, Schema::Paidonce, &all, &rows, (8, 5_000))
            }
        };
        Arc::new(ground.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Let it all go on, and judge it.
    pub(super) async fn run(self, world: World) {
        let time = ::shuttle::future::spawn(world.clone().time());
        match self {
            Scenario::TwoWorkers => two_workers(&world).await,
            Scenario::PausedRenewer { asks, fenced } => paused_renewer(&world, asks, fenced).await,
            Scenario::StopAndClaim => stop_and_claim(&world).await,
            Scenario::Protocol(name) => protocols::run(&world, name).await,
        }
        world.finish().await;
        world.ends();
        if time.await.is_err() {
            world.breaks("time was ended from outside".to_owned());
        }
    }
}

/// One of so many moments, by chance.
pub(super) fn some_moment(of: u64) -> u64 {
    ThreadRng::default().next_u64() % of
}

/// Time passes by all of a lease and by half of it, at two of the first so many moments.
pub(super) fn pauses(of: u64) -> Vec<(u64, u64)> {
    vec![(some_moment(of), LEASE_MS), (some_moment(of), LEASE_MS / 2)]
}

/// The notices of the jobs: the two orders want the same units, and there are not enough for both.
fn notices() -> [Notice; 2] {
    [protocols::notice("8XY", "1"), protocols::notice("9ZZ", "2")]
}

fn jobs() -> Vec<(&'static str, Vec<Value>)> {
    let job = |(number, notice): (usize, Notice)| {
        let Notice { provider, txn_id, payment_status, order_id, amount_cents, currency, receiver } = notice;
        let text = |text: &str| Value::from(text);
        let row = vec![
            Value::from(&format!("later-{number}")),
            text(&provider),
            text(&txn_id),
            text(PaymentStatus::as_str(&payment_status)),
            text(&order_id),
            amount_cents.into(),
            text(&currency),
            text(&receiver),
            text("waiting"),
            text(""),
            0.into(),
            0.into(),
            1.into(),
        ];
        ("jobs", row)
    };
    notices().into_iter().enumerate().map(job).collect()
}

fn worker(world: &World, name: &str) -> Worker<World, World> {
    let retry = Retry { attempts: 6, ..TERMS.retry };
    let terms = WorkerTerms { lease_ms: LEASE_MS, poll_ms: LEASE_MS, attempts: 3, retry };
    Worker { runtime: world.clone(), sessions: world.clone(), name: name.to_owned(), terms }
}

/// A worker in a task of its own, whose writes are looked at: each is under a claim that the database has, too.
fn spawn_worker(world: &World, name: &str, mut stop: Stop) {
    let (worker, world) = (worker(world, name), world.clone());
    let (sessions, runtime) = (world.clone(), world.clone());
    runtime.spawn(async move {
        let Ok(mut session) = sessions.open().await else { return };
        session.claims = Some(Claims::default());
        let on_run = |_: &mut ModelSession, run: paidonce_sqlx::worker::Run| {
            if run.was_lost {
                world.loses();
            }
        };
        worker.run(&mut session, &mut stop, on_run).await;
        sessions.close(session).await;
    });
}

/// Whoever comes last, alone: settles what is left, so that there is a rest to be judged.
async fn drain(world: &World) {
    let (_stopper, mut stop) = stop();
    let Ok(mut session) = world.open().await else { return };
    let ended = worker(world, "worker-last").run(&mut session, &mut stop, |_, _| {}).await;
    world.close(session).await;
    if ended != Ended::Empty {
        world.breaks(format!("a worker alone with the jobs ended otherwise: {ended:?}"));
        return;
    }
    if world.look(|shared| shared.rows("jobs").iter().any(|row| row.text(8) != Ok("done"))) {
        world.breaks("a worker found no job that waits, and one does".to_owned());
    }
    notices().iter().for_each(|notice| world.accepted(notice));
    world.judge_rest();
}

async fn two_workers(world: &World) {
    world.jumps(pauses(120));
    let (_stopper, stop) = stop();
    spawn_worker(world, "worker-1", stop.clone());
    spawn_worker(world, "worker-2", stop);
    world.finish().await;
    drain(world).await;
}

async fn stop_and_claim(world: &World) {
    let (stopper, stop) = stop();
    spawn_worker(world, "worker-1", stop);
    world.spawn(async move {
        for _ in 0..some_moment(40) {
            turn().await;
        }
        stopper.stop();
    });
    world.finish().await;
    // What it had claimed it has finished or given back.
    let left = |shared: &Shared| {
        let jobs = shared.rows("jobs");
        jobs.iter()
            .find(|row| row.text(8) == Ok("waiting") && row.int(10) != Ok(0))
            .map(|row| row.text(0).map(str::to_owned))
    };
    if let Some(Ok(id)) = world.look(left)
        && !world.has_lost()
    {
        world.breaks(format!("{id} is still claimed by a worker that was asked to stop, and has"));
    }
    drain(world).await;
}

async fn paused_renewer(world: &World, asks: bool, fenced: bool) {
    world.jumps(pauses(60));
    for holder in ["worker-1", "worker-2"] {
        let (runtime, world) = (world.clone(), world.clone());
        runtime.spawn(async move {
            let Ok(mut session) = world.open().await else { return };
            for _ in 0..3 {
                let taken = Lease::take(&world, &world, &mut session, ("nightly", holder), TERMS).await;
                match taken {
                    Ok(Some(lease)) => {
                        if !work(&world, &mut session, &lease, asks, fenced).await {
                            world.loses();
                        }
                        break;
                    }
                    Ok(None) | Err(Error::Conflict) => world.pause(LEASE_MS / 2).await,
                    Err(_) => break,
                }
            }
            world.close(session).await;
        });
    }
}

/// Long work, which asks its lease now and then, and a last write: whether it was made.
async fn work(world: &World, session: &mut ModelSession, lease: &Lease<World>, asks: bool, fenced: bool) -> bool {
    for _ in 0..3 {
        world.pause(LEASE_MS / 4).await;
        if asks && !lease.is_held() {
            return false;
        }
        // Nobody has had a turn since.
        if asks && !the_database_has(world, lease.fence()) {
            world.breaks(format!("the lease with fence {} is held here, and not in the database", lease.fence()));
        }
    }
    match last_write(session, lease, fenced).await {
        Ok(0) => {
            world.breaks(format!("fence {} made its last write behind a newer one", lease.fence()));
            true
        }
        Ok(_) => true,
        Err(_) => {
            let _ = session.rollback().await;
            false
        }
    }
}

async fn last_write(session: &mut ModelSession, lease: &Lease<World>, fenced: bool) -> Result<u64, Error> {
    session.begin().await?;
    if fenced {
        lease.release(session).await?;
    }
    let fence = || Value::Int(lease.fence());
    let written = session.write(&WRITE_NUMBER, [fence(), fence(), fence()]).await?;
    session.commit().await?;
    Ok(written)
}

fn the_database_has(world: &World, fence: i64) -> bool {
    world.look(|shared| {
        let (rows, now_ms) = (shared.rows("leases"), shared.now_ms());
        rows.iter().any(|row| row.int(3) == Ok(fence) && row.int(2).is_ok_and(|until_ms| until_ms > now_ms))
    })
}

#[cfg(test)]
mod tests {
    use paidonce_protocol::protocols::worker;

    /// `ModelSession` tells by these when a claim begins and ends.
    #[test]
    fn the_statements_that_are_looked_for_are_the_protocols() {
        let names: Vec<&str> = worker::STATEMENTS.iter().map(|statement| statement.name).collect();
        for name in ["find_job", "claim_job", "finish_job", "give_back_job"] {
            assert!(names.contains(&name), "the session looks for `{name}`");
        }
    }
}
