//! How a statement comes to the rows of a table: what it locks on the way depends on it.

use paidonce_protocol::Dialect;

use super::expression::{Comparison, Condition, Scalar};
use super::schema::Table;

/// How a statement comes to the rows of a table, as far as its `WHERE` decides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// By the primary key, all of its columns: at most one row.
    Primary,
    /// By the unique key of this number (counted from 0), all of its columns: at most one row.
    Unique(usize),
    /// By the first so many columns of the primary key, in its order.
    Prefix(usize),
    /// By a range, or a list, of the first column of the primary key, in its order.
    Range,
    /// By the first so many columns (`.1`) of the unique key of this number (`.0`).
    UniquePrefix(usize, usize),
    /// All rows, in the order of the primary key.
    Whole,
}

impl Path {
    /// The path in words.
    pub fn name(self) -> &'static str {
        match self {
            Path::Primary => "by key",
            Path::Unique(0) => "by second key",
            Path::Unique(1) => "by third key",
            Path::Unique(_) => "by a further key",
            Path::Prefix(_) => "by part of the key",
            Path::Range => "by a range of the key",
            Path::UniquePrefix(..) => "by part of a further key",
            Path::Whole => "whole table",
        }
    }

    /// True when it leads to one row or none.
    pub fn is_single(self) -> bool {
        matches!(self, Path::Primary | Path::Unique(_))
    }
}

/// A path with the part of the condition that it follows: whatever row satisfies that part is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) path: Path,
    /// `None`: every row.
    pub(crate) scope: Option<Condition>,
}

impl Access {
    /// The way of a read.
    pub(super) fn of(table: &Table, filter: Option<&Condition>) -> Self {
        Self::by(table, filter, false)
    }

    /// The way of an `UPDATE` or a `DELETE`. MariaDB goes by the front of the primary key where that has all columns of the
    /// further one (EXPLAIN on 10.11, with no rows, few and many).
    pub(super) fn of_change(table: &Table, filter: Option<&Condition>, dialect: Dialect) -> Self {
        Self::by(table, filter, dialect == Dialect::MariaDb)
    }

    fn by(table: &Table, filter: Option<&Condition>, by_front: bool) -> Self {
        let parts = filter.map(Condition::conjuncts).unwrap_or_default();
        let fixed = |columns: &[usize]| -> Vec<&Condition> {
            columns.iter().map_while(|column| parts.iter().copied().find(|part| is_fixed(part, *column))).collect()
        };
        let along = |path: Path, parts: Vec<&Condition>| Access {
            path,
            scope: parts.into_iter().fold(None, |all, part| Some(Condition::both(all, part.clone()))),
        };
        let by_primary = fixed(&table.primary);
        if by_primary.len() == table.primary.len() {
            return along(Path::Primary, by_primary);
        }
        let by_unique: Vec<Vec<&Condition>> = table.uniques.iter().map(|(_, columns)| fixed(columns)).collect();
        let whole = by_unique.iter().zip(&table.uniques).position(|(part, (_, columns))| part.len() == columns.len());
        let is_in_front = |number: &usize| {
            let front = &table.primary[..by_primary.len()];
            table.uniques[*number].1.iter().all(|column| front.contains(column))
        };
        if let Some(number) = whole.filter(|number| !by_front || !is_in_front(number)) {
            return along(Path::Unique(number), by_unique[number].clone());
        }
        if !by_primary.is_empty() {
            return along(Path::Prefix(by_primary.len()), by_primary);
        }
        let ranges: Vec<&Condition> = parts.iter().copied().filter(|part| is_range(part, table.primary[0])).collect();
        if !ranges.is_empty() {
            return along(Path::Range, ranges);
        }
        match by_unique.iter().position(|part| !part.is_empty()) {
            Some(number) => along(Path::UniquePrefix(number, by_unique[number].len()), by_unique[number].clone()),
            None => Access { path: Path::Whole, scope: None },
        }
    }
}

/// The columns that have one value in every row that satisfies the condition.
pub(super) fn fixed_columns(filter: Option<&Condition>) -> Vec<usize> {
    let parts = filter.map(Condition::conjuncts).unwrap_or_default();
    let mut columns = Vec::new();
    parts.iter().for_each(|part| part.columns(&mut columns));
    columns.retain(|column| parts.iter().any(|part| is_fixed(part, *column)));
    columns
}

/// `column = something` that does not depend on the row.
fn is_fixed(part: &Condition, column: usize) -> bool {
    match part {
        Condition::Compare(Comparison::Equal, left, right) => sides(left, right, column),
        Condition::In(Scalar::Column(of), list) => *of == column && list.len() == 1 && !list[0].reads_row(),
        _ => false,
    }
}

fn is_range(part: &Condition, column: usize) -> bool {
    match part {
        Condition::Compare(Comparison::NotEqual, ..) => false,
        Condition::Compare(_, left, right) => sides(left, right, column),
        Condition::In(Scalar::Column(of), list) => *of == column && !list.iter().any(Scalar::reads_row),
        _ => false,
    }
}

fn sides(left: &Scalar, right: &Scalar, column: usize) -> bool {
    *left == Scalar::Column(column) && !right.reads_row() || *right == Scalar::Column(column) && !left.reads_row()
}
