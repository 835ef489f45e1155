//! Simulations of whole shops, and what is done with what they find.
//!
//! | file | is about |
//! |---|---|
//! | `campaign` | seed after seed, and the machine's form of what came of them |
//! | `broken` | a claim that a seed broke: shrunk, written to files, shown elsewhere |
//! | `exhaustive` | the same violation in the exhaustive model |
//! | `real` | a simulation's schedule on a real database, step by step |
//!
//! The simulation itself is the model's: [`paidonce_model::simulate`].

mod broken;
mod campaign;
mod exhaustive;
mod real;

pub use broken::{Broken, BrokenError, Files};
pub use campaign::{Campaign, JoinError, Subject, read_campaign};
pub use exhaustive::{Exhaustive, Explored};
pub use real::{Real, RealError, follow, followable};
