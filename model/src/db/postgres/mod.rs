//! PostgreSQL: writers wait for each other's rows, readers for nobody.
//!
//! Rules and their sources (the manual's chapter "Concurrency Control" unless another is named):
//! - at read committed a statement sees the rows committed before it began, at repeatable read those committed before the
//!   transaction's first statement began; and its own transaction's changes;
//! - `UPDATE`, `DELETE` and locking reads find their rows among those that they see, and wait for a row that another
//!   transaction has locked or changed. Then, at read committed, they lock the newest version of the row, test their
//!   condition again on it, and keep it locked also when it fails (`ExecLockRows` in src/backend/executor/nodeLockRows.c,
//!   `ExecUpdate`); a row that was removed stays away even when another has taken its key. At repeatable read they fail
//!   when the row has a newer version (40001), without a wait for whoever has locked that one, and not when it was only
//!   locked;
//! - `NOWAIT` fails in place of waiting, `SKIP LOCKED` goes on without the row. A locking read with `LIMIT` counts the rows
//!   that it has locked and shows (the plan's `Limit` stands above its `LockRows`);
//! - constants are computed, and fitted into their columns, before anything else is done (`eval_const_expressions`);
//! - `INSERT`: see `insert`; serializable: see `ssi`, and `beside` for where statements come to that;
//! - rows without an order are come to in any order;
//! - after an error everything in the transaction is gone and nothing works until a rollback;
//! - at repeatable read a transaction that puts a row where another has removed one since its snapshot sees both of them
//!   under one key (measured); the old one it can neither change nor lock (40001);
//! - those who wait for one row stand in a queue (heap_acquire_tuplock in src/backend/access/heap/heapam.c), save that two
//!   who want it shared stand side by side. The queue is for one version of the row: when a newer one is committed, all go on to
//!   that, and whoever is there first is first. Whoever has locked the row in share mode and wants more does not stand in it;
//! - a cycle of waits is broken by aborting one of them, any of them.

mod beside;
mod in_order;
mod insert;
mod named;
mod own;
mod ssi;

use smallvec::SmallVec;

pub(super) use named::ask_named;
pub(crate) use ssi::Ssi;

use super::exec::{Ran, Run};
use super::transactions::Caller;
use super::{
    Answered, Asked, Cause, Change, Choices, Connection, ContentsId, Database, DbCall, Effects, KeyId, NO_KEYS,
    NOTHING, ReplyId, RequestId, RowId, Rule, Store, Transaction, Wait, Want,
};
use crate::engine::Engine;
use crate::sql::OnLocked;

pub(super) fn ask(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    call: DbCall,
    choices: &mut Choices,
    effects: &mut Effects,
) -> Asked {
    if call == DbCall::Commit
        && database.connections[who].transaction == Transaction::Open
        && let Err(cause) = database.prepare(store, who, choices)
    {
        match store.caller {
            Caller::Session => database.fail(engine, store, who, cause),
            Caller::Script => database.clear(store, who),
        }
        return Asked::Answered(store.replies.keep(Answered::Failed(cause)));
    }
    if let Some(reply) = database.bracket(engine, store, who, call, effects) {
        return Asked::Answered(reply);
    }
    match call {
        DbCall::Run(request) => {
            let mut running = Running { database, engine, store, who, request, is_resumed: false, waited_for: None };
            if let Err(cause) = store.plans(request) {
                store.note(Rule::PostgresFolds);
                return running.fails(cause);
            }
            running.go(Progress::default(), choices, effects)
        }
        _ => {
            database.connections[who].transaction = Transaction::Open;
            Asked::Answered(store.replies.keep(Answered::Done))
        }
    }
}

pub(super) fn resume(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    wait: Wait,
    choices: &mut Choices,
    effects: &mut Effects,
) -> Asked {
    let DbCall::Run(request) = wait.call else {
        debug_assert!(false, "only statements wait");
        return Asked::Blocked;
    };
    let Wait { rest, done, shown, looked_at, new_rows, passed, keys, want, .. } = wait;
    let progress = Progress { rest, done, shown, looked_at, new_rows, passed };
    let waited_for = keys.first().copied();
    let mut running = Running { database, engine, store, who, request, is_resumed: true, waited_for };
    // An upsert that had found its row, and waited for it, does not put a new one in the place of one that is gone.
    if store.plan(request).inserts() && want == Want::Exclusive && keys.iter().any(|key| running.is_newer(*key)) {
        return running.fails(Cause::Stale);
    }
    running.database.meets_fading(store, who, choices);
    let asked = running.go(progress, choices, effects);
    running.database.has_faded();
    asked
}

pub(super) fn blockers(database: &Database, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
    let mut found = SmallVec::new();
    let Some(wait) = &database.connections[who].wait else { return found };
    for holder in wait.keys.iter().flat_map(|key| database.holders(store, who, *key, wait.want)) {
        if !found.contains(&holder) {
            found.push(holder);
        }
    }
    found
}

/// True when there is any of them.
pub(super) fn is_blocked(database: &Database, store: &Store, who: usize) -> bool {
    let wait = &database.connections[who].wait;
    wait.as_ref().is_some_and(|wait| wait.keys.iter().any(|key| database.is_held(store, who, *key, wait.want)))
}

/// Those who came before this one to a row that all of them wait for: it waits for them, too.
///
/// Not so whoever has locked the row in share mode: it asks those who hold it besides, and nobody in the queue
/// (`current_is_member` in `heap_update`).
pub(super) fn ahead(database: &Database, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
    let connections = &database.connections;
    let Some(wait) = &connections[who].wait else { return SmallVec::new() };
    let has_it = |key: &KeyId| store.has_key(connections[who].shared, *key);
    if wait.keys.iter().any(has_it) {
        store.note(Rule::PostgresPast);
        return SmallVec::new();
    }
    let is_ahead = |other: &Wait| other.turn < wait.turn && wait.queues_with(other);
    let waits = |(place, other): (usize, &Connection)| {
        other.wait.as_ref().is_some_and(|other| is_ahead(other)).then_some(place)
    };
    connections.iter().enumerate().filter_map(waits).collect()
}

/// How far a statement came before it waited.
#[derive(Default)]
struct Progress {
    rest: Option<Vec<KeyId>>,
    done: u32,
    shown: Vec<(KeyId, RowId)>,
    looked_at: Option<ContentsId>,
    /// The rows of an `INSERT` that are not put in yet, and how many keys of the first of them are.
    new_rows: Option<Vec<RowId>>,
    passed: u8,
}

/// What becomes of a row that a statement wants.
enum Fate {
    Free,
    Skipped,
    Waits,
    Fails(Cause),
}

/// A statement under way.
struct Running<'a> {
    database: &'a mut Database,
    engine: Engine,
    store: &'a Store,
    who: usize,
    request: RequestId,
    /// True when it has waited.
    is_resumed: bool,
    /// The row, or the first key, that it has waited for.
    waited_for: Option<KeyId>,
}

impl Running<'_> {
    /// Run until it is answered or has to wait for another transaction.
    fn go(&mut self, mut progress: Progress, choices: &mut Choices, effects: &mut Effects) -> Asked {
        let store = self.store;
        let plan = store.plan(self.request);
        let committed = self.database.committed;
        let connection = &mut self.database.connections[self.who];
        let mut sees = committed;
        if self.engine.keeps_snapshot() {
            connection.newer.get_or_insert(NO_KEYS);
            sees = *connection.snapshot.get_or_insert(committed);
        }
        if plan.reads().next().is_some() {
            progress.looked_at.get_or_insert(sees);
        }
        let changes = connection.changes;
        if self.engine == Engine::PostgresSerializable
            && let Some(ssi) = &mut self.database.ssi
        {
            ssi.start(self.who);
        }
        if plan.inserts() {
            // Whether a key is taken is asked of the newest rows, and everything else of those that it sees.
            progress.looked_at.get_or_insert(sees);
            return self.insert(progress, choices, effects);
        }
        if plan.locks().is_some_and(|locks| locks.wait == OnLocked::Skip || plan.limit().is_some()) {
            return self.in_order(sees, progress, choices, effects);
        }
        let run = match (progress.rest.as_deref(), progress.looked_at) {
            (None, None) => store.run(sees, changes, self.request),
            (None, Some(looked_at)) if looked_at == sees => store.run(sees, changes, self.request),
            (rest, looked_at) => {
                Ran::Now(store.run_apart(sees, looked_at.unwrap_or(sees), changes, self.request, rest))
            }
        };
        if let Err(cause) = self.reads_beside(Some(&run), choices) {
            return self.fails(cause);
        }
        if let Some(cause) = run.error {
            return self.fails(self.told(cause));
        }
        self.rows(&run, progress, choices, effects)
    }

    /// A statement that finds rows comes to them one by one.
    fn rows(&mut self, run: &Run, mut progress: Progress, choices: &mut Choices, effects: &mut Effects) -> Asked {
        let plan = self.store.plan(self.request);
        let want = Want::of(plan);
        let found = self.found(run, progress.rest.as_deref());
        let fates: SmallVec<[Fate; 4]> = found
            .iter()
            .map(|(key, place)| self.fate(*key, place.and_then(|place| run.olds.get(place).copied()), want))
            .collect();
        let any_order = !plan.has_order() && fates.iter().any(|fate| !matches!(fate, Fate::Free));
        let mut left: SmallVec<[usize; 4]> = (0..fates.len()).collect();
        let mut free: SmallVec<[usize; 4]> = SmallVec::new();
        let (mut waits_for, mut failed) = (None, None);
        while waits_for.is_none() && failed.is_none() && !left.is_empty() {
            let place = if any_order { choices.pick(left.len()) } else { 0 };
            match fates[left[place]] {
                Fate::Free => free.push(left.remove(place)),
                Fate::Skipped => drop(left.remove(place)),
                Fate::Fails(cause) => failed = Some((found[left[place]].0, cause)),
                Fate::Waits => waits_for = Some(found[left[place]].0),
            }
        }
        free.sort_unstable();
        let dealt: SmallVec<[usize; 4]> = free.iter().filter_map(|place| found[*place].1).collect();
        let stops = waits_for.or(failed.map(|(key, _)| key));
        let after: SmallVec<[KeyId; 4]> =
            left.iter().map(|place| found[*place].0).filter(|key| Some(*key) != stops).collect();
        let kept: SmallVec<[KeyId; 4]> = dealt.iter().map(|place| run.touched[*place][0].0).collect();
        let beside = self.rows_beside(run, (&kept, &after, stops), choices);
        if let Err(cause) = beside.and(failed.map_or(Ok(()), |(_, cause)| Err(cause))) {
            return self.fails(cause);
        }
        let mut changed: SmallVec<[(KeyId, Change); 4]> =
            dealt.iter().flat_map(|place| &run.touched[*place]).copied().collect();
        let passed_over = free.iter().filter(|place| found[**place].1.is_none());
        changed.extend(passed_over.map(|place| {
            self.store.note(Rule::PostgresPassed);
            (found[*place].0, Change::Locked)
        }));
        self.keep(&changed, want, effects);
        // A plain read shows rows that it does not touch.
        let shown = |place: &usize| run.shown.get(*place).copied();
        if progress.rest.is_some() && !self.engine.keeps_snapshot() {
            self.store.note(Rule::PostgresAgain);
        }
        if let Some(key) = waits_for {
            self.store.note(Rule::PostgresWaits);
            progress.done += dealt.len() as u32;
            progress.shown.extend(dealt.iter().filter_map(shown));
            let rest = Some(left.iter().map(|place| found[*place].0).collect());
            let Progress { done, shown, looked_at, .. } = progress;
            let call = DbCall::Run(self.request);
            let forgets_removed = !self.engine.keeps_snapshot();
            let keys = vec![key];
            return self.wait(Wait { rest, done, shown, looked_at, keys, forgets_removed, ..Wait::new(call, want) });
        }
        let reply = match self.store.replies.get(run.reply) {
            Answered::Affected(_) if progress.done > 0 => {
                self.store.replies.keep(Answered::Affected(progress.done + dealt.len() as u32))
            }
            Answered::Rows(_) if !progress.shown.is_empty() => {
                progress.shown.extend(dealt.iter().filter_map(shown));
                match self.store.project(self.request, &progress.shown) {
                    Ok(rows) => self.store.replies.keep(Answered::Rows(rows)),
                    Err(cause) => return self.fails(cause),
                }
            }
            _ => run.reply,
        };
        effects.shown.extend(run.shown.iter().copied());
        self.ends(run.error, reply, choices, effects)
    }

    /// The rows that it comes to, each with its place in the run. One that it had found before it waited and that does not
    /// satisfy its condition any more has no place there, but is come to all the same.
    fn found(&self, run: &Run, rest: Option<&[KeyId]>) -> SmallVec<[(KeyId, Option<usize>); 4]> {
        let touched = || run.touched.iter().map(|touch| touch[0].0);
        let Some(rest) = rest else { return touched().enumerate().map(|(place, key)| (key, Some(place))).collect() };
        let changes = self.database.connections[self.who].changes;
        // Whoever keeps a snapshot goes on seeing what is gone.
        let sees = self.database.connections[self.who].snapshot.unwrap_or(self.database.committed);
        let is_there = |key: &&KeyId| self.store.seen(sees, changes, **key).is_some();
        let place = |key: &KeyId| (*key, touched().position(|known| known == *key));
        rest.iter().filter(is_there).map(place).collect()
    }

    fn fate(&self, key: KeyId, row: Option<RowId>, want: Want) -> Fate {
        if self.is_newer(key) && !row.is_some_and(|row| self.has_put(key, row)) {
            self.store.note(Rule::PostgresStale);
            Fate::Fails(Cause::Stale)
        } else if self.database.is_held(self.store, self.who, key, want) {
            match self.store.plan(self.request).locks().map(|locks| locks.wait) {
                None | Some(OnLocked::Wait) => Fate::Waits,
                Some(OnLocked::Skip) => Fate::Skipped,
                Some(OnLocked::Fail) => {
                    self.store.note(Rule::PostgresNoWait);
                    Fate::Fails(Cause::NotAvailable)
                }
            }
        } else {
            Fate::Free
        }
    }

    /// Another has committed a version of the row that this transaction does not see.
    fn is_newer(&self, key: KeyId) -> bool {
        self.database.connections[self.who].newer.is_some_and(|newer| self.store.has_key(newer, key))
    }

    /// Keep what was done to some rows, or that they are locked.
    fn keep(&mut self, changed: &[(KeyId, Change)], want: Want, effects: &mut Effects) {
        if !changed.is_empty() {
            self.database.takes_number(self.who);
        }
        if want == Want::Share {
            let connection = &mut self.database.connections[self.who];
            connection.shared = self.store.add_keys(connection.shared, changed.iter().map(|(key, _)| *key));
        } else {
            let left: SmallVec<[(KeyId, Change); 4]>;
            let changed = if self.engine == Engine::PostgresSerializable {
                left = changed.iter().map(|(key, change)| (*key, self.as_left(*key, *change))).collect();
                &left
            } else {
                changed
            };
            let connection = &mut self.database.connections[self.who];
            connection.changes = self.store.add_changes(connection.changes, changed);
            effects.changed.extend(changed.iter().copied());
        }
    }

    fn wait(&mut self, mut wait: Wait) -> Asked {
        let waits = self.database.connections.iter().filter_map(|other| other.wait.as_ref());
        wait.turn = waits.filter(|other| wait.queues_with(other)).map(|other| other.turn + 1).max().unwrap_or(0);
        if wait.turn > 0 {
            self.store.note(Rule::PostgresQueue);
        }
        self.database.connections[self.who].wait = Some(Box::new(wait));
        Asked::Blocked
    }

    /// What is said of a number that is too large. Where it may be that of one row of several, the server may wait for others
    /// before it comes to that, and the model does not tell which.
    fn told(&self, cause: Cause) -> Cause {
        let plan = self.store.plan(self.request);
        let is_open = |open: &Connection| open.changes != NOTHING || open.shared != NO_KEYS;
        let mut others = self.database.connections.iter().enumerate().filter(|(other, _)| *other != self.who);
        let may_wait = plan.may_find_several() && others.any(|(_, open)| is_open(open));
        if cause == Cause::TooLarge && may_wait { Cause::Unusable } else { cause }
    }

    /// It fails before it has done anything.
    fn fails(&mut self, cause: Cause) -> Asked {
        match self.database.connections[self.who].transaction {
            Transaction::None => self.database.clear(self.store, self.who),
            _ => self.database.fail(self.engine, self.store, self.who, cause),
        }
        Asked::Answered(self.store.replies.keep(Answered::Failed(cause)))
    }

    /// It is answered; one that stands alone is committed with that.
    fn ends(&mut self, error: Option<Cause>, reply: ReplyId, choices: &mut Choices, effects: &mut Effects) -> Asked {
        let is_alone = self.database.connections[self.who].transaction == Transaction::None;
        if is_alone
            && error.is_none()
            && let Err(cause) = self.database.prepare(self.store, self.who, choices)
        {
            return self.fails(cause);
        }
        match (self.database.connections[self.who].transaction, error) {
            (Transaction::None, Some(_)) => self.database.clear(self.store, self.who),
            (Transaction::None, None) => self.database.commit(self.store, self.who, effects),
            (_, Some(cause)) => self.database.fail(self.engine, self.store, self.who, cause),
            (_, None) => {}
        }
        Asked::Answered(reply)
    }
}
