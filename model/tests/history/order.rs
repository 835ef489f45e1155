//! Real time: what was over before something else was sent came before it.

use paidonce_model::Engine;
use paidonce_model::history::Line;
use paidonce_model::trace::{Datum, Told};

use crate::support::{Draft, drawn, reads_paid, scenario, twice};

#[test]
fn a_second_booking_after_the_first_is_refused() {
    for engine in Engine::ALL {
        let mut draft = twice(engine);
        draft.is_refused_at(draft.answer_to("ipn-ada-2", "read_order"));
        reads_paid(&mut draft);
        draft.is_refused_at(draft.answer_to("ipn-ada-2", "record_payment_once"));
    }
}

#[test]
fn one_altered_answer_is_refused_at_its_line() {
    for engine in Engine::ALL {
        let mut draft = twice(engine);
        draft.lines.truncate(draft.lines.iter().position(|line| line.who() == Some("ipn-ada-2")).unwrap());
        draft.is_explained();
        for call in ["lock_order", "record_payment_once", "take_stock", "pay_if_pending"] {
            let mut altered = draft.clone();
            let place = altered.answer_to("ipn-ada-1", call);
            altered.lines[place] = Line::Told { who: "ipn-ada-1".to_owned(), answer: Told::Affected(0) };
            altered.is_refused_at(place);
        }
    }
}

/// `unlocked` twice: the second reads *pending* before or after the first has saved *paid*.
fn reads(pending_after: bool) -> Draft {
    let mut scenario = scenario("last_units", 0);
    scenario.actors.truncate(1);
    let mut draft = Draft::of(&drawn(&scenario, "unlocked", Engine::SqliteImmediate, 1));
    draft.lines.pop();
    let who = "ipn-ada-2".to_owned();
    let call = draft.lines.iter().find_map(|line| match line {
        Line::Asks { call, .. } if call.name == "read_status" => Some(call.clone()),
        _ => None,
    });
    let read = [
        Line::Comes { who: who.clone() },
        Line::Asks { who: who.clone(), call: call.expect("it reads the status") },
        Line::Told { who, answer: Told::Rows(vec![vec![Datum::Text("pending".to_owned())]]) },
    ];
    // Sent before the first has saved its status, and told after it; or all of it after it.
    let saved = draft.answer_to("ipn-ada-1", "save_status");
    let [comes, asks, told] = read;
    if pending_after {
        draft.lines.splice(saved + 1..saved + 1, [comes, asks, told]);
    } else {
        draft.lines.splice(saved..saved + 1, [comes, asks, draft.lines[saved].clone(), told]);
    }
    draft
}

#[test]
fn what_overlaps_may_have_come_either_way_round() {
    reads(false).is_explained();
}

#[test]
fn what_was_over_is_seen_by_what_comes_later() {
    let draft = reads(true);
    draft.is_refused_at(draft.answer_to("ipn-ada-2", "read_status"));
}

#[test]
fn a_statement_on_its_own_is_met_by_others_before_it_commits() {
    for engine in [Engine::PostgresRepeatableRead, Engine::PostgresSerializable, Engine::PostgresReadCommitted] {
        // Both have read *pending* and recorded a payment; then both write the order's row at once, and one is told a
        // conflict: it had its snapshot, and waited for the other, whose statement had no transaction around it.
        let scenario = scenario("last_units", 0);
        let mut draft = Draft::new(scenario.clone(), "unlocked", engine.name());
        let alone = Draft::of(&drawn(&scenario, "unlocked", engine, 1));
        let call = |name: &str, who: &str| {
            let line = alone.lines.iter().find_map(|line| match line {
                Line::Asks { call, who: asking } if call.name == name && asking == "ipn-ada-1" => Some(call.clone()),
                _ => None,
            });
            let mut call = line.expect("it makes the call");
            for argument in &mut call.arguments {
                if *argument == Datum::Text("ipn-ada-1".to_owned()) {
                    *argument = Datum::Text(who.to_owned());
                }
            }
            call
        };
        let both = ["ipn-ada-1", "ipn-ada-2"];
        for who in both {
            let pending = Told::Rows(vec![vec![Datum::Text("pending".to_owned())]]);
            draft.asks(who, call("read_status", who)).told(who, pending);
        }
        for who in both {
            draft.asks(who, call("record_payment", who)).told(who, Told::Affected(1));
        }
        for who in both {
            draft.asks(who, call("save_txn", who));
        }
        let conflict = draft.lines.len();
        draft.told("ipn-ada-2", Told::Error("conflict".to_owned())).told("ipn-ada-1", Told::Affected(1));
        if engine == Engine::PostgresReadCommitted {
            draft.is_refused_at(conflict);
            continue;
        }
        draft.is_explained();
        // One after the other there is nothing to meet.
        draft.lines.truncate(conflict - 2);
        draft.asks("ipn-ada-1", call("save_txn", "ipn-ada-1")).told("ipn-ada-1", Told::Affected(1));
        draft.asks("ipn-ada-2", call("save_txn", "ipn-ada-2")).told("ipn-ada-2", Told::Error("conflict".to_owned()));
        draft.is_refused_at(draft.lines.len() - 1);
    }
}
