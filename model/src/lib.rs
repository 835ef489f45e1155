//! Explores every interleaving of a protocol's requests on a model of a real database.

mod alone;
mod chance;
mod check;
mod claims;
mod db;
mod engine;
mod explore;
mod intern;
mod made;
mod sample;
mod sql;
mod unroll;
mod world;

pub mod flow;
pub mod history;
pub mod scenario;
pub mod script;
pub mod shared;
pub mod simulate;
pub mod trace;

pub use alone::Alone;
pub use check::{Checked, Verdict, check};
pub use claims::{Claim, When};
pub use db::Rule;
pub use engine::{Engine, Family};
pub use explore::{
    Exploration, ExploreError, Limits, PageError, Progress, Schedule, Show, explore, explore_by_hand, shortest,
};
pub use sample::sample;
pub use sql::{Path, Sheet, SqlError};
pub use unroll::UnrollError;
pub use world::{Action, Reductions, Setup, Source, State, World, WorldError};
