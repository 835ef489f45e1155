//! MariaDB's InnoDB: plain reads see a snapshot or what is newest, everything else locks what it comes to in an index.
//!
//! | file | is about |
//! |---|---|
//! | `records` | the records of an index, those of removed rows among them |
//! | `places` | where in an index a record stands |
//! | `journal` | a statement that waits and goes on |
//! | `requests` | a lock on a record, on a gap, for a new record |
//! | `scan` | the records on a path, and the gaps between them |
//! | `locking` | `UPDATE`, `DELETE`, locking reads |
//! | `reads` | what a statement reads besides |
//! | `insert` | new records, and those that have their keys already |
//! | `named` | locks by name, which are none of InnoDB's |
//! | `numbers` | who is taken to have a further record, having written its row |
//! | `weights` | what a transaction weighs |
//! | `victim` | who is the victim of a deadlock |
//!
//! Rules and their sources (MariaDB's manual, "InnoDB Lock Modes" and "SET TRANSACTION"; MySQL's, "InnoDB Locking",
//! "Locks Set by Different SQL Statements"):
//! - plain reads: at read uncommitted the newest rows, committed or not; at read committed what is committed when the
//!   statement begins; at repeatable read what was committed at the transaction's first plain read; at serializable, inside
//!   a transaction, a plain read is a locking one (`LOCK IN SHARE MODE`);
//! - everything else sees the newest committed rows, whatever the snapshot; with `innodb_snapshot_isolation` to lock a
//!   record that is newer than the snapshot is error 1020;
//! - a request waits behind requests that came before it and that it could not be granted beside;
//! - a cycle of waits is found at once; one of its transactions is rolled back: see `victim`;
//! - after 1213 and 1020 the transaction is gone, after a time-out only the statement is undone, and its locks stay; so after any other error.

mod insert;
mod journal;
mod locking;
mod named;
mod numbers;
mod places;
mod reads;
mod records;
mod requests;
mod scan;
mod victim;
mod weights;

use smallvec::SmallVec;

pub(super) use journal::Seen;
use journal::Stop;
pub(super) use named::ask_named;
pub(super) use weights::Weighed;

use super::transactions::Caller;
use super::{
    Answered, Asked, Cause, ChangesId, Choices, ContentsId, Database, DbCall, Effects, GapSetId, KeyId, KeySetId,
    NO_KEYS, NOTHING, ReplyId, RequestId, RowId, Rule, Store, Transaction, Wait, Want,
};
use crate::engine::{Engine, Level};
use crate::sql::{Path, PlanKind, Select, Space};

/// True at the levels that lock the gaps between records.
pub(super) fn locks_gaps(level: Level) -> bool {
    matches!(level, Level::RepeatableRead | Level::Snapshot | Level::Serializable)
}

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
    match call {
        DbCall::Run(request) => {
            let open = &database.connections[who];
            let (before, made_before) = (open.changes, open.made);
            let (granted, journal) = (None, Vec::new());
            let level = engine.level();
            let mut running = Running {
                database,
                level,
                engine,
                store,
                who,
                request,
                before,
                made_before,
                granted,
                resumes: None,
                half_undone: NOTHING,
                half_locked: NO_KEYS,
                journal,
                at: 0,
            };
            running.weighs_before();
            if let Err(cause) = store.plans(request) {
                return running.fails(cause);
            }
            running.go(choices, effects)
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
    let Wait { before, made_before, keys, want, journal, rest, half_undone, half_locked, .. } = wait;
    let granted = keys.first().map(|key| (*key, want));
    // A record that was taken out is where it goes on all the same.
    let resumes = keys.first().or(rest.iter().flatten().next()).copied();
    let level = engine.level();
    let mut running = Running {
        database,
        level,
        engine,
        store,
        who,
        request,
        before,
        made_before,
        granted,
        resumes,
        half_undone,
        half_locked,
        journal,
        at: 0,
    };
    running.weighs_since_wait();
    running.go(choices, effects)
}

/// Whoever holds what a statement waits for, and whoever asked for it before.
pub(super) fn blockers(database: &Database, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
    let mut found = SmallVec::new();
    let Some(wait) = &database.connections[who].wait else { return found };
    for key in &wait.keys {
        for other in requests::in_the_way(database, store, who, *key, wait.want, Some(wait.turn)) {
            if !found.contains(&other) && wait.has_met(other) {
                found.push(other);
            }
        }
    }
    found
}

/// True when a cycle of waits is found however the transaction that is followed is chosen, where several are in the way.
pub(super) fn is_surely_deadlocked(database: &Database, store: &Store, who: usize) -> bool {
    let mut next = who;
    for _ in 0..database.connections.len() {
        let [only] = waits_for(database, store, next)[..] else { return false };
        if only == who {
            return true;
        }
        next = only;
    }
    false
}

/// For whom a statement is known to wait when a deadlock is looked for: those who hold what it wants, or else who asked for
/// it first (`lock_rec_other_has_conflicting` and `Deadlock::check_and_resolve`, which follow one transaction that is waited
/// for, and not all of them). A cycle that leads past a request that waits may so stay unseen for a while.
pub(super) fn waits_for(database: &Database, store: &Store, who: usize) -> SmallVec<[usize; 2]> {
    let Some(wait) = &database.connections[who].wait else { return SmallVec::new() };
    let held = wait.keys.iter().flat_map(|key| requests::holders(database, store, who, *key, wait.want));
    let held: SmallVec<[usize; 2]> = held.filter(|other| wait.has_met(*other)).collect();
    if !held.is_empty() {
        return held;
    }
    let first = |other: &usize| database.connections[*other].wait.as_ref().map(|wait| wait.turn);
    blockers(database, store, who).into_iter().min_by_key(first).into_iter().collect()
}

/// A statement under way.
struct Running<'a> {
    database: &'a mut Database,
    engine: Engine,
    level: Level,
    store: &'a Store,
    who: usize,
    request: RequestId,
    /// What its transaction had done before it, and the records that it had put in.
    before: ChangesId,
    made_before: KeySetId,
    /// What it was waiting for: it is its turn there, and whoever waits for that came later.
    granted: Option<(KeyId, Want)>,
    /// The record at which it goes on, until it has taken a step.
    resumes: Option<KeyId>,
    /// What a transaction has changed that is being rolled back at this moment: see [`Wait`].
    half_undone: ChangesId,
    /// What such a transaction has locked besides: the first record of these that it comes to it waits for.
    half_locked: KeySetId,
    /// What it has come to so far, and how much of that it has been told again.
    journal: Vec<Seen>,
    at: usize,
}

impl Running<'_> {
    fn go(mut self, choices: &mut Choices, effects: &mut Effects) -> Asked {
        let plan = self.store.plan(self.request);
        if plan.only_reads() && !self.locks_plain_reads() {
            return self.plain_read(effects);
        }
        let gaps_before = self.database.connections[self.who].gaps;
        let came_to = if plan.inserts() { self.insert(choices, effects) } else { self.locking(choices, effects) };
        match came_to {
            Ok(reply) => self.ends(reply, effects),
            Err(Stop::Fails(cause)) => self.fails(cause),
            Err(Stop::Waits { key, want }) => self.wait(vec![key], want, gaps_before),
            Err(Stop::Yields) => self.wait(Vec::new(), Want::Exclusive, gaps_before),
        }
    }

    fn locks_plain_reads(&self) -> bool {
        self.level == Level::Serializable && self.in_transaction()
    }

    fn in_transaction(&self) -> bool {
        self.database.connections[self.who].transaction != Transaction::None
    }

    fn locks_gaps(&self) -> bool {
        locks_gaps(self.level)
    }

    fn changes(&self) -> ChangesId {
        self.database.connections[self.who].changes
    }

    /// All rows as they are now, committed or not.
    fn newest(&self) -> ContentsId {
        let all = self.database.connections.iter().map(|open| open.changes);
        let all = std::iter::once(self.half_undone).chain(all);
        all.fold(self.database.committed, |rows, changes| self.store.apply(rows, changes))
    }

    /// The same without the rows that have no record yet in the further key by which the statement looks for them: whoever
    /// puts a row in may wait there.
    fn newest_on_path(&self) -> ContentsId {
        let plan = self.store.plan(self.request);
        let besides = plan.subs.iter().filter(|sub| sub.table != Some(plan.table));
        let own = match (&plan.kind, plan.access.path) {
            (PlanKind::Select(select), _) => self.newest_of(self.newest(), select),
            (_, Path::Unique(number)) => {
                self.newest_by(self.newest(), plan.table, self.further_key(plan.table, number))
            }
            _ => self.newest(),
        };
        besides.fold(own, |rows, sub| self.newest_of(rows, sub))
    }

    /// The same for what a sub-select, or a source of rows, looks for.
    fn newest_of(&self, newest: ContentsId, select: &Select) -> ContentsId {
        let Some(table) = select.table else { return newest };
        let by = match select.access.path {
            Path::Unique(number) => Some(self.further_key(table, number)),
            _ => self.read_alone(select, table),
        };
        by.map_or(newest, |space| self.newest_by(newest, table, space))
    }

    fn further_key(&self, table: usize, number: usize) -> Space {
        self.store.tables.tables[table].uniques[number].0
    }

    fn newest_by(&self, newest: ContentsId, table: usize, space: Space) -> ContentsId {
        let store = self.store;
        let lacks_record = |(key, row): &(KeyId, RowId)| {
            let record = store.record(space, *row);
            let is_of_committed = store.is_record_of(record, store.committed(self.database.committed, *key));
            self.database.connections.iter().any(|open| {
                let is_writer = records::written(store, open.changes, *key) == Some(Some(*row));
                let is_new = !is_of_committed && !store.has_changed(open.changes, record);
                is_writer && (is_new || store.has_marked(open.changes, record))
            })
        };
        let rows = store.rows_of(newest, table as Space);
        let lacking: Vec<KeyId> = rows.iter().filter(|row| lacks_record(row)).map(|(key, _)| *key).collect();
        store.without(newest, &lacking)
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

    fn plain_read(&mut self, effects: &mut Effects) -> Asked {
        let (base, changes) = match self.level {
            Level::ReadUncommitted => (self.newest_on_path(), NOTHING),
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

    fn wait(&mut self, keys: Vec<KeyId>, want: Want, gaps_before: GapSetId) -> Asked {
        let turn =
            self.database.connections.iter().filter_map(|open| open.wait.as_ref()).map(|wait| wait.turn + 1).max();
        let journal = std::mem::take(&mut self.journal);
        // Whoever locks a gap does not wait for a new record that waits there. That looks again once those are gone who had
        // locked it before (`lock_rec_has_to_wait_in_queue`). In an exploration it waits for all of them at once.
        let holders = match (want, self.store.caller) {
            (Want::Gap, Caller::Script) => {
                let met =
                    keys.iter().flat_map(|key| requests::holders(self.database, self.store, self.who, *key, want));
                met.filter_map(|other| 1_u32.checked_shl(other as u32)).fold(0, |met, one| met | one)
            }
            _ => u32::MAX,
        };
        let (before, made_before) = (self.before, self.made_before);
        let wait = Wait {
            keys,
            turn: turn.unwrap_or(0),
            one_queue: true,
            holders,
            before,
            made_before,
            gaps_before,
            journal,
            ..Wait::new(DbCall::Run(self.request), want)
        };
        self.database.connections[self.who].wait = Some(Box::new(wait));
        Asked::Blocked
    }

    fn fails(&mut self, cause: Cause) -> Asked {
        if matches!(cause, Cause::TooLarge | Cause::TooLong) {
            self.store.note(Rule::InnodbTooLong);
        }
        match self.database.connections[self.who].transaction {
            Transaction::None => self.database.clear(self.store, self.who),
            _ => {
                self.weighs_as_before();
                self.database.undo(self.store, self.who, self.before, self.made_before);
                self.database.fail(self.engine, self.store, self.who, cause);
            }
        }
        Asked::Answered(self.store.replies.keep(Answered::Failed(cause)))
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
