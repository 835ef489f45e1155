//! What each reduction spares.

use crate::subject::{ALL, Chosen, ENGINE, Form, Subject};

/// `lock_table` in the default scenario has too many states to visit all of them five times.
const CUT_OFF: u64 = 6_000_000;

const NAMES: [(&str, Chosen); 5] = [
    ("all", Chosen::ALL),
    ("merge_unseen", Chosen { merge_unseen: true, ..Chosen::NONE }),
    ("symmetry", Chosen { symmetry: true, ..Chosen::NONE }),
    ("forget", Chosen { forget: true, ..Chosen::NONE }),
    ("none", Chosen::NONE),
];

/// The default scenario, and one of `lock_table` that ends without reductions too.
const TABLE: [Subject; 3] = [
    Subject { scenario: "default", protocol: "settle", most_states: ALL },
    Subject { scenario: "default", protocol: "lock_table", most_states: CUT_OFF },
    Subject { scenario: "f7_three_requests", protocol: "lock_table", most_states: ALL },
];

/// A row for each exploration, a column for each choice of reductions.
pub(crate) fn print() {
    println!("Distinct states by reduction ({ENGINE})");
    let head: Vec<String> = NAMES.iter().map(|(name, _)| format!("{name:>20}")).collect();
    println!("{:36}{}", "", head.concat());
    for subject in TABLE {
        let states = NAMES.map(|(_, reductions)| {
            let found = subject.explore_with(Form::Unrolled, reductions);
            let states = if found.complete { found.states.to_string() } else { format!("more than {CUT_OFF}") };
            format!("{states:>20}")
        });
        println!("{:36}{}", format!("  {}, {}", subject.protocol, subject.scenario), states.concat());
    }
    println!();
}
