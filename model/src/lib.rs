//! Explores every interleaving of a protocol's requests on a model of a real database.

pub mod scenario;
pub mod trace;
