//! Traces of the model, replayed on a real SQLite database.

mod counterexamples;
mod differences;
mod mariadb;
mod refusals;
mod schedules;
mod support;
