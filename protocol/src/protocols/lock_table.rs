//! W3 `lock_table`: the pull request's lock, a row in a table with the moment it expires.
//!
//! A request makes the row, works as `unlocked` does, and deletes the row. Whoever finds an expired row deletes it and
//! starts again.
//!
//! 1. `clock`, `insert_lock`: make the row unless there is one (`INSERT IGNORE`).
//! 2. `read_lock`: whose row is it? Gone in the meantime: refused.
//! 3. `clock`: by this web server's clock, is the row still alive? Then refused.
//! 4. `delete_lock`: it is expired. Delete it *by name* and start again, as often as it takes.
//! 5. Refused: `wait` and try again, a bounded number of times.
//! 6. With the row: the steps of `unlocked`.
//! 7. `delete_lock`: release, again *by name*.
//!
//! Errors of the lock's statements count as "no row", as they did in the pull request.

use crate::shop::{Input, Money, Outcome, Request};
use crate::{Answer, Body, Error, Port, Session, Statement, Value};

use super::unlocked::{self, payment_complete};

static INSERT_LOCK: Statement = Statement::new(
    "insert_lock",
    "INSERT INTO locks (name, request_id, expires_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
);

static READ_LOCK: Statement = Statement::new("read_lock", "SELECT expires_ms FROM locks WHERE name = $1");

static DELETE_LOCK: Statement = Statement::new("delete_lock", "DELETE FROM locks WHERE name = $1");

static DELETE_OWN_LOCKS: Statement = Statement::new("delete_own_locks", "DELETE FROM locks WHERE request_id = $1");

/// Every statement this protocol may send.
pub static STATEMENTS: [&Statement; 10] = {
    let [read_status, record, save_txn, save_status, read_lines, reduce] = unlocked::STATEMENTS;
    [
        &INSERT_LOCK,
        &READ_LOCK,
        &DELETE_LOCK,
        &DELETE_OWN_LOCKS,
        read_status,
        record,
        save_txn,
        save_status,
        read_lines,
        reduce,
    ]
};

/// Book a notice under a lock kept as a row.
pub async fn lock_table<S: Session>(session: &mut S, request: &Request) -> Outcome {
    let Input::Notice(notice) = &request.input else { return Outcome::TryAgain };
    if notice.payment_status.money() != Money::Taken {
        let _ = session.answer(Answer::Accepted).await;
        return Outcome::NothingToBook;
    }
    if !acquire(session, request, false).await {
        let _ = session.answer(request.settings.refused_answer).await;
        return Outcome::TryAgain;
    }
    if request.settings.hook_inside {
        // A plugin that locks the same order, because nobody told it that the order is locked. It goes on either way.
        acquire(session, request, true).await;
    }
    // How it got the lock no longer matters.
    let _ = session.checkpoint("inside", 0).await;
    let booked = payment_complete(session, request, notice, 0).await;
    let _ = session.write(&DELETE_LOCK, [request.section().as_str().into()]).await;
    session.ends(&request.section());
    let answer = if booked.is_ok() { Answer::Accepted } else { Answer::TryAgain };
    let _ = session.answer(answer).await;
    booked.unwrap_or(Outcome::TryAgain)
}

/// Get the lock, waiting a while for it. `inside` says that this request already has it.
async fn acquire<S: Session>(session: &mut S, request: &Request, inside: bool) -> bool {
    let section = request.section();
    let mut polls_left = request.settings.polls;
    loop {
        let state = polls_left * 2 + u64::from(inside);
        if let Some(expires_ms) = create_lock(session, request, state).await {
            session.holds(&section, Some(expires_ms));
            return true;
        }
        if polls_left == 0 {
            session.refused(&section);
            return false;
        }
        polls_left -= 1;
        let _ = session.wait(request.settings.poll_ms).await;
    }
}

/// Make the row, or find out that another has it. Without a bound, as in the pull request, where it called itself.
async fn create_lock<S: Session>(session: &mut S, request: &Request, state: u64) -> Option<i64> {
    let section = request.section();
    loop {
        session.checkpoint("create_lock", state).await.ok()?;
        let expires_ms = session.clock().await.ok()?.saturating_add_unsigned(request.settings.lease_ms);
        let row = [section.as_str().into(), (&request.id).into(), Value::Instant(expires_ms)];
        if session.write(&INSERT_LOCK, row).await.unwrap_or(0) > 0 {
            return Some(expires_ms);
        }
        let found = session.read(&READ_LOCK, [section.as_str().into()]).await.unwrap_or_default();
        let expires_ms = found.first()?.int(0).ok()?;
        if expires_ms > session.clock().await.ok()? {
            return None;
        }
        let _ = session.write(&DELETE_LOCK, [section.as_str().into()]).await;
    }
}

/// This protocol as a coroutine.
pub fn start(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move { lock_table(&mut port, &request).await })
}

/// The shutdown hook: after an exception, delete what this request had locked. As wired in the pull request it never
/// ran, so whether it does is a setting.
pub fn shut_down(mut port: Port, request: Request) -> Body<Outcome> {
    Box::pin(async move {
        if request.settings.shutdown_release {
            let _: Result<u64, Error> = port.write(&DELETE_OWN_LOCKS, [(&request.id).into()]).await;
        }
        Outcome::TryAgain
    })
}
