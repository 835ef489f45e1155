//! What threads of paidonce share, taken by loom through every order in which they may come to it.
//!
//! The files are the ones that a shop and the checker run; each depends on nothing but what loom has, too. Beside each claim
//! stand variants with one thing done wrong, which loom has to refute: a claim that nothing refutes claims nothing.
//! `tests/tests/loom.rs` builds and runs this.

#![cfg(all(loom, test))]

#[path = "../../../model/src/intern.rs"]
mod intern;
#[path = "../../../model/src/made.rs"]
mod made;
#[path = "../../../impl/src/lease/state.rs"]
mod state;

mod interning;
mod lease;
mod unrolling;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// True when loom finds an order in which this panics.
fn is_refuted(claim: impl Fn() + Send + Sync + 'static) -> bool {
    catch_unwind(AssertUnwindSafe(|| loom::model(claim))).is_err()
}
