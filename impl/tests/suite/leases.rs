//! Leases on each real engine, in a time that the test turns.

use paidonce_protocol::{Error, Row, Schema, Session as _};
use paidonce_sqlx::lease::{Lease, LeaseTerms};
use paidonce_sqlx::{Retry, Sessions as _};

use crate::shops::{ENGINES, on_each};
use crate::support::{int, text};
use crate::turned::{Timed, TimedSessions};

const TERMS: LeaseTerms = LeaseTerms { lease_ms: 30_000, retry: Retry { attempts: 3, first_ms: 1, most_ms: 1 } };

async fn take(sessions: &TimedSessions, session: &mut Timed, holder: &str) -> Option<Lease<crate::turned::Turned>> {
    Lease::take(&sessions.time, sessions, session, ("nightly", holder), TERMS).await.unwrap()
}

fn lease(holder: &str, until_ms: i64, fence: i64) -> Vec<Row> {
    vec![Row(vec![text("nightly"), text(holder), int(until_ms), int(fence)])]
}

/// The renewer's task needs turns of the executor and answers of the database; how many does not matter.
async fn until_rows_are(session: &mut Timed, wanted: &[Row]) {
    for _ in 0..100_000 {
        if session.connection.rows("leases").await.unwrap() == wanted {
            return;
        }
    }
    panic!("the row is {:?}", session.connection.rows("leases").await.unwrap());
}

#[tokio::test]
async fn a_lease_is_renewed_while_it_is_held_and_refuses_all_writes_once_it_is_lost() {
    on_each(&ENGINES, Schema::AsFound, async |shop| {
        let sessions = TimedSessions::to(shop);
        let (mut mine, mut theirs) = (sessions.open().await.unwrap(), sessions.open().await.unwrap());
        let held = take(&sessions, &mut mine, "worker-1").await.unwrap();
        assert_eq!((held.fence(), held.is_held()), (1, true));
        assert!(take(&sessions, &mut theirs, "worker-2").await.is_none());
        // Two renewals are due, 10 s apart, from second 1 on.
        for until_ms in [41_000, 51_000] {
            sessions.time.turn_for_a_pause(10_000).await;
            until_rows_are(&mut mine, &lease("worker-1", until_ms, 1)).await;
            assert!(held.is_held());
        }
        // Nobody comes to run for longer than the lease lasts. Before the renewer does, the work asks.
        sessions.time.turn_for_a_pause(30_000).await;
        assert!(!held.is_held());
        let next = take(&sessions, &mut theirs, "worker-2").await.unwrap();
        assert_eq!((next.fence(), next.is_held(), held.is_held()), (2, true, false));
        let mut guarded = held.guard(&mut mine);
        assert_eq!(guarded.begin().await, Err(Error::Refused));
        assert_eq!(guarded.rollback().await, Ok(()));
        assert_eq!(held.release(&mut mine).await, Err(Error::Refused));
        assert_eq!(mine.connection.rows("leases").await.unwrap(), lease("worker-2", 81_000, 2));
        next.release(&mut theirs).await.unwrap();
        assert_eq!(mine.connection.rows("leases").await.unwrap(), lease("worker-2", 0, 2));
        // It was given back: whoever has it next has it with a fence of their own.
        assert_eq!(take(&sessions, &mut mine, "worker-3").await.map(|lease| lease.fence()), Some(3));
    })
    .await;
}

#[tokio::test]
async fn what_the_database_says_of_a_lease_counts_whatever_the_clock_here_says() {
    on_each(&ENGINES, Schema::AsFound, async |shop| {
        // By a clock there that runs faster it was over: another has taken it, or nobody yet.
        let others = "UPDATE leases SET request_id = 'worker-2', fence = 2";
        let nobodys = "UPDATE leases SET until_ms = 11000";
        for (sql, then) in [(others, lease("worker-2", 31_000, 2)), (nobodys, lease("worker-1", 11_000, 1))] {
            let sessions = TimedSessions::to(shop);
            let mut session = sessions.open().await.unwrap();
            session.connection.send_sql("DELETE FROM leases").await.unwrap();
            let held = take(&sessions, &mut session, "worker-1").await.unwrap();
            session.connection.send_sql(sql).await.unwrap();
            assert!(held.is_held());
            // Its next renewal is due.
            sessions.time.turn_for_a_pause(10_000).await;
            for _ in 0..100_000 {
                if !held.is_held() {
                    break;
                }
                // A turn of the executor.
                session.connection.rows("leases").await.unwrap();
            }
            assert!(!held.is_held());
            assert_eq!(session.connection.rows("leases").await.unwrap(), then);
        }
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_lost_when_it_cannot_be_renewed() {
    on_each(&ENGINES, Schema::AsFound, async |shop| {
        let sessions = TimedSessions::to(shop);
        let mut session = sessions.open().await.unwrap();
        let held = take(&sessions, &mut session, "worker-1").await.unwrap();
        session.connection.send_sql("DROP TABLE leases").await.unwrap();
        sessions.time.turn_for_a_pause(10_000).await;
        for _ in 0..100_000 {
            if !held.is_held() {
                return;
            }
            session.connection.rows("jobs").await.unwrap();
        }
        panic!("the lease is held without its table");
    })
    .await;
}
