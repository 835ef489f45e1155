//! A trace as a file: JSON, whose schema is `specs/trace.schema.json`.

use std::collections::BTreeSet;

use paidonce_model::trace::{Event, Step, TRACE_VERSION, Trace};
use serde::Deserialize;

/// The most steps of a trace, and the most actors in them: far beyond what is explored, drawn by chance or replayed.
const MOST_STEPS: usize = 20_000;
const MOST_ACTORS: usize = 64;

/// Why a text is no trace, or a trace no text.
#[derive(Debug, thiserror::Error)]
pub enum TraceFileError {
    /// The file was written by another version of paidonce.
    #[error("this trace is of version {found}, and this paidonce reads version {TRACE_VERSION} only")]
    Version {
        /// The version that stands in the file, as it stands there.
        found: String,
    },
    /// The file says nothing of a version, so nothing can be said of the rest.
    #[error("this JSON is no trace: a trace says its version, and this paidonce reads version {TRACE_VERSION}")]
    NoVersion,
    /// The text is not JSON at all.
    #[error("this is not JSON: {0}")]
    NotJson(
        /// What was expected, with line and column.
        #[source]
        serde_json::Error,
    ),
    /// The JSON is of the right version, but something in it is missing, of the wrong kind, or unknown.
    #[error("this trace is damaged at {path}: {source}")]
    Damaged {
        /// Where in the data: `steps[3].call`.
        path: String,
        /// What was expected, with line and column.
        source: serde_json::Error,
    },
    /// There is more in it than anybody can draw or replay.
    #[error("this trace has {found} {what}, and none of use has more than {most}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// The trace cannot be written as JSON.
    #[error("this trace cannot be written as JSON: {0}")]
    Unwritable(
        /// What serde says.
        #[source]
        serde_json::Error,
    ),
}

/// A trace from its JSON text.
///
/// # Errors
///
/// The text is not JSON, is of another version (which is looked at before the rest), is damaged, or has more in it than anybody can draw.
pub fn read(text: &str) -> Result<Trace, TraceFileError> {
    /// The rest of the file is whatever its version makes of it.
    #[derive(Deserialize)]
    struct Head {
        version: Option<serde_json::Value>,
    }

    let head: Head = serde_json::from_str(text)
        .map_err(|error| if error.is_data() { TraceFileError::NoVersion } else { TraceFileError::NotJson(error) })?;
    match head.version {
        None => return Err(TraceFileError::NoVersion),
        Some(version) if version.as_u64() == Some(TRACE_VERSION.into()) => {}
        Some(version) => return Err(TraceFileError::Version { found: version.to_string() }),
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let trace: Trace = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| TraceFileError::Damaged { path: error.path().to_string(), source: error.into_inner() })?;
    let actors: BTreeSet<&str> = trace.steps.iter().flat_map(actors).collect();
    for (what, found, most) in
        [("steps", trace.steps.len(), MOST_STEPS), ("actors in its steps", actors.len(), MOST_ACTORS)]
    {
        if found > most {
            return Err(TraceFileError::TooMany { what, found, most });
        }
    }
    Ok(trace)
}

/// Who has a part in a step.
fn actors(step: &Step) -> impl Iterator<Item = &str> {
    let woken = match &step.event {
        Event::Ticked { woken, .. } => woken.as_slice(),
        _ => &[],
    };
    step.actor.as_deref().into_iter().chain(woken.iter().map(|woken| woken.actor.as_str()))
}

/// A trace as JSON text for people to read, ending with a newline.
///
/// # Errors
///
/// None that a trace is known to cause.
pub fn write(trace: &Trace) -> Result<String, TraceFileError> {
    let mut text = serde_json::to_string_pretty(trace).map_err(TraceFileError::Unwritable)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests;
