//! What of a statement's path is decided by what is in the table, or leads backwards, and so is nobody's to foresee.
//!
//! A statement's path is told by its text and the schema (see `path`). Where an optimizer may choose between a key and the
//! whole table, or between two keys, it goes by the number of rows that it takes each to have: MariaDB 10.11 reads
//! `code >= 2` of four rows by the key `code`, and of forty from end to end (EXPLAIN on the server at hand). What is locked,
//! or noted by PostgreSQL's serializable, depends on it. There the statement is refused by name, and nothing is guessed;
//! a statement that locks and notes nothing on its way is taken as it is.

use super::aggregate::Aggregate;
use super::expression::{Condition, Scalar};
use super::path::{Access, Path, fixed_columns};
use super::plan::{Output, Plan, PlanKind, Select};
use super::schema::{Table, Tables};
use crate::engine::{Engine, Family, Level};

/// What depends on the path by which a statement comes to the rows of one table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Minds {
    Nothing,
    /// Whether it comes to a row by a further key: a new row may not have its record there yet.
    FurtherKeys,
    /// What it locks, or notes, on its way.
    Everything,
}

/// One table's rows, as a statement comes to them.
#[derive(Clone, Copy)]
struct Reading<'a> {
    table: &'a Table,
    access: &'a Access,
    filter: Option<&'a Condition>,
    /// `None` for an `UPDATE` or a `DELETE`.
    select: Option<&'a Select>,
    /// The statement's own rows, and not those of a sub-select or a source.
    is_own: bool,
}

impl Plan {
    /// Why an engine's path cannot be told from the statement and the schema, where something depends on it.
    pub(crate) fn unforeseen(&self, tables: &Tables, engine: Engine) -> Option<String> {
        let own = match &self.kind {
            PlanKind::Select(select) => Some((select.filter.as_ref(), Some(select))),
            PlanKind::Update { filter, .. } | PlanKind::Delete { filter } => Some((filter.as_ref(), None)),
            PlanKind::Insert(_) | PlanKind::Named(_) => None,
        };
        let own = own.map(|(filter, select)| Reading {
            table: &tables.tables[self.table],
            access: &self.access,
            filter,
            select,
            is_own: true,
        });
        let besides = self.reads().map(|read| Reading {
            table: &tables.tables[read.table],
            access: &read.select.access,
            filter: read.select.filter.as_ref(),
            select: Some(read.select),
            is_own: false,
        });
        own.into_iter().chain(besides).find_map(|reading| {
            let least = match self.minds(engine, &reading) {
                Minds::Nothing => return None,
                Minds::FurtherKeys => 1,
                Minds::Everything => 0,
            };
            let doubt = reading.doubt(self, tables, engine.family())?;
            let about = |key: usize| format!("the key ({}) of {}", reading.columns(key), reading.table.name);
            (doubt.key >= least).then(|| format!("{}, {}", doubt.clause, doubt.why.replace("KEY", &about(doubt.key))))
        })
    }

    fn minds(&self, engine: Engine, reading: &Reading<'_>) -> Minds {
        let locks = match reading.select {
            Some(select) => select.locks.is_some(),
            None => true,
        };
        match (engine.family(), engine.level()) {
            // It locks the whole database.
            (Family::Sqlite, _) => Minds::Nothing,
            // Rows are locked as they are found, whatever lies beside them; at serializable, pages of keys are noted.
            (Family::Postgres, Level::Serializable) => Minds::Everything,
            (Family::Postgres, _) => Minds::Nothing,
            (Family::MariaDb, Level::Serializable) => Minds::Everything,
            (Family::MariaDb, _) if locks => Minds::Everything,
            (Family::MariaDb, Level::RepeatableRead | Level::Snapshot) if self.writes() => Minds::Everything,
            (Family::MariaDb, Level::ReadUncommitted) => Minds::FurtherKeys,
            (Family::MariaDb, _) => Minds::Nothing,
        }
    }
}

/// What about a path is open: the key that it is about, the clause, and why with advice, where `KEY` stands for the key.
struct Doubt {
    key: usize,
    clause: String,
    why: &'static str,
}

const BY_WHICH: &str = "may be looked for by KEY or without it, as there are many rows or few, and what is locked on the way \
                        depends on that; ask with = for all columns of one key and leave other keys out of the condition, \
                        ask for a range of the primary key, or read without locks first and change the rows by their key then";
const HOW_FAR: &str = "narrows a range of KEY by more than its beginning, and what is locked on the way depends on how far; \
                       ask with = for the columns in front, or leave it out";
const BACKWARDS: &str = "leads along KEY from its end, where other gaps are locked; the model knows the way forwards only: \
                         order by the key as it lies, or read without locks";
const SORTED: &str = "may be brought by KEY or by sorting, as there are many rows or few, and what is locked on the way depends \
                      on that; order by the primary key, or read without locks";
const AT_THE_END: &str = "is looked up at an end of KEY alone, which is locked there; read it without locks, or take the row \
                          by ORDER BY … LIMIT 1 along the key";
const JOINED: &str = "may be looked for by KEY once for each row, or all at once, as there are many rows or few; \
                      read it in a statement before";

impl Reading<'_> {
    fn doubt(&self, plan: &Plan, tables: &Tables, family: Family) -> Option<Doubt> {
        let is_single = self.access.path.is_single();
        let order = || if is_single { None } else { self.by_order() };
        self.by_condition(family)
            .or_else(order)
            .or_else(|| self.by_total(family))
            .or_else(|| self.by_join(plan, tables))
    }

    /// The columns of a key, in words.
    fn columns(&self, key: usize) -> String {
        let names = self.table.key(key).iter().map(|column| self.table.columns[*column].as_str());
        names.collect::<Vec<&str>>().join(", ")
    }

    fn clause(&self, column: usize) -> String {
        format!("what WHERE says of `{}`", self.table.columns[column])
    }

    /// True when rows may be looked for by this column.
    fn asks(&self, column: usize) -> bool {
        self.filter.is_some_and(|filter| sought(filter, &|it| it == column))
    }

    /// The key by which the path leads, and how many of its columns.
    fn chosen(&self) -> Option<(usize, usize)> {
        match self.access.path {
            Path::Primary => Some((0, self.table.primary.len())),
            Path::Prefix(count) => Some((0, count)),
            Path::Range => Some((0, 1)),
            Path::Unique(number) => Some((number + 1, self.table.uniques[number].1.len())),
            Path::UniquePrefix(number, count) => Some((number + 1, count)),
            Path::Whole => None,
        }
    }

    /// Another key that the condition would do for, or more of this one.
    fn by_condition(&self, family: Family) -> Option<Doubt> {
        let path = self.access.path;
        // MariaDB reads such a row before it plans anything else, in a SELECT; PostgreSQL never takes a range for cheaper.
        let is_first = path.is_single() && (family == Family::Postgres || self.select.is_some());
        let fixed = fixed_columns(self.filter);
        let chosen = self.chosen();
        let used = chosen.map_or(&[][..], |(key, count)| &self.table.key(key)[..count]);
        // PostgreSQL also looks for a further column of a key along all of it.
        if family == Family::Postgres && path == Path::Whole {
            let further = |key: &usize| self.table.key(*key)[1..].iter().find(|column| self.asks(**column));
            if let Some((key, column)) = (0..self.table.keys()).find_map(|key| Some((key, further(&key)?))) {
                return Some(Doubt { key, clause: self.clause(*column), why: BY_WHICH });
            }
        }
        for key in 0..self.table.keys() {
            let columns = self.table.key(key);
            let is_chosen = chosen.is_some_and(|(chosen, _)| chosen == key);
            let is_asked = |column: usize| self.asks(column);
            let is_whole = columns.iter().all(|column| fixed.contains(column));
            // Of two keys that begin alike, one of them whole, which is taken does not depend on the rows (see `path`).
            let begins_alike = columns.get(..used.len()).is_some_and(|front| used.iter().all(|it| front.contains(it)));
            let is_same = begins_alike && (path.is_single() || is_whole);
            let is_rival =
                if is_first { is_whole && family == Family::Postgres } else { is_asked(columns[0]) && !is_same };
            if !is_chosen && is_rival {
                return Some(Doubt { key, clause: self.clause(columns[0]), why: BY_WHICH });
            }
            if !is_chosen || path.is_single() {
                continue;
            }
            if family == Family::MariaDb && matches!(path, Path::UniquePrefix(..)) {
                return Some(Doubt { key, clause: self.clause(columns[0]), why: BY_WHICH });
            }
            let narrowed = columns[used.len()..].iter().find(|column| is_asked(**column));
            let lists = self.access.scope.as_ref().map(Condition::conjuncts).unwrap_or_default();
            let is_cut = lists.len() > used.len() && lists.iter().any(|part| matches!(part, Condition::In(..)));
            if let Some(column) = narrowed.or(is_cut.then_some(&columns[0])) {
                return Some(Doubt { key, clause: self.clause(*column), why: HOW_FAR });
            }
        }
        None
    }

    /// An order that a key brings, and not the one by which the path leads forwards.
    fn by_order(&self) -> Option<Doubt> {
        let order = &self.select?.order;
        let (first, _) = order.first()?;
        let fixed = fixed_columns(self.filter);
        let brings = |key: &usize| {
            self.table.key(*key).iter().find(|column| !fixed.contains(column)).is_some_and(|column| column == first)
        };
        let clause = || format!("the order by `{}`", self.table.columns[*first]);
        (0..self.table.keys()).filter(brings).find_map(|key| {
            let why = match self.chosen() {
                _ if order.iter().any(|(_, descending)| *descending) => BACKWARDS,
                None if key == 0 => return None,
                Some((0, _)) if key == 0 => return None,
                _ => SORTED,
            };
            Some(Doubt { key, clause: clause(), why })
        })
    }

    /// A least or greatest value that is looked up at the end of a key (`opt_sum_query` in MariaDB's sql/opt_sum.cc,
    /// `preprocess_minmax_aggregates` in PostgreSQL's src/backend/optimizer/plan/planagg.c, which does so only where nothing
    /// else is asked).
    fn by_total(&self, family: Family) -> Option<Doubt> {
        let Output::Totals { aggregates, .. } = &self.select?.output else { return None };
        let is_end = |aggregate: &Aggregate| matches!(aggregate, Aggregate::Min(_) | Aggregate::Max(_));
        if family == Family::Postgres && !aggregates.iter().all(is_end) {
            return None;
        }
        aggregates.iter().find_map(|aggregate| {
            let (Aggregate::Min(Scalar::Column(column)) | Aggregate::Max(Scalar::Column(column))) = aggregate else {
                return None;
            };
            let key = (0..self.table.keys()).find(|key| self.table.key(*key).contains(column))?;
            // What the model does about MariaDB: see `innodb::reads`.
            let is_known =
                self.is_own && matches!(aggregate, Aggregate::Max(_)) && self.table.key(key).len() == 1 && key > 0;
            let clause = || format!("the least or greatest `{}`", self.table.columns[*column]);
            (family == Family::Postgres || !is_known).then(|| Doubt { key, clause: clause(), why: AT_THE_END })
        })
    }

    /// `IN (SELECT …)` of a column by which the other side's rows may be looked for.
    fn by_join(&self, plan: &Plan, tables: &Tables) -> Option<Doubt> {
        if self.is_own || self.access.path.is_single() {
            return None;
        }
        let select = self.select?;
        let (Output::Rows(columns), Some(condition)) = (&select.output, plan.condition()) else { return None };
        let number = plan.subs.iter().position(|sub| std::ptr::eq(sub, select))?;
        let Some(Scalar::Column(column)) = columns.first() else { return None };
        let is_among = condition.asks(number) && !condition.asks_whether(number);
        let table = &tables.tables[select.table?];
        let key = (0..table.keys()).find(|key| table.key(*key)[0] == *column).filter(|_| is_among)?;
        Some(Doubt { key, clause: format!("`{}` in the sub-select", table.columns[*column]), why: JOINED })
    }
}

/// True when rows that satisfy the condition may be looked for by a key that begins with such a column: it stands alone on
/// one side.
fn sought(condition: &Condition, begins: &dyn Fn(usize) -> bool) -> bool {
    let is_key = |scalar: &Scalar| matches!(scalar, Scalar::Column(column) if begins(*column));
    match condition {
        Condition::Compare(_, left, right) => is_key(left) || is_key(right),
        Condition::IsNull(scalar) | Condition::In(scalar, _) | Condition::Among(scalar, _) => is_key(scalar),
        Condition::Exists(_) => false,
        Condition::Not(inner) => sought(inner, begins),
        Condition::And(left, right) | Condition::Or(left, right) => sought(left, begins) || sought(right, begins),
    }
}
