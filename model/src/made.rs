//! Things that are made once, by whoever comes to them first, and found by their key ever after.
//!
//! This file and `intern.rs` depend on nothing but locks, a vector and a hash table, so that loom can take them through every
//! order in which threads may come to them (`tests/loom/`).

use std::hash::Hash;
use std::sync::PoisonError;

#[cfg(loom)]
use loom::sync::{Mutex, RwLock};
use rustc_hash::FxHashMap;
#[cfg(not(loom))]
use std::sync::{Mutex, RwLock};

/// See the module. What is there never moves or changes.
pub(crate) struct Made<K, T> {
    all: boxcar::Vec<T>,
    of: RwLock<FxHashMap<K, u32>>,
    /// Held while something is made: what two threads come to at once is one thing.
    making: Mutex<()>,
}

impl<K: Copy + Eq + Hash, T> Made<K, T> {
    pub(crate) fn new() -> Self {
        Made { all: boxcar::Vec::new(), of: RwLock::new(FxHashMap::default()), making: Mutex::new(()) }
    }

    /// What was made of this key, or is now. Nothing else is made meanwhile.
    pub(crate) fn get_or_make<E>(&self, key: K, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here meanwhile.
        if let Some(known) = self.known(key) {
            return Ok(known);
        }
        let place = self.all.push(make()?);
        self.of.write().unwrap_or_else(PoisonError::into_inner).insert(key, place as u32);
        Ok(&self.all[place])
    }

    fn known(&self, key: K) -> Option<&T> {
        let place = self.of.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        place.map(|place| &self.all[place as usize])
    }
}
