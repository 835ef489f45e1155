//! Differential testing: scripts drawn from a seed, played on a real engine, whose transcript the model has to allow.
//!
//! | file | is about |
//! |---|---|
//! | `draft` | what is drawn: sessions, their steps, the order in which these are sent; and its text as a script |
//! | `statements` | the SQL that is drawn |
//! | `names` | the locks by name that are drawn where somebody asks for them |
//! | `compare` | one script on both sides, and a smaller one when they disagree |
//! | `tally` | what many scripts came to |
//! | `lanes` | several scripts at a time |
//!
//! Script number `n` of a seed is the same on every machine, so that a run can be resumed, and a single script be played
//! again. What is found is worth keeping as a script of its own, since the drawing may change: `specs/scripts/kept/`.

mod compare;
mod draft;
mod lanes;
mod names;
mod statements;
mod tally;

pub use compare::{Compared, Differ, DifferError, Disagreement};
pub use draft::{Drafts, Draw};
pub use lanes::{LaneError, Lanes, Run, Work};
pub use tally::Tally;
