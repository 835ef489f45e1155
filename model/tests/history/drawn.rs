//! Every schedule of the model explains the history that it would have left, and no other answer.

use paidonce_model::Engine;
use paidonce_model::history::{Explained, Line};
use paidonce_model::trace::Told;

use crate::support::{Draft, drawn, scenario};

/// Schedules drawn for each engine and each case.
const SEEDS: u64 = 12;

/// Scenarios with how many may be killed there, and a protocol.
const CASES: [(&str, u8, &str); 5] = [
    ("default", 2, "settle"),
    ("default", 2, "unlocked"),
    ("last_units", 2, "settle"),
    ("two_skus_second_short", 1, "settle"),
    ("last_units", 1, "row_lock"),
];

#[test]
fn every_schedule_explains_its_own_history() {
    for engine in Engine::ALL {
        for (name, deaths, protocol) in CASES {
            let scenario = scenario(name, deaths);
            for seed in 0..SEEDS {
                Draft::of(&drawn(&scenario, protocol, engine, seed)).is_explained();
            }
        }
    }
}

#[test]
fn a_history_whose_answers_came_late_is_explained_too() {
    for engine in Engine::ALL {
        let scenario = scenario("default", 0);
        for seed in 0..SEEDS {
            let mut draft = Draft::of(&drawn(&scenario, "settle", engine, seed));
            // Each answer is told as late as its process allows: after the lines of others that follow it.
            for place in (0..draft.lines.len()).rev() {
                if matches!(draft.lines[place], Line::Told { .. }) {
                    let who = draft.lines[place].who().map(str::to_owned);
                    let stops = |line: &Line| line.who() == who.as_deref() || line.who().is_none();
                    let after = place + 1;
                    let end = draft.lines[after..].iter().take(3).position(stops).unwrap_or(3);
                    let end = (after + end).min(draft.lines.len());
                    draft.lines[place..end].rotate_left(1);
                }
            }
            draft.is_explained();
        }
    }
}

#[test]
fn a_write_that_tells_another_number_is_refused_at_its_line() {
    let mut altered = 0;
    for engine in Engine::ALL {
        let scenario = scenario("default", 0);
        for seed in 0..SEEDS {
            let draft = Draft::of(&drawn(&scenario, "settle", engine, seed));
            for place in 0..draft.lines.len() {
                let mut other = draft.clone();
                let Line::Told { answer: Told::Affected(rows), .. } = &mut other.lines[place] else { continue };
                *rows = 1 - *rows;
                match other.explained().verdict {
                    Explained::By(_) => panic!("line {} of\n{}", Draft::number(place), other.text()),
                    Explained::ByNone { line } => {
                        let line = line.expect("a history so short is decided");
                        // Another order may explain the answer, and the line then that follows from the true one.
                        assert!(line >= Draft::number(place), "line {line} for {}", Draft::number(place));
                    }
                    Explained::Undecided => panic!("undecided"),
                }
                altered += 1;
            }
        }
    }
    assert!(altered > 1000, "{altered}");
}

#[test]
fn rows_that_are_others_at_the_end_are_refused() {
    for engine in Engine::ALL {
        let mut draft = Draft::of(&drawn(&scenario("default", 0), "settle", engine, 3));
        draft.is_explained();
        let rows = draft.rows();
        let stock = rows.get_mut("stock").and_then(|rows| rows.first_mut()).expect("there is stock");
        stock.reverse();
        draft.is_refused_at(draft.lines.len() - 1);
    }
}
