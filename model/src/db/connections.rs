//! The connections of a database, each in its place. Where they change places, everything that knows them by number follows.

use std::hash::{Hash, Hasher};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Connection, ContentsId, Database, NO_KEYS, NOTHING, Store, Wait};

/// Connections by number. A state of the world is copied for every step from it, and in most states most connections are
/// idle: an idle one takes a word, and a busy one is shared until it changes.
#[derive(Clone, Debug)]
pub(crate) struct Connections(SmallVec<[Option<Arc<Connection>>; 6]>);

static IDLE: Connection = Connection::IDLE;

impl Connections {
    /// So many, all idle.
    pub(super) fn idle(count: usize) -> Self {
        Connections(SmallVec::from_elem(None, count))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Connection> {
        self.0.get(place).map(|there| there.as_deref().unwrap_or(&IDLE))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.0.iter().map(|there| there.as_deref().unwrap_or(&IDLE))
    }

    /// Those that are not idle, to be changed.
    pub(crate) fn busy_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.busy_mut_if(|_| true)
    }

    /// Those of them that are like this. The others stay shared.
    pub(super) fn busy_mut_if(&mut self, is: impl Fn(&Connection) -> bool) -> impl Iterator<Item = &mut Connection> {
        self.0.iter_mut().flatten().filter(move |there| is(there)).map(Arc::make_mut)
    }

    /// The waits of those that wait like this.
    pub(super) fn waits_mut_if(&mut self, is: impl Fn(&Wait) -> bool) -> impl Iterator<Item = &mut Wait> {
        let waits = move |open: &Connection| open.wait.as_ref().is_some_and(|wait| is(wait));
        self.busy_mut_if(waits).filter_map(|open| open.wait.as_deref_mut())
    }

    /// What is in a place; it is idle from now on.
    pub(super) fn take(&mut self, place: usize) -> Connection {
        self.0[place].take().map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    pub(super) fn push(&mut self, connection: Connection) {
        self.0.push(Some(Arc::new(connection)));
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.0.remove(place);
    }

    pub(super) fn swap(&mut self, first: usize, second: usize) {
        self.0.swap(first, second);
    }

    /// Those that have become idle take no room any more.
    pub(crate) fn tidy(&mut self) {
        for there in &mut self.0 {
            if there.as_deref() == Some(&IDLE) {
                *there = None;
            }
        }
    }
}

impl Index<usize> for Connections {
    type Output = Connection;

    fn index(&self, place: usize) -> &Connection {
        self.0[place].as_deref().unwrap_or(&IDLE)
    }
}

impl IndexMut<usize> for Connections {
    fn index_mut(&mut self, place: usize) -> &mut Connection {
        Arc::make_mut(self.0[place].get_or_insert_default())
    }
}

impl PartialEq for Connections {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Connections {}

impl Hash for Connections {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_usize(self.len());
        self.iter().for_each(|connection| connection.hash(hasher));
    }
}

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
        let made = self.connections.take(who).made;
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
        let connection = self.connections.take(who);
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
