//! Transcripts as they stand in a script's golden part.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_model::script::{Line, Order, Script, Transcript};

/// Between two transcripts of which either is allowed.
const OR: &str = "or\n";

/// All transcripts that are allowed.
pub fn transcripts_text<'t>(transcripts: impl Iterator<Item = &'t Transcript>) -> String {
    transcripts.map(Transcript::to_string).collect::<Vec<_>>().join(OR)
}

/// What the steps can come to, each with the number of orders in which it does: what comes most often first.
fn outcomes_text(outcomes: &BTreeMap<Vec<Line>, usize>, orders: usize) -> String {
    let mut sorted: Vec<(&Vec<Line>, usize)> = outcomes.iter().map(|(lines, count)| (lines, *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let outcome = |(lines, count): &(&Vec<Line>, usize)| {
        format!("in {count} of {orders} orders\n{}", Transcript { lines: lines.to_vec() })
    };
    sorted.iter().map(outcome).collect()
}

/// What a script came to, by the orders of its steps: its transcripts, or how often which outcome came.
pub fn played_text(script: &Script, by_order: &[BTreeSet<Transcript>]) -> String {
    match script.order {
        Order::Given => transcripts_text(by_order.iter().flatten()),
        Order::AllPermutations => {
            let mut counted: BTreeMap<Vec<Line>, usize> = BTreeMap::new();
            for transcripts in by_order {
                let ends: BTreeSet<Vec<Line>> = transcripts.iter().map(Transcript::outcome).collect();
                for end in ends {
                    *counted.entry(end).or_default() += 1;
                }
            }
            outcomes_text(&counted, by_order.len())
        }
    }
}
