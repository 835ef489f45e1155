//! `settle`, `cancel` and `worker` do what a plain account of the shop says: every answer and every row, after each of many
//! things that happen one after the other.
//!
//! | file | is about |
//! |---|---|
//! | `shop` | the plain account |
//! | `sequence` | what may happen, drawn at random |
//! | `drivers` | the protocols' own code on the model database, with the rules of each engine, and on a real SQLite |
//! | `broken` | that broken protocols are found out |
//!
//! What two requests do to each other at once is not looked at here: that is the checker's.

mod broken;
mod drivers;
mod sequence;
mod shop;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use paidonce_model::Engine;
use paidonce_protocol::shop::{Outcome, Reason};
use paidonce_protocol::{Answer, Without};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use tokio::runtime::{Builder, Runtime};

use drivers::{Came, Code, Model, Real};
use sequence::{Sequences, Step, Told};

const SEED: u64 = 15_780;

/// Sequences are at most so long.
const LONGEST: usize = 24;

/// So many of them are played.
const ON_THE_MODEL: u32 = 200;
const ON_SQLITE: u32 = 100;

/// A shop, what happens to it, and (for shrinking) a count of the steps that were come to.
type Drawn = (Told, Vec<Step>, Option<Arc<AtomicUsize>>);

fn executor() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("an executor")
}

/// What has to come of the step that was taken last.
fn expected(told: &Told, step: &Step) -> Came {
    let answer = match (step, told.outcome) {
        (Step::Work(_) | Step::Pass(_), _) | (_, None) => None,
        (_, Some(Outcome::TryAgain)) => Some(Answer::TryAgain),
        (_, Some(_)) => Some(Answer::Accepted),
    };
    Came { outcome: told.outcome, answer, tables: told.shop.tables() }
}

/// The first thing in which they differ.
fn compare(who: &str, step: &Step, expected: &Came, came: &Came) -> Result<(), TestCaseError> {
    if came == expected {
        return Ok(());
    }
    let mut says = format!("{who}, {step:?}:");
    if (came.outcome, came.answer) != (expected.outcome, expected.answer) {
        let ended = |came: &Came| format!("{:?}, answered {:?}", came.outcome, came.answer);
        says += &format!("\n  ended {}\n  instead of {}", ended(came), ended(expected));
    }
    for (table, rows) in &expected.tables {
        let Some(came) = came.tables.get(table).filter(|came| *came != rows) else { continue };
        says += &format!("\n  {table} {came:?}\n  instead of {rows:?}");
    }
    Err(TestCaseError::fail(says))
}

/// One sequence, on the model with the rules of these engines and, if it is asked for, on a real SQLite.
async fn play(code: Code, engines: &[Engine], with_real: bool, drawn: Drawn) -> Result<(), TestCaseError> {
    let (mut told, steps, seen) = drawn;
    let mut models: Vec<(Engine, Model)> =
        engines.iter().map(|engine| (*engine, Model::new(*engine, code, &told))).collect();
    let mut real = if with_real { Some(Real::new(code, &told).await) } else { None };
    for step in &steps {
        if let Some(seen) = &seen {
            seen.fetch_add(1, Ordering::SeqCst);
        }
        told.take(step);
        let expected = code.seen(expected(&told, step));
        for (engine, model) in &mut models {
            let came = code.seen(model.step(code, step, &told).await);
            compare(&format!("the model as {}", engine.name()), step, &expected, &came)?;
        }
        if let Some(real) = &mut real {
            compare("SQLite", step, &expected, &code.seen(real.step(code, step, &told).await))?;
        }
    }
    Ok(())
}

fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(SEED), failure_persistence: None, ..Config::default() }
}

/// A sequence that comes out otherwise than it is told.
struct Otherwise {
    start: Told,
    steps: Vec<Step>,
    /// What was different.
    why: String,
}

/// Of many sequences the first that comes out otherwise, made as short as it gets.
fn search(code: Code, engines: &[Engine], with_real: bool, cases: u32) -> Option<Otherwise> {
    let executor = executor();
    let run = TestRunner::new(config(cases)).run(&Sequences::sequential_strategy(1..LONGEST), |drawn| {
        executor.block_on(play(code, engines, with_real, drawn))
    });
    match run {
        Ok(()) => None,
        Err(TestError::Fail(why, (start, steps, _))) => Some(Otherwise { start, steps, why: why.message().to_owned() }),
        Err(TestError::Abort(why)) => panic!("nothing could be drawn: {why}"),
    }
}

/// The same, where none may come out otherwise.
fn all_come_out_as_told(engines: &[Engine], with_real: bool, cases: u32) {
    if let Some(Otherwise { start, steps, why }) = search(Code::Paidonce(Without::NOTHING), engines, with_real, cases) {
        let steps: String = steps.iter().map(|step| format!("\n  {step:?}")).collect();
        panic!("seed {SEED}: in {start:?}{steps}\ncame out otherwise than it is told:\n{why}");
    }
}

#[test]
fn everything_that_can_come_of_a_request_comes_of_some() {
    use Outcome::*;
    let mut missing = vec![
        Booked,
        AlreadyBooked,
        ToRefund(Reason::OrderCancelled),
        ToRefund(Reason::OrderAlreadyPaid),
        ToRefund(Reason::StockTooShort),
        NothingToBook,
        Queued,
        AlreadyQueued,
        NothingToDo,
        Cancelled,
        AlreadyCancelled,
        NoSuchOrder,
        TryAgain,
    ];
    let reasons = [
        Reason::UnknownOrder,
        Reason::StatusForAPerson,
        Reason::WrongAmount,
        Reason::WrongCurrency,
        Reason::WrongReceiver,
    ];
    missing.extend(reasons.into_iter().flat_map(|reason| [ForReview(reason), AlreadyForReview(reason)]));
    let mut runner = TestRunner::new(config(ON_THE_MODEL));
    let sequences = Sequences::sequential_strategy(1..LONGEST);
    for _ in 0..ON_THE_MODEL {
        let drawn = sequences.new_tree(&mut runner).expect("nothing is rejected");
        let (mut told, steps, _) = drawn.current();
        for step in &steps {
            told.take(step);
            missing.retain(|outcome| Some(*outcome) != told.outcome);
        }
    }
    assert_eq!(missing, [], "of {ON_THE_MODEL} sequences");
}

#[test]
fn settle_cancel_and_worker_do_on_the_model_what_is_told_of_them() {
    all_come_out_as_told(&Engine::ALL, false, ON_THE_MODEL);
}

#[test]
fn settle_cancel_and_worker_do_on_sqlite_what_is_told_of_them() {
    all_come_out_as_told(&[Engine::SqliteImmediate], true, ON_SQLITE);
}
