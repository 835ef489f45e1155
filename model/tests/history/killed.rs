//! Processes and servers that are killed.

use paidonce_model::history::Line;
use paidonce_model::trace::Told;
use paidonce_model::{Engine, Family};

use crate::support::{Draft, reads_paid, twice};

/// The first delivery is killed while its commit is on its way; the second finds the payment there, or not.
fn killed_at_commit(engine: Engine, done: bool) -> Draft {
    let mut draft = twice(engine);
    let told = draft.answer_to("ipn-ada-1", "commit");
    let second = draft.lines.iter().position(|line| line.who() == Some("ipn-ada-2")).unwrap();
    let gone = ["ipn-ada-1"].map(str::to_owned).into_iter();
    let gone = gone.flat_map(|who| [Line::Kill { who: who.clone() }, Line::Gone { who }]);
    draft.lines.splice(told..second, gone);
    if done {
        found_booked(&mut draft);
    }
    draft
}

/// The second delivery finds the payment in the books.
fn found_booked(draft: &mut Draft) {
    reads_paid(draft);
    let told = draft.answer_to("ipn-ada-2", "record_payment_once");
    let Line::Asks { call, .. } = &draft.lines[told - 1] else { panic!("it asks") };
    let (who, commit) = ("ipn-ada-2", paidonce_model::trace::Asked { name: "commit".to_owned(), ..call.clone() });
    let commit = paidonce_model::trace::Asked { arguments: Vec::new(), ..commit };
    let answer = draft.lines.iter().find_map(|line| match line {
        Line::Asks { who: asking, call } if call.name == "answer" && asking == who => Some(call.clone()),
        _ => None,
    });
    draft.lines.truncate(told);
    draft.told(who, Told::Affected(0)).asks(who, commit).told(who, Told::Done);
    draft.asks(who, answer.expect("it answers")).told(who, Told::Done);
    draft.lines.push(Line::Ends { who: who.to_owned(), outcome: "already booked".to_owned() });
}

#[test]
fn the_last_call_of_a_killed_process_may_have_been_done_or_not() {
    for engine in Engine::ALL {
        let mut not_done = killed_at_commit(engine, false);
        // Who booked it stands in the row, and the order was locked once: the rows are those of one booking.
        not_done.lines.pop();
        not_done.is_explained();
        killed_at_commit(engine, true).is_explained();
    }
}

#[test]
fn what_a_killed_process_had_not_asked_was_not_done() {
    for engine in Engine::ALL {
        let mut draft = killed_at_commit(engine, true);
        let asked =
            |line: &Line| matches!(line, Line::Asks { who, call } if who == "ipn-ada-1" && call.name == "commit");
        let place = draft.lines.iter().position(asked).unwrap();
        draft.lines.remove(place);
        draft.is_refused_at(draft.answer_to("ipn-ada-2", "read_order"));
    }
}

#[test]
fn who_was_not_killed_keeps_its_lock() {
    for engine in [Engine::SqliteImmediate, Engine::PostgresReadCommitted, Engine::MariaDbRepeatableRead] {
        let mut draft = killed_at_commit(engine, false);
        draft.lines.pop();
        draft.lines.retain(|line| !matches!(line, Line::Kill { .. } | Line::Gone { .. }));
        let commit =
            |line: &Line| matches!(line, Line::Asks { who, call } if who == "ipn-ada-1" && call.name == "commit");
        let place = draft.lines.iter().position(commit).unwrap();
        draft.lines.remove(place);
        let waits_at = if engine == Engine::SqliteImmediate { "begin" } else { "lock_order" };
        draft.is_refused_at(draft.answer_to("ipn-ada-2", waits_at));
    }
}

/// The server is killed while the first delivery's commit is on its way.
fn server_killed(engine: Engine, done: bool) -> Draft {
    let mut draft = killed_at_commit(engine, done);
    let place = draft.lines.iter().position(|line| matches!(line, Line::Kill { .. })).unwrap();
    let who = "ipn-ada-1".to_owned();
    let unknown = Line::Told { who, answer: Told::Error("unknown".to_owned()) };
    draft.lines.splice(place..place + 2, [Line::ServerKill, unknown, Line::ServerBack]);
    if !done {
        draft.lines.pop();
    }
    draft
}

/// The server is killed while the commits of two deliveries are on their way, of which the second has found the payment of
/// the first. A third one finds the order pending. `told`: the second was told of its commit before.
fn seen_and_undone(engine: Engine, told: bool) -> Draft {
    let mut draft = killed_at_commit(engine, true);
    draft.lines.retain(|line| !matches!(line, Line::Kill { .. } | Line::Gone { .. }));
    draft.lines.truncate(draft.answer_to("ipn-ada-2", "commit") + usize::from(told));
    let again = draft.lines[..=draft.answer_to("ipn-ada-1", "read_order")].to_vec();
    draft.lines.push(Line::ServerKill);
    let unknown = || Told::Error("unknown".to_owned());
    draft.told("ipn-ada-1", unknown());
    if !told {
        draft.told("ipn-ada-2", unknown());
    }
    draft.lines.push(Line::ServerBack);
    for line in again {
        match line {
            Line::Asks { call, .. } => drop(draft.asks("ipn-ada-3", call)),
            Line::Told { answer, .. } => drop(draft.told("ipn-ada-3", answer)),
            _ => {}
        }
    }
    draft
}

#[test]
fn what_was_seen_may_be_undone_with_the_server_on_mariadb_until_somebody_is_told() {
    for engine in Engine::ALL.into_iter().filter(|engine| !engine.is_embedded()) {
        let draft = seen_and_undone(engine, false);
        if engine.family() == Family::MariaDb {
            draft.is_explained();
        } else {
            draft.is_refused_at(draft.answer_to("ipn-ada-3", "read_order"));
        }
        let draft = seen_and_undone(engine, true);
        draft.is_refused_at(draft.answer_to("ipn-ada-3", "read_order"));
    }
}

#[test]
fn unknown_is_explained_by_a_server_that_was_killed_and_by_nothing_else() {
    for engine in Engine::ALL {
        for done in [true, false] {
            let mut draft = server_killed(engine, done);
            let told = draft.answer_to("ipn-ada-1", "commit");
            if engine.is_embedded() {
                draft.is_refused_at(told);
                continue;
            }
            draft.is_explained();
            draft.lines.retain(|line| !matches!(line, Line::ServerKill | Line::ServerBack));
            draft.is_refused_at(draft.answer_to("ipn-ada-1", "commit"));
        }
    }
}
