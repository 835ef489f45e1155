//! Workers on each real engine.

use paidonce_protocol::shop::Outcome;
use paidonce_protocol::{Answer, Schema};
use paidonce_sqlx::runtime::{Tokio, stop};
use paidonce_sqlx::worker::{Ended, Run, Worker, WorkerTerms};
use paidonce_sqlx::{Connection, Options, ShopAt, ShopSession, audit, book_later, create_demo_shop, read_notice};

use crate::shops::{ENGINES, Shop, on_each};
use crate::turned::TimedSessions;

const IPN: &str = include_str!("../../../specs/samples/ipn.txt");

/// A demo shop in place of an empty database.
async fn demo(shop: &Shop) {
    shop.vacate().await;
    create_demo_shop(shop.url()).await.unwrap();
}

async fn keep(shop: &Shop, body: &str) -> Outcome {
    let kept = book_later(shop.connect().await, read_notice(body).unwrap()).await.unwrap();
    assert_eq!((kept.answer, kept.errors.len()), (Answer::Accepted, 0));
    kept.outcome
}

fn worker(shop: &Shop) -> Worker<Tokio, ShopAt> {
    let sessions = ShopAt::new(shop.url(), Options::shop(shop.engine));
    Worker { runtime: Tokio, sessions, name: "worker-1".to_owned(), terms: WorkerTerms::default() }
}

async fn states(connection: &mut Connection) -> Vec<String> {
    let rows = connection.rows("jobs").await.unwrap();
    rows.iter().map(|row| row.text(8).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_kept_is_settled_once_and_the_worker_ends_when_none_waits() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        demo(shop).await;
        assert_eq!(keep(shop, IPN).await, Outcome::Queued);
        assert_eq!(keep(shop, IPN).await, Outcome::AlreadyQueued);
        let short = IPN.replace("invoice=1", "invoice=3").replace("8XY", "9ZZ");
        assert_eq!(keep(shop, &short).await, Outcome::Queued);
        let mut session = ShopSession::new(shop.connect().await);
        let (mut runs, (_stopper, mut stop)) = (Vec::new(), stop());
        let ended = worker(shop).run(&mut session, &mut stop, |_, run: Run| runs.push(run)).await;
        assert_eq!(ended, Ended::Empty);
        let outcomes: Vec<String> = runs.iter().map(|run| run.outcome.to_string()).collect();
        assert_eq!(outcomes, ["booked", "queued for refund: stock too short"]);
        assert!(runs.iter().all(|run| !run.was_lost && run.job.as_ref().is_some_and(|job| job.fence == 1)));
        let mut connection = shop.connect().await;
        assert_eq!(states(&mut connection).await, ["done", "done"]);
        assert_eq!(audit::run_all(&mut connection).await.unwrap().violations(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_claims_nothing_more() {
    on_each(&ENGINES[..1], Schema::Paidonce, async |shop| {
        demo(shop).await;
        for order in ["1", "2"] {
            let other = IPN.replace("invoice=1", &format!("invoice={order}")).replace("8XY", &format!("8X{order}"));
            keep(shop, &other).await;
        }
        let mut session = ShopSession::new(shop.connect().await);
        let (stopper, mut stop) = stop();
        let ended = worker(shop).run(&mut session, &mut stop, |_, _| stopper.stop()).await;
        assert_eq!(ended, Ended::Stopped);
        // The one that it was at is finished.
        assert_eq!(states(&mut shop.connect().await).await, ["done", "waiting"]);
        let claimed_by = shop.connect().await.rows("jobs").await.unwrap()[1].text(9).unwrap().to_owned();
        assert_eq!(claimed_by, "");
    })
    .await;
}

#[tokio::test]
async fn a_dead_workers_job_is_somebody_elses_once_its_claim_is_over() {
    on_each(&ENGINES, Schema::Paidonce, async |shop| {
        demo(shop).await;
        keep(shop, IPN).await;
        let sessions = TimedSessions::to(shop);
        let mut connection = shop.connect().await;
        // Its worker has died, and its claim has 10 s to go.
        let dead = "UPDATE jobs SET claimed_by = 'worker-0-1', until_ms = 11000, fence = 1";
        connection.send_sql(dead).await.unwrap();
        let time = sessions.time.clone();
        let mut session = paidonce_sqlx::Sessions::open(&sessions).await.unwrap();
        let terms = WorkerTerms { poll_ms: 4_000, ..WorkerTerms::default() };
        let worker = Worker { runtime: time.clone(), sessions, name: "worker-1".to_owned(), terms };
        let (_stopper, mut stop) = stop();
        let mut runs = Vec::new();
        let working = worker.run(&mut session, &mut stop, |_, run| runs.push(run));
        let turning = async {
            loop {
                tokio::task::yield_now().await;
                time.turn(1);
            }
        };
        let ended = tokio::select! { ended = working => ended, () = turning => unreachable!() };
        assert_eq!(ended, Ended::Empty);
        assert_eq!(runs.iter().map(|run| run.outcome).collect::<Vec<_>>(), [Outcome::Booked]);
        assert_eq!(connection.rows("jobs").await.unwrap()[0].int(11), Ok(2));
        assert_eq!(audit::run_all(&mut connection).await.unwrap().violations(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_worker_without_a_database_gives_up() {
    on_each(&ENGINES[..1], Schema::AsFound, async |shop| {
        let mut connection = shop.connect().await;
        connection.send_sql("DROP TABLE jobs").await.unwrap();
        let mut session = ShopSession::new(connection);
        let (_stopper, mut stop) = stop();
        let mut errors = 0;
        let retry = paidonce_sqlx::Retry { attempts: 3, first_ms: 1, most_ms: 1 };
        let worker = Worker { terms: WorkerTerms { retry, ..WorkerTerms::default() }, ..worker(shop) };
        let ended = worker.run(&mut session, &mut stop, |session, _| errors += session.take_errors().len()).await;
        assert_eq!((ended, errors), (Ended::GaveUp, 3));
    })
    .await;
}
