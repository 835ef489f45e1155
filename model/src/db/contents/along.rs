//! Along a table or an index, entry by entry, where only the newest version is kept whole.

use super::{Versions, read};
use crate::db::store::{ContentsId, KeyId, RowId, Store};
use crate::db::value::Val;
use crate::sql::Space;

impl Store {
    /// The first thing that is picked of the entries from these values on, in their order.
    pub(in crate::db) fn pick_from<T>(
        &self,
        contents: ContentsId,
        space: Space,
        values: &[Val],
        pick: impl FnMut((KeyId, RowId)) -> Option<T>,
    ) -> Option<T> {
        let Versions::Newest(newest) = &self.versions else { return None };
        let newest = read(newest);
        let seen = |key| Some((key, newest.seen(contents, key)?));
        newest.from(space, &self.sorted_values(values)).filter_map(seen).find_map(pick)
    }

    /// The same of the entries up to these values, or of all, the last one first.
    pub(in crate::db) fn pick_back_from<T>(
        &self,
        contents: ContentsId,
        space: Space,
        values: Option<&[Val]>,
        pick: impl FnMut((KeyId, RowId)) -> Option<T>,
    ) -> Option<T> {
        let Versions::Newest(newest) = &self.versions else { return None };
        let newest = read(newest);
        let place = values.map(|values| self.sorted_values(values));
        let seen = |key| Some((key, newest.seen(contents, key)?));
        newest.back_from(space, place.as_deref()).filter_map(seen).find_map(pick)
    }
}
