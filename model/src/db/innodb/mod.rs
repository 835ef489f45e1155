//! MariaDB's InnoDB: plain reads see a snapshot or what is newest, everything else locks what it comes to in an index.
//!
//! | file | is about |
//! |---|---|
//! | `locking` | `UPDATE`, `DELETE`, locking reads: the records on a path, and the gaps between them |
//! | `reads` | what a statement reads besides |
//! | `insert` | new records, and those that have their keys already |
//!
//! Rules and their sources (MariaDB's manual, "InnoDB Lock Modes" and "SET TRANSACTION"; MySQL's, "InnoDB Locking",
//! "Locks Set by Different SQL Statements"):
//! - plain reads: at read uncommitted the newest rows, committed or not; at read committed what is committed when the
//!   statement begins; at repeatable read what was committed at the transaction's first plain read; at serializable, inside
//!   a transaction, a plain read is a locking one (`LOCK IN SHARE MODE`);
//! - everything else sees the newest committed rows, whatever the snapshot; with `innodb_snapshot_isolation` to lock a
//!   record that is newer than the snapshot is error 1020;
//! - a request waits behind requests that came before it and that it could not be granted beside;
//! - a cycle of waits is found at once; one of its transactions is rolled back;
//! - after 1213 and 1020 the transaction is gone, after a time-out only the statement is undone, and its locks stay; so after any other error.

mod insert;
mod locking;
mod reads;

use smallvec::SmallVec;

use super::gaps::Gap;
use super::{
    Answered, Asked, Cause, Change, ContentsId, Database, DbCall, Effects, KeyId, NO_KEYS, NOTHING, ReplyId, RequestId,
    RowId, Store, Transaction, Wait, Want,
};
use crate::engine::{Engine, Level};

pub(super) fn ask(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    call: DbCall,
    effects: &mut Effects,
) -> Asked {
    if let Some(reply) = database.bracket(engine, store, who, call, effects) {
        return Asked::Answered(reply);
    }
    match call {
        DbCall::Run(request) => {
            let before = database.connections[who].changes;
            let granted = Vec::new();
            Running { database, level: engine.level(), engine, store, who, request, before, granted }.go(None, effects)
        }
        _ => {
            database.connections[who].transaction = Transaction::Open;
            Asked::Answered(store.replies.id(&Answered::Done))
        }
    }
}

pub(super) fn resume(
    database: &mut Database,
    engine: Engine,
    store: &Store,
    who: usize,
    wait: Wait,
    effects: &mut Effects,
) -> Asked {
    let DbCall::Run(request) = wait.call else {
        debug_assert!(false, "only statements wait");
        return Asked::Blocked;
    };
    let (before, granted) = (wait.before, wait.keys.clone());
    Running { database, level: engine.level(), engine, store, who, request, before, granted }.go(Some(wait), effects)
}

/// Whoever holds what a statement waits for, and whoever asked for it before.
pub(super) fn blockers(database: &Database, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
    let mut found = SmallVec::new();
    let Some(wait) = &database.connections[who].wait else { return found };
    for key in &wait.keys {
        for other in in_the_way(database, store, who, *key, wait.want, Some(wait.turn)) {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}

/// The others who hold what is wanted of a key, or asked for it before.
fn in_the_way<'a>(
    database: &'a Database,
    store: &'a Store,
    who: usize,
    key: KeyId,
    want: Want,
    turn: Option<u8>,
) -> impl Iterator<Item = usize> + 'a {
    let holders: SmallVec<[usize; 2]> = match want {
        Want::Gap => database.gap_holders(store, who, key).collect(),
        _ => database.holders(store, who, key, want).collect(),
    };
    let others = database.connections.iter().enumerate().filter(move |(other, _)| *other != who);
    let asked_before = others.filter(move |(_, open)| {
        let beside =
            |other: Want| matches!((want, other), (Want::Share, Want::Share) | (Want::Gap, _) | (_, Want::Gap));
        open.wait.as_ref().is_some_and(|wait| {
            wait.keys.contains(&key) && !beside(wait.want) && turn.is_none_or(|turn| wait.turn < turn)
        })
    });
    holders.into_iter().chain(asked_before.map(|(other, _)| other))
}

/// A statement under way.
struct Running<'a> {
    database: &'a mut Database,
    engine: Engine,
    level: Level,
    store: &'a Store,
    who: usize,
    request: RequestId,
    /// What its transaction had done before it.
    before: super::ChangesId,
    /// The keys that it was waiting for: it is its turn there, and whoever waits for them came later.
    granted: Vec<KeyId>,
}

impl Running<'_> {
    fn go(&mut self, wait: Option<Wait>, effects: &mut Effects) -> Asked {
        let plan = self.store.plan(self.request);
        if plan.only_reads() && !(self.level == Level::Serializable && self.in_transaction()) {
            return self.plain_read(effects);
        }
        let has_looked = wait.as_ref().is_some_and(|wait| wait.rest.is_some());
        if !has_looked && let Some(asked) = self.lock_reads() {
            return asked;
        }
        if plan.inserts() { self.insert(effects) } else { self.locking(wait, effects) }
    }

    fn in_transaction(&self) -> bool {
        self.database.connections[self.who].transaction != Transaction::None
    }

    fn changes(&self) -> super::ChangesId {
        self.database.connections[self.who].changes
    }

    /// All rows as they are now, committed or not.
    fn newest(&self) -> ContentsId {
        let all = self.database.connections.iter().map(|open| open.changes);
        all.fold(self.database.committed, |rows, changes| self.store.apply(rows, changes))
    }

    /// The committed rows that a plain read sees from repeatable read on.
    fn snapshot(&mut self) -> ContentsId {
        let committed = self.database.committed;
        if !self.in_transaction() {
            return committed;
        }
        let connection = &mut self.database.connections[self.who];
        if self.level == Level::Snapshot {
            connection.newer.get_or_insert(NO_KEYS);
        }
        *connection.snapshot.get_or_insert(committed)
    }

    /// True when a record is newer than the snapshot, at the level that minds.
    fn is_too_new(&self, key: KeyId) -> bool {
        let newer = self.database.connections[self.who].newer;
        self.level == Level::Snapshot && newer.is_some_and(|newer| self.store.has_key(newer, key))
    }

    fn plain_read(&mut self, effects: &mut Effects) -> Asked {
        let (base, changes) = match self.level {
            Level::ReadUncommitted => (self.newest(), NOTHING),
            Level::RepeatableRead | Level::Snapshot => (self.snapshot(), self.changes()),
            Level::ReadCommitted | Level::Serializable => (self.database.committed, self.changes()),
        };
        let run = self.store.run(base, changes, self.request);
        effects.shown.extend_from_slice(&run.shown);
        match run.error {
            Some(cause) => self.fails(cause),
            None => Asked::Answered(run.reply),
        }
    }

    /// True at the levels that lock the gaps between records.
    fn locks_gaps(&self) -> bool {
        matches!(self.level, Level::RepeatableRead | Level::Snapshot | Level::Serializable)
    }

    /// True when somebody holds what is wanted of a key, or asked for it before: whoever has it already need not ask.
    fn is_in_the_way(&self, key: KeyId, want: Want) -> bool {
        let own = &self.database.connections[self.who];
        let has = match want {
            Want::Gap | Want::Insert => false,
            Want::Share => self.has_exclusive(key) || self.store.has_key(own.shared, key),
            Want::Exclusive => self.has_exclusive(key),
        };
        let turn = self.granted.contains(&key).then_some(0);
        !has && in_the_way(self.database, self.store, self.who, key, want, turn).next().is_some()
    }

    fn has_exclusive(&self, key: KeyId) -> bool {
        let own = self.store.changes.get(self.database.connections[self.who].changes);
        let place = own.binary_search_by_key(&key, |(known, _)| *known);
        place.is_ok_and(|place| !matches!(own[place].1, Change::Follows(_)))
    }

    /// The entries of an index: what is committed, what any transaction has put there or marked as removed.
    fn entries(&self, space: u16) -> Vec<KeyId> {
        let store = self.store;
        let committed = store.contents.get(self.database.committed)[usize::from(space)].iter().map(|(key, _)| *key);
        let mut entries: Vec<KeyId> = committed.collect();
        for open in &self.database.connections {
            let written = store.changes.get(open.changes).iter().filter(|(_, change)| *change != Change::Locked);
            entries.extend(written.map(|(key, _)| *key).filter(|key| store.keys.get(*key).space == space));
        }
        entries.sort_by(|left, right| store.compare_keys(*left, *right));
        entries.dedup();
        entries
    }

    fn lock(&mut self, key: KeyId, want: Want) {
        let connection = &mut self.database.connections[self.who];
        if want == Want::Share {
            connection.shared = self.store.add_keys(connection.shared, std::iter::once(key));
        } else {
            connection.changes = self.store.add_changes(connection.changes, &[(key, Change::Locked)]);
        }
    }

    fn lock_gap(&mut self, gap: Gap) {
        let connection = &mut self.database.connections[self.who];
        connection.gaps = self.store.add_gap(connection.gaps, gap);
    }

    /// The gap in which this key stands, or would stand, among these entries.
    fn gap_at(&self, space: u16, entries: &[KeyId], key: KeyId) -> Gap {
        let store = self.store;
        let behind = entries.partition_point(|entry| store.compare_keys(*entry, key).is_lt());
        let after = behind.checked_sub(1).map(|place| entries[place]);
        let before = entries[behind..].iter().copied().find(|entry| *entry != key);
        Gap { space, after, before }
    }

    fn write(&mut self, changed: &[(KeyId, Change)], effects: &mut Effects) {
        let connection = &mut self.database.connections[self.who];
        connection.changes = self.store.add_changes(connection.changes, changed);
        effects.changed.extend(changed.iter().copied());
    }

    fn wait(&mut self, wait: Wait) -> Asked {
        let turn =
            self.database.connections.iter().filter_map(|open| open.wait.as_ref()).map(|wait| wait.turn + 1).max();
        let wait = Wait { turn: turn.unwrap_or(0), one_queue: true, before: self.before, ..wait };
        self.database.connections[self.who].wait = Some(Box::new(wait));
        Asked::Blocked
    }

    fn fails(&mut self, cause: Cause) -> Asked {
        match self.database.connections[self.who].transaction {
            Transaction::None => self.database.reset(self.store, self.who),
            _ => self.database.fail(self.engine, self.store, self.who, cause),
        }
        Asked::Answered(self.store.replies.id(&Answered::Failed(cause)))
    }

    /// It is answered; one that stands alone is committed with that.
    fn ends(&mut self, reply: ReplyId, effects: &mut Effects) -> Asked {
        if self.database.connections[self.who].transaction == Transaction::None {
            self.database.commit(self.store, self.who, effects);
        }
        Asked::Answered(reply)
    }
}

/// What a statement shows of the rows that it came to.
type Shown = Vec<(KeyId, RowId)>;
