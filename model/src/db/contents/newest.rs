//! Many rows in one version that matters, changed in place, and what older versions had for as long as somebody looks at one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use rustc_hash::FxHashMap;

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
    rows: FxHashMap<KeyId, Kept>,
    /// The keys of each table and index under which some version has a row.
    order: Vec<BTreeMap<Sorted, KeyId>>,
    /// Which keys have changed when, oldest first, as far as somebody may look at what was there.
    changed: VecDeque<(ContentsId, KeyId)>,
    /// What somebody sees beyond a version.
    sights: Vec<Sight>,
    /// The columns without a key by which statements look for rows, and where which value has been.
    columns: Vec<(usize, usize)>,
    places: FxHashMap<(usize, usize, Val), BTreeSet<KeyId>>,
}

/// What is under a key.
#[derive(Debug, Default)]
struct Kept {
    now: Option<RowId>,
    /// Up to the version of this number, there was this; oldest first.
    before: Vec<(ContentsId, Option<RowId>)>,
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
    /// Without rows. `columns`: those without a key, by table, by which rows are to be found.
    pub(super) fn new(spaces: usize, columns: Vec<(usize, usize)>) -> Self {
        Newest { order: (0..spaces).map(|_| BTreeMap::new()).collect(), columns, ..Newest::default() }
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
        let kept = self.rows.get(&key)?;
        let since = kept.before.partition_point(|(number, _)| *number < version);
        kept.before.get(since).map_or(kept.now, |(_, row)| *row)
    }

    /// True when some version that is kept has a row under this key.
    pub(super) fn knows(&self, key: KeyId) -> bool {
        self.rows.contains_key(&key)
    }

    /// Put a row under a key in place of what is there, or nothing. True when the key is new.
    pub(super) fn put(&mut self, space: Space, key: KeyId, row: Option<RowId>, sorted: impl FnOnce() -> Sorted) {
        let number = self.number;
        let kept = self.rows.entry(key).or_insert_with(|| {
            self.order[usize::from(space)].insert(sorted(), key);
            Kept::default()
        });
        if kept.now != row {
            kept.before.push((number, std::mem::replace(&mut kept.now, row)));
            self.changed.push_back((number, key));
        }
    }

    /// The columns of a table in which a row's place is noted.
    pub(super) fn noted_columns(&self, table: usize) -> impl Iterator<Item = usize> {
        self.columns.iter().filter(move |(of, _)| *of == table).map(|(_, column)| *column)
    }

    /// A row with this value in a column goes under a key.
    pub(super) fn note(&mut self, table: usize, column: usize, value: Val, key: KeyId) {
        self.places.entry((table, column, value)).or_default().insert(key);
    }

    /// The keys under which some row had this value in a column, when that is noted: maybe more than have it now.
    pub(super) fn noted(&self, table: usize, column: usize, value: Val) -> Option<Vec<KeyId>> {
        self.columns.contains(&(table, column)).then(|| {
            self.places.get(&(table, column, value)).map(|keys| keys.iter().copied().collect()).unwrap_or_default()
        })
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

    /// Nobody looks at versions before this one any more. What is gone for good is told.
    pub(super) fn forget(&mut self, oldest: ContentsId, mut gone: impl FnMut(KeyId) -> (Space, Sorted)) {
        while let Some((_, key)) = self.changed.pop_front_if(|(number, _)| *number < oldest) {
            let Some(kept) = self.rows.get_mut(&key) else { continue };
            kept.before.remove(0);
            if kept.now.is_none() && kept.before.is_empty() {
                self.rows.remove(&key);
                let (space, sorted) = gone(key);
                self.order[usize::from(space)].remove(&sorted);
            }
        }
    }

    /// Nobody looks at anything beyond a version any more.
    pub(super) fn forget_sights(&mut self) {
        self.sights.clear();
    }
}
