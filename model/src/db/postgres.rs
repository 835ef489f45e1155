//! PostgreSQL at read committed: each statement sees what is committed when it starts; writers wait for each other's rows.
//!
//! Rules and their sources (the manual's chapter "Concurrency Control" unless another is named):
//! - a statement sees the rows committed before it began, and its own transaction's changes;
//! - `UPDATE`, `DELETE` and `SELECT … FOR UPDATE` find their rows in that snapshot, wait for a row that another
//!   transaction has locked or changed, and then test their condition again on the newest version of the row;
//! - an `INSERT` waits for another transaction that inserts or removes the same unique key; once that has ended it fails,
//!   does nothing (`ON CONFLICT DO NOTHING`) or goes on ("Index Uniqueness Checks");
//! - after an error everything in the transaction is gone and nothing works until a rollback;
//! - a cycle of waits is broken by aborting one of them, any of them.

use smallvec::SmallVec;

use super::{Answered, Asked, Change, Database, DbCall, Effects, KeyId, RequestId, RowId, Store, Transaction, Wait};
use crate::engine::Engine;

const ENGINE: Engine = Engine::PostgresReadCommitted;

pub(super) fn ask(database: &mut Database, store: &Store, who: usize, call: DbCall, effects: &mut Effects) -> Asked {
    if let Some(reply) = database.bracket(store, who, call, effects) {
        return Asked::Answered(reply);
    }
    match call {
        DbCall::Run(request) => {
            let fresh = Progress { rest: None, done: 0, shown: Vec::new() };
            run(database, store, who, request, fresh, effects)
        }
        _ => {
            database.connections[who].transaction = Transaction::Open;
            Asked::Answered(store.replies.id(&Answered::Done))
        }
    }
}

pub(super) fn resume(database: &mut Database, store: &Store, who: usize, wait: Wait, effects: &mut Effects) -> Asked {
    let DbCall::Run(request) = wait.call else {
        debug_assert!(false, "only statements wait");
        return Asked::Blocked;
    };
    run(database, store, who, request, Progress { rest: wait.rest, done: wait.done, shown: wait.shown }, effects)
}

/// How far a statement came before it waited.
struct Progress {
    rest: Option<Vec<KeyId>>,
    done: u32,
    shown: Vec<(KeyId, RowId)>,
}

/// Run a statement until it is answered or has to wait for another transaction.
fn run(
    database: &mut Database,
    store: &Store,
    who: usize,
    request: RequestId,
    mut progress: Progress,
    effects: &mut Effects,
) -> Asked {
    let anew;
    let base = database.committed;
    let changes = database.connections[who].changes;
    let run = match progress.rest.as_deref() {
        None => store.run(base, changes, request),
        Some(rest) => {
            anew = store.run_anew(base, changes, request, Some(rest));
            &anew
        }
    };
    // An INSERT waits for whoever inserts or removes the key it wants, and has not done anything yet.
    let mut keys: Vec<KeyId> = Vec::new();
    keys.extend(run.wanted.iter().filter(|key| is_written_by_another(database, store, who, **key)));
    let mut free = run.touched.len();
    if keys.is_empty() && run.wanted.is_empty() {
        for (place, touch) in run.touched.iter().enumerate() {
            if is_locked_by_another(database, store, who, touch[0].0) {
                keys.push(touch[0].0);
                free = place;
                break;
            }
        }
    }
    if !keys.is_empty() {
        let connection = &mut database.connections[who];
        let mut rest = None;
        if run.wanted.is_empty() {
            let before: SmallVec<[(KeyId, Change); 4]> = run.touched[..free].iter().flatten().copied().collect();
            connection.changes = store.add_changes(changes, &before);
            effects.changed.extend(before);
            progress.done += free as u32;
            progress.shown.extend(run.shown.iter().take(free));
            rest = Some(run.touched[free..].iter().map(|touch| touch[0].0).collect());
        }
        let Progress { done, shown, .. } = progress;
        connection.wait = Some(Box::new(Wait { call: DbCall::Run(request), rest, done, shown, keys }));
        return Asked::Blocked;
    }
    let changed: SmallVec<[(KeyId, Change); 4]> = run.touched.iter().flatten().copied().collect();
    effects.changed.extend_from_slice(&changed);
    effects.shown.extend_from_slice(&run.shown);
    let reply = finished(store, request, run, &progress);
    let connection = &mut database.connections[who];
    connection.changes = store.add_changes(changes, &changed);
    match connection.transaction {
        Transaction::None if run.error.is_some() => database.reset(who),
        Transaction::None => database.commit(store, who, effects),
        _ if run.error.is_some() => database.fail(ENGINE, who),
        _ => {}
    }
    Asked::Answered(reply)
}

/// The answer of a statement that had dealt with some rows before it waited.
fn finished(store: &Store, request: RequestId, run: &super::exec::Run, progress: &Progress) -> super::ReplyId {
    match store.replies.get(run.reply) {
        Answered::Affected(more) if progress.done > 0 => store.replies.id(&Answered::Affected(progress.done + more)),
        Answered::Rows(more) if !progress.shown.is_empty() => {
            let mut rows = store.project(request, &progress.shown);
            rows.extend(more.iter().cloned());
            store.replies.id(&Answered::Rows(rows))
        }
        _ => run.reply,
    }
}

fn is_locked_by_another(database: &Database, store: &Store, who: usize, key: KeyId) -> bool {
    others(database, store, who, key).next().is_some()
}

fn is_written_by_another(database: &Database, store: &Store, who: usize, key: KeyId) -> bool {
    others(database, store, who, key).any(|(_, change)| change != Change::Locked)
}

/// The other connections whose transactions have locked or changed a key.
fn others<'a>(
    database: &'a Database,
    store: &'a Store,
    who: usize,
    key: KeyId,
) -> impl Iterator<Item = (usize, Change)> + 'a {
    database.connections.iter().enumerate().filter(move |(other, _)| *other != who).filter_map(move |(other, open)| {
        let changes = store.changes.get(open.changes);
        changes.binary_search_by_key(&key, |(known, _)| *known).ok().map(|place| (other, changes[place].1))
    })
}

pub(super) fn blockers(database: &Database, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
    let mut found = SmallVec::new();
    let Some(wait) = &database.connections[who].wait else { return found };
    let inserts = wait.rest.is_none();
    for key in &wait.keys {
        for (other, change) in others(database, store, who, *key) {
            let harmless = inserts && change == Change::Locked;
            if !harmless && !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}
