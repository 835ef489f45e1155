//! The unrolling tree's edges: what leads from a node to the next is made once.

use std::sync::PoisonError;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex, RwLock};
use loom::thread;
use rustc_hash::FxHashMap;

use super::is_refuted;
use super::made::Made;

/// Left out: who had to wait looks no second time.
struct LooksOnce {
    all: boxcar::Vec<u64>,
    of: RwLock<FxHashMap<u32, u32>>,
    making: Mutex<()>,
}

trait Makes: Send + Sync + 'static {
    fn new() -> Self;
    fn get_or_make(&self, key: u32, make: impl FnOnce() -> u64) -> u64;
}

impl Makes for Made<u32, u64> {
    fn new() -> Self {
        Made::new()
    }

    fn get_or_make(&self, key: u32, make: impl FnOnce() -> u64) -> u64 {
        *Made::get_or_make(self, key, || Ok::<_, ()>(make())).unwrap()
    }
}

impl Makes for LooksOnce {
    fn new() -> Self {
        LooksOnce { all: boxcar::Vec::new(), of: RwLock::new(FxHashMap::default()), making: Mutex::new(()) }
    }

    fn get_or_make(&self, key: u32, make: impl FnOnce() -> u64) -> u64 {
        if let Some(place) = self.of.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return self.all[*place as usize];
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.all.push(make());
        self.of.write().unwrap_or_else(PoisonError::into_inner).insert(key, place as u32);
        self.all[place]
    }
}

/// Two threads come to one edge at once, and one of them to another.
fn one_node<M: Makes>() {
    let (tree, made) = (Arc::new(M::new()), Arc::new(AtomicU64::new(0)));
    let unroll = |key: u32| {
        let (tree, made) = (Arc::clone(&tree), Arc::clone(&made));
        move || tree.get_or_make(key, || made.fetch_add(1, Ordering::AcqRel))
    };
    let other = thread::spawn(unroll(7));
    let mine = unroll(7)();
    assert_eq!(mine, other.join().unwrap(), "two threads came to one node, and have two");
    assert_eq!(made.load(Ordering::Acquire), 1, "one node was unrolled twice");
    assert_eq!(unroll(8)(), 1);
}

#[test]
fn two_threads_unroll_one_node_once() {
    loom::model(one_node::<Made<u32, u64>>);
    assert!(is_refuted(one_node::<LooksOnce>));
}
