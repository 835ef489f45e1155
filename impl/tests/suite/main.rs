//! The crate on real SQLite files, each in a directory of its own.

mod audits;
mod booking;
mod errors;
mod opening;
mod statements;
mod support;
mod tables;
