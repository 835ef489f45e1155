//! `paidonce show`: a trace drawn.

use std::io::Write;

use paidonce_model::trace::Trace;

use super::cli::Show;
use super::failure::Failure;
use super::{Exit, read_text};
use crate::{show, trace_file};

/// A trace has some hundred bytes a step.
const LONGEST_TRACE: u64 = 64 << 20;

pub(super) fn run(asked: &Show, out: &mut dyn Write) -> Result<Exit, Failure> {
    let trace = read(&asked.trace)?;
    out.write_all(show::show(&trace, asked.format)?.as_bytes())?;
    Ok(Exit::Clean)
}

/// The trace in a file.
pub(super) fn read(path: &str) -> Result<Trace, Failure> {
    let text = read_text(path, LONGEST_TRACE)?;
    trace_file::read(&text).map_err(|source| Failure::Trace { path: path.to_owned(), source })
}
