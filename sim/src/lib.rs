//! What the `paidonce` command is made of.

pub mod commands;
pub mod differ;
pub mod flow;
pub mod replay;
pub mod report;
pub mod script;
pub mod seek;
pub mod show;
pub mod simulate;
pub mod stress;
pub mod trace_file;
