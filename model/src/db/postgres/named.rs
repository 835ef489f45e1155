//! Advisory locks.
//!
//! Rules (the manual, "Advisory Locks" and "Advisory Lock Functions"; `LockAcquireExtended`, `LockRelease` and `ProcSleep` in
//! src/backend/storage/lmgr; all seen on the server at hand):
//! - a lock is had by one connection, for itself as often as it has taken it, or for its transaction, or both; who has it in
//!   either way is given it again at once;
//! - whoever wants it otherwise waits behind those who came before; `pg_try_advisory_lock` answers false in place of that;
//! - `pg_advisory_unlock` gives back what the connection has for itself, at once and also when the transaction is rolled back
//!   afterwards; of what it has for its transaction it answers false;
//! - the end of a transaction, also by an error, ends what was had for it and nothing else. A statement on its own is a
//!   transaction;
//! - a circle of waits may lead through the queue; its order is never changed for that, because whoever holds the lock is in
//!   everybody's way (`DeadLockCheckRecurse` in src/backend/storage/lmgr/deadlock.c);
//! - a key that is NULL is no lock, and the answer is NULL (the functions are strict);
//! - the statement is one like any other: from repeatable read on it takes the transaction's snapshot before it waits
//!   (`exec_simple_query` in src/backend/tcop/postgres.c).

use super::{Asked, Database, Engine, NO_KEYS, RequestId, Rule, Store, Transaction};
use crate::db::Val;
use crate::sql::{Asks, Named};

pub(in crate::db) fn ask_named(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    request: RequestId,
    is_granted: bool,
) -> Asked {
    let Some(Named { asks, name, .. }) = store.plan(request).named() else { return Asked::Blocked };
    let committed = database.committed;
    let connection = &mut database.connections[who];
    if engine.keeps_snapshot() && connection.transaction == Transaction::Open {
        connection.newer.get_or_insert(NO_KEYS);
        connection.snapshot.get_or_insert(committed);
        if engine == Engine::PostgresSerializable
            && let Some(ssi) = &mut database.ssi
        {
            ssi.start(who);
        }
    }
    let name = name.as_ref().map(|name| store.named_value(request, name).unwrap_or(Val::Null));
    let truth = |is: bool| Val::Int(i64::from(is));
    let answer = match (*asks, name) {
        (Asks::ReleaseAll, _) => {
            database.release_all_named(store, who);
            Val::Null
        }
        (_, None | Some(Val::Null)) => Val::Null,
        (Asks::Release, Some(name)) => truth(database.release_named(store, who, name)),
        (Asks::Lock { waits, for_transaction }, Some(name)) => {
            let has_it = database.has_named(store, who, name);
            if has_it {
                store.note(Rule::PostgresNamedAgain);
            }
            let is_free = is_granted || has_it || database.before_named(store, who, name).is_empty();
            if !is_free && waits {
                store.note(Rule::PostgresNamedWaits);
                if database.connections[who].snapshot.is_some() {
                    store.note(Rule::PostgresNamedSnapshot);
                }
                return database.wait_named(who, request, name, false);
            }
            if is_free {
                database.take_named(store, who, name, for_transaction);
            } else {
                store.note(Rule::PostgresNamedTries);
            }
            if waits { Val::Null } else { truth(is_free) }
        }
        // MariaDB's: no plan of PostgreSQL's has them.
        (Asks::Get | Asks::IsFree, Some(_)) => Val::Null,
    };
    database.told_named(store, who, answer)
}
