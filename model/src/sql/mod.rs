//! The part of SQL that protocols speak, compiled once into plans.
//!
//! What is outside the supported part is refused by name, never guessed.

mod aggregate;
mod compile;
mod expression;
mod misplaced;
mod named;
mod parsed;
mod path;
mod plan;
mod schema;
mod sheet;
mod unforeseen;

pub use path::Path;
pub use sheet::Sheet;

pub(crate) use aggregate::Aggregate;
pub(crate) use expression::{Comparison, Condition, Given, Scalar, Uncomputable};
pub(crate) use named::{Asks, Named};
pub(crate) use path::Access;
pub(crate) use plan::{
    Insert, Locking, Needed, NewRows, OnConflict, OnLocked, Output, Plan, PlanKind, Select, Strength,
};
pub(crate) use schema::{Kind, Space, Tables};

/// Why a schema or a statement cannot be used in the model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {problem}")]
pub struct SqlError {
    /// The statement's name, or `schema`.
    pub subject: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl SqlError {
    fn new(subject: &str, problem: impl Into<String>) -> Self {
        SqlError { subject: subject.to_owned(), problem: problem.into() }
    }

    fn unsupported(subject: &str, clause: impl std::fmt::Display) -> Self {
        Self::new(
            subject,
            format!("`{clause}` is outside the SQL that the model knows; write the statement without it"),
        )
    }
}

#[cfg(test)]
mod tests;
