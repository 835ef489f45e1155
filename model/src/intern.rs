//! Values kept once and named by a small number, so that states are a few words long and compare by number.

use std::hash::Hash;
use std::sync::PoisonError;

#[cfg(loom)]
use loom::sync::RwLock;
use rustc_hash::FxHashMap;
#[cfg(not(loom))]
use std::sync::RwLock;

/// Keeps each distinct value once. Numbers are given in the order of first sight.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    values: boxcar::Vec<T>,
    ids: RwLock<FxHashMap<T, u32>>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(crate) fn new() -> Self {
        Interner { values: boxcar::Vec::new(), ids: RwLock::new(FxHashMap::default()) }
    }

    /// The number of this value.
    pub(crate) fn id(&self, value: &T) -> u32 {
        if let Some(id) = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(value) {
            return *id;
        }
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here between the two locks.
        *ids.entry(value.clone()).or_insert_with(|| {
            let index = self.values.push(value.clone());
            u32::try_from(index).expect("fewer than four thousand million distinct values fit into memory")
        })
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
