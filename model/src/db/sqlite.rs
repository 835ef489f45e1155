//! SQLite in WAL mode: readers see a snapshot, one connection writes.
//!
//! Rules and their sources:
//! - one writer at a time; `BEGIN IMMEDIATE` becomes it at once (sqlite.org/lang_transaction.html);
//! - a deferred transaction takes its snapshot with its first read and becomes the writer with its first write;
//! - a transaction with a snapshot cannot become the writer when another has committed since (SQLITE_BUSY_SNAPSHOT, 517)
//!   or is the writer now (SQLITE_BUSY at once: the busy handler is not asked while a read is open): a conflict either way
//!   (sqlite.org/c3ref/busy_handler.html, sqlite.org/isolation.html);
//! - a row that is written as it was dirties no page: a commit of nothing else leaves other snapshots as they were, while
//!   a change and its undoing by two statements, or by the error of one, does not (measured; held by the replay of
//!   schedules drawn by seed);
//! - a `DELETE` without `WHERE` writes the table's page also when there is no row ("The Truncate Optimization" in
//!   sqlite.org/lang_delete.html, measured);
//! - whoever is not in a transaction with a snapshot waits for the writer (`busy_timeout`);
//! - a failed statement undoes itself, and the transaction keeps the write lock until it is rolled back.

use smallvec::SmallVec;

use super::{Answered, Asked, Cause, Change, Choices, Database, DbCall, Effects, Rule, Store, Transaction, Wait, Want};
use crate::engine::Engine;

pub(super) fn ask(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    call: DbCall,
    choices: &mut Choices,
    effects: &mut Effects,
) -> Asked {
    if let Some(reply) = database.bracket(engine, store, who, call, effects) {
        return Asked::Answered(reply);
    }
    let others_write = another_writes(database, who);
    match call {
        DbCall::Begin => {
            if engine == Engine::SqliteImmediate {
                if others_write {
                    store.note(Rule::SqliteWaits);
                    return block(database, who, call);
                }
                database.connections[who].writer = true;
            }
            database.connections[who].transaction = Transaction::Open;
            Asked::Answered(store.replies.keep(Answered::Done))
        }
        DbCall::Run(request) if store.plan(request).writes() => {
            let connection = &database.connections[who];
            if !connection.writer {
                if connection.snapshot.is_some() && (connection.stale || others_write) {
                    // The write lock is asked for first.
                    let (cause, rule) = if others_write {
                        (Cause::NotAvailable, Rule::SqliteBusy)
                    } else {
                        (Cause::Stale, Rule::SqliteStale)
                    };
                    store.note(rule);
                    database.fail(engine, store, who, cause);
                    return Asked::Answered(store.replies.keep(Answered::Failed(cause)));
                }
                if others_write {
                    store.note(Rule::SqliteWaits);
                    return block(database, who, call);
                }
            }
            write(database, engine, store, who, request, choices, effects)
        }
        DbCall::Run(request) => {
            let connection = &mut database.connections[who];
            let base = match connection.transaction {
                Transaction::None => database.committed,
                _ if connection.writer => database.committed,
                _ => *connection.snapshot.get_or_insert(database.committed),
            };
            let run = store.run(base, connection.changes, request);
            effects.shown.extend_from_slice(&run.shown);
            if let Some(cause) = run.error.filter(|_| connection.transaction == Transaction::Open) {
                database.fail(engine, store, who, cause);
            }
            Asked::Answered(run.reply)
        }
        // `bracket` has answered these.
        DbCall::Commit | DbCall::Rollback => Asked::Answered(store.replies.keep(Answered::Failed(Cause::Senseless))),
    }
}

fn write(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    request: super::RequestId,
    choices: &mut Choices,
    effects: &mut Effects,
) -> Asked {
    let connection = &mut database.connections[who];
    let run = store.run(database.committed, connection.changes, request);
    let changed: SmallVec<[_; 4]> = run.touched.iter().flatten().copied().collect();
    effects.changed.extend_from_slice(&changed);
    connection.dirty |= changed.iter().any(|(key, change)| match change {
        Change::Put(row) | Change::Reborn(row) | Change::Follows(row) | Change::Beside(row) => {
            store.seen(database.committed, connection.changes, *key) != Some(*row)
        }
        Change::Gone | Change::Undone(_) => true,
        Change::Locked | Change::Marked => false,
    });
    if !changed.is_empty() && !connection.dirty {
        store.note(Rule::SqliteSame);
    }
    if store.plan(request).clears() {
        store.note(Rule::SqliteClears);
        connection.dirty = true;
    }
    // What is undone has been written all the same: the commit writes the pages as they were.
    // The rows of a source come in the order in which they were put in, which is not kept: whether one went in before it failed.
    let is_open = run.error.is_some() && engine == Engine::SqliteDeferred && store.plan(request).inserts_in_any_order();
    let is_undone = if is_open { choices.pick(2) == 1 } else { run.undone };
    connection.dirty |= is_undone && connection.transaction != Transaction::None;
    if run.error.is_some() {
        store.note(Rule::SqliteUndone);
    }
    connection.changes = store.add_changes(connection.changes, &changed);
    if connection.transaction == Transaction::None {
        database.commit(store, who, effects);
    } else {
        connection.writer = true;
        if let Some(cause) = run.error {
            database.fail(engine, store, who, cause);
        }
    }
    Asked::Answered(run.reply)
}

fn block(database: &mut Database, who: usize, call: DbCall) -> Asked {
    database.connections[who].wait = Some(Box::new(Wait::new(call, Want::Exclusive)));
    Asked::Blocked
}

fn another_writes(database: &Database, who: usize) -> bool {
    database.connections.iter().enumerate().any(|(other, connection)| other != who && connection.writer)
}

pub(super) fn blockers(database: &Database, who: usize) -> SmallVec<[usize; 2]> {
    let writes =
        |(other, connection): (usize, &super::Connection)| (other != who && connection.writer).then_some(other);
    database.connections.iter().enumerate().filter_map(writes).collect()
}
