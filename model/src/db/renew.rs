//! What a long run has interned and nobody names any more is let go: sets of changes, keys and gaps, statements with their
//! arguments, answers. Rows, keys and texts stay.

use super::{Database, DbCall, NO_GAPS, NO_KEYS, NOTHING, RequestId, Store};
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

impl Database {
    /// Name what is still named anew, and let go of the rest. `called`: statements that somebody else knows of.
    pub(crate) fn renew<'a>(&mut self, store: &mut Store, called: impl Iterator<Item = &'a mut DbCall>) {
        let (changes, key_sets) = (Interner::new(), Interner::new());
        let (gap_sets, requests) = (Interner::new(), Interner::new());
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
        (store.changes, store.key_sets, store.gap_sets, store.requests) = (changes, key_sets, gap_sets, requests);
        store.replies = Interner::new();
    }
}
