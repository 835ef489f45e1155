//! Scripts of SQL steps on real engines, in lockstep: see `paidonce_model::script` for the format and for the model's side.

mod direction;
mod real;
mod text;

/// The model takes so many ways through a script at most, over all orders of its steps.
pub(crate) const MOST_WAYS: usize = 20_000;

pub use direction::Direction;
pub use real::{Real, RealError};
pub use text::{played_text, transcripts_text};
