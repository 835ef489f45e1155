//! A statement as the model runs it.

use super::expression::{Condition, Scalar};

/// A compiled statement.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The number of the table it reads or writes.
    pub(crate) table: usize,
    pub(crate) kind: PlanKind,
    /// How many arguments it takes.
    pub(crate) arguments: usize,
}

/// What a plan does.
#[derive(Clone, Debug)]
pub(crate) enum PlanKind {
    Select {
        columns: Vec<usize>,
        filter: Option<Condition>,
        order: Vec<(usize, bool)>,
        limit: Option<usize>,
        locks: bool,
    },
    Insert {
        values: Vec<Scalar>,
        ignores_conflict: bool,
    },
    Update {
        sets: Vec<(usize, Scalar)>,
        filter: Option<Condition>,
    },
    Delete {
        filter: Option<Condition>,
    },
}

impl Plan {
    /// True for a statement that changes or locks nothing.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self.kind, PlanKind::Select { locks: false, .. })
    }

    /// True for a statement that may change rows.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.kind, PlanKind::Select { .. })
    }

    /// True for a statement that replaces or removes what a row holds whatever that is by now: an `UPDATE` to a value
    /// that does not come from the row, or a `DELETE`, whose `WHERE` looks at the primary key only.
    pub(crate) fn is_blind(&self, primary: &[usize]) -> bool {
        let (replaces, filter) = match &self.kind {
            PlanKind::Update { sets, filter } => (sets.iter().any(|(_, to)| !to.reads_row()), filter),
            PlanKind::Delete { filter } => (true, filter),
            PlanKind::Select { .. } | PlanKind::Insert { .. } => return false,
        };
        let mut columns = Vec::new();
        if let Some(filter) = filter {
            filter.columns(&mut columns);
        }
        replaces && columns.iter().all(|column| primary.contains(column))
    }
}
