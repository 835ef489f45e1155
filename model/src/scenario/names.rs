//! Names that a scenario may use and that no enum of its own lists.

/// What `settings.refused_answer` may be.
pub(super) const REFUSED_ANSWERS: [&str; 2] = ["200", "try again"];

/// The statuses of an order.
pub(super) const STATUSES: [&str; 3] = ["pending", "paid", "cancelled"];
