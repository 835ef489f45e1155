//! Locks by a name that is no row's: who has one, who waits for it, and what ends it.
//!
//! | | PostgreSQL's advisory locks | MariaDB's user-level locks |
//! |---|---|---|
//! | ends with | its giving back, the end of the connection; or the end of the transaction | its giving back, the end of the connection |
//! | taken again | is had at once, and given back as often; a transaction's cannot be given back | the same |
//! | a wait ends with | `lock_timeout`, which is an error (55P03) | its own seconds, and the answer 0 |
//! | a circle of waits | is seen whatever leads through it: any of them is its victim (40P01) | is seen where only names lead through it: whoever was told least often, or else closes it, is told 1213, and nothing else happens to it |
//!
//! On both whoever came first is served first, and what is given back belongs to the first who waits at that moment. What
//! each statement answers is in `postgres::named` and `innodb::named`.

use smallvec::SmallVec;

use super::store::Answered;
use super::{
    Asked, Cause, Connection, Database, DbCall, Effects, ReplyId, RequestId, Rule, Store, Transaction, Val, Wait, Want,
    innodb, postgres,
};
use crate::engine::{Engine, Family};
use crate::sql::{Given, Scalar};

/// A lock that a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Named {
    name: Val,
    /// How often it has taken it for itself, and has to give it back.
    times: u8,
    /// It has it until its transaction ends.
    for_transaction: bool,
}

/// The locks that a connection has, in the order of their names.
pub(crate) type NamedSetId = u32;
/// None.
pub(crate) const NO_NAMED: NamedSetId = 0;

impl Store {
    /// A value of a statement about a lock by name; `None` when it cannot be computed.
    pub(crate) fn named_value(&self, request: RequestId, scalar: &Scalar) -> Option<Val> {
        let (_, arguments) = self.requests.get(request);
        let given = Given { arguments, answers: &[], symbols: &self.symbols };
        scalar.value(&[], &given).ok().map(Val::as_key)
    }

    /// The locks under other names.
    pub(crate) fn rename_named(&self, set: NamedSetId, rename: impl Fn(Val) -> Val) -> NamedSetId {
        let locks = self.named_sets.get(set).iter();
        self.named_set(locks.map(|lock| Named { name: rename(lock.name), ..*lock }).collect())
    }

    fn named_set(&self, mut locks: Vec<Named>) -> NamedSetId {
        locks.sort_by(|left, right| self.symbols.sort_order(left.name, right.name));
        self.named_sets.id(&locks)
    }

    fn find_named(&self, set: NamedSetId, name: Val) -> Option<Named> {
        self.named_sets.get(set).iter().find(|lock| lock.name == name).copied()
    }

    /// The set with this lock changed; one that is neither the connection's nor its transaction's is gone.
    fn with_named(&self, set: NamedSetId, lock: Named) -> NamedSetId {
        let others = self.named_sets.get(set).iter().filter(|known| known.name != lock.name).copied();
        let is_had = lock.times > 0 || lock.for_transaction;
        self.named_set(others.chain(is_had.then_some(lock)).collect())
    }

    /// What is left of the locks when a transaction ends.
    pub(super) fn beyond_transaction(&self, set: NamedSetId) -> NamedSetId {
        if set == NO_NAMED {
            return set;
        }
        let locks = self.named_sets.get(set);
        let left = locks.iter().filter(|lock| lock.times > 0);
        self.named_set(left.map(|lock| Named { for_transaction: false, ..*lock }).collect())
    }
}

impl Database {
    /// Run a statement about a lock by name.
    pub(super) fn ask_named(
        &mut self,
        engine: Engine,
        store: &Store,
        who: usize,
        request: RequestId,
        effects: &mut Effects,
    ) -> Asked {
        if let Some(reply) = self.bracket(engine, store, who, DbCall::Run(request), effects) {
            return Asked::Answered(reply);
        }
        match engine.family() {
            Family::Postgres => postgres::ask_named(self, engine, store, who, request, false),
            // SQLite has none, and no plan for one.
            Family::MariaDb | Family::Sqlite => innodb::ask_named(self, engine, store, who, request, false),
        }
    }

    /// Let a statement that waits for a lock go on, which is its turn: it has it.
    pub(super) fn resume_named(&mut self, engine: Engine, store: &Store, who: usize, call: DbCall) -> Asked {
        match (call, engine.family()) {
            (DbCall::Run(request), Family::Postgres) => postgres::ask_named(self, engine, store, who, request, true),
            (DbCall::Run(request), _) => innodb::ask_named(self, engine, store, who, request, true),
            _ => Asked::Blocked,
        }
    }

    /// Who has the lock, and those who came before this one to wait for it.
    pub(super) fn before_named(&self, store: &Store, who: usize, name: Val) -> SmallVec<[usize; 2]> {
        let turn = self.connections[who].wait.as_ref().map(|wait| wait.turn);
        let is_before = |open: &Connection| {
            let waits = open
                .wait
                .as_ref()
                .is_some_and(|wait| wait.name == Some(name) && turn.is_none_or(|turn| wait.turn < turn));
            waits || store.find_named(open.named, name).is_some()
        };
        let others = self.connections.iter().enumerate().filter(|(other, _)| *other != who);
        others.filter(|(_, open)| is_before(open)).map(|(other, _)| other).collect()
    }

    /// Who has the lock that a statement waits for.
    pub(super) fn named_holders(&self, store: &Store, who: usize, name: Val) -> SmallVec<[usize; 2]> {
        let others = self.connections.iter().enumerate().filter(|(other, _)| *other != who);
        others.filter(|(_, open)| store.find_named(open.named, name).is_some()).map(|(other, _)| other).collect()
    }

    /// True when the connection has the lock.
    pub(super) fn has_named(&self, store: &Store, who: usize, name: Val) -> bool {
        store.find_named(self.connections[who].named, name).is_some()
    }

    /// Have a lock, once more or for the first time.
    pub(super) fn take_named(&mut self, store: &Store, who: usize, name: Val, for_transaction: bool) {
        let known = store.find_named(self.connections[who].named, name);
        let mut lock = known.unwrap_or(Named { name, times: 0, for_transaction: false });
        if for_transaction {
            lock.for_transaction = true;
        } else {
            lock.times = lock.times.saturating_add(1);
        }
        self.connections[who].named = store.with_named(self.connections[who].named, lock);
    }

    /// Give a lock back once. False when the connection has not taken it for itself.
    pub(super) fn release_named(&mut self, store: &Store, who: usize, name: Val) -> bool {
        match store.find_named(self.connections[who].named, name) {
            Some(lock) if lock.times > 0 => {
                let lock = Named { times: lock.times - 1, ..lock };
                self.connections[who].named = store.with_named(self.connections[who].named, lock);
                true
            }
            _ => false,
        }
    }

    /// Give back all that the connection has taken for itself: how often that was.
    pub(super) fn release_all_named(&mut self, store: &Store, who: usize) -> i64 {
        let set = self.connections[who].named;
        let locks = store.named_sets.get(set);
        let left = locks.iter().filter(|lock| lock.for_transaction).map(|lock| Named { times: 0, ..*lock });
        self.connections[who].named = store.named_set(left.collect());
        locks.iter().map(|lock| i64::from(lock.times)).sum()
    }

    /// Wait for a lock, behind those who wait already.
    pub(super) fn wait_named(&mut self, who: usize, request: RequestId, name: Val, one_queue: bool) -> Asked {
        let mut wait = Wait { name: Some(name), one_queue, ..Wait::new(DbCall::Run(request), Want::Exclusive) };
        let waits = self.connections.iter().filter_map(|open| open.wait.as_ref());
        let before = waits.filter(|other| one_queue || wait.queues_with(other)).map(|other| other.turn + 1);
        wait.turn = before.max().unwrap_or(0);
        self.connections[who].wait = Some(Box::new(wait));
        Asked::Blocked
    }

    /// Answer a statement with one row of one field. One that stands alone ends with that, and what it had until then.
    pub(super) fn told_named(&mut self, store: &Store, who: usize, answer: Val) -> Asked {
        if self.connections[who].transaction == Transaction::None {
            self.clear(store, who);
        }
        Asked::Answered(store.replies.keep(Answered::Rows(vec![vec![answer]])))
    }

    /// The lock for which a connection's statement waits by name.
    pub(super) fn waits_for_name(&self, who: usize) -> Option<Val> {
        self.connections[who].wait.as_ref().and_then(|wait| wait.name)
    }

    /// On MariaDB the end of a wait for a name: its time is over, or it would close a circle.
    pub(super) fn fail_named(&mut self, engine: Engine, store: &Store, who: usize, cause: Cause) -> ReplyId {
        if cause == Cause::TimedOut {
            store.note(Rule::MariaDbNamedGivesUp);
            return store.replies.keep(Answered::Rows(vec![vec![Val::Int(0)]]));
        }
        store.note(Rule::MariaDbNamedCircle);
        self.connections[who].victim = self.connections[who].victim.saturating_add(1);
        if self.connections[who].transaction == Transaction::Open {
            self.fail(engine, store, who, Cause::Circle);
        }
        store.replies.keep(Answered::Failed(Cause::Circle))
    }

    /// So long the statement that waits will wait at most by its own word, in milliseconds.
    pub(crate) fn own_patience_ms(&self, store: &Store, who: usize) -> Option<i64> {
        let DbCall::Run(request) = self.connections[who].wait.as_ref()?.call else { return None };
        let seconds = store.plan(request).named()?.seconds.as_ref()?;
        match store.named_value(request, seconds)? {
            Val::Int(seconds) => Some(seconds.saturating_mul(1_000)),
            _ => None,
        }
    }
}
