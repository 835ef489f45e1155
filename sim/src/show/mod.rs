//! Drawing a trace: pure functions from the data to text, a Mermaid sequence diagram, SVG, or JSON.
//!
//! 1. `words`: what a call, an answer, a moment is called.
//! 2. `picture`: lanes and lines, computed once by `cast` (who takes part) and `drawer` (what happens, who waits, who is
//!    inside a section).
//! 3. `text`, `mermaid`, `svg`: the picture in a form. None of them reads the trace.

mod cast;
mod drawer;
mod mermaid;
mod picture;
mod svg;
mod text;
mod words;

#[cfg(test)]
pub(crate) mod any;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use paidonce_model::trace::Trace;

use crate::trace_file::{self, TraceFileError};
use picture::Picture;

/// A form in which a trace can be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Numbered lines for a terminal, at most 110 columns wide.
    #[default]
    Text,
    /// A Mermaid sequence diagram, as code hosts render it in Markdown.
    Mermaid,
    /// An SVG image that stands alone: no script, no font, no link.
    Svg,
    /// The trace itself.
    Json,
}

/// A name that is not a format's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trace is shown as text, mermaid, svg or json, not as {0:?}")]
pub struct UnknownFormat(
    /// The name given.
    pub String,
);

impl Format {
    /// Every format, in the order in which the command lists them.
    pub const ALL: [Format; 4] = [Format::Text, Format::Mermaid, Format::Svg, Format::Json];

    /// The format's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Mermaid => "mermaid",
            Format::Svg => "svg",
            Format::Json => "json",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The trace in this format, ending with a newline.
///
/// # Errors
///
/// Only for [`Format::Json`], with what serde says; a drawing never fails.
pub fn show(trace: &Trace, format: Format) -> Result<String, TraceFileError> {
    match format {
        Format::Text => Ok(text(trace)),
        Format::Mermaid => Ok(mermaid(trace)),
        Format::Svg => Ok(svg(trace)),
        Format::Json => trace_file::write(trace),
    }
}

/// The trace as numbered lines for a terminal. The first line says what was explored, the last one what went wrong.
pub fn text(trace: &Trace) -> String {
    text::draw(&Picture::of(trace))
}

/// The trace as a Mermaid sequence diagram, without the fence that Markdown needs around it.
pub fn mermaid(trace: &Trace) -> String {
    mermaid::draw(&Picture::of(trace))
}

/// The trace as an SVG image.
pub fn svg(trace: &Trace) -> String {
    svg::draw(&Picture::of(trace))
}
