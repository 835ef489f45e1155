//! A trace that says something else than the database does is told apart, with both sides.

use paidonce::replay::{Difference, Replayed, StepDifference};
use paidonce_model::trace::{Datum, Event, Remark, Told, Trace};
use paidonce_model::{Claim, Engine};

use crate::support::{counterexamples, replayed, sampled, scenario, setup};

/// Two requests of `unlocked` that book one payment twice.
fn booked_twice() -> Trace {
    let scenario = scenario("unlocked_ipn_and_pdt.toml");
    let all = counterexamples(&setup(&scenario, "unlocked", Engine::SqliteImmediate, &[]));
    let claim = Claim::PaymentBookedOnce.name();
    all.into_iter().find(|trace| trace.verdict.claim.as_deref() == Some(claim)).unwrap()
}

/// A schedule of `lock_table` in which somebody waits until a tick.
fn with_a_wait() -> Trace {
    let mut scenario = scenario("default.toml");
    scenario.settings.polls = 2;
    let setup = setup(&scenario, "lock_table", Engine::SqliteImmediate, &[]);
    let wakes = |trace: &Trace| {
        trace.steps.iter().any(|step| matches!(&step.event, Event::Ticked { woken, .. } if !woken.is_empty()))
    };
    (0..1000).map(|seed| sampled(&setup, seed)).find(wakes).expect("a seed with a wait")
}

fn step_difference(replayed: &Replayed) -> &StepDifference {
    assert!(!replayed.equal() && !replayed.agrees());
    assert_eq!(replayed.audit.found, None);
    assert!(replayed.audit.why_none.as_ref().unwrap().contains("stopped at step"));
    match replayed.difference.as_ref().unwrap() {
        Difference::Step(difference) => {
            assert_eq!(replayed.steps, difference.step - 1);
            difference
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_changed_answer_is_told_with_both_sides() {
    let mut trace = booked_twice();
    let place = trace
        .steps
        .iter()
        .position(|step| matches!(&step.event, Event::Answered { call, .. } if call.name == "read_status"));
    let place = place.unwrap();
    let Event::Answered { answer, .. } = &mut trace.steps[place].event else { unreachable!() };
    *answer = Told::Rows(vec![vec![Datum::Text("paid".to_owned())]]);
    let replayed = replayed(&trace);
    let difference = step_difference(&replayed);
    assert_eq!(difference.step, place + 1);
    assert_eq!(difference.actor, trace.steps[place].actor);
    assert_eq!(difference.call.as_deref(), Some("read_status('1')"));
    assert_eq!(difference.trace, "rows: ('paid')");
    assert_eq!(difference.replay, "rows: ('pending')");
}

#[test]
fn an_answer_where_the_trace_has_a_wait_is_told_with_both_sides() {
    let mut trace = booked_twice();
    let Event::Answered { call, .. } = trace.steps[0].event.clone() else { panic!("{:?}", trace.steps[0]) };
    trace.steps[0].event = Event::Blocked { call, by: vec!["pdt-1".to_owned()] };
    let replayed = replayed(&trace);
    let difference = step_difference(&replayed);
    assert_eq!((difference.step, difference.trace.as_str()), (1, "has to wait for pdt-1"));
    assert_eq!(difference.replay, "rows: ('pending')");
}

#[test]
fn a_wait_where_the_trace_has_an_answer_is_told_with_the_engines_words() {
    let scenario = scenario("default.toml");
    let setup = setup(&scenario, "settle", Engine::SqliteImmediate, &[]);
    let blocked = |trace: &Trace| trace.steps.iter().position(|step| matches!(&step.event, Event::Blocked { .. }));
    let (mut trace, place) = (0..1000)
        .map(|seed| sampled(&setup, seed))
        .find_map(|trace| blocked(&trace).map(|place| (trace, place)))
        .unwrap();
    let Event::Blocked { call, .. } = trace.steps[place].event.clone() else { unreachable!() };
    trace.steps[place].event = Event::Answered { call, answer: Told::Done };
    let replayed = replayed(&trace);
    let difference = step_difference(&replayed);
    assert_eq!((difference.step, difference.trace.as_str()), (place + 1, "done"));
    assert!(difference.replay.starts_with("has to wait (begin on sqlite:"), "{difference}");
    assert!(difference.replay.contains("database is locked"), "{difference}");
}

#[test]
fn a_changed_call_is_told_with_both_sides() {
    let mut trace = booked_twice();
    let place = trace
        .steps
        .iter()
        .position(|step| matches!(&step.event, Event::Answered { call, .. } if call.name == "record_payment"));
    let place = place.unwrap();
    let original = trace.clone();
    let Event::Answered { call, .. } = &mut trace.steps[place].event else { unreachable!() };
    call.arguments[5] = Datum::Int(1999);
    let replayed_other = replayed(&trace);
    let difference = step_difference(&replayed_other);
    assert_eq!(difference.step, place + 1);
    assert!(difference.trace.starts_with("asks record_payment('paypal', "), "{difference}");
    assert!(difference.trace.contains(", 1999, ") && difference.replay.contains(", 2000, "), "{difference}");

    let mut trace = original;
    let Event::Answered { call, .. } = &mut trace.steps[place].event else { unreachable!() };
    call.sql = Some("DELETE FROM payments".to_owned());
    let replayed = replayed(&trace);
    let difference = step_difference(&replayed);
    assert!(difference.trace.ends_with("DELETE FROM payments"), "{difference}");
    assert!(difference.replay.contains("INSERT INTO payments (provider, "), "{difference}");
}

#[test]
fn a_step_too_many_is_told_with_both_sides() {
    let mut trace = sampled(&setup(&scenario("default.toml"), "settle", Engine::SqliteImmediate, &[]), 1);
    let ended = trace.steps.iter().position(|step| step.outcome.is_some()).unwrap();
    trace.steps.insert(ended + 1, trace.steps[ended].clone());
    let replayed = replayed(&trace);
    let difference = step_difference(&replayed);
    assert_eq!((difference.step, difference.replay.as_str()), (ended + 2, "is over and asks nothing"));
}

#[test]
fn a_changed_remark_or_end_is_told_with_both_sides() {
    let trace = sampled(&setup(&scenario("default.toml"), "settle", Engine::SqliteImmediate, &[]), 1);
    let mut silent = trace.clone();
    let place = silent.steps.iter().position(|step| !step.marks.is_empty()).unwrap();
    assert_eq!(std::mem::take(&mut silent.steps[place].marks), [Remark::Holds("order-1".to_owned())]);
    let replayed_silent = replayed(&silent);
    let difference = step_difference(&replayed_silent);
    assert_eq!((difference.step, difference.trace.as_str()), (place + 1, "remarks nothing"));
    assert_eq!(difference.replay, "holds order-1");

    let mut other_end = trace;
    let place = other_end.steps.iter().position(|step| step.outcome.is_some()).unwrap();
    let outcome = other_end.steps[place].outcome.replace("no such order".to_owned()).unwrap();
    let replayed = replayed(&other_end);
    let difference = step_difference(&replayed);
    assert_eq!((difference.step, difference.trace.as_str()), (place + 1, "ends: no such order"));
    assert_eq!(difference.replay, format!("ends: {outcome}"));
}

#[test]
fn a_tick_that_wakes_others_is_told_with_both_sides() {
    let mut trace = with_a_wait();
    let wakes = |event: &Event| matches!(event, Event::Ticked { woken, .. } if !woken.is_empty());
    let place = trace.steps.iter().position(|step| wakes(&step.event)).unwrap();
    let Event::Ticked { woken, .. } = &mut trace.steps[place].event else { unreachable!() };
    let names: Vec<String> = woken.drain(..).map(|woken| woken.actor).collect();
    let replayed = replayed(&trace);
    let difference = step_difference(&replayed);
    assert_eq!((difference.step, &difference.actor), (place + 1, &None));
    assert_eq!(difference.trace, "ends the wait of nobody");
    assert_eq!(difference.replay, format!("ends the wait of {}", names.join(", ")));
}

#[test]
fn a_changed_row_is_told_with_both_sides() {
    let mut trace = booked_twice();
    let stock = trace.rows.get_mut("stock").unwrap();
    let real = stock[0].clone();
    stock[0][2] = Datum::Int(77);
    let changed = stock[0].clone();
    let replayed = replayed(&trace);
    assert!(!replayed.equal() && !replayed.rows_equal && !replayed.agrees());
    assert_eq!(replayed.steps, trace.steps.len());
    // The audit has looked all the same.
    assert_eq!(replayed.audit.found, Some(true));
    let Some(Difference::Rows { tables }) = &replayed.difference else { panic!("{replayed:?}") };
    let [table] = tables.as_slice() else { panic!("{tables:?}") };
    assert_eq!(table.table, "stock");
    assert_eq!(table.only_trace, [changed]);
    assert_eq!(table.only_database, [real]);
}

#[test]
fn a_mail_too_many_is_a_row_too_many() {
    let mut trace = sampled(&setup(&scenario("default.toml"), "unlocked", Engine::SqliteImmediate, &[]), 3);
    assert!(!trace.world.mails.is_empty());
    trace.world.mails[0].order_id = "2".to_owned();
    let replayed = replayed(&trace);
    let Some(Difference::Rows { tables }) = &replayed.difference else { panic!("{replayed:?}") };
    assert_eq!(tables[0].table, "world_mails");
    assert_eq!((tables[0].only_trace.len(), tables[0].only_database.len()), (1, 1));
}

#[test]
fn an_audit_that_does_not_find_what_the_trace_claims_is_no_agreement() {
    let mut trace = booked_twice();
    trace.verdict.claim = Some(Claim::RefundsBounded.name().to_owned());
    let of_another_claim = replayed(&trace);
    assert!(of_another_claim.equal() && !of_another_claim.agrees());
    assert_eq!(of_another_claim.audit.found, Some(false));

    trace.verdict.claim = None;
    let said_to_be_clean = replayed(&trace);
    assert!(said_to_be_clean.equal() && !said_to_be_clean.agrees());
    assert!(said_to_be_clean.audit.violations[0].starts_with("a_payment_is_booked_at_most_once: "));
}
