//! Gaps between the entries of an index, locked against new ones.
//!
//! A gap is kept as the entries on its two sides, so that it needs no change when its owner puts a new entry into it.

use std::cmp::Ordering;

use super::Database;
use super::store::{KeyId, Store};
use crate::sql::Space;

/// The place between two entries of an index, or beyond the first or the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Gap {
    pub(crate) space: Space,
    /// The entry before it; `None`: from the index's beginning.
    pub(crate) after: Option<KeyId>,
    /// The entry behind it; `None`: to the index's end.
    pub(crate) before: Option<KeyId>,
}

/// A set of gaps.
pub(crate) type GapSetId = u32;
/// No gaps.
pub(crate) const NO_GAPS: GapSetId = 0;

impl Gap {
    /// True when an entry under this key would stand in it.
    fn holds(&self, store: &Store, key: KeyId) -> bool {
        let lies_behind = |after: KeyId| store.compare_keys(after, key) == Ordering::Less;
        let lies_before = |before: KeyId| store.compare_keys(key, before) == Ordering::Less;
        store.keys.get(key).space == self.space
            && self.after.is_none_or(lies_behind)
            && self.before.is_none_or(lies_before)
    }
}

impl Store {
    /// A set of gaps with this one.
    pub(super) fn add_gap(&self, gaps: GapSetId, gap: Gap) -> GapSetId {
        let known = self.gap_sets.get(gaps);
        match known.binary_search(&gap) {
            Ok(_) => gaps,
            Err(place) => {
                let mut all = known.clone();
                all.insert(place, gap);
                self.gap_sets.id(&all)
            }
        }
    }
}

impl Database {
    /// The other connections that have locked the gap in which this key would stand.
    pub(super) fn gap_holders<'a>(
        &'a self,
        store: &'a Store,
        who: usize,
        key: KeyId,
    ) -> impl Iterator<Item = usize> + 'a {
        let holds =
            move |gaps: GapSetId| gaps != NO_GAPS && store.gap_sets.get(gaps).iter().any(|gap| gap.holds(store, key));
        let others = self.connections.iter().enumerate().filter(move |(other, _)| *other != who);
        others.filter(move |(_, open)| holds(open.gaps)).map(|(other, _)| other)
    }
}
