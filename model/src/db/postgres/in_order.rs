//! Locking reads that take rows in their own order: `SKIP LOCKED`, and `LIMIT`.

use smallvec::SmallVec;

use super::super::ChangesId;
use super::{
    Answered, Asked, Cause, Change, Choices, ContentsId, DbCall, Effects, Fate, KeyId, OnLocked, Progress, RowId, Rule,
    Running, Wait, Want,
};

impl Running<'_> {
    /// A locking read that skips rows, or wants only so many, takes them in its own order, until it has as many as it wants:
    /// one that is left out, or fails the second test, does not count.
    pub(super) fn in_order(
        &mut self,
        sees: ContentsId,
        mut progress: Progress,
        choices: &mut Choices,
        effects: &mut Effects,
    ) -> Asked {
        let (store, request) = (self.store, self.request);
        let plan = store.plan(request);
        let want = Want::of(plan);
        let changes = self.database.connections[self.who].changes;
        let found = match self.candidates(sees, changes, progress.rest.as_deref(), want) {
            Ok(found) => found,
            Err(cause) => return self.fails(self.told(cause)),
        };
        let keys = progress.rest.take().unwrap_or_else(|| found.iter().map(|(key, _)| *key).collect());
        let mut locked: SmallVec<[(KeyId, Change); 4]> = SmallVec::new();
        let mut last = None;
        for (place, key) in keys.iter().enumerate() {
            if plan.limit().is_some_and(|limit| progress.shown.len() == limit) {
                break;
            }
            let row = found.iter().find(|(known, _)| known == key).map(|(_, row)| *row);
            if store.seen(sees, changes, *key).is_none() {
                continue;
            }
            match (self.fate(*key, row, want), row) {
                (Fate::Free, Some(row)) => {
                    locked.push((*key, Change::Locked));
                    progress.shown.push((*key, row));
                    last = plan.limit().filter(|limit| progress.shown.len() == *limit).map(|_| *key);
                }
                (Fate::Free, None) => {
                    store.note(Rule::PostgresPassed);
                    locked.push((*key, Change::Locked));
                }
                (Fate::Skipped, _) => store.note(Rule::PostgresSkips),
                (Fate::Fails(cause), _) => {
                    // It has read the row before it fails there.
                    let read = self.reads_own(Some(*key), choices);
                    return self.fails(read.err().unwrap_or(cause));
                }
                (Fate::Waits, _) => {
                    store.note(Rule::PostgresWaits);
                    if let Err(cause) = self.reads_own(Some(*key), choices) {
                        return self.fails(cause);
                    }
                    self.keep(&locked, want, effects);
                    let Progress { shown, looked_at, .. } = progress;
                    let (call, rest, keys) = (DbCall::Run(request), Some(keys[place..].to_vec()), vec![*key]);
                    let forgets_removed = !self.engine.keeps_snapshot();
                    let wait = Wait { rest, shown, looked_at, keys, forgets_removed, ..Wait::new(call, want) };
                    return self.wait(wait);
                }
            }
        }
        if let Err(cause) = self.reads_own(last, choices) {
            return self.fails(cause);
        }
        let reply = match store.project(request, &progress.shown) {
            Ok(rows) => store.replies.keep(Answered::Rows(rows)),
            Err(cause) => return self.fails(cause),
        };
        self.keep(&locked, want, effects);
        effects.shown.extend(progress.shown);
        self.ends(None, reply, choices, effects)
    }

    /// The rows that it comes to, or among so many as to be enough for its limit, those that it skips not counted.
    fn candidates(
        &self,
        sees: ContentsId,
        changes: ChangesId,
        rest: Option<&[KeyId]>,
        want: Want,
    ) -> Result<Vec<(KeyId, RowId)>, Cause> {
        let plan = self.store.plan(self.request);
        let skips = plan.locks().is_some_and(|locks| locks.wait == OnLocked::Skip);
        let Some(limit) = plan.limit().filter(|_| skips && self.store.keeps_newest()) else {
            return self.store.candidates(sees, changes, self.request, rest, usize::MAX);
        };
        let mut most = limit.saturating_add(self.database.connections.len());
        loop {
            let found = self.store.candidates(sees, changes, self.request, rest, most)?;
            let is_free = |(key, row): &&(KeyId, RowId)| matches!(self.fate(*key, Some(*row), want), Fate::Free);
            if found.len() < most || found.iter().filter(is_free).take(limit).count() == limit {
                return Ok(found);
            }
            most = most.saturating_mul(4);
        }
    }
}
