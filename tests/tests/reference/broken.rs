//! A protocol that is broken is found out, with a short sequence that shows it.

use paidonce_model::Engine;
use paidonce_protocol::shop::{Notice, PaymentStatus};
use paidonce_protocol::{Guard, Without};

use crate::drivers::Code;
use crate::sequence::{Step, Told};
use crate::shop::{CURRENCY, RECEIVER};
use crate::{Otherwise, executor, play, search};

const ENGINE: [Engine; 1] = [Engine::SqliteImmediate];

/// Guards against somebody who comes in between, and nobody does here.
const OTHERS_ONLY: [Guard; 2] = [Guard::PaysIfPending, Guard::CancelIfStill];

fn shown(code: Code) -> Option<Otherwise> {
    search(code, &ENGINE, false, 400)
}

#[test]
fn each_guard_that_does_something_for_one_request_alone_is_missed() {
    let mut long = Vec::new();
    for guard in Guard::ALL.iter().filter(|guard| ["settle", "cancel", "worker"].contains(&guard.protocol())) {
        match shown(Code::Paidonce(Without::NOTHING.and(*guard))) {
            Some(_) if OTHERS_ONLY.contains(guard) => panic!("{guard:?} is missed, and is said not to be"),
            None if OTHERS_ONLY.contains(guard) => {}
            None => panic!("{guard:?} is not missed"),
            Some(Otherwise { steps, .. }) if steps.len() > 5 => long.push((guard, steps)),
            Some(_) => {}
        }
    }
    assert!(long.is_empty(), "these were not made short: {long:#?}");
}

/// What comes of these steps on the model, with enough in stock for all orders that are told of.
fn comes_of(code: Code, steps: &[Step]) -> Result<(), String> {
    let start = Told::with_stock([("mug", 5), ("poster", 2), ("tee", 2)]);
    let played = executor().block_on(play(code, &ENGINE, false, (start, steps.to_vec(), None)));
    played.map_err(|error| error.to_string())
}

fn payment(txn_id: &str) -> Step {
    let notice = Notice {
        provider: "paypal".to_owned(),
        txn_id: txn_id.to_owned(),
        payment_status: PaymentStatus::new("Completed"),
        order_id: "1".to_owned(),
        amount_cents: 2000,
        currency: CURRENCY.to_owned(),
        receiver: RECEIVER.to_owned(),
    };
    Step::Settle(notice, None)
}

#[test]
fn unlocked_is_right_for_one_payment_and_its_duplicate_and_wrong_for_what_else_comes() {
    let right = [payment("A"), payment("A")];
    assert_eq!(comes_of(Code::Unlocked, &right), Ok(()));
    for wrong in [[payment("A"), payment("B")], [Step::Cancel("1", None), payment("A")]] {
        assert_eq!(comes_of(Code::Paidonce(Without::NOTHING), &wrong), Ok(()));
        let said = comes_of(Code::Unlocked, &wrong).expect_err("the second step is wrong");
        assert!(said.contains("payments"), "{said}");
    }
}

#[test]
fn unlocked_is_found_out_by_a_sequence_of_one_step() {
    let Otherwise { steps, why, .. } = shown(Code::Unlocked).expect("it is wrong in many ways");
    assert_eq!(steps.len(), 1, "{steps:?}: {why}");
}
