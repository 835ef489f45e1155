//! New records.
//!
//! Rules (InnoDB's `row_ins_duplicate_error_in_clust`, `row_ins_scan_sec_index_for_duplicate`, `lock_rec_insert_check_and_lock`):
//! - a record that is there already is locked in share mode, or, for `ON DUPLICATE KEY UPDATE`, exclusively, before anybody
//!   says that the key is taken; that lock stays, also when the statement fails, and from repeatable read on with the gap
//!   before the record;
//! - a new record waits for whoever has locked the gap it goes into; it does not keep others from locking that gap;
//! - the keys are dealt with one after the other, the primary one first.

use super::{Asked, Cause, Effects, Gap, KeyId, Running, Wait, Want};
use crate::db::{Change, DbCall};

impl Running<'_> {
    pub(super) fn insert(&mut self, effects: &mut Effects) -> Asked {
        let store = self.store;
        let plan = store.plan(self.request);
        let committed = self.database.committed;
        let changes = self.database.connections[self.who].changes;
        let looks_at = self.looks_at();
        let apart;
        let run = if looks_at == committed {
            store.run(committed, changes, self.request)
        } else {
            apart = store.run_apart(committed, looks_at, changes, self.request, None);
            &apart
        };
        let on_taken = if plan.updates_instead() { Want::Exclusive } else { Want::Share };
        for key in &run.wanted {
            let is_entry = self.entries(store.keys.get(*key).space).contains(key);
            if is_entry && self.is_in_the_way(*key, on_taken) {
                return self.wait(Wait { keys: vec![*key], ..Wait::new(DbCall::Run(self.request), on_taken) });
            }
            let is_taken = store.seen(committed, changes, *key).is_some();
            if is_taken {
                if self.is_too_new(*key) {
                    return self.fails(Cause::Stale);
                }
                self.lock(*key, on_taken);
                if self.locks_gaps() {
                    let space = store.keys.get(*key).space;
                    let gap = self.gap_at(space, &self.entries(space), *key);
                    self.lock_gap(Gap { before: Some(*key), ..gap });
                }
                break;
            }
            if self.is_in_the_way(*key, Want::Gap) {
                return self.wait(Wait { keys: vec![*key], ..Wait::new(DbCall::Run(self.request), Want::Gap) });
            }
        }
        if let Some(cause) = run.error {
            return self.fails(cause);
        }
        let changed: Vec<(KeyId, Change)> = run.touched.iter().flatten().copied().collect();
        self.write(&changed, effects);
        self.ends(run.reply, effects)
    }
}
