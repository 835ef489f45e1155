//! The lease handle's state: the work that asks, the renewer that extends, time that passes, and the database.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use super::is_refuted;
use super::state::LeaseState;

const LEASE_MS: u64 = 2;
const BEGUN_MS: u64 = 1;
/// The lease as it was taken is over then, and as it is renewed now it is not.
const OVER_MS: u64 = BEGUN_MS + LEASE_MS;
const RENEWED_MS: u64 = BEGUN_MS + LEASE_MS + 1;

/// What the handle shares, or a variant of it.
trait State: Send + Sync + 'static {
    fn until(until_ms: u64) -> Self;
    fn is_held(&self, now_ms: u64) -> bool;
    fn extend(&self, to_ms: u64, now_ms: u64) -> bool;
}

impl State for LeaseState {
    fn until(until_ms: u64) -> Self {
        LeaseState::until(until_ms)
    }

    fn is_held(&self, now_ms: u64) -> bool {
        LeaseState::is_held(self, now_ms)
    }

    fn extend(&self, to_ms: u64, now_ms: u64) -> bool {
        LeaseState::extend(self, to_ms, now_ms)
    }
}

/// Left out: whoever finds it over says so to nobody.
struct Forgets(AtomicU64);

impl State for Forgets {
    fn until(until_ms: u64) -> Self {
        Forgets(AtomicU64::new(until_ms))
    }

    fn is_held(&self, now_ms: u64) -> bool {
        now_ms < self.0.load(Ordering::Acquire)
    }

    fn extend(&self, to_ms: u64, now_ms: u64) -> bool {
        let until_ms = self.0.load(Ordering::Acquire);
        now_ms < until_ms && self.0.compare_exchange(until_ms, to_ms, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Left out: the renewer looks, and then writes whatever has become of it.
struct Overwrites(LeaseState, AtomicU64);

impl State for Overwrites {
    fn until(until_ms: u64) -> Self {
        Overwrites(LeaseState::until(until_ms), AtomicU64::new(0))
    }

    fn is_held(&self, now_ms: u64) -> bool {
        now_ms < self.1.load(Ordering::Acquire) || self.0.is_held(now_ms)
    }

    fn extend(&self, to_ms: u64, now_ms: u64) -> bool {
        let is_held = self.0.is_held(now_ms);
        if is_held {
            self.1.store(to_ms, Ordering::Release);
        }
        is_held
    }
}

/// Once the work was told that its lease is lost, it is never told otherwise, whenever the renewer comes to its last step.
fn a_lost_lease_stays_lost<S: State>() {
    let (state, clock) = (Arc::new(S::until(OVER_MS)), Arc::new(AtomicU64::new(BEGUN_MS + 1)));
    let renewer = {
        let (state, clock) = (Arc::clone(&state), Arc::clone(&clock));
        thread::spawn(move || {
            // The database has renewed it; the moment is the one before that was asked for.
            let now_ms = clock.load(Ordering::Acquire);
            state.extend(RENEWED_MS, now_ms);
        })
    };
    let time = {
        let clock = Arc::clone(&clock);
        thread::spawn(move || clock.store(OVER_MS, Ordering::Release))
    };
    let first = state.is_held(clock.load(Ordering::Acquire));
    let second = state.is_held(clock.load(Ordering::Acquire));
    assert!(first || !second, "it was lost, and is held again");
    time.join().unwrap();
    renewer.join().unwrap();
    let third = state.is_held(clock.load(Ordering::Acquire));
    assert!(second || !third, "it was lost, and is held again");
}

#[test]
fn a_paused_renewer_never_revives_an_expired_lease() {
    loom::model(a_lost_lease_stays_lost::<LeaseState>);
    assert!(is_refuted(a_lost_lease_stays_lost::<Forgets>));
    assert!(is_refuted(a_lost_lease_stays_lost::<Overwrites>));
}

const MINE: u64 = 1;
const THEIRS: u64 = 2;
const DONE: u64 = 3;

/// How the work makes its last write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastWrite {
    /// It asks the lease, and the database writes where the fence is still the one that it was taken with.
    Both,
    /// Left out: it believes its lease, and the database writes whatever there is.
    LeaseOnly,
    /// Left out: it does not ask its lease.
    DatabaseOnly,
}

/// Work that ends with a write, a renewer, and a successor that takes the lease when it is over. The row is one atomic: the
/// fence of whoever has the lease, or that the work under it is done.
fn finishing(last_write: LastWrite) {
    let state = Arc::new(LeaseState::until(OVER_MS));
    let (clock, row) = (Arc::new(AtomicU64::new(BEGUN_MS)), Arc::new(AtomicU64::new(MINE)));
    let renewer = {
        let (state, row) = (Arc::clone(&state), Arc::clone(&row));
        thread::spawn(move || {
            // A renewal is conditional, too: another's fence, and the lease is lost.
            if row.compare_exchange(MINE, MINE, Ordering::AcqRel, Ordering::Acquire).is_err() {
                state.lose();
            }
        })
    };
    let successor = {
        let (clock, row) = (Arc::clone(&clock), Arc::clone(&row));
        thread::spawn(move || {
            clock.store(OVER_MS, Ordering::Release);
            row.compare_exchange(MINE, THEIRS, Ordering::AcqRel, Ordering::Acquire).is_ok()
        })
    };
    let is_lost = !state.is_held(clock.load(Ordering::Acquire));
    let asks = last_write != LastWrite::DatabaseOnly;
    let is_refused = asks && !state.is_held(clock.load(Ordering::Acquire));
    let is_finished = !is_refused
        && match last_write {
            LastWrite::Both | LastWrite::DatabaseOnly => {
                row.compare_exchange(MINE, DONE, Ordering::AcqRel, Ordering::Acquire).is_ok()
            }
            LastWrite::LeaseOnly => {
                row.store(DONE, Ordering::Release);
                true
            }
        };
    renewer.join().unwrap();
    let is_taken = successor.join().unwrap();
    assert!(!(is_finished && is_taken), "it was finished by one, and another has the lease");
    assert!(!(is_finished && is_lost), "it was finished under a lease that was known to be lost");
    if is_finished {
        assert_eq!(row.load(Ordering::Acquire), DONE, "it was finished, and the database does not have it");
    }
}

#[test]
fn work_never_finishes_under_a_lost_lease() {
    loom::model(|| finishing(LastWrite::Both));
    assert!(is_refuted(|| finishing(LastWrite::LeaseOnly)));
    assert!(is_refuted(|| finishing(LastWrite::DatabaseOnly)));
}
