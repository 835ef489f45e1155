//! What cannot be replayed is refused, with the reason.

use paidonce::replay::{Place, ReplayError, replay_blocking};
use paidonce_model::Engine;
use paidonce_model::trace::{Asked, DeathForm, Event, Step, Told, Trace};

use crate::support::{assert_equal, sampled, scenario, setup};

fn clean(engine: Engine) -> Trace {
    sampled(&setup(&scenario("default.toml"), "settle", engine, &[]), 1)
}

fn refusal(trace: &Trace, place: &Place) -> ReplayError {
    replay_blocking(trace, place).expect_err("a refusal was expected")
}

fn refusal_of(change: impl FnOnce(&mut Trace)) -> String {
    let mut trace = clean(Engine::SqliteImmediate);
    change(&mut trace);
    refusal(&trace, &Place::default()).to_string()
}

fn step(trace: &Trace, actor: Option<&str>, event: Event) -> Step {
    let actor = actor.map(str::to_owned);
    Step { actor, now_ms: trace.steps[0].now_ms, event, marks: Vec::new(), outcome: None }
}

#[test]
fn a_trace_of_another_engine_is_refused() {
    let says = refusal_of(|trace| trace.engine = "oracle/serializable".to_owned());
    assert!(says.contains("`oracle/serializable` cannot be replayed") && says.contains("sqlite/immediate"), "{says}");

    let asked = Place { engine: Some("sqlite/immediate".to_owned()), ..Place::default() };
    let error = refusal(&clean(Engine::PostgresReadCommitted), &asked);
    assert!(error.to_string().contains("of postgres/read-committed"), "{error}");
    assert!(matches!(refusal(&clean(Engine::SqliteDeferred), &asked), ReplayError::OtherEngine { .. }));
}

#[test]
fn a_named_database_is_made_and_left_and_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("replayed.db");
    let place =
        Place { engine: Some("sqlite/immediate".to_owned()), database: Some(format!("sqlite:{}", path.display())) };
    let trace = clean(Engine::SqliteImmediate);
    assert_equal(&trace, &replay_blocking(&trace, &place).unwrap());
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["replayed.db"], "every connection was closed, and the write-ahead log with the last of them");
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(refusal(&trace, &place), ReplayError::Open(paidonce_sqlx::OpenError::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_place_that_is_no_database_of_the_engines_is_refused() {
    let place = |url: &str| Place { database: Some(url.to_owned()), ..Place::default() };
    for (engine, url) in [
        (Engine::SqliteImmediate, "postgres://localhost/shop"),
        (Engine::PostgresReadCommitted, "mariadb://localhost/shop"),
        (Engine::PostgresReadCommitted, "sqlite:shop.db"),
    ] {
        let says = refusal(&clean(engine), &place(url)).to_string();
        assert!(says.contains(url) && says.contains(engine.name()), "{says}");
    }
}

#[test]
fn a_trace_that_names_what_there_is_not_is_refused() {
    let says = refusal_of(|trace| trace.protocol = "cancel".to_owned());
    assert!(says.contains("cancel cannot play the notice") && says.contains("settle"), "{says}");
    let says = refusal_of(|trace| trace.without = vec!["Hope".to_owned()]);
    assert!(says.contains("the guard Hope"), "{says}");
    let says = refusal_of(|trace| trace.scenario.servers.clear());
    assert!(says.contains("the trace's scenario default"), "{says}");
    let says = refusal_of(|trace| trace.verdict.claim = Some("all_is_well".to_owned()));
    assert!(says.contains("no claim `all_is_well`"), "{says}");
}

#[test]
fn a_trace_that_contradicts_itself_is_refused_with_the_step() {
    let cases: [(&str, Option<&str>, Event); 6] = [
        ("there is no ipn-9", Some("ipn-9"), Event::Landed),
        ("nothing of ipn-1 is on its way", Some("ipn-1"), Event::Landed),
        ("no statement of ipn-1 had to wait", Some("ipn-1"), Event::Granted { answer: Told::Done }),
        ("ipn-1 dies, and is not under way", Some("ipn-1"), Event::Died { form: DeathForm::Reset }),
        ("names no actor", None, Event::Landed),
        ("time moves from 0 ms to 0 ms", None, Event::Ticked { to_ms: 0, woken: Vec::new() }),
    ];
    for (expected, actor, event) in cases {
        let says = refusal_of(|trace| trace.steps.insert(0, step(trace, actor, event)));
        assert!(says.contains("step 1: ") && says.contains(expected), "{says}");
    }
    let says = refusal_of(|trace| trace.steps[2].now_ms = 7);
    assert!(says.contains("step 3: it is taken at 7 ms, and by the ticks before it is 0 ms"), "{says}");
}

#[test]
fn a_crash_of_the_server_is_refused() {
    let call = Asked { name: "commit".to_owned(), sql: None, arguments: Vec::new() };
    let crashed = Event::Crashed { lost: 1, woken: Vec::new() };
    for (actor, event) in [(Some("ipn-1"), Event::Shown { call }), (None, crashed)] {
        let says = refusal_of(|trace| trace.steps.insert(0, step(trace, actor, event)));
        assert_eq!(says, "step 1 cannot be replayed: a replay kills no server: `paidonce stress` does");
    }
}

#[test]
fn what_never_happens_on_sqlite_is_refused() {
    let deadlock = Event::Deadlock { answer: Told::Error("conflict".to_owned()) };
    for (expected, event) in [("a deadlock", deadlock), ("a dead connection", Event::Reaped)] {
        let says = refusal_of(|trace| trace.steps.insert(0, step(trace, Some("ipn-1"), event)));
        assert!(says.contains("step 1 cannot be replayed: ") && says.contains(expected), "{says}");
    }
}
