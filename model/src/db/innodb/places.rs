//! Where in an index a record stands, or would stand.
//!
//! Of few rows all records are looked through; of many only those nearby, as far as every row has a record whose place its
//! key tells: an index with columns that may be NULL has not.

use std::cmp::Ordering;

use crate::db::{Database, Gap, KeyId, NO_KEYS, RowId, Store, Val};
use crate::sql::Space;

impl Database {
    /// The first record of an index from these values on that is wanted.
    pub(super) fn first_record(
        &self,
        store: &Store,
        space: Space,
        values: &[Val],
        is_wanted: impl Fn(KeyId) -> bool,
    ) -> Option<KeyId> {
        if !store.tells_places(space) {
            return self.records(store, space).into_iter().find(|record| is_wanted(*record));
        }
        let values = &values[..values.len().min(store.key_columns(space))];
        let wanted = |(key, row): (KeyId, RowId)| Some(store.record_under(space, key, row)).filter(|it| is_wanted(*it));
        let committed = store.pick_from(self.committed, space, values, wanted);
        let others = self.records_besides(store, space).filter(|record| is_wanted(*record));
        committed.into_iter().chain(others).min_by(|left, right| store.compare_keys(*left, *right))
    }

    /// The last record before this one, whether or not that is there; `None`: before the end.
    pub(super) fn last_record(&self, store: &Store, space: Space, before: Option<KeyId>) -> Option<KeyId> {
        let is_before =
            |record: KeyId| before.is_none_or(|before| store.compare_keys(record, before) == Ordering::Less);
        if !store.tells_places(space) {
            return self.records(store, space).into_iter().rev().find(|record| is_before(*record));
        }
        let values = before.map(|before| &store.keys.get(before).values[..store.key_columns(space)]);
        let wanted = |(key, row): (KeyId, RowId)| Some(store.record_under(space, key, row)).filter(|it| is_before(*it));
        let committed = store.pick_back_from(self.committed, space, values, wanted);
        let others = self.records_besides(store, space).filter(|record| is_before(*record));
        committed.into_iter().chain(others).max_by(|left, right| store.compare_keys(*left, *right))
    }

    /// The gap in which this record stands, or would stand.
    pub(super) fn gap_at(&self, store: &Store, space: Space, record: KeyId) -> Gap {
        if !store.tells_places(space) {
            let records = self.records(store, space);
            let behind = records.partition_point(|known| store.compare_keys(*known, record).is_lt());
            let after = behind.checked_sub(1).map(|place| records[place]);
            let before = records[behind..].iter().copied().find(|known| *known != record);
            return Gap { space, after, before };
        }
        let is_behind = |known: KeyId| known != record && store.compare_keys(known, record) != Ordering::Less;
        let before = self.first_record(store, space, &store.keys.get(record).values, is_behind);
        Gap { space, after: self.last_record(store, space, Some(record)), before }
    }

    /// True when a record is in its index, marked or not.
    pub(super) fn has_record(&self, store: &Store, record: KeyId) -> bool {
        let key = store.keys.get(record);
        self.first_record(store, key.space, &key.values, |known| store.compare_keys(known, record) != Ordering::Less)
            == Some(record)
    }

    /// The records of an index that begin with these values, and the one behind them.
    pub(super) fn records_with(&self, store: &Store, space: Space, values: &[Val]) -> Vec<KeyId> {
        if !store.tells_places(space) {
            let mut records = self.records(store, space);
            records.drain(..records.partition_point(|known| store.compare_prefix(*known, values).is_lt()));
            records.truncate(records.partition_point(|known| store.compare_prefix(*known, values).is_eq()) + 1);
            return records;
        }
        let mut found: Vec<KeyId> = Vec::new();
        loop {
            let last = found.last().copied();
            let is_next = |record: KeyId| match last {
                Some(last) => store.compare_keys(record, last) == Ordering::Greater,
                None => store.compare_prefix(record, values) != Ordering::Less,
            };
            let Some(next) = self.first_record(store, space, values, is_next) else { return found };
            found.push(next);
            if store.compare_prefix(next, values) != Ordering::Equal {
                return found;
            }
        }
    }

    /// The records that are there besides those of committed rows.
    fn records_besides<'a>(&'a self, store: &'a Store, space: Space) -> impl Iterator<Item = KeyId> + 'a {
        let sets = self.connections.iter().map(|open| open.made).chain([self.removed]);
        let all = sets.filter(|set| *set != NO_KEYS).flat_map(|set| store.key_sets.get(set)).copied();
        all.filter(move |record| store.keys.get(*record).space == space)
    }
}

impl Store {
    /// True when many rows are kept, and the key of each tells where its record stands.
    fn tells_places(&self, space: Space) -> bool {
        self.keeps_newest() && {
            let (table, columns) = self.index(space);
            columns.iter().all(|column| self.tables.tables[table].not_null.contains(column))
        }
    }

    /// How many columns the key of an index has, without those by which its records lead to their rows.
    fn key_columns(&self, space: Space) -> usize {
        let (table, columns) = self.index(space);
        let primary = self.tables.tables[table].primary.len();
        if usize::from(space) == table { primary } else { columns.len() - primary }
    }

    /// The record of the row that stands under this key of an index.
    fn record_under(&self, space: Space, key: KeyId, row: RowId) -> KeyId {
        if usize::from(space) < self.tables.tables.len() { key } else { self.record(space, row) }
    }
}
