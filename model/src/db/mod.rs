//! The model database: connections, transactions, locks and waits over shared rows.
//!
//! What engines share is here; the rules of one engine are one file.

mod exec;
mod names;
mod postgres;
mod sqlite;
mod store;
mod value;

use paidonce_protocol::Error;
use smallvec::SmallVec;

pub(crate) use store::{
    Answered, Change, ChangesId, ContentsId, Key, KeyId, NOTHING, ReplyId, RequestId, RowId, Store,
};
pub(crate) use value::{Symbol, Symbols, Val};

use crate::engine::Engine;

/// A call to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DbCall {
    Run(RequestId),
    Begin,
    Commit,
    Rollback,
}

/// How far a connection's transaction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Transaction {
    /// None is open: each statement is one of its own.
    #[default]
    None,
    /// One is open.
    Open,
    /// A statement failed in it: only a rollback is left.
    Failed,
}

/// A statement that waits for others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wait {
    pub(crate) call: DbCall,
    /// The rows it had found before it waited and has not come to yet; `None` when it has not looked yet.
    rest: Option<Vec<KeyId>>,
    /// The rows it has dealt with.
    done: u32,
    /// What it would show of the rows it has dealt with.
    shown: Vec<(KeyId, RowId)>,
    /// The keys it waits for.
    keys: Vec<KeyId>,
}

impl Wait {
    /// The same wait with rows, keys and the statement's arguments renamed.
    pub(crate) fn rename(
        &mut self,
        key: impl Fn(KeyId) -> KeyId,
        row: impl Fn(RowId) -> RowId,
        request: impl Fn(RequestId) -> RequestId,
    ) {
        if let DbCall::Run(waiting) = &mut self.call {
            *waiting = request(*waiting);
        }
        self.rest.iter_mut().flatten().chain(&mut self.keys).for_each(|known| *known = key(*known));
        for (known, shown) in &mut self.shown {
            (*known, *shown) = (key(*known), row(*shown));
        }
    }
}

/// One connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    pub(crate) transaction: Transaction,
    /// What the transaction has locked and written.
    pub(crate) changes: ChangesId,
    /// The rows that the transaction goes on seeing, once it has looked.
    pub(crate) snapshot: Option<ContentsId>,
    /// True when another transaction has written since the snapshot was taken.
    pub(crate) stale: bool,
    /// True when it is the one writer of an engine that has one.
    pub(crate) writer: bool,
    /// True when the transaction has changed what is stored: other snapshots are old once it commits.
    pub(crate) dirty: bool,
    pub(crate) wait: Option<Box<Wait>>,
}

impl Connection {
    /// True when its end would change nothing for anybody.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.changes == NOTHING && !self.writer && self.wait.is_none()
    }
}

/// The database: what is committed, and its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    pub(crate) committed: ContentsId,
    pub(crate) connections: SmallVec<[Connection; 6]>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Answered(ReplyId),
    Blocked,
}

/// What a call did, for those who watch: the rows it showed, the rows it changed, the rows that became committed.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) shown: SmallVec<[(KeyId, RowId); 2]>,
    pub(crate) changed: SmallVec<[(KeyId, Change); 4]>,
    pub(crate) committed: SmallVec<[(KeyId, Change); 8]>,
}

impl Database {
    pub(crate) fn new(committed: ContentsId, connections: usize) -> Self {
        Database { committed, connections: (0..connections).map(|_| Connection::default()).collect() }
    }

    /// Ask a connection for something.
    pub(crate) fn ask(
        &mut self,
        engine: Engine,
        store: &Store,
        who: usize,
        call: DbCall,
        effects: &mut Effects,
    ) -> Asked {
        match engine {
            Engine::SqliteImmediate | Engine::SqliteDeferred => sqlite::ask(self, engine, store, who, call, effects),
            Engine::PostgresReadCommitted => postgres::ask(self, store, who, call, effects),
        }
    }

    /// True when a waiting statement could go on now.
    pub(crate) fn can_resume(&self, engine: Engine, store: &Store, who: usize) -> bool {
        self.connections[who].wait.is_some() && self.blockers(engine, store, who).is_empty()
    }

    /// The connections that a waiting statement waits for.
    pub(crate) fn blockers(&self, engine: Engine, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
        match engine {
            Engine::SqliteImmediate | Engine::SqliteDeferred => sqlite::blockers(self, who),
            Engine::PostgresReadCommitted => postgres::blockers(self, store, who),
        }
    }

    /// Let a waiting statement go on.
    pub(crate) fn resume(&mut self, engine: Engine, store: &Store, who: usize, effects: &mut Effects) -> Asked {
        let Some(wait) = self.connections[who].wait.take() else {
            debug_assert!(false, "only a waiting statement is resumed");
            return Asked::Blocked;
        };
        match engine {
            Engine::SqliteImmediate | Engine::SqliteDeferred => {
                sqlite::ask(self, engine, store, who, wait.call, effects)
            }
            Engine::PostgresReadCommitted => postgres::resume(self, store, who, *wait, effects),
        }
    }

    /// End a waiting statement with a conflict: a lock time-out, or the victim of a deadlock.
    pub(crate) fn fail_wait(&mut self, engine: Engine, store: &Store, who: usize) -> ReplyId {
        let connection = &mut self.connections[who];
        connection.wait = None;
        match connection.transaction {
            // What a statement on its own had done so far is undone with it.
            Transaction::None => *connection = Connection::default(),
            Transaction::Open | Transaction::Failed => self.fail(engine, who),
        }
        store.replies.id(&Answered::Error(Error::Conflict))
    }

    /// A statement failed inside a transaction.
    fn fail(&mut self, engine: Engine, who: usize) {
        let connection = &mut self.connections[who];
        connection.transaction = Transaction::Failed;
        if engine.failure_ends_transaction() {
            connection.changes = NOTHING;
            connection.snapshot = None;
        }
    }

    /// True when a cycle of waits leads back to this connection.
    pub(crate) fn is_deadlocked(&self, engine: Engine, store: &Store, who: usize) -> bool {
        let mut reached = self.blockers(engine, store, who);
        let mut next = 0;
        while next < reached.len() {
            let other = reached[next];
            next += 1;
            if other == who {
                return true;
            }
            if self.connections[other].wait.is_some() {
                for further in self.blockers(engine, store, other) {
                    if !reached.contains(&further) {
                        reached.push(further);
                    }
                }
            }
        }
        false
    }

    /// The connection ends: its transaction is rolled back, its statement forgotten.
    pub(crate) fn reset(&mut self, who: usize) {
        self.connections[who] = Connection::default();
    }

    /// What both engines answer alike: the transaction's begin and end. `None` for everything else.
    fn bracket(&mut self, store: &Store, who: usize, call: DbCall, effects: &mut Effects) -> Option<ReplyId> {
        let state = self.connections[who].transaction;
        let misuse = || Some(store.replies.id(&Answered::Error(Error::Misuse)));
        match (call, state) {
            (DbCall::Rollback, _) => self.reset(who),
            (DbCall::Commit, Transaction::Open) => self.commit(store, who, effects),
            // A session that saw an error refuses to commit, whatever its database would say.
            (DbCall::Commit, _) | (DbCall::Begin, Transaction::Open | Transaction::Failed) => return misuse(),
            (DbCall::Run(_), Transaction::Failed) => return misuse(),
            (DbCall::Run(_), _) | (DbCall::Begin, Transaction::None) => return None,
        }
        Some(store.replies.id(&Answered::Done))
    }

    /// Make a transaction's changes last, and end it.
    pub(crate) fn commit(&mut self, store: &Store, who: usize, effects: &mut Effects) {
        let Connection { changes, dirty, .. } = self.connections[who];
        self.committed = store.apply(self.committed, changes);
        let written = store.changes.get(changes).iter().filter(|(_, change)| *change != Change::Locked);
        effects.committed.extend(written.copied());
        self.reset(who);
        if dirty {
            for other in self.connections.iter_mut().filter(|other| other.snapshot.is_some()) {
                other.stale = true;
            }
        }
    }
}
