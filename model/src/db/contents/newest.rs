//! Many rows in one version that matters, changed in place, and what older versions had for as long as somebody looks at one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Rows;
use crate::db::Val;
use crate::db::store::{ContentsId, KeyId, RowId};
use crate::sql::Space;

/// A key's values in bytes that compare as the values do.
pub(super) type Sorted = Box<[u8]>;

/// Numbers from here on name what somebody sees who sees more, or less, than what is committed.
const FIRST_SIGHT: ContentsId = 1 << 31;

/// The newest version of the rows.
#[derive(Debug, Default)]
pub(in crate::db) struct Newest {
    /// Its number: they are counted.
    pub(super) number: ContentsId,
    /// By the key's number.
    rows: Vec<Kept>,
    /// The keys of each table and index under which some version has a row.
    order: Vec<BTreeMap<Sorted, KeyId>>,
    /// The same by the first values of a key, where statements look for rows by these.
    heads: Vec<Heads>,
    /// Which keys have changed when, oldest first, as far as somebody may look at what was there.
    changed: VecDeque<(ContentsId, KeyId)>,
    /// What somebody sees beyond a version.
    sights: Vec<Sight>,
    /// The columns without a key by which statements look for rows, and where which value has been.
    columns: Vec<(usize, usize)>,
    places: FxHashMap<(usize, usize, Val), BTreeMap<Sorted, KeyId>>,
}

/// What is under a key.
#[derive(Debug, Default)]
struct Kept {
    /// It is among the keys under which some version has a row.
    is_known: bool,
    now: Option<RowId>,
    /// Up to the version of this number, there was this; oldest first.
    before: SmallVec<[(ContentsId, Option<RowId>); 1]>,
}

impl Kept {
    /// The rows that are there in some version.
    fn rows(&self) -> impl Iterator<Item = RowId> {
        self.now.into_iter().chain(self.before.iter().filter_map(|(_, row)| *row))
    }
}

/// The keys of a table that begin with the same values.
#[derive(Debug)]
struct Heads {
    space: Space,
    /// With so many.
    count: usize,
    /// In the order of the keys.
    by_head: FxHashMap<Box<[Val]>, Vec<KeyId>>,
}

/// What the newest version has to be told of rows and keys, which it knows by number.
pub(super) trait Known {
    fn space(&self, key: KeyId) -> Space;
    fn values(&self, key: KeyId) -> &[Val];
    fn sorted(&self, key: KeyId) -> Sorted;
    fn compare(&self, left: KeyId, right: KeyId) -> Ordering;
    fn field(&self, row: RowId, column: usize) -> Val;
}

/// A version with somebody's changes.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) base: Option<ContentsId>,
    /// Under these keys there is this, in place of what the version has; in the order of the keys' numbers.
    pub(super) instead: Rows<Option<RowId>>,
    /// And this stands beside it.
    pub(super) beside: Rows,
}

impl Newest {
    /// Without rows. `columns`: those without a key, by table, by which rows are to be found; `prefixes`: with how many of a
    /// key's first values.
    pub(super) fn new(spaces: usize, columns: Vec<(usize, usize)>, prefixes: Vec<(Space, usize)>) -> Self {
        let heads = prefixes.into_iter().map(|(space, count)| Heads { space, count, by_head: FxHashMap::default() });
        let order = (0..spaces).map(|_| BTreeMap::new()).collect();
        Newest { order, heads: heads.collect(), columns, ..Newest::default() }
    }

    /// Give a number to what somebody sees.
    pub(super) fn look(&mut self, sight: Sight) -> ContentsId {
        self.sights.push(sight);
        FIRST_SIGHT + (self.sights.len() - 1) as ContentsId
    }

    pub(super) fn sight(&self, contents: ContentsId) -> Option<&Sight> {
        contents.checked_sub(FIRST_SIGHT).and_then(|number| self.sights.get(number as usize))
    }

    /// What is seen under a key, without what stands beside it.
    pub(super) fn seen(&self, contents: ContentsId, key: KeyId) -> Option<RowId> {
        let Some(sight) = self.sight(contents) else { return self.row(contents, key) };
        match sight.instead.binary_search_by_key(&key, |(known, _)| *known) {
            Ok(place) => sight.instead[place].1,
            Err(_) => self.seen(sight.base?, key),
        }
    }

    /// What a version has under a key.
    fn row(&self, version: ContentsId, key: KeyId) -> Option<RowId> {
        let kept = self.rows.get(key as usize)?;
        if kept.before.is_empty() {
            return kept.now;
        }
        let since = kept.before.partition_point(|(number, _)| *number < version);
        kept.before.get(since).map_or(kept.now, |(_, row)| *row)
    }

    /// True when some version that is kept has a row under this key.
    pub(super) fn knows(&self, key: KeyId) -> bool {
        self.rows.get(key as usize).is_some_and(|kept| kept.is_known)
    }

    /// Put a row under a key in place of what is there, or nothing.
    pub(super) fn put(&mut self, known: &impl Known, key: KeyId, row: Option<RowId>) {
        if self.rows.len() <= key as usize {
            self.rows.resize_with(key as usize + 1, Kept::default);
        }
        let kept = &mut self.rows[key as usize];
        let was = kept.now;
        if was != row {
            kept.before.push((self.number, was));
            kept.now = row;
            self.changed.push_back((self.number, key));
        }
        if !std::mem::replace(&mut kept.is_known, true) {
            self.finds(known, key);
        }
        if let Some(row) = row {
            self.notes(known, key, was, row);
        }
    }

    /// A key is among those that are found by their values.
    fn finds(&mut self, known: &impl Known, key: KeyId) {
        let (space, values) = (known.space(key), known.values(key));
        self.order[usize::from(space)].insert(known.sorted(key), key);
        for heads in self.heads.iter_mut().filter(|heads| heads.space == space) {
            let keys = heads.by_head.entry(values[..heads.count].into()).or_default();
            let place = keys.partition_point(|other| known.compare(*other, key).is_lt());
            keys.insert(place, key);
        }
    }

    /// A key is not there in any version.
    fn loses(&mut self, known: &impl Known, key: KeyId) {
        let (space, values) = (known.space(key), known.values(key));
        self.order[usize::from(space)].remove(&known.sorted(key));
        for heads in self.heads.iter_mut().filter(|heads| heads.space == space) {
            let head = &values[..heads.count];
            let Some(keys) = heads.by_head.get_mut(head) else { continue };
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                heads.by_head.remove(head);
            }
        }
    }

    /// What a row has in the columns whose values are noted.
    fn notes(&mut self, known: &impl Known, key: KeyId, was: Option<RowId>, row: RowId) {
        let table = usize::from(known.space(key));
        for (_, column) in self.columns.iter().filter(|(of, _)| *of == table) {
            let value = known.field(row, *column).as_key();
            if was.is_none_or(|was| known.field(was, *column).as_key() != value) {
                self.places.entry((table, *column, value)).or_default().insert(known.sorted(key), key);
            }
        }
    }

    /// A row is there in no version any more.
    fn unnotes(&mut self, known: &impl Known, key: KeyId, row: RowId) {
        let table = usize::from(known.space(key));
        for (_, column) in self.columns.iter().filter(|(of, _)| *of == table) {
            let value = known.field(row, *column).as_key();
            let has_it = |row: RowId| known.field(row, *column).as_key() == value;
            if self.rows[key as usize].rows().any(has_it) {
                continue;
            }
            let place = (table, *column, value);
            let Some(keys) = self.places.get_mut(&place) else { continue };
            keys.remove(&known.sorted(key));
            if keys.is_empty() {
                self.places.remove(&place);
            }
        }
    }

    /// The keys under which some version has a row with this value in a column, in their order, when that is noted.
    pub(super) fn noted(&self, table: usize, column: usize, value: Val) -> Option<impl Iterator<Item = KeyId>> {
        let is_noted = self.columns.contains(&(table, column));
        is_noted.then(|| self.places.get(&(table, column, value)).into_iter().flat_map(|keys| keys.values().copied()))
    }

    /// The keys that begin with these values, in their order, when they are found by so many.
    pub(super) fn headed(&self, space: Space, values: &[Val]) -> Option<&[KeyId]> {
        let heads = self.heads.iter().find(|heads| (heads.space, heads.count) == (space, values.len()))?;
        Some(heads.by_head.get(values).map_or(&[], |keys| keys))
    }

    /// The keys that begin with these bytes, in their order.
    pub(super) fn keys(&self, space: Space, prefix: &[u8]) -> Vec<KeyId> {
        let from = self.order[usize::from(space)].range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|(sorted, _)| sorted.starts_with(prefix)).map(|(_, key)| *key).collect()
    }

    /// The keys from this place on.
    pub(super) fn from(&self, space: Space, place: &[u8]) -> impl Iterator<Item = KeyId> {
        let behind = (Bound::Included(place), Bound::Unbounded);
        self.order[usize::from(space)].range::<[u8], _>(behind).map(|(_, key)| *key)
    }

    /// The keys up to this place, the last one first.
    pub(super) fn back_from(&self, space: Space, place: Option<&[u8]>) -> impl Iterator<Item = KeyId> {
        let before = (Bound::Unbounded, place.map_or(Bound::Unbounded, Bound::Included));
        self.order[usize::from(space)].range::<[u8], _>(before).rev().map(|(_, key)| *key)
    }

    /// Nobody looks at versions before this one any more.
    pub(super) fn forget(&mut self, known: &impl Known, oldest: ContentsId) {
        while let Some((_, key)) = self.changed.pop_front_if(|(number, _)| *number < oldest) {
            let kept = &mut self.rows[key as usize];
            let (_, was) = kept.before.remove(0);
            if kept.now.is_none() && kept.before.is_empty() {
                kept.is_known = false;
                self.loses(known, key);
            }
            if let Some(was) = was {
                self.unnotes(known, key, was);
            }
        }
    }

    /// Nobody looks at anything beyond a version any more.
    pub(super) fn forget_sights(&mut self) {
        self.sights.clear();
    }
}
