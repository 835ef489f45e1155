//! Locks by name under every interleaving: what they protect, and what not.

use paidonce_model::flow::{Faults, Flow};
use paidonce_model::trace::Event;
use paidonce_model::{Engine, Family, Verdict};
use paidonce_protocol::{Error, Port, Session, Statement};

const SCHEMA: &str = "
    CREATE TABLE booked (by VARCHAR(16) NOT NULL PRIMARY KEY);
    CREATE TABLE given_up (by VARCHAR(16) NOT NULL PRIMARY KEY)";

static LOCK: Statement =
    Statement::new("lock", "SELECT pg_advisory_lock(hashtext($1))").on_mariadb("SELECT GET_LOCK(?, 10)");
static UNLOCK: Statement =
    Statement::new("unlock", "SELECT pg_advisory_unlock(hashtext($1))").on_mariadb("SELECT RELEASE_LOCK(?)");
static LOCK_FOR_TRANSACTION: Statement =
    Statement::new("lock_for_transaction", "SELECT pg_advisory_xact_lock(hashtext($1))")
        .on_mariadb("SELECT GET_LOCK(?, 10)");
static COUNT: Statement = Statement::new("count", "SELECT COUNT(*) FROM booked");
static BOOK: Statement = Statement::new("book", "INSERT INTO booked (by) VALUES ($1)");
static GIVE_UP: Statement = Statement::new("give_up", "INSERT INTO given_up (by) VALUES ($1)");

async fn book_if_nobody_has(session: &mut impl Session, name: &str) -> Result<(), Error> {
    let booked = session.read(&COUNT, []).await?.first().ok_or(Error::Refused)?.int(0)?;
    if booked == 0 {
        session.write(&BOOK, [name.into()]).await?;
    }
    Ok(())
}

/// Looks and books under the connection's lock.
async fn locked(mut session: impl Session, name: &str) -> Result<(), Error> {
    let got = session.read(&LOCK, ["order-7".into()]).await?;
    if got.first().is_some_and(|row| row.int(0) == Ok(0)) {
        return session.write(&GIVE_UP, [name.into()]).await.map(drop);
    }
    book_if_nobody_has(&mut session, name).await?;
    session.read(&UNLOCK, ["order-7".into()]).await.map(drop)
}

/// The same within a transaction that has the lock first.
async fn locked_in_transaction(mut session: impl Session, name: &str) -> Result<(), Error> {
    session.begin().await?;
    session.read(&LOCK_FOR_TRANSACTION, ["order-7".into()]).await?;
    book_if_nobody_has(&mut session, name).await?;
    session.commit().await
}

fn flow<R>(code: fn(Port, &'static str) -> R) -> Flow
where
    R: Future<Output = Result<(), Error>> + Send + 'static,
{
    let mut flow =
        Flow::new("book", SCHEMA).statements([&LOCK, &UNLOCK, &LOCK_FOR_TRANSACTION, &COUNT, &BOOK, &GIVE_UP]);
    for name in ["ann", "bob", "eve"] {
        flow = flow.actor(name, move |port| code(port, name));
    }
    flow.always("it_is_booked_once", |rows| {
        let by = rows.texts("booked", "by")?;
        Ok((by.len() > 1).then(|| format!("{} have booked it", by.join(" and "))))
    })
}

fn servers() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.family() != Family::Sqlite)
}

fn verdict(flow: &Flow, engine: Engine) -> Verdict {
    flow.check(engine.name()).unwrap_or_else(|error| panic!("{}: {error}", engine.name())).verdict
}

#[test]
fn a_connections_lock_protects_what_is_done_statement_by_statement() {
    let locked = flow(locked);
    let bare = flow(|mut port, name| async move { book_if_nobody_has(&mut port, name).await });
    for engine in servers() {
        assert_eq!(verdict(&locked, engine), Verdict::Holds, "{}", engine.name());
        assert!(matches!(verdict(&bare, engine), Verdict::Violated(_)), "{}", engine.name());
    }
}

/// On PostgreSQL the snapshot is there before the lock; on MariaDB the lock, which no commit gives back, is had until the
/// connection ends.
#[test]
fn a_lock_that_comes_after_the_snapshot_protects_nothing() {
    let flow = flow(locked_in_transaction);
    for engine in servers() {
        let holds = engine.name() != "postgres/repeatable-read";
        assert_eq!(verdict(&flow, engine) == Verdict::Holds, holds, "{}", engine.name());
    }
}

#[test]
fn whoever_dies_in_silence_keeps_the_lock_until_the_others_time_is_over() {
    let flow = Flow::new("book", SCHEMA)
        .statements([&LOCK, &UNLOCK, &COUNT, &BOOK, &GIVE_UP])
        .actor("ann", |port| locked(port, "ann"))
        .actor("bob", |port| locked(port, "bob"))
        .faults(Faults { deaths: 1, ticks: 1, ..Faults::default() })
        .always("nobody_gives_up", |rows| {
            let by = rows.texts("given_up", "by")?;
            Ok(by.first().map(|by| format!("{by} has given up")))
        });
    let Verdict::Violated(trace) = verdict(&flow, Engine::MariaDbReadCommitted) else {
        panic!("somebody waits in vain")
    };
    let woken = trace.steps.iter().find_map(|step| match &step.event {
        Event::Ticked { to_ms, woken } if !woken.is_empty() => Some(*to_ms),
        _ => None,
    });
    assert_eq!(woken, Some(10_000), "the seconds are the statement's own");
}
