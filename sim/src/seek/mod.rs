//! The reverse of differential testing: of what the model allows, what does the real engine ever do?
//!
//! | file | is about |
//! |---|---|
//! | `ways` | what may lead an engine to another outcome than the one it has come to |
//! | `search` | a script played in one way after the other, until all that is looked for has been seen |
//! | `record` | the outcomes that were never seen, or seldom, each with its reason: `specs/scripts/unseen.toml` |

mod record;
mod search;
mod ways;

pub use record::{Entry, Often, Record, RecordError};
pub use search::{Sought, seek};
pub use ways::ways;
