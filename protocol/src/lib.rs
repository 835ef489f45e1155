//! Protocols of a shop that hears of one payment from many processes at once.
//!
//! A protocol is one `async fn` over a [`Session`]: it asks for one thing at a time and is told one answer at a time. It
//! has no clock, no randomness, no thread and no socket of its own, so it *is* a state machine, whose state is the list
//! of answers it has had. Whoever answers drives it: the model checker, the simulator or a real database.
//!
//! [`catalogue`] lists the protocols, right ones beside wrong ones; each is one file in `protocols/`.

mod cache;
mod code;
mod coroutine;
mod error;
mod schema;
mod session;
mod statement;
mod value;

pub mod catalogue;
pub mod protocols;
pub mod shop;

pub use cache::CacheCall;
pub use catalogue::{Guard, Without};
pub use code::{Code, Ended, OwnStart};
pub use coroutine::{Body, Coroutine, Foul, Port, Progress};
pub use error::Error;
pub use schema::Schema;
pub use session::{Answer, Call, Mail, Mark, Reply, Session};
pub use statement::{Dialect, Rendered, Statement, Underivable};
pub use value::{Row, Value};
