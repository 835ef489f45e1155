//! Where a transaction begins and ends, and what an error leaves of it.
//!
//! A session refuses whatever makes no sense, and everything but a rollback after an error: so do the sessions of
//! paidonce-sqlx. Sent as plain SQL the same is taken differently by each database:
//!
//! | | PostgreSQL | MariaDB | SQLite |
//! |---|---|---|---|
//! | `BEGIN` in a transaction | nothing happens | commits, and begins | an error |
//! | `COMMIT` or `ROLLBACK` without one | nothing happens | nothing happens | an error |
//! | after an error | all is gone, only a rollback is left | only the statement is gone; after 1213 and 1020, all | only the statement is gone |
//! | `COMMIT` after that | rolls back | commits what is left | commits what is left |

use super::{
    Answered, Cause, Change, Connection, Database, DbCall, Effects, KeyId, NO_NAMED, ReplyId, Rule, Store, Transaction,
    Wait,
};
use crate::engine::{Engine, Family};
use paidonce_protocol::Dialect;

/// Who sends the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A protocol, through a session.
    Session,
    /// A script, as plain SQL.
    Script,
}

impl Database {
    /// Begin and end a transaction, and refuse what cannot be. `None` for a statement that can run, and for a `BEGIN` that
    /// the engine has to make.
    pub(super) fn bracket(
        &mut self,
        engine: Engine,
        store: &Store,
        who: usize,
        call: DbCall,
        effects: &mut Effects,
    ) -> Option<ReplyId> {
        let done = || Some(store.replies.keep(Answered::Done));
        let no = |cause| Some(store.replies.keep(Answered::Failed(cause)));
        let plain = store.caller == Caller::Script;
        match (call, self.connections[who].transaction, engine.family()) {
            (DbCall::Run(_), Transaction::None | Transaction::Open, _) | (DbCall::Begin, Transaction::None, _) => None,
            (DbCall::Commit, Transaction::Open, _) => {
                self.commit(store, who, effects);
                done()
            }
            (DbCall::Rollback, Transaction::None, Family::Sqlite) if plain => no(Cause::Senseless),
            (DbCall::Rollback, _, _) => {
                self.clear(store, who);
                done()
            }
            (DbCall::Commit, Transaction::Failed, Family::Postgres) if plain => {
                self.clear(store, who);
                done()
            }
            (DbCall::Commit, Transaction::None, Family::Postgres | Family::MariaDb)
            | (DbCall::Begin, Transaction::Open, Family::Postgres)
                if plain =>
            {
                done()
            }
            (DbCall::Begin, Transaction::Open, Family::MariaDb) if plain => {
                self.commit(store, who, effects);
                None
            }
            (_, Transaction::Failed, _) => no(Cause::Failed),
            (DbCall::Commit | DbCall::Begin, _, _) => no(Cause::Senseless),
        }
    }

    /// A transaction is rolled back, or a statement that is one of its own.
    pub(crate) fn clear(&mut self, store: &Store, who: usize) {
        self.undoes_last_first(store, who);
        self.ends(store, who);
    }

    /// A transaction ends: what the connection has for itself stays.
    fn ends(&mut self, store: &Store, who: usize) {
        let Connection { named, transaction, .. } = self.connections[who];
        let stays = store.beyond_transaction(named);
        if stays != NO_NAMED && transaction != Transaction::None {
            let is_postgres = store.dialect == Dialect::Postgres;
            store.note(if is_postgres { Rule::PostgresNamedStays } else { Rule::MariaDbNamedStays });
        }
        if stays != named {
            store.note(Rule::PostgresNamedEnds);
        }
        self.leaves(store, who);
        self.connections[who].named = stays;
    }

    /// A statement failed inside a transaction.
    pub(super) fn fail(&mut self, engine: Engine, store: &Store, who: usize, cause: Cause) {
        let nothing_left = match engine.family() {
            Family::Postgres => true,
            Family::MariaDb => matches!(cause, Cause::Deadlock | Cause::Stale),
            Family::Sqlite => false,
        };
        let plain = store.caller == Caller::Script;
        let transaction = match engine.family() {
            Family::MariaDb if plain && nothing_left => Transaction::None,
            Family::MariaDb | Family::Sqlite if plain => Transaction::Open,
            _ => Transaction::Failed,
        };
        if engine.family() == Family::Postgres {
            store.note(Rule::PostgresFailed);
        }
        if nothing_left {
            self.clear(store, who);
        }
        self.connections[who].transaction = transaction;
    }

    /// Make a transaction's changes last, and end it.
    pub(crate) fn commit(&mut self, store: &Store, who: usize, effects: &mut Effects) {
        let Connection { changes, dirty, .. } = self.connections[who];
        let before = self.committed;
        self.committed = store.commit(before, changes);
        if store.dialect == Dialect::MariaDb {
            self.leave_removed(store, who, before);
        }
        let is_lock = |change: &Change| matches!(change, Change::Locked | Change::Marked);
        let written = || store.changes.get(changes).iter().filter(|(_, change)| !is_lock(change));
        effects.committed.extend(written().copied());
        self.committed_beside(store, who, changes);
        self.ends(store, who);
        for other in self.connections.busy_mut_if(|other| other.snapshot.is_some()) {
            other.stale |= dirty;
            other.newer = other.newer.map(|newer| store.add_keys(newer, written().map(|(key, _)| *key)));
        }
        if store.dialect == Dialect::Postgres {
            let is_at_it = |wait: &Wait| wait.turn > 0 && written().any(|(key, _)| wait.keys.contains(key));
            for wait in self.connections.waits_mut_if(is_at_it) {
                wait.turn = 0;
                store.note(Rule::PostgresVersion);
            }
        }
        let removed = |key: &KeyId| {
            let is_new = |change: &Change| matches!(change, Change::Gone | Change::Undone(_) | Change::Reborn(_));
            written().any(|(known, change)| known == key && is_new(change))
        };
        let waits = self.connections.waits_mut_if(|wait| wait.forgets_removed);
        let forgetful = waits.filter_map(|wait| wait.rest.as_mut());
        forgetful.for_each(|rest| {
            let before = rest.len();
            rest.retain(|key| !removed(key));
            if rest.len() < before {
                store.note(Rule::PostgresGone);
            }
        });
    }
}
