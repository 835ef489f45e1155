//! User-level locks: the server's, and not InnoDB's.
//!
//! Rules (MariaDB's manual, "GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS", "IS_FREE_LOCK"; `Item_func_get_lock` in
//! sql/item_func.cc, `MDL_context::acquire_lock` and `find_deadlock` in sql/mdl.cc; all seen on the server at hand):
//! - a lock is had by one connection, as often as it has taken it. Names are compared byte by byte: the manual calls them
//!   case-insensitive, and MariaDB 10.11 keeps `a` and `A` apart (found by drawn scripts);
//! - whoever wants it otherwise waits behind those who came before, for so many seconds; then, and at once where these are
//!   none, the answer is 0, and nothing else has happened;
//! - a name that is empty or NULL, or a time that is NULL or negative, is answered with NULL; a name of more than 192 bytes
//!   is an error (1059);
//! - `RELEASE_LOCK` answers 1, 0 when another has the lock, and NULL when nobody has it; `RELEASE_ALL_LOCKS` how often they
//!   were had;
//! - neither a transaction's end nor its error changes anything about them, and no snapshot is taken;
//! - of those who wait for each other in a circle one is told 1213 at once: the one that was told of one least often since it
//!   connected, and of those that come to the same the one that closes it, or the first one behind it (`find_deadlock` adds
//!   to the weight of its victim). Nothing of its transaction is undone, and it keeps what it has;
//! - a circle that leads through a row as well is not seen by anybody: metadata locks and InnoDB each look for their own.

use super::{Answered, Asked, Cause, Database, RequestId, Store, Transaction};
use crate::db::{Rule, Val};
use crate::engine::Engine;
use crate::sql::{Asks, Named};

/// The longest name, in bytes (`NAME_LEN`).
const LONGEST_NAME: usize = 192;

pub(in crate::db) fn ask_named(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    request: RequestId,
    is_granted: bool,
) -> Asked {
    let Some(Named { asks, name, seconds }) = store.plan(request).named() else { return Asked::Blocked };
    let name = match name.as_ref().and_then(|name| store.named_value(request, name)) {
        Some(Val::Text(name)) => {
            let text = store.symbols.get(name);
            if text.len() > LONGEST_NAME {
                return fails(database, engine, store, who);
            }
            (!text.is_empty()).then_some(Val::Text(name))
        }
        _ => None,
    };
    let seconds = seconds.as_ref().and_then(|seconds| store.named_value(request, seconds));
    let answer = match (*asks, name, seconds) {
        (Asks::ReleaseAll, ..) => Val::Int(database.release_all_named(store, who)),
        (Asks::Release, Some(name), _) => match database.release_named(store, who, name) {
            true => Val::Int(1),
            false if database.before_named(store, who, name).is_empty() => Val::Null,
            false => Val::Int(0),
        },
        (Asks::IsFree, Some(name), _) => {
            let is_had = database.has_named(store, who, name) || !database.before_named(store, who, name).is_empty();
            Val::Int(i64::from(!is_had))
        }
        (Asks::Get, Some(name), Some(Val::Int(seconds @ 0..))) => {
            let has_it = database.has_named(store, who, name);
            if has_it {
                store.note(Rule::MariaDbNamedAgain);
            }
            let is_free = is_granted || has_it || database.before_named(store, who, name).is_empty();
            if !is_free && seconds > 0 {
                store.note(Rule::MariaDbNamedWaits);
                return database.wait_named(who, request, name, true);
            }
            if is_free {
                database.take_named(store, who, name, false);
            }
            Val::Int(i64::from(is_free))
        }
        _ => Val::Null,
    };
    database.told_named(store, who, answer)
}

fn fails(database: &mut Database, engine: Engine, store: &Store, who: usize) -> Asked {
    if database.connections[who].transaction == Transaction::Open {
        database.fail(engine, store, who, Cause::Unusable);
    }
    Asked::Answered(store.replies.keep(Answered::Failed(Cause::Unusable)))
}
