//! What a long run has interned and nobody names any more is let go: sets of changes, keys and gaps, statements with their
//! arguments, answers. Rows, keys and texts stay.

use std::mem;

use super::store::{Answered, BoundStatement, Changes};
use super::{Database, DbCall, Gap, KeyId, NO_GAPS, NO_KEYS, NOTHING, RequestId, Store};
use crate::intern::Interner;

/// With more than so many of one kind it is time.
const MANY: usize = 4_096;

impl Store {
    /// True when a renewal is worth its while.
    pub(crate) fn is_crowded(&self) -> bool {
        let counts = [self.changes.count(), self.key_sets.count(), self.gap_sets.count()];
        counts.into_iter().chain([self.requests.count(), self.replies.count()]).any(|count| count > MANY)
    }
}

/// What takes the place of what a store has interned: emptied, and of the size that it came to.
#[derive(Debug)]
pub(crate) struct Spare {
    changes: Interner<Changes>,
    key_sets: Interner<Vec<KeyId>>,
    gap_sets: Interner<Vec<Gap>>,
    requests: Interner<BoundStatement>,
    replies: Interner<Answered>,
}

impl Spare {
    pub(crate) fn new() -> Self {
        Spare {
            changes: Interner::new(),
            key_sets: Interner::new(),
            gap_sets: Interner::new(),
            requests: Interner::new(),
            replies: Interner::new(),
        }
    }
}

impl Database {
    /// Name what is still named anew, and let go of the rest. `called`: statements that somebody else knows of.
    pub(crate) fn renew<'a>(
        &mut self,
        store: &mut Store,
        spare: &mut Spare,
        called: impl Iterator<Item = &'a mut DbCall>,
    ) {
        let Spare { changes, key_sets, gap_sets, requests, replies } = spare;
        let firsts = [changes.id(&Vec::new()), key_sets.id(&Vec::new()), gap_sets.id(&Vec::new())];
        debug_assert_eq!(firsts, [NOTHING, NO_KEYS, NO_GAPS]);
        let new_changes = |id| changes.id(store.changes.get(id));
        let new_keys = |id| key_sets.id(store.key_sets.get(id));
        let new_gaps = |id| gap_sets.id(store.gap_sets.get(id));
        let new_request = |id: RequestId| requests.id(store.requests.get(id));
        for open in self.connections.busy_mut() {
            open.changes = new_changes(open.changes);
            (open.shared, open.made) = (new_keys(open.shared), new_keys(open.made));
            open.newer = open.newer.map(new_keys);
            open.gaps = new_gaps(open.gaps);
            if let Some(wait) = &mut open.wait {
                wait.rename(|key| key, |row| row, |rows| rows, new_changes, (new_keys, new_gaps), new_request);
            }
        }
        self.removed = new_keys(self.removed);
        if let Some(ssi) = &mut self.ssi {
            ssi.rename(new_keys, new_changes);
        }
        for call in called {
            if let DbCall::Run(request) = call {
                *request = new_request(*request);
            }
        }
        mem::swap(&mut store.changes, changes);
        mem::swap(&mut store.key_sets, key_sets);
        mem::swap(&mut store.gap_sets, gap_sets);
        mem::swap(&mut store.requests, requests);
        mem::swap(&mut store.replies, replies);
        changes.clear();
        key_sets.clear();
        gap_sets.clear();
        requests.clear();
        replies.clear();
    }
}
