//! One step at a time on real servers: who waits is the engine's own word.

use std::time::Duration;

use paidonce_protocol::{Call, Error, Reply, Schema, Statement};
use paidonce_sqlx::lockstep::{Lockstep, LockstepError, SessionId, Standing};
use paidonce_sqlx::server::{Durability, Server, Software, Stop};
use paidonce_sqlx::{Engine, Options};

use crate::shops::{ENGINES, Shop};
use crate::support::{int, row, run, stock, text};

static TAKE: Statement = Statement::new("take", "UPDATE stock SET on_hand = on_hand - $1 WHERE sku = $2");

/// A timer of an engine's is over long before.
const AT_MOST: Duration = Duration::from_secs(60);

fn take(sku: &str) -> Call {
    run(&TAKE, [int(1), text(sku)])
}

/// A shop with three skus, and the steps that are taken there.
async fn stage(engine: &str) -> Option<(Shop, Lockstep)> {
    let shop = Shop::new(engine, Schema::Paidonce).await?;
    let rows = ["cup", "mug", "tee"].map(|sku| stock(sku, 9, 9));
    shop.connect().await.insert("stock", rows.to_vec()).await.unwrap();
    let lockstep = Lockstep::open(shop.url(), shop.engine).await.unwrap();
    Some((shop, lockstep))
}

/// Sessions without any time-out.
fn sessions<const N: usize>(lockstep: &mut Lockstep) -> [SessionId; N] {
    std::array::from_fn(|_| lockstep.session(Options::lockstep(lockstep.engine())))
}

fn answer(standing: Standing) -> Reply {
    match standing {
        Standing::Answered(answer) => answer.unwrap_or_else(|error| panic!("{error}")),
        Standing::Blocked { .. } => panic!("it waits"),
    }
}

fn code(standing: Standing) -> (Error, String) {
    match standing {
        Standing::Answered(Err(error)) => (error.kind(), error.code().unwrap_or_default().to_owned()),
        other => panic!("{other:?}"),
    }
}

fn blocked(standing: Standing, engine: Engine, by: &[SessionId]) {
    let Standing::Blocked { by: said, .. } = standing else { panic!("{standing:?}") };
    if let Engine::Postgres(_) = engine {
        assert_eq!(said, by);
    }
}

#[tokio::test]
async fn a_waiting_write_is_blocked_until_the_other_ends_and_answered_then() {
    for engine in ENGINES {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two] = sessions(&mut lockstep);
        assert_eq!(answer(lockstep.send(one, &Call::Begin).await.unwrap()), Reply::Done);
        assert_eq!(answer(lockstep.send(one, &take("mug")).await.unwrap()), Reply::Affected(1));
        blocked(lockstep.send(two, &take("mug")).await.unwrap(), lockstep.engine(), &[one]);
        assert!(matches!(lockstep.send(two, &take("mug")).await, Err(LockstepError::Unanswered)));
        blocked(lockstep.look(two).await.unwrap(), lockstep.engine(), &[one]);
        assert_eq!(answer(lockstep.send(one, &Call::Commit).await.unwrap()), Reply::Done);
        let mut seen = lockstep.look_at_all().await.unwrap();
        assert_eq!(seen.len(), 1);
        let (who, standing) = seen.remove(0);
        assert_eq!((who, answer(standing)), (two, Reply::Affected(1)), "{engine}");
        assert!(lockstep.look_at_all().await.unwrap().is_empty());
        assert!(matches!(lockstep.look(two).await, Err(LockstepError::Unasked)));
        let rows = lockstep.aside().rows("stock").await.unwrap();
        assert_eq!(rows[1], stock("mug", 9, 7));
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_text_of_sql_is_answered_with_rows_counts_or_a_code() {
    for engine in ENGINES {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one] = sessions(&mut lockstep);
        for (sql, expected) in [
            ("BEGIN", Reply::Done),
            ("SELECT sku, on_hand FROM stock WHERE on_hand > 8 AND sku <> 'tee' ORDER BY sku", {
                Reply::Rows(vec![row([text("cup"), int(9)]), row([text("mug"), int(9)])])
            }),
            ("SELECT sku FROM stock WHERE sku = 'hat'", Reply::Rows(Vec::new())),
            ("UPDATE stock SET on_hand = 1 WHERE sku < 'n'", Reply::Affected(2)),
            ("DELETE FROM stock WHERE sku = 'hat'", Reply::Affected(0)),
            ("SELECT SUM(on_hand), NULL FROM stock", Reply::Rows(vec![row([int(11), paidonce_protocol::Value::Null])])),
            ("ROLLBACK", Reply::Done),
        ] {
            assert_eq!(answer(lockstep.send_sql(one, sql).await.unwrap()), expected, "{engine}: {sql}");
        }
        let (kind, _) = code(lockstep.send_sql(one, "INSERT INTO stock VALUES ('mug', 1, 1)").await.unwrap());
        assert_eq!(kind, Error::Refused);
        let (kind, _) = code(lockstep.send_sql(one, "SELEKT 1").await.unwrap());
        assert_eq!(kind, Error::Misuse);
        lockstep.end().await;
    }
}

/// Who waits for one who waits is looked at again when that one is answered.
#[tokio::test]
async fn a_queue_is_let_in_one_after_the_other() {
    for engine in ["postgres/read-committed", "mariadb/read-committed"] {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two, three] = sessions(&mut lockstep);
        lockstep.send(one, &Call::Begin).await.unwrap();
        lockstep.send(one, &take("mug")).await.unwrap();
        blocked(lockstep.send(two, &take("mug")).await.unwrap(), lockstep.engine(), &[one]);
        blocked(lockstep.send(three, &take("mug")).await.unwrap(), lockstep.engine(), &[two]);
        answer(lockstep.send(one, &Call::Rollback).await.unwrap());
        let seen = lockstep.look_at_all().await.unwrap();
        let answered: Vec<SessionId> = seen.iter().map(|(who, _)| *who).collect();
        assert_eq!(answered, [two, three], "{engine}");
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_named_lock_is_waited_for_like_any_other() {
    for (engine, lock, unlock) in [
        ("postgres/read-committed", "SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"),
        ("mariadb/repeatable-read", "SELECT GET_LOCK('seven', 600)", "SELECT RELEASE_LOCK('seven')"),
    ] {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two] = sessions(&mut lockstep);
        answer(lockstep.send_sql(one, lock).await.unwrap());
        blocked(lockstep.send_sql(two, lock).await.unwrap(), lockstep.engine(), &[one]);
        answer(lockstep.send_sql(one, unlock).await.unwrap());
        assert!(matches!(lockstep.look(two).await.unwrap(), Standing::Answered(Ok(_))), "{engine}");
        // Rest gives it back.
        lockstep.rest().await.unwrap();
        answer(lockstep.send_sql(one, lock).await.unwrap());
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_statement_that_neither_waits_nor_answers_is_still_running() {
    for (engine, slow) in
        [("postgres/read-committed", "SELECT pg_sleep(0.1)"), ("mariadb/repeatable-read", "SELECT SLEEP(0.1)")]
    {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one] = sessions(&mut lockstep);
        assert!(matches!(lockstep.send_sql(one, slow).await.unwrap(), Standing::Answered(Ok(_))));
        lockstep.end().await;
    }
}

/// The one whose search comes first is the victim, and a session says for itself when it searches.
#[tokio::test]
async fn which_of_two_falls_to_a_deadlock_is_declared_on_postgres() {
    for patient_closes in [false, true] {
        let Some((_shop, mut lockstep)) = stage("postgres/read-committed").await else { return };
        let searches = |deadlock_timeout| Options {
            deadlock_timeout: Some(deadlock_timeout),
            ..Options::lockstep(Engine::find("postgres/read-committed").unwrap())
        };
        let hasty = lockstep.session(searches(Duration::from_millis(500)));
        let patient = lockstep.session(searches(Duration::from_secs(3600)));
        for (who, sku) in [(hasty, "mug"), (patient, "tee")] {
            lockstep.send(who, &Call::Begin).await.unwrap();
            lockstep.send(who, &take(sku)).await.unwrap();
        }
        let mut asks = [(hasty, "tee", patient), (patient, "mug", hasty)];
        if !patient_closes {
            asks.reverse();
        }
        for (who, sku, by) in asks {
            blocked(lockstep.send(who, &take(sku)).await.unwrap(), lockstep.engine(), &[by]);
        }
        assert_eq!(lockstep.circle().await.unwrap(), [hasty, patient]);
        let (_, answer) = lockstep.outwait(&[hasty], AT_MOST).await.unwrap().unwrap();
        assert_eq!(answer.unwrap_err().code(), Some("40P01"));
        assert!(matches!(lockstep.look(patient).await.unwrap(), Standing::Answered(Ok(Reply::Affected(1)))));
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_deadlock_on_mariadb_has_its_victim_at_once() {
    let Some((_shop, mut lockstep)) = stage("mariadb/repeatable-read").await else { return };
    let [one, two] = sessions(&mut lockstep);
    for (who, sku) in [(one, "mug"), (two, "tee")] {
        lockstep.send(who, &Call::Begin).await.unwrap();
        lockstep.send(who, &take(sku)).await.unwrap();
    }
    blocked(lockstep.send(one, &take("tee")).await.unwrap(), lockstep.engine(), &[two]);
    let closing = lockstep.send(two, &take("mug")).await.unwrap();
    let Standing::Answered(closing) = closing else { panic!("{closing:?}") };
    let waiting = lockstep.look(one).await.unwrap();
    let Standing::Answered(waiting) = waiting else { panic!("{waiting:?}") };
    let codes = [&waiting, &closing].map(|answer| answer.as_ref().err().and_then(|error| error.code()));
    assert!(codes == [Some("1213"), None] || codes == [None, Some("1213")], "{codes:?}");
    lockstep.end().await;
}

#[tokio::test]
async fn a_lock_time_out_is_the_engines_own_and_is_waited_for() {
    for (engine, expected) in [("postgres/read-committed", "55P03"), ("mariadb/repeatable-read", "1205")] {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one] = sessions(&mut lockstep);
        let lock_timeout = Some(Duration::from_secs(1));
        let two = lockstep.session(Options { lock_timeout, ..Options::lockstep(lockstep.engine()) });
        lockstep.send(one, &Call::Begin).await.unwrap();
        lockstep.send(one, &take("mug")).await.unwrap();
        blocked(lockstep.send(two, &take("mug")).await.unwrap(), lockstep.engine(), &[one]);
        assert!(lockstep.outwait(&[two], Duration::from_millis(1)).await.unwrap().is_none());
        let (who, answer) = lockstep.outwait(&[two], AT_MOST).await.unwrap().unwrap();
        assert_eq!((who, answer.unwrap_err().code()), (two, Some(expected)));
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_killed_connection_has_let_go_of_everything() {
    for engine in ENGINES {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two, three] = sessions(&mut lockstep);
        lockstep.send(one, &Call::Begin).await.unwrap();
        lockstep.send(one, &take("mug")).await.unwrap();
        blocked(lockstep.send(two, &take("mug")).await.unwrap(), lockstep.engine(), &[one]);
        // Whoever waits is killed first, and does not take anything any more.
        lockstep.kill(two).await.unwrap();
        lockstep.kill(one).await.unwrap();
        assert_eq!(answer(lockstep.send(three, &take("mug")).await.unwrap()), Reply::Affected(1));
        // A session can be used again, with another connection.
        assert_eq!(answer(lockstep.send(two, &take("mug")).await.unwrap()), Reply::Affected(1));
        assert_eq!(lockstep.aside().rows("stock").await.unwrap()[1], stock("mug", 9, 7), "{engine}");
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_set_aside_keeps_its_locks_until_it_is_ended() {
    for engine in ENGINES {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two] = sessions(&mut lockstep);
        lockstep.send(one, &Call::Begin).await.unwrap();
        lockstep.send(one, &take("mug")).await.unwrap();
        let aside = lockstep.set_aside(one);
        blocked(lockstep.send(two, &take("mug")).await.unwrap(), lockstep.engine(), &[aside]);
        lockstep.close(aside).await.unwrap();
        assert_eq!(answer(lockstep.look(two).await.unwrap()), Reply::Affected(1), "{engine}");
        assert_eq!(answer(lockstep.send(one, &take("mug")).await.unwrap()), Reply::Affected(1));
        lockstep.end().await;
    }
}

#[tokio::test]
async fn a_restart_of_the_server_is_a_step() {
    for (software, engine) in
        [(Software::Postgres, "postgres/read-committed"), (Software::MariaDb, "mariadb/repeatable-read")]
    {
        if crate::shops::server(software).is_none() {
            continue;
        }
        let server = Server::start(software, Durability::Durable).unwrap_or_else(|error| panic!("{error}"));
        let own = server.own_database().await.unwrap();
        let mut lockstep = Lockstep::open(own.url(), Engine::find(engine).unwrap()).await.unwrap();
        lockstep.aside().create_schema(Schema::Paidonce).await.unwrap();
        lockstep.aside().insert("stock", vec![stock("mug", 9, 9)]).await.unwrap();
        let [one, two] = sessions(&mut lockstep);
        lockstep.send(one, &Call::Begin).await.unwrap();
        lockstep.send(one, &take("mug")).await.unwrap();
        blocked(lockstep.send(two, &take("mug")).await.unwrap(), lockstep.engine(), &[one]);
        lockstep.restart(&server, Stop::Crash).await.unwrap();
        assert_eq!(answer(lockstep.send(two, &take("mug")).await.unwrap()), Reply::Affected(1));
        assert_eq!(lockstep.aside().rows("stock").await.unwrap(), [stock("mug", 9, 8)], "{engine}");
        lockstep.end().await;
    }
}

static LOOK: Statement = Statement::new("look", "SELECT clock_ms() FROM stock WHERE sku = 'cup'");
static STAMP: Statement = Statement::new("stamp", "UPDATE stock SET on_hand = clock_ms() WHERE sku = 'mug'");

/// The rule of the model for the engine's clock: a statement's moment is when it came, in whatever transaction, and it keeps
/// it while it waits; only SQLite, which is asked again, takes the moment at which it is let in.
#[tokio::test]
async fn the_engines_clock_moves_in_a_transaction_and_stands_still_for_a_statement_that_waits() {
    for engine in ENGINES {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two] = sessions(&mut lockstep);
        answer(lockstep.send(one, &Call::Begin).await.unwrap());
        answer(lockstep.send(one, &take("mug")).await.unwrap());
        let before = time_of_day(&mut lockstep).await;
        blocked(lockstep.send(two, &run(&STAMP, [])).await.unwrap(), lockstep.engine(), &[one]);
        let blocked_at = look(&mut lockstep, one).await;
        while look(&mut lockstep, one).await <= blocked_at + 1 {}
        answer(lockstep.send(one, &Call::Commit).await.unwrap());
        let seen = lockstep.look_at_all().await.unwrap();
        assert!(matches!(&seen[..], [(_, Standing::Answered(Ok(Reply::Affected(1))))]), "{seen:?}");
        let stamped = lockstep.aside().rows("stock").await.unwrap()[1].int(2).unwrap();
        let after = time_of_day(&mut lockstep).await;
        assert!((before - 1..=after + 1).contains(&stamped), "{engine}: {before} {stamped} {after}");
        if engine.starts_with("sqlite") {
            assert!(stamped > blocked_at, "{engine}: {stamped} {blocked_at}");
        } else {
            assert!(stamped <= blocked_at, "{engine}: {stamped} {blocked_at}");
        }
        lockstep.end().await;
    }
}

/// What the engine's clock shows.
async fn look(lockstep: &mut Lockstep, who: SessionId) -> i64 {
    match answer(lockstep.send(who, &run(&LOOK, [])).await.unwrap()) {
        Reply::Rows(rows) => rows[0].int(0).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Milliseconds since 1970, by other words of the engine's than the clock's own.
async fn time_of_day(lockstep: &mut Lockstep) -> i64 {
    let words = match lockstep.engine() {
        Engine::Postgres(_) => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        Engine::MariaDb(_) => "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
        Engine::Sqlite(_) => "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    };
    match lockstep.aside().send_sql(words).await.unwrap() {
        Reply::Rows(rows) => rows[0].int(0).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_replays_own_time_takes_the_place_of_the_engines_clock() {
    for engine in ENGINES {
        let Some((_shop, mut lockstep)) = stage(engine).await else { continue };
        let [one, two] = sessions(&mut lockstep);
        lockstep.set_clock(7_000);
        assert_eq!(look(&mut lockstep, one).await, 7_000, "{engine}");
        answer(lockstep.send(one, &Call::Begin).await.unwrap());
        answer(lockstep.send(one, &take("mug")).await.unwrap());
        blocked(lockstep.send(two, &run(&STAMP, [])).await.unwrap(), lockstep.engine(), &[one]);
        lockstep.set_clock(8_000);
        assert_eq!(look(&mut lockstep, one).await, 8_000, "{engine}");
        answer(lockstep.send(one, &Call::Commit).await.unwrap());
        assert_eq!(lockstep.look_at_all().await.unwrap().len(), 1);
        let stamped = if engine.starts_with("sqlite") { 8_000 } else { 7_000 };
        assert_eq!(lockstep.aside().rows("stock").await.unwrap()[1].int(2).unwrap(), stamped, "{engine}");
        lockstep.end().await;
    }
}
