//! The hand-written machines are the same protocols: both forms explore the same graph.

use std::sync::atomic::Ordering;

use crate::subject::{ALL, Chosen, Form, Found, SUBJECTS, Subject};
use crate::unroll::REMEMBERS_ANSWERS;

/// What is compared besides [`SUBJECTS`], each to its end: every story that these protocols are told in.
const STORIES: [(&str, &str); 12] = [
    ("two_payments", "settle"),
    ("late_notice", "settle"),
    ("two_skus_second_short", "settle"),
    ("wrong_amount", "settle"),
    ("unknown_order", "settle"),
    ("refunded", "settle"),
    ("pending_then_completed", "settle"),
    ("lost_anywhere", "settle"),
    ("f4_clocks_apart", "lock_table"),
    ("f6_crashed_holder", "lock_table"),
    ("f7_three_requests", "lock_table"),
    ("f8_not_reentrant", "lock_table"),
];

/// Without symmetry: which of several states stands for all of them hangs on how positions hash, and so, by a few, does how
/// many there are.
const MERGED: Chosen = Chosen { merge_unseen: true, ..Chosen::NONE };

/// With the answers since the last loop head remembered, as unrolling does, the hand-written machines have to have the
/// same graph: as many states, reached as often, breaking and showing the same claims. Without, they have fewer states,
/// because an enum forgets what it will not need and a history does not; but the same claims.
///
/// # Panics
/// When anything differs.
pub(crate) fn both_explore_the_same() {
    let stories = STORIES.map(|(scenario, protocol)| Subject { scenario, protocol, most_states: ALL });
    for subject in stories.iter().chain(&SUBJECTS) {
        let unrolled = subject.explore_with(Form::Unrolled, MERGED);
        REMEMBERS_ANSWERS.store(true, Ordering::Relaxed);
        let remembering = subject.explore_with(Form::ByHand, MERGED);
        REMEMBERS_ANSWERS.store(false, Ordering::Relaxed);
        assert_eq!(remembering, unrolled, "{}", subject.title());
        let by_hand = subject.explore_with(Form::ByHand, MERGED);
        if unrolled.complete {
            let claims = |found: &Found| (found.broken.clone(), found.arisen.clone());
            assert_eq!(claims(&by_hand), claims(&unrolled), "{}", subject.title());
        }
    }
    println!("Both forms explore the same graph in {} explorations.\n", STORIES.len() + SUBJECTS.len());
}
