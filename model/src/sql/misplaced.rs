//! Where a server's own way through several reads of one statement is known, and where it is not.
//!
//! What drawn scripts compare with the real engines (`paidonce differ`) has sub-selects in three places: as a new value of an
//! `UPDATE`, behind `IN` in a plain read, and behind `EXISTS` in an `INSERT … SELECT` that reads nothing else. Elsewhere each
//! server has ways of its own, some of which were measured on MariaDB 10.11 and PostgreSQL 15:
//! - MariaDB locks what a `DELETE` or the values of an `INSERT` read also below repeatable read, and not what an `UPDATE` reads
//!   there (`ha_innobase::store_lock`);
//! - a condition whose sub-select finds nothing is false before any row is looked at: MariaDB then locks none of them, and
//!   PostgreSQL notes none;
//! - `FOR UPDATE` in a sub-select locks at every level;
//! - a source with an `ORDER BY` may be read and put in row by row, or read to its end first.
//!
//! Where something is locked, or noted, such a statement is refused by name, and nothing is guessed.

use super::expression::Condition;
use super::plan::{Insert, NewRows, OnConflict, Plan, PlanKind};
use crate::engine::{Engine, Family, Level};

impl Plan {
    /// Why it is not known on this engine in which order a statement comes to what it reads and what it deals with.
    pub(crate) fn misplaced(&self, engine: Engine) -> Option<String> {
        let minds = match (engine.family(), engine.level()) {
            (Family::Sqlite, _) => false,
            (_, Level::Serializable) => true,
            (Family::Postgres, _) => false,
            (Family::MariaDb, _) => !self.only_reads(),
        };
        if !minds {
            return None;
        }
        if self.subs.iter().any(|sub| sub.locks.is_some()) {
            return Some("a sub-select locks its rows; lock them in a statement before".to_owned());
        }
        if let PlanKind::Insert(Insert { rows: NewRows::Select(source), on_conflict }) = &self.kind
            && source.table.is_some()
        {
            let is_bare = source.order.is_empty() && source.limit.is_none();
            if !is_bare || !matches!(on_conflict, OnConflict::Refuse) {
                let what = if is_bare { "ON CONFLICT" } else { "ORDER BY or LIMIT" };
                return Some(format!(
                    "INSERT … SELECT has {what}, and whether its rows are read before the first one is put in is not known; \
                     read them in a statement before"
                ));
            }
        }
        let place = (0..self.subs.len()).find_map(|number| self.unknown_place(number))?;
        Some(format!(
            "a sub-select stands in {place}, and when it is read and what is locked by then is not known; read it in a \
             statement before"
        ))
    }

    /// Where a sub-select stands, if that is none of the places that are compared.
    fn unknown_place(&self, number: usize) -> Option<&'static str> {
        let is_in = |condition: Option<&Condition>| condition.is_some_and(|condition| condition.asks(number));
        match &self.kind {
            PlanKind::Update { filter, .. } => is_in(filter.as_ref()).then_some("the WHERE of an UPDATE"),
            PlanKind::Delete { .. } => Some("the WHERE of a DELETE"),
            PlanKind::Select(select) if select.locks.is_some() => Some("a locking read"),
            PlanKind::Select(select) => {
                let joins =
                    select.filter.as_ref().is_some_and(|filter| is_in(Some(filter)) && !filter.asks_besides(number));
                (!joins).then_some("a read that locks or notes its rows, and not behind IN there")
            }
            PlanKind::Insert(Insert { rows: NewRows::Select(source), .. }) => {
                let asks_whether = source.filter.as_ref().is_some_and(|filter| filter.asks_whether(number));
                (source.table.is_some() || !asks_whether).then_some("an INSERT, and not behind EXISTS alone there")
            }
            PlanKind::Insert(_) => Some("the values of an INSERT"),
            PlanKind::Named(_) => None,
        }
    }
}
