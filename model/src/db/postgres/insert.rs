//! PostgreSQL: `INSERT`, row by row and key by key.
//!
//! Rules (`ExecInsert` and `ExecOnConflictUpdate` in src/backend/executor/nodeModifyTable.c, execIndexing.c, and the
//! manual's "Index Uniqueness Checks"):
//! - a row goes into one index after the other, that of the primary key first: what is put in stays there, and others
//!   wait for it, while the row waits at the next one, and so do the rows before it;
//! - at a key under which another transaction has written it waits, and not where a row is only locked; a key that is
//!   taken is an error, whatever waits behind it;
//! - `ON CONFLICT` looks first, at every key or at the one that it names, and waits as above. It does not look again at a
//!   key before the one at which it has waited, unless the row is free to go in. Then it leaves the new row out, or wants
//!   the old one for itself. At repeatable read it does neither for the sake of a row that it cannot see (40001);
//! - the rows of a `SELECT` without an order come in any;
//! - a statement changes no row twice (21000).

use super::beside::Source;
use super::{Progress, Running};
use crate::db::{
    Answered, Asked, Cause, Change, Choices, DbCall, Effects, KeyId, RequestId, RowId, Rule, Store, Wait, Want,
};
use crate::sql::{Insert, OnConflict, PlanKind};

/// How far one row came.
enum Put {
    Done,
    Waits(KeyId, Want),
}

/// What a look at the keys says.
enum Look {
    Free,
    Waits(KeyId),
    Taken(KeyId, RowId),
}

impl Running<'_> {
    pub(super) fn insert(&mut self, mut progress: Progress, choices: &mut Choices, effects: &mut Effects) -> Asked {
        let store = self.store;
        let looked_at = *progress.looked_at.get_or_insert(self.database.committed);
        let rows = match progress.new_rows.take() {
            Some(rows) => rows,
            None => match self
                .reads_beside(None, choices)
                .and_then(|()| store.new_rows(looked_at, self.database.connections[self.who].changes, self.request))
            {
                Ok(rows) => self.in_some_order(rows, choices),
                Err(cause) => return self.fails(cause),
            },
        };
        let source = match self.source(looked_at) {
            Ok(source) => source,
            Err(cause) => return self.fails(cause),
        };
        if let Some(source) = &source {
            progress.rest.get_or_insert_with(|| source.keys());
        }
        let mut rows = rows.as_slice();
        while let Some((row, rest)) = rows.split_first() {
            if let Err(cause) = self.reads_on(source.as_ref(), Some(*row), &mut progress) {
                return self.fails(cause);
            }
            match self.put(*row, &mut progress, effects) {
                Ok(Put::Done) => (progress.passed, rows, self.is_resumed) = (0, rest, false),
                Ok(Put::Waits(key, want)) => {
                    let rule = if progress.passed > 0 && !store.plan(self.request).leaves_out() {
                        Rule::PostgresKeyHeld
                    } else {
                        Rule::PostgresKeyWaits
                    };
                    store.note(rule);
                    let Progress { rest, done, shown, looked_at, passed, .. } = progress;
                    let (call, keys, new_rows) = (DbCall::Run(self.request), vec![key], Some(rows.to_vec()));
                    return self.wait(Wait {
                        rest,
                        done,
                        shown,
                        looked_at,
                        keys,
                        new_rows,
                        passed,
                        ..Wait::new(call, want)
                    });
                }
                Err(cause) => return self.fails(cause),
            }
        }
        if let Err(cause) = self.reads_on(source.as_ref(), None, &mut progress) {
            return self.fails(cause);
        }
        let reply = store.replies.keep(Answered::Affected(progress.done));
        self.ends(None, reply, choices, effects)
    }

    /// It reads a source that is read row by row: see [`Running::reads_source`].
    fn reads_on(
        &mut self,
        source: Option<&Source<'_>>,
        row: Option<RowId>,
        progress: &mut Progress,
    ) -> Result<(), Cause> {
        match (source, &mut progress.rest) {
            (Some(source), Some(rest)) => self.reads_source(source, row, rest),
            _ => Ok(()),
        }
    }

    /// The rows of a `SELECT` without an order of its own come in any, which shows when they do not all go in.
    fn in_some_order(&self, mut rows: Vec<RowId>, choices: &mut Choices) -> Vec<RowId> {
        let (store, plan) = (self.store, self.store.plan(self.request));
        let goes_in = |row: &RowId| {
            let keys = store.keys_of_new(plan.table, *row).unwrap_or_default();
            let keys: Vec<KeyId> = keys.into_iter().map(|(_, key)| key).collect();
            matches!(self.look(&keys), Look::Free)
        };
        if !plan.inserts_in_any_order() || rows.iter().all(goes_in) {
            return rows;
        }
        let mut ordered = Vec::new();
        while !rows.is_empty() {
            ordered.push(rows.remove(choices.pick(rows.len())));
        }
        ordered
    }

    fn put(&mut self, row: RowId, progress: &mut Progress, effects: &mut Effects) -> Result<Put, Cause> {
        let store = self.store;
        let keys = store.keys_of_new(store.plan(self.request).table, row)?;
        let asked: Vec<KeyId> = arbiters(store, self.request, &keys);
        // Whoever looks at every key waits nowhere else, and goes on with the key at which it has waited.
        let looks_at_all = asked.len() == keys.len() && store.plan(self.request).leaves_out();
        while looks_at_all || progress.passed == 0 {
            let from = if looks_at_all { usize::from(progress.passed) } else { 0 };
            match self.look(&asked[from..]) {
                Look::Free if from == 0 => break,
                // What has been taken before that key meanwhile is found when the row is put in: it begins anew.
                Look::Free => progress.passed = 0,
                Look::Waits(key) => {
                    let place = asked.iter().position(|known| *known == key).filter(|_| looks_at_all);
                    progress.passed = place.unwrap_or(0) as u8;
                    return Ok(Put::Waits(key, Want::Insert));
                }
                Look::Taken(key, there) => return self.instead(key, (there, row), progress, effects),
            }
        }
        // One that has waited without looking first is in its table already.
        if progress.passed == 0 && !(self.is_resumed && asked.is_empty()) {
            self.puts_row()?;
        }
        let without_key = (0..store.tables.tables[store.plan(self.request).table].keys())
            .filter(|number| keys.iter().all(|(known, _)| known != number));
        let without_key: Vec<usize> = without_key.collect();
        for (number, key) in keys.into_iter().skip(progress.passed.into()) {
            match self.look(&[key]) {
                Look::Free => {
                    self.puts_into_index(number)?;
                    let change = if number == 0 && self.shows_another(key) {
                        store.note(Rule::PostgresBeside);
                        Change::Beside(row)
                    } else {
                        Change::Put(row)
                    };
                    self.keep(&[(key, change)], Want::Exclusive, effects);
                }
                Look::Waits(key) => return Ok(Put::Waits(key, Want::Insert)),
                Look::Taken(..) => {
                    self.puts_into_index(number)?;
                    store.note(Rule::PostgresKeyTaken);
                    return Err(Cause::Duplicate);
                }
            }
            progress.passed += 1;
            progress.shown.push((key, row));
        }
        for number in without_key {
            self.puts_into_index(number)?;
        }
        progress.done += 1;
        Ok(Put::Done)
    }

    fn look(&self, keys: &[KeyId]) -> Look {
        let changes = self.database.connections[self.who].changes;
        for key in keys {
            if self.database.is_held(self.store, self.who, *key, Want::Insert) {
                return Look::Waits(*key);
            }
            if let Some(there) = self.store.seen(self.database.committed, changes, *key) {
                return Look::Taken(*key, there);
            }
        }
        Look::Free
    }

    /// True when its snapshot goes on showing a row there that another has removed.
    fn shows_another(&self, key: KeyId) -> bool {
        let snapshot = self.database.connections[self.who].snapshot;
        !self.has_written(key) && snapshot.is_some_and(|sees| self.store.committed(sees, key).is_some())
    }

    /// True when its transaction has put a row there.
    fn has_written(&self, key: KeyId) -> bool {
        let own = self.store.changes.get(self.database.connections[self.who].changes);
        own.iter().any(|(known, change)| *known == key && *change != Change::Locked)
    }

    /// There is a row, and the statement says what is to be done then.
    fn instead(
        &mut self,
        key: KeyId,
        (there, new): (RowId, RowId),
        progress: &mut Progress,
        effects: &mut Effects,
    ) -> Result<Put, Cause> {
        let store = self.store;
        let plan = store.plan(self.request);
        if plan.leaves_out() {
            // Its own row it sees in any case.
            if self.is_newer(key) && !self.has_written(key) {
                store.note(Rule::PostgresUnseen);
                return Err(Cause::Stale);
            }
            store.note(Rule::PostgresLeavesOut);
            return Ok(Put::Done);
        }
        if progress.shown.iter().any(|(known, _)| *known == key) {
            store.note(Rule::PostgresTwice);
            return Err(Cause::Unusable);
        }
        let keys = store.keys_of(plan.table, store.rows.get(there));
        if self.database.is_held(store, self.who, keys[0], Want::Exclusive) {
            return Ok(Put::Waits(keys[0], Want::Exclusive));
        }
        if self.is_newer(keys[0]) && !self.has_written(keys[0]) {
            return Err(Cause::Stale);
        }
        let changes = self.database.connections[self.who].changes;
        let looked_at = progress.looked_at.unwrap_or(self.database.committed);
        let updated = store.updated_for((there, new), looked_at, changes, self.request)?;
        if updated.is_some() {
            self.database.takes_number(self.who);
            self.database.writes_row(store, self.who, keys[0])?;
        }
        let change = updated.map_or(Change::Locked, Change::Put);
        let changed: Vec<(KeyId, Change)> = keys.iter().map(|key| (*key, change)).collect();
        self.keep(&changed, Want::Exclusive, effects);
        store.note(Rule::PostgresUpdates);
        if updated.is_some() {
            progress.done += 1;
            progress.shown.extend(keys.into_iter().map(|key| (key, new)));
        }
        Ok(Put::Done)
    }
}

/// The keys that are looked at before anything is put in.
fn arbiters(store: &Store, request: RequestId, keys: &[(usize, KeyId)]) -> Vec<KeyId> {
    let PlanKind::Insert(Insert { on_conflict, .. }) = &store.plan(request).kind else { return Vec::new() };
    let named = match on_conflict {
        OnConflict::Refuse => return Vec::new(),
        OnConflict::Skip { key: None } => None,
        OnConflict::Skip { key: Some(key) } | OnConflict::Update { key, .. } => Some(*key),
    };
    keys.iter().filter(|(number, _)| named.is_none_or(|named| named == *number)).map(|(_, key)| *key).collect()
}
