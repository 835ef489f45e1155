//! New rows, and those that are there already.
//!
//! Rules and their sources:
//! - PostgreSQL and SQLite ask the key that `ON CONFLICT` names first and take its action; another key that is taken is
//!   an error (both manuals, "INSERT"). MariaDB's forms know no key: the first that is taken counts, the primary one
//!   first, then unique ones without and then those with columns that may be NULL (measured on 10.11);
//! - PostgreSQL refuses to change a row twice in one statement (21000), the others do it;
//! - a row inserted or changed counts 1, one left alone 0; on MariaDB, whose clients ask for the rows found, a changed
//!   one counts 2 and one that stays as it was 1 ("INSERT ON DUPLICATE KEY UPDATE", CLIENT_FOUND_ROWS);
//! - MariaDB's `INSERT IGNORE` writes 0 or '' where a column refuses NULL ("IGNORE", measured).

use paidonce_protocol::Dialect;

use super::super::cause::Cause;
use super::super::store::{Answered, Change, KeyId, RowId, RowKeys, Store};
use super::super::value::Val;
use super::{Run, Touch, View};
use crate::sql::{Condition, Given, Insert, Kind, NewRows, OnConflict, Scalar};

/// How far an `INSERT` is.
#[derive(Default)]
struct Done {
    affected: u32,
    touched: Vec<Touch>,
    /// What it has written itself: later rows meet it.
    written: Vec<(KeyId, RowId)>,
}

/// What is to be done about a new row.
enum Fate {
    Put,
    Skip,
    Refuse,
    Update(RowId),
}

impl Store {
    pub(super) fn insert(
        &self,
        table: usize,
        insert: &Insert,
        given: &Given<'_>,
        view: View<'_>,
        other: View<'_>,
    ) -> Result<Run, Cause> {
        let (rows, reads) = match &insert.rows {
            NewRows::Values(rows) => {
                (rows.iter().map(|row| self.values(row, given)).collect::<Result<_, _>>()?, Vec::new())
            }
            NewRows::Select(select) => {
                let (rows, found) = self.source(select, given, other)?;
                (rows, if select.table.is_some() { vec![found] } else { Vec::new() })
            }
        };
        let mut done = Done::default();
        for mut row in rows {
            if matches!(insert.on_conflict, OnConflict::Skip { .. }) && self.dialect == Dialect::MariaDb {
                self.fill_nulls(table, &mut row);
            }
            if let Err(cause) = self.check_not_null(table, &row) {
                return Ok(self.refused(cause, reads, &done));
            }
            let keys = self.numbered_keys(table, &row);
            match self.fate(table, &insert.on_conflict, &keys, &done, view) {
                Fate::Put => {
                    done.affected += 1;
                    done.put(keys.iter().map(|(_, key)| *key).collect(), self.rows.keep(row));
                }
                Fate::Skip => {}
                Fate::Refuse => return Ok(self.refused(Cause::Duplicate, reads, &done)),
                Fate::Update(there) => {
                    let OnConflict::Update { sets, filter, .. } = &insert.on_conflict else {
                        return Err(Cause::Unusable);
                    };
                    self.update_instead(table, (there, &row), (sets, filter.as_ref()), given, &mut done)?;
                }
            }
        }
        let reply = self.replies.keep(Answered::Affected(done.affected));
        Ok(Run { touched: done.touched, reads, ..Run::answered(reply) })
    }

    /// One of the rows cannot be put in.
    fn refused(&self, cause: Cause, reads: Vec<Vec<(KeyId, RowId)>>, done: &Done) -> Run {
        let reply = self.replies.keep(Answered::Failed(cause));
        Run { reads, undone: done.affected > 0, error: Some(cause), ..Run::answered(reply) }
    }

    /// A row's keys with their numbers, without those that hold a NULL.
    pub(super) fn numbered_keys(&self, table: usize, row: &[Val]) -> Vec<(usize, KeyId)> {
        let definition = &self.tables.tables[table];
        let whole = |number: &usize| definition.key(*number).iter().all(|column| row[*column] != Val::Null);
        (0..definition.keys()).filter(whole).zip(self.keys_of(table, row)).collect()
    }

    fn fate(&self, table: usize, on: &OnConflict, keys: &[(usize, KeyId)], done: &Done, view: View<'_>) -> Fate {
        let there = |key: KeyId| done.under(key).or_else(|| self.seen(view.base, view.changes, key));
        let mut taken = keys.iter().filter_map(|(number, key)| Some((*number, there(*key)?)));
        if self.dialect == Dialect::MariaDb {
            let definition = &self.tables.tables[table];
            let may_be_null =
                |number: usize| definition.key(number).iter().any(|column| !definition.not_null.contains(column));
            let first = taken.min_by_key(|(number, _)| (may_be_null(*number), *number));
            return match (first, on) {
                (None, _) => Fate::Put,
                (Some(_), OnConflict::Refuse) => Fate::Refuse,
                (Some(_), OnConflict::Skip { .. }) => Fate::Skip,
                (Some((_, row)), OnConflict::Update { .. }) => Fate::Update(row),
            };
        }
        let taken: Vec<(usize, RowId)> = taken.by_ref().collect();
        let named = |key: usize| taken.iter().find(|(number, _)| *number == key);
        match on {
            _ if taken.is_empty() => Fate::Put,
            OnConflict::Refuse => Fate::Refuse,
            OnConflict::Skip { key: None } => Fate::Skip,
            OnConflict::Skip { key: Some(key) } => named(*key).map_or(Fate::Refuse, |_| Fate::Skip),
            OnConflict::Update { key, .. } => named(*key).map_or(Fate::Refuse, |(_, row)| Fate::Update(*row)),
        }
    }

    fn update_instead(
        &self,
        table: usize,
        (there, new): (RowId, &[Val]),
        (sets, filter): (&[(usize, Scalar)], Option<&Condition>),
        given: &Given<'_>,
        done: &mut Done,
    ) -> Result<(), Cause> {
        let old = self.rows.get(there);
        let keys = self.keys_of(table, old);
        if self.dialect == Dialect::Postgres && keys.iter().any(|key| done.under(*key).is_some()) {
            return Err(Cause::Unusable);
        }
        let both = [old, new].concat();
        let holds = filter.map_or(Ok(Some(true)), |filter| filter.holds(&both, given));
        let mut updated = old.clone();
        if holds.map_err(|why| self.cannot(why))? == Some(true) {
            for (column, to) in sets {
                updated[*column] = to.value(&both, given).map_err(|why| self.cannot(why))?;
            }
            self.check_not_null(table, &updated)?;
            done.affected += if self.dialect == Dialect::MariaDb && !self.are_same(old, &updated) { 2 } else { 1 };
            done.put(keys, self.rows.keep(updated));
        } else {
            done.affected += u32::from(self.dialect == Dialect::MariaDb);
            done.touched.push(keys.into_iter().map(|key| (key, Change::Locked)).collect());
        }
        Ok(())
    }

    pub(super) fn are_same(&self, left: &[Val], right: &[Val]) -> bool {
        left.iter().zip(right).all(|(a, b)| self.symbols.sort_order(*a, *b).is_eq())
    }

    pub(super) fn fill_nulls(&self, table: usize, row: &mut [Val]) {
        let definition = &self.tables.tables[table];
        for column in definition.not_null.iter().copied().filter(|column| row[*column] == Val::Null).collect::<Vec<_>>()
        {
            row[column] = match definition.kinds[column] {
                Kind::Integer => Val::Int(0),
                Kind::Text => Val::Text(self.symbols.id(&String::new())),
            };
        }
    }
}

impl Done {
    fn put(&mut self, keys: RowKeys, row: RowId) {
        for key in &keys {
            self.written.retain(|(known, _)| known != key);
            self.written.push((*key, row));
        }
        self.touched.push(keys.into_iter().map(|key| (key, Change::Put(row))).collect());
    }

    fn under(&self, key: KeyId) -> Option<RowId> {
        self.written.iter().find(|(known, _)| *known == key).map(|(_, row)| *row)
    }
}
