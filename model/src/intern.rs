//! Values kept once and named by a small number, so that states are a few words long and compare by number.

use std::hash::{BuildHasher, Hash};
use std::sync::PoisonError;

use hashbrown::HashTable;
#[cfg(loom)]
use loom::sync::RwLock;
use rustc_hash::FxBuildHasher;
#[cfg(not(loom))]
use std::sync::RwLock;

/// Keeps each distinct value once. Numbers are given in the order of first sight.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    values: boxcar::Vec<T>,
    /// Each value's number, with what its place in the table goes by: no value has to be looked at for that again.
    ids: RwLock<HashTable<(u32, u32)>>,
}

impl<T: Eq + Hash> Interner<T> {
    pub(crate) fn new() -> Self {
        Interner { values: boxcar::Vec::new(), ids: RwLock::new(HashTable::new()) }
    }

    /// The number of this value.
    pub(crate) fn id(&self, value: &T) -> u32
    where
        T: Clone,
    {
        self.id_of(value, |known| known == value, || value.clone())
    }

    /// The number of this value, which is kept as it is when it is new.
    pub(crate) fn keep(&self, value: T) -> u32 {
        let short = short(&value);
        match self.find(short, &|known| *known == value) {
            Some(id) => id,
            None => self.add(short, |known, value| known == value, value),
        }
    }

    /// The number of the value that this stands for: it is hashed as the value, and `is_it` tells it from others. It is made
    /// when it is new.
    pub(crate) fn id_of(
        &self,
        stands_for: &(impl Hash + ?Sized),
        is_it: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> u32 {
        let short = short(stands_for);
        match self.find(short, &is_it) {
            Some(id) => id,
            None => self.add(short, |known, _| is_it(known), make()),
        }
    }

    fn find(&self, short: u32, is_it: &impl Fn(&T) -> bool) -> Option<u32> {
        let ids = self.ids.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(known, id): &(u32, u32)| *known == short && is_it(self.get(*id));
        ids.find(long(short), is_it).map(|(_, id)| *id)
    }

    fn add(&self, short: u32, is_it: impl Fn(&T, &T) -> bool, value: T) -> u32 {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here between the two locks.
        let is_it = |(known, id): &(u32, u32)| *known == short && is_it(self.get(*id), &value);
        if let Some((_, id)) = ids.find(long(short), is_it) {
            return *id;
        }
        let index = self.values.push(value);
        let id = u32::try_from(index).expect("fewer than four thousand million distinct values fit into memory");
        ids.insert_unique(long(short), (short, id), |(known, _)| long(*known));
        id
    }

    /// Let go of all values; what they took up is there for others.
    #[cfg_attr(loom, expect(dead_code, reason = "whoever lets go is alone"))]
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.ids.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        self.values.count()
    }

    /// The value with this number.
    pub(crate) fn get(&self, id: u32) -> &T {
        &self.values[id as usize]
    }
}

/// What a value's place goes by.
fn short(value: &(impl Hash + ?Sized)) -> u32 {
    let hash = FxBuildHasher.hash_one(value);
    (hash ^ hash >> 32) as u32
}

/// The same, spread over all bits, of which a table looks at the first and the last.
fn long(short: u32) -> u64 {
    u64::from(short).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
