//! What the checks found, as data, as tables, and compared with its pins.
//!
//! 1. `rows`: a verdict with its replay, and the machine's form of all of them.
//! 2. `matrix`: protocols and claims. `engines`: verdicts and replays by engine. `stories`: the scenarios that tell one story each.
//! 3. `manifest`: the pins. `compare`: what differs from them.

mod compare;
mod engines;
mod manifest;
mod matrix;
mod mutants;
mod rows;
mod stories;

pub use manifest::{DrawnRun, Manifest, ManifestError, PinnedMutant, PinnedVerdict, SimulatedRun};

pub(crate) use engines::Engines;
pub(crate) use matrix::{LEGEND, Matrix};
pub(crate) use mutants::{Fall, MutantRow};
pub(crate) use rows::{Document, Replay, Row, Sample};
pub(crate) use stories::stories;
