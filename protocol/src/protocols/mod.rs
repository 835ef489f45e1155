//! The protocols, one file each. Wrong ones have the shape of right ones, so that the difference is the lesson.

mod jobs;
mod retry;
mod rows;

pub mod cancel;
pub mod cancel_unlocked;
pub mod fenced_lease;
pub mod lock_table;
pub mod queue;
pub mod row_lock;
pub mod settle;
pub mod unlocked;
pub mod worker;
