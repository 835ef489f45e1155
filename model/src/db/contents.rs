//! Committed rows, in all the versions that somebody still looks at.
//!
//! A checker's databases have a few rows and countless versions that are compared with each other: each is kept once, whole,
//! and named by a number. A simulation's database has many rows and one version that matters: it is changed in place, and
//! what older versions had is kept beside it for as long as a transaction looks at one (as InnoDB keeps its undo log). The
//! rules of the engines know neither from the other.

mod along;
mod newest;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use newest::{Known, Newest, Sight, Sorted};

use smallvec::SmallVec;

use super::store::{Change, ChangesId, ContentsId, Key, KeyId, NOTHING, RowId, Store};
use super::value::Val;
use crate::intern::Interner;
use crate::sql::Space;

/// The rows of a table, or the entries of an index, in the order of their keys.
pub(crate) type Rows<R = RowId> = Vec<(KeyId, R)>;

/// The rows of every table and the entries of every unique index.
pub(crate) type Contents = Vec<Rows>;

/// How versions are kept.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, and it is never moved")]
pub(super) enum Versions {
    /// Each of them once, whole.
    Each(Interner<Contents>),
    /// The newest one, and what is needed of older ones.
    Newest(RwLock<Newest>),
}

impl Versions {
    pub(super) fn each() -> Self {
        Versions::Each(Interner::new())
    }

    /// `columns`: those without a key by which rows are looked for, by table; `prefixes`: the tables in which they are looked for
    /// by so many of a key's first values.
    pub(super) fn newest(spaces: usize, columns: Vec<(usize, usize)>, prefixes: Vec<(Space, usize)>) -> Self {
        Versions::Newest(RwLock::new(Newest::new(spaces, columns, prefixes)))
    }
}

impl Store {
    /// True when only the newest version is kept whole: then nothing is worth remembering by version.
    pub(crate) fn keeps_newest(&self) -> bool {
        matches!(self.versions, Versions::Newest(_))
    }

    /// Rows, each table's in the order of its keys.
    pub(crate) fn kept(&self, contents: Contents) -> ContentsId {
        match &self.versions {
            Versions::Each(each) => each.id(&contents),
            Versions::Newest(newest) => {
                let instead: Rows = contents.into_iter().flatten().collect();
                let mut instead: Rows<Option<RowId>> = instead.into_iter().map(|(key, row)| (key, Some(row))).collect();
                instead.sort_unstable();
                write(newest).look(Sight { base: None, instead, beside: Vec::new() })
            }
        }
    }

    /// No rows at all.
    pub(super) fn no_rows(&self) -> ContentsId {
        self.kept(vec![Vec::new(); self.tables.spaces])
    }

    /// The row under a key.
    pub(crate) fn committed(&self, contents: ContentsId, key: KeyId) -> Option<RowId> {
        match &self.versions {
            Versions::Each(each) => {
                let space = &each.get(contents)[usize::from(self.keys.get(key).space)];
                space.iter().find(|(other, _)| *other == key).map(|(_, row)| *row)
            }
            Versions::Newest(newest) => read(newest).seen(contents, key),
        }
    }

    /// All rows of a table, or entries of an index, in the order of their keys.
    pub(crate) fn rows_of(&self, contents: ContentsId, space: Space) -> Cow<'_, [(KeyId, RowId)]> {
        match &self.versions {
            Versions::Each(each) => Cow::Borrowed(&each.get(contents)[usize::from(space)]),
            Versions::Newest(newest) => Cow::Owned(self.gathered(&read(newest), contents, space, &[])),
        }
    }

    /// All rows of all tables.
    pub(crate) fn every_row(&self, contents: ContentsId) -> impl Iterator<Item = RowId> {
        let tables = 0..self.tables.tables.len();
        tables.flat_map(move |table| self.rows_of(contents, table as Space).into_owned()).map(|(_, row)| row)
    }

    /// The rows whose keys begin with these values, as somebody sees them who has made these changes. Only where the newest
    /// version is kept.
    pub(super) fn rows_from(&self, contents: ContentsId, changes: ChangesId, space: Space, values: &[Val]) -> Rows {
        let Versions::Newest(newest) = &self.versions else { return Vec::new() };
        let mut rows = self.gathered(&read(newest), contents, space, values);
        for (key, change) in self.changes.get(changes) {
            if self.keys.get(*key).space == space && self.compare_prefix(*key, values).is_eq() {
                self.change_rows(&mut rows, *key, *change);
            }
        }
        rows
    }

    /// The row under a key, or both of them, as somebody sees them who has made these changes. Only where the newest version
    /// is kept.
    pub(super) fn rows_under(&self, contents: ContentsId, changes: ChangesId, key: KeyId) -> Rows {
        let Versions::Newest(newest) = &self.versions else { return Vec::new() };
        let own = self.changes.get(changes).iter().find(|(known, _)| *known == key);
        if read(newest).sight(contents).is_some() || matches!(own, Some((_, Change::Beside(_)))) {
            let Key { space, values } = self.keys.get(key);
            return self.rows_from(contents, changes, *space, values);
        }
        self.seen(contents, changes, key).map(|row| (key, row)).into_iter().collect()
    }

    /// The keys in a table under which some version has a row with this value in a column, if that is noted, in their order.
    pub(super) fn keys_with(&self, table: usize, column: usize, value: Val) -> Option<Vec<KeyId>> {
        let Versions::Newest(newest) = &self.versions else { return None };
        read(newest).noted(table, column, value.as_key()).map(Iterator::collect)
    }

    /// The first so many rows that have this value in a column, and hold.
    pub(super) fn first_with(
        &self,
        contents: ContentsId,
        (table, column, value): (usize, usize, Val),
        mut holds: impl FnMut(RowId) -> bool,
        most: usize,
    ) -> Option<Rows> {
        let Versions::Newest(newest) = &self.versions else { return None };
        let newest = read(newest);
        if newest.sight(contents).is_some() {
            return None;
        }
        let keys = newest.noted(table, column, value.as_key())?;
        let rows = keys.filter_map(|key| Some((key, newest.seen(contents, key)?)));
        Some(rows.filter(|(_, row)| holds(*row)).take(most).collect())
    }

    fn gathered(&self, newest: &Newest, contents: ContentsId, space: Space, values: &[Val]) -> Rows {
        let headed = if values.is_empty() { None } else { self.headed(newest, space, values) };
        let mut keys = headed.unwrap_or_else(|| newest.keys(space, &self.sorted_values(values)));
        let in_order = keys.len();
        let mut beside: Rows = Vec::new();
        let belongs = |key: KeyId| self.keys.get(key).space == space && self.compare_prefix(key, values).is_eq();
        let mut seen = newest.sight(contents);
        while let Some(sight) = seen {
            beside.extend(sight.beside.iter().filter(|(key, _)| belongs(*key)));
            let further = sight.instead.iter().map(|(key, _)| *key);
            let further = further.filter(|key| !newest.knows(*key) && belongs(*key) && !keys[in_order..].contains(key));
            let further: Vec<KeyId> = further.collect();
            keys.extend(further);
            seen = sight.base.and_then(|base| newest.sight(base));
        }
        if keys.len() > in_order {
            keys.sort_by(|left, right| self.compare_keys(*left, *right));
        }
        let mut rows: Rows = keys.into_iter().filter_map(|key| Some((key, newest.seen(contents, key)?))).collect();
        for (key, row) in beside {
            let place = rows.partition_point(|(other, _)| self.compare_keys(*other, key).is_le());
            rows.insert(place, (key, row));
        }
        rows
    }

    fn headed(&self, newest: &Newest, space: Space, values: &[Val]) -> Option<Vec<KeyId>> {
        let values: SmallVec<[Val; 4]> = values.iter().map(|value| value.as_key()).collect();
        newest.headed(space, &values).map(<[KeyId]>::to_vec)
    }

    /// The rows as somebody sees them who has made these changes to a version.
    pub(crate) fn apply(&self, base: ContentsId, changes: ChangesId) -> ContentsId {
        if changes == NOTHING {
            return base;
        }
        let changes = self.changes.get(changes);
        match &self.versions {
            Versions::Each(each) => {
                let mut contents = each.get(base).clone();
                for (key, change) in changes {
                    self.change_rows(&mut contents[usize::from(self.keys.get(*key).space)], *key, *change);
                }
                each.id(&contents)
            }
            Versions::Newest(newest) => {
                let mut newest = write(newest);
                let (mut instead, mut beside) = (Vec::new(), Vec::new());
                for (key, change) in changes {
                    match (*change, change.row()) {
                        (Change::Locked | Change::Marked, _) => {}
                        (Change::Beside(row), _) if newest.seen(base, *key).is_some() => beside.push((*key, row)),
                        (_, row) => instead.push((*key, row)),
                    }
                }
                newest.look(Sight { base: Some(base), instead, beside })
            }
        }
    }

    /// The version after a transaction's changes to the newest one.
    pub(crate) fn commit(&self, base: ContentsId, changes: ChangesId) -> ContentsId {
        let Versions::Newest(newest) = &self.versions else { return self.apply(base, changes) };
        if changes == NOTHING {
            return base;
        }
        let mut newest = write(newest);
        debug_assert_eq!(newest.number, base, "a commit is of the newest version");
        for (key, change) in self.changes.get(changes) {
            if matches!(change, Change::Locked | Change::Marked) {
                continue;
            }
            newest.put(self, *key, change.row());
        }
        newest.number += 1;
        newest.number
    }

    /// The version that rows are put into first.
    pub(super) fn first_version(&self) -> ContentsId {
        match &self.versions {
            Versions::Each(_) => self.no_rows(),
            Versions::Newest(newest) => read(newest).number,
        }
    }

    /// The same rows without those under these keys.
    pub(super) fn without(&self, contents: ContentsId, keys: &[KeyId]) -> ContentsId {
        if keys.is_empty() {
            return contents;
        }
        match &self.versions {
            Versions::Each(each) => {
                let mut rows = each.get(contents).clone();
                rows.iter_mut().for_each(|rows| rows.retain(|(key, _)| !keys.contains(key)));
                each.id(&rows)
            }
            Versions::Newest(newest) => {
                let mut instead: Rows<Option<RowId>> = keys.iter().map(|key| (*key, None)).collect();
                instead.sort_unstable();
                write(newest).look(Sight { base: Some(contents), instead, beside: Vec::new() })
            }
        }
    }

    /// Nobody looks at versions before this one any more, nor, if `all`, at anything beyond a version.
    pub(super) fn forget(&self, oldest: ContentsId, all: bool) {
        let Versions::Newest(newest) = &self.versions else { return };
        let mut newest = write(newest);
        newest.forget(self, oldest);
        if all {
            newest.forget_sights();
        }
    }

    /// Put a change into rows that are in the order of their keys.
    fn change_rows(&self, rows: &mut Rows, key: KeyId, change: Change) {
        let place = rows.binary_search_by(|(other, _)| self.compare_keys(*other, key));
        match (change, place) {
            (Change::Locked | Change::Marked, _) | (Change::Gone | Change::Undone(_), Err(_)) => {}
            (Change::Put(row) | Change::Reborn(row) | Change::Follows(row), Ok(place)) => rows[place].1 = row,
            (Change::Put(row) | Change::Reborn(row) | Change::Follows(row), Err(place)) => {
                rows.insert(place, (key, row));
            }
            (Change::Beside(row), Ok(place)) => rows.insert(place + 1, (key, row)),
            (Change::Beside(row), Err(place)) => rows.insert(place, (key, row)),
            (Change::Gone | Change::Undone(_), Ok(place)) => drop(rows.remove(place)),
        }
    }

    /// Values in bytes that compare as they do: what begins with them begins with these bytes.
    fn sorted_values(&self, values: &[Val]) -> Sorted {
        let mut bytes = Vec::new();
        for value in values {
            match value.as_key() {
                Val::Null => bytes.push(0),
                Val::Int(n) | Val::Instant(n) => {
                    bytes.push(1);
                    bytes.extend((n as u64 ^ 1 << 63).to_be_bytes());
                }
                Val::Text(symbol) => {
                    bytes.push(2);
                    for byte in self.symbols.get(symbol).bytes() {
                        // No text ends inside a longer one: two zeros end it, and a zero of its own is followed by 255.
                        bytes.push(byte);
                        bytes.extend((byte == 0).then_some(255));
                    }
                    bytes.extend([0, 0]);
                }
            }
        }
        bytes.into()
    }
}

impl Known for Store {
    fn space(&self, key: KeyId) -> Space {
        self.keys.get(key).space
    }

    fn values(&self, key: KeyId) -> &[Val] {
        &self.keys.get(key).values
    }

    fn sorted(&self, key: KeyId) -> Sorted {
        self.sorted_values(&self.keys.get(key).values)
    }

    fn compare(&self, left: KeyId, right: KeyId) -> Ordering {
        self.compare_keys(left, right)
    }

    fn field(&self, row: RowId, column: usize) -> Val {
        self.rows.get(row)[column]
    }
}

fn read(newest: &RwLock<Newest>) -> RwLockReadGuard<'_, Newest> {
    newest.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(newest: &RwLock<Newest>) -> RwLockWriteGuard<'_, Newest> {
    newest.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
