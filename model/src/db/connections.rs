//! Connections that change their places: everything that knows them by number follows.

use super::{ContentsId, Database, NO_KEYS, NOTHING, Store};

impl Database {
    /// A connection ends: its transaction is rolled back, its statement forgotten, its locks by name are gone.
    pub(crate) fn reset(&mut self, store: &Store, who: usize) {
        self.undoes_last_first(store, who);
        self.leaves(store, who);
    }

    /// A connection is as a new one, and what it had not committed is gone.
    pub(super) fn leaves(&mut self, store: &Store, who: usize) {
        self.fades(store, who, false);
        self.moves_back(store, who, NOTHING);
        let made = std::mem::take(&mut self.connections[who]).made;
        if made != NO_KEYS {
            self.take_out(store, store.key_sets.get(made));
        }
        self.rolled_back_beside(who);
    }

    /// Where only the newest version is kept whole, what no connection looks at any more is forgotten.
    pub(crate) fn forget(&self, store: &Store) {
        if self.connections.iter().any(|open| open.wait.as_ref().is_some_and(|wait| wait.keeps_looking())) {
            return;
        }
        let snapshots = self.connections.iter().filter_map(|open| open.snapshot);
        store.forget(snapshots.fold(self.committed, ContentsId::min), true);
    }

    /// True when a connection's end would change nothing for anybody.
    pub(crate) fn holds_nothing(&self, who: usize) -> bool {
        let open = &self.connections[who];
        open.holds_nothing() && open.victim == 0 && self.ssi.as_ref().is_none_or(|ssi| !ssi.knows(who))
    }

    /// A connection gets a further place, behind all others, and leaves its own to a new one.
    pub(crate) fn set_aside(&mut self, who: usize) {
        let connection = std::mem::take(&mut self.connections[who]);
        self.connections.push(connection);
        let aside = self.connections.len() - 1;
        if let Some(ssi) = &mut self.ssi {
            ssi.reconnect(|known| if known == who { aside } else { known });
        }
    }

    /// A connection ends, and its place with it.
    pub(crate) fn remove(&mut self, store: &Store, who: usize) {
        self.reset(store, who);
        self.connections.remove(who);
        if let Some(ssi) = &mut self.ssi {
            ssi.reconnect(|known| if known > who { known - 1 } else { known });
        }
    }

    /// Two connections change places.
    pub(crate) fn swap(&mut self, first: usize, second: usize) {
        self.connections.swap(first, second);
        if let Some(ssi) = &mut self.ssi {
            ssi.reconnect(|known| match known {
                known if known == first => second,
                known if known == second => first,
                known => known,
            });
        }
    }
}
