//! Schedules of SQL steps for people: a text format, its transcript, and every transcript that the model allows.
//!
//! ```text
//! # Two sessions change one row.
//! setup
//!   CREATE TABLE test (id BIGINT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
//!   INSERT INTO test (id, value) VALUES (1, 10);
//!
//! T1: begin
//! T1: UPDATE test SET value = value + 1 WHERE id = 1
//! T2: UPDATE test SET value = value + 1 WHERE id = 1
//! T1: commit
//! T2: SELECT id, value FROM test
//! ---- postgres/read-committed
//! T1: begin                                           done
//! T1: UPDATE test SET value = value + 1 WHERE id = 1  1 row
//! T2: UPDATE test SET value = value + 1 WHERE id = 1  … blocks
//! T1: commit                                          done
//!   T2 goes on                                        1 row
//! T2: SELECT id, value FROM test                      (1, 12)
//! ```
//!
//! 1. `parse`: the format, with errors that name the line.
//! 2. `transcript`: what the steps come to, as text. Answers that come while one step is waited for are told in the order of
//!    the sessions, because nobody can tell which of them was first.
//! 3. `board`: who waits and what is put off; `run`: the steps on the model's database, in every way that the engine leaves open.
//! 4. `follow`: whether one transcript is allowed, without all the others.
//! 5. `anomaly`: whether a transcript shows what a script is about.

mod anomaly;
mod board;
mod follow;
mod parse;
mod permute;
mod run;
mod transcript;

pub use anomaly::{Anomaly, Condition};
pub use board::Board;
pub use follow::Followed;
pub use parse::{Action, Order, Script, ScriptError, Session, Step};
pub use run::Prepared;
pub use transcript::{Line, Said, Transcript};
