//! What the `paidonce` command is made of.

pub mod commands;
pub mod replay;
pub mod report;
pub mod show;
pub mod trace_file;
