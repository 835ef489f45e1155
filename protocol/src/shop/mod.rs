//! The shop's words: what a request brings in and what comes of it.

mod notice;
mod outcome;
mod request;

pub use notice::{Money, Notice, NoticeError, PaymentStatus};
pub use outcome::{Outcome, Reason};
pub use request::{Input, REQUEST_PLACEHOLDER, Request, Settings};
