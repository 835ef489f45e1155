//! The model database: connections, transactions, locks and waits over shared rows.
//!
//! What engines share is here; the rules of one engine are one file.

mod cause;
mod change;
mod choices;
mod circles;
mod connections;
mod contents;
mod exec;
mod gaps;
mod innodb;
mod locks;
mod name_order;
mod named;
mod names;
mod postgres;
mod renew;
mod rules;
mod sqlite;
mod store;
mod transactions;
mod value;

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

pub(crate) use cause::Cause;
pub(crate) use choices::Choices;
use connections::Connections;
pub(crate) use gaps::{Gap, GapSetId, NO_GAPS};
use innodb::{Seen, Weighed};
pub(crate) use locks::Want;
pub(crate) use named::{NO_NAMED, NamedSetId};
pub(crate) use postgres::Ssi;
pub(crate) use renew::Spare;
pub use rules::Rule;
pub(crate) use store::{
    Answered, Change, ChangesId, ContentsId, Key, KeyId, KeySetId, NO_KEYS, NOTHING, ReplyId, RequestId, RowId, Store,
};
pub(crate) use value::{Symbol, Symbols, Val};

use crate::engine::{Engine, Family};

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
    /// The committed rows in which it has looked for what its sub-selects say, which it keeps to.
    looked_at: Option<ContentsId>,
    /// The rows that it has not put in yet, and how many keys of the first of them it has.
    new_rows: Option<Vec<RowId>>,
    passed: u8,
    /// The keys it waits for.
    keys: Vec<KeyId>,
    /// What it wants of them.
    want: Want,
    /// The lock that it waits for by name, and not by keys.
    pub(crate) name: Option<Val>,
    /// How many requests that wait came before it, where an engine serves them in turn.
    turn: u8,
    /// True when that is of all requests that wait, and not of those for the same row.
    one_queue: bool,
    /// Who stood in its way when it asked, one bit each, where an engine looks for nobody else before it asks anew.
    holders: u32,
    /// What its transaction had done before the statement began.
    before: ChangesId,
    /// The records that its transaction had put into indexes before, and the gaps that it had locked before it came here.
    made_before: KeySetId,
    gaps_before: GapSetId,
    /// What it has come to so far, step by step, where an engine keeps that.
    journal: Vec<Seen>,
    /// True when it does not go on with a row that another has put in the place of one that it waits for.
    forgets_removed: bool,
    /// What another had changed before it put in what is waited for here, where that is rolled back: it goes out first.
    half_undone: ChangesId,
    /// What else that one has locked, which it lets go last of all; in scripts only (see `innodb::records`).
    half_locked: KeySetId,
}

impl Wait {
    /// The wait of a call that has not done anything yet.
    fn new(call: DbCall, want: Want) -> Self {
        Wait {
            call,
            rest: None,
            done: 0,
            shown: Vec::new(),
            looked_at: None,
            new_rows: None,
            passed: 0,
            keys: Vec::new(),
            want,
            name: None,
            turn: 0,
            one_queue: false,
            holders: u32::MAX,
            before: NOTHING,
            made_before: NO_KEYS,
            gaps_before: NO_GAPS,
            journal: Vec::new(),
            forgets_removed: false,
            half_undone: NOTHING,
            half_locked: NO_KEYS,
        }
    }

    /// True when both want one lock by its name, or a row that they cannot have together. (New rows stand in no queue.)
    fn queues_with(&self, other: &Wait) -> bool {
        let wants_a_row = |wait: &Wait| matches!(wait.want, Want::Share | Want::Exclusive);
        if self.name.is_some() && self.name == other.name {
            return true;
        }
        let both_share = self.want == Want::Share && other.want == Want::Share;
        wants_a_row(self) && wants_a_row(other) && !both_share && self.keys.iter().any(|key| other.keys.contains(key))
    }

    /// True when this connection is one of those that stood in its way when it asked.
    fn has_met(&self, other: usize) -> bool {
        self.holders.checked_shr(other as u32).is_none_or(|bits| bits & 1 == 1)
    }

    fn upserts(&self, store: &Store) -> bool {
        matches!(self.call, DbCall::Run(request) if store.plan(request).upserts())
    }

    /// True for an `INSERT` that may read the rows of its source each when the one before it is in.
    fn reads_by_rows(&self, store: &Store) -> bool {
        matches!(self.call, DbCall::Run(request) if store.plan(request).source_by_rows().is_some())
    }

    /// True for a new row of this table that waits at its first key, and has not looked there before it went into the table.
    fn has_put_row(&self, store: &Store, table: usize) -> bool {
        let DbCall::Run(request) = self.call else { return false };
        let plan = store.plan(request);
        plan.inserts() && !plan.looks_first() && plan.table == table && self.want == Want::Insert && self.passed == 0
    }

    /// True when it keeps to a version that it has looked at.
    fn keeps_looking(&self) -> bool {
        self.looked_at.is_some() || self.journal.iter().any(|seen| matches!(seen, Seen::Contents(_)))
    }

    /// The same wait with rows, keys and the statement's arguments renamed.
    pub(crate) fn rename(
        &mut self,
        key: impl Fn(KeyId) -> KeyId,
        row: impl Fn(RowId) -> RowId,
        contents: impl Fn(ContentsId) -> ContentsId,
        changes: impl Fn(ChangesId) -> ChangesId,
        (keys, gaps): (impl Fn(KeySetId) -> KeySetId, impl Fn(GapSetId) -> GapSetId),
        request: impl Fn(RequestId) -> RequestId,
    ) {
        if let DbCall::Run(waiting) = &mut self.call {
            *waiting = request(*waiting);
        }
        self.rest.iter_mut().flatten().chain(&mut self.keys).for_each(|known| *known = key(*known));
        self.looked_at = self.looked_at.map(&contents);
        self.before = changes(self.before);
        self.half_undone = changes(self.half_undone);
        self.made_before = keys(self.made_before);
        self.gaps_before = gaps(self.gaps_before);
        self.journal.iter_mut().for_each(|seen| seen.rename(&key, &row, &contents));
        self.new_rows.iter_mut().flatten().for_each(|known| *known = row(*known));
        for (known, shown) in &mut self.shown {
            (*known, *shown) = (key(*known), row(*shown));
        }
    }
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) transaction: Transaction,
    /// What the transaction has locked and written.
    pub(crate) changes: ChangesId,
    /// The rows that it has locked against change by others.
    pub(crate) shared: KeySetId,
    /// The gaps between rows that it has locked against new rows of others.
    pub(crate) gaps: GapSetId,
    /// The records that it has put into indexes, where an engine's locks are on records.
    pub(crate) made: KeySetId,
    /// The locks that it has by name.
    pub(crate) named: NamedSetId,
    /// The rows that the transaction goes on seeing, once it has looked.
    pub(crate) snapshot: Option<ContentsId>,
    /// The keys of which others have committed a newer version since the snapshot was taken, where an engine asks for that.
    pub(crate) newer: Option<KeySetId>,
    /// True when another transaction has written since the snapshot was taken.
    pub(crate) stale: bool,
    /// True when it is the one writer of an engine that has one.
    pub(crate) writer: bool,
    /// True when the transaction has changed what is stored: other snapshots are old once it commits.
    pub(crate) dirty: bool,
    pub(crate) wait: Option<Box<Wait>>,
    /// How often it was the victim of a circle of waits for names, where an engine counts that.
    victim: u8,
    /// What its transaction weighs.
    weight: Weighed,
}

/// States are hashed more often than anything else is done with them, and most connections are idle.
impl Hash for Connection {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        const BUSY: u32 = 1 << 8;
        // What it weighs is in no hash: see `Weighed`.
        let Connection {
            transaction,
            changes,
            shared,
            gaps,
            made,
            named,
            snapshot,
            newer,
            stale,
            writer,
            dirty,
            wait,
            victim,
            weight: _,
        } = self;
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let bits = [snapshot.is_some(), newer.is_some(), *stale, *writer, *dirty, wait.is_some()];
        let flags = bits.iter().fold(*transaction as u32, |flags, bit| flags << 1 | u32::from(*bit));
        let flags = flags | u32::from(*victim) << 9;
        let held = [pair(*changes, *shared), pair(*gaps, *made)];
        if flags == 0 && *named == NO_NAMED && held == [pair(NOTHING, NO_KEYS), pair(NO_GAPS, NO_KEYS)] {
            hasher.write_u64(0);
            return;
        }
        hasher.write_u64(pair(flags | BUSY, *named));
        held.iter().for_each(|held| hasher.write_u64(*held));
        hasher.write_u64(pair(snapshot.unwrap_or_default(), newer.unwrap_or_default()));
        if let Some(wait) = wait {
            wait.hash(hasher);
        }
    }
}

impl Default for Connection {
    fn default() -> Self {
        Connection::IDLE
    }
}

impl Connection {
    /// One on which nothing has happened since its last transaction.
    const IDLE: Connection = Connection {
        transaction: Transaction::None,
        changes: NOTHING,
        shared: NO_KEYS,
        gaps: NO_GAPS,
        made: NO_KEYS,
        named: NO_NAMED,
        snapshot: None,
        newer: None,
        stale: false,
        writer: false,
        dirty: false,
        wait: None,
        victim: 0,
        weight: Weighed::NONE,
    };

    /// True when its end would change nothing for anybody, as far as it knows.
    fn holds_nothing(&self) -> bool {
        self.changes == NOTHING
            && self.shared == NO_KEYS
            && self.gaps == NO_GAPS
            && self.named == NO_NAMED
            && !self.writer
            && self.wait.is_none()
    }
}

/// The database: what is committed, and its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    pub(crate) committed: ContentsId,
    /// The records of removed rows that are still in their indexes: see `innodb::records`.
    pub(crate) removed: KeySetId,
    /// True when some connection locks gaps.
    locks_gaps: bool,
    pub(crate) connections: Connections,
    /// What serializable transactions of PostgreSQL have read, where there may be any.
    pub(crate) ssi: Option<Box<Ssi>>,
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
    /// A database with these rows, for connections of these engines.
    pub(crate) fn new(committed: ContentsId, engines: impl Iterator<Item = Engine>) -> Self {
        let engines: SmallVec<[Engine; 6]> = engines.collect();
        let ssi = engines.contains(&Engine::PostgresSerializable).then(Box::default);
        let locks_gaps = engines.iter().any(|engine| innodb::locks_gaps(engine.level()));
        let connections = Connections::idle(engines.len());
        Database { committed, removed: NO_KEYS, locks_gaps, connections, ssi }
    }

    /// Ask a connection for something.
    pub(crate) fn ask(
        &mut self,
        engine: Engine,
        store: &Store,
        who: usize,
        call: DbCall,
        choices: &mut Choices,
        effects: &mut Effects,
    ) -> Asked {
        if let DbCall::Run(request) = call
            && store.plan(request).named().is_some()
        {
            return self.ask_named(engine, store, who, request, effects);
        }
        match engine.family() {
            Family::Sqlite => sqlite::ask(self, engine, store, who, call, choices, effects),
            Family::Postgres => postgres::ask(self, engine, store, who, call, choices, effects),
            Family::MariaDb => innodb::ask(self, engine, store, who, call, choices, effects),
        }
    }

    /// True when a waiting statement could go on now.
    pub(crate) fn can_resume(&self, engine: Engine, store: &Store, who: usize) -> bool {
        if self.connections[who].wait.is_none() {
            return false;
        }
        match engine.family() {
            Family::Postgres if self.waits_for_name(who).is_none() => {
                !postgres::is_blocked(self, store, who) && postgres::ahead(self, store, who).is_empty()
            }
            _ => self.blockers(engine, store, who).is_empty(),
        }
    }

    /// The connections that a waiting statement waits for.
    pub(crate) fn blockers(&self, engine: Engine, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
        if let Some(name) = self.waits_for_name(who) {
            return self.before_named(store, who, name);
        }
        match engine.family() {
            Family::Sqlite => sqlite::blockers(self, who),
            Family::Postgres => postgres::blockers(self, store, who),
            Family::MariaDb => innodb::blockers(self, store, who),
        }
    }

    /// Let a waiting statement go on.
    pub(crate) fn resume(
        &mut self,
        engine: Engine,
        store: &Store,
        who: usize,
        choices: &mut Choices,
        effects: &mut Effects,
    ) -> Asked {
        let Some(wait) = self.stop_waiting(who) else {
            debug_assert!(false, "only a waiting statement is resumed");
            return Asked::Blocked;
        };
        if wait.name.is_some() {
            return self.resume_named(engine, store, who, wait.call);
        }
        match engine.family() {
            Family::Sqlite => sqlite::ask(self, engine, store, who, wait.call, choices, effects),
            Family::Postgres => postgres::resume(self, engine, store, who, wait, choices, effects),
            Family::MariaDb => innodb::resume(self, engine, store, who, wait, choices, effects),
        }
    }

    /// It waits no longer; those that came after it move up.
    fn stop_waiting(&mut self, who: usize) -> Option<Wait> {
        let wait = *self.connections[who].wait.take()?;
        let behind = |later: &Wait| later.turn > wait.turn && (wait.one_queue || later.queues_with(&wait));
        for later in self.connections.waits_mut_if(behind) {
            later.turn -= 1;
        }
        Some(wait)
    }

    /// End a waiting statement with a conflict: a lock time-out, or the victim of a deadlock.
    pub(crate) fn fail_wait(&mut self, engine: Engine, store: &Store, who: usize, cause: Cause) -> ReplyId {
        let wait = self.stop_waiting(who);
        if engine.family() == Family::MariaDb && wait.as_ref().is_some_and(|wait| wait.name.is_some()) {
            return self.fail_named(engine, store, who, cause);
        }
        match self.connections[who].transaction {
            // What a statement on its own had done so far is undone with it.
            Transaction::None => self.clear(store, who),
            Transaction::Open | Transaction::Failed => {
                if engine.family() == Family::MariaDb
                    && let Some(wait) = wait
                {
                    self.connections[who].gaps = wait.gaps_before;
                    self.undo(store, who, wait.before, wait.made_before);
                }
                self.fail(engine, store, who, cause);
            }
        }
        store.replies.keep(Answered::Failed(cause))
    }
}
