//! Scenario files: those of the repository are sound, and an unsound one is told what is wrong and where.

mod errors;
mod files;
mod mutated;
mod world;
