//! Values that are kept once: two threads that come with one value have one number for it.

use std::sync::PoisonError;

use loom::sync::{Arc, RwLock};
use loom::thread;
use rustc_hash::FxHashMap;

use super::intern::Interner;
use super::is_refuted;

/// Left out: between its two locks another thread may have been here.
struct LooksOnce {
    values: boxcar::Vec<u64>,
    ids: RwLock<FxHashMap<u64, u32>>,
}

trait Keeps: Send + Sync + 'static {
    fn new() -> Self;
    fn id(&self, value: u64) -> u32;
    fn get(&self, id: u32) -> u64;
    fn count(&self) -> usize;
}

impl Keeps for Interner<u64> {
    fn new() -> Self {
        Interner::new()
    }

    fn id(&self, value: u64) -> u32 {
        let id = self.keep(value);
        assert_eq!(Interner::id(self, &value), id);
        id
    }

    fn get(&self, id: u32) -> u64 {
        *Interner::get(self, id)
    }

    fn count(&self) -> usize {
        Interner::count(self)
    }
}

impl Keeps for LooksOnce {
    fn new() -> Self {
        LooksOnce { values: boxcar::Vec::new(), ids: RwLock::new(FxHashMap::default()) }
    }

    fn id(&self, value: u64) -> u32 {
        if let Some(id) = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(&value) {
            return *id;
        }
        let id = self.values.push(value) as u32;
        self.ids.write().unwrap_or_else(PoisonError::into_inner).insert(value, id);
        id
    }

    fn get(&self, id: u32) -> u64 {
        self.values[id as usize]
    }

    fn count(&self) -> usize {
        self.values.count()
    }
}

fn one_number<K: Keeps>() {
    let keeper = Arc::new(K::new());
    let keep = |value: u64| {
        let keeper = Arc::clone(&keeper);
        move || {
            let id = keeper.id(value);
            assert_eq!(keeper.get(id), value);
            id
        }
    };
    let other = thread::spawn(keep(7));
    let mine = keep(7)();
    assert_eq!(mine, other.join().unwrap(), "one value has two numbers");
    assert_eq!(keeper.count(), 1);
    assert_ne!(keep(8)(), mine);
}

#[test]
fn two_threads_keep_one_value_once() {
    loom::model(one_number::<Interner<u64>>);
    assert!(is_refuted(one_number::<LooksOnce>));
}
