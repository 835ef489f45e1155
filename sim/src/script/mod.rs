//! Scripts of SQL steps on real engines, in lockstep: see `paidonce_model::script` for the format and for the model's side.

mod direction;
mod real;
mod text;

pub use direction::Direction;
pub use real::{Real, RealError};
pub use text::{played_text, transcripts_text};
