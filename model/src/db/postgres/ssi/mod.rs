//! Serializable snapshot isolation: what PostgreSQL adds to repeatable read at its level `serializable`.
//!
//! The rules are those of PostgreSQL's `src/backend/storage/lmgr/predicate.c` and its `README-SSI` (functions named below
//! are of that file), on tables of which each index and the rows themselves fit on one page:
//!
//! 1. here: the transactions that are remembered, and for how long;
//! 2. `graph`: who read what another wrote, and who is cancelled for it;
//! 3. `places`: what a read leaves behind, and the writes that meet it;
//! 4. `scan`: what a statement comes to on its way;
//! 5. `fading`: what those that wait may still meet of one that ends.
//!
//! Nothing here only counts up: finished transactions are known by their place in the order of their commits, open ones by
//! their connection, and of the numbers of transactions only the order counts.

mod fading;
mod graph;
mod places;
mod scan;

use smallvec::SmallVec;

use fading::Fading;

use super::super::{Change, ChangesId, Database, KeySetId, NO_KEYS, NOTHING, Store};
pub(super) use places::{index_of, relation_of};
pub(super) use scan::{Visit, Way};

/// Those that are remembered at once. PostgreSQL, too, forgets the details of the oldest when there are many.
const MOST: usize = 64;

/// A transaction that others may still meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Xact {
    /// Its connection while it is open.
    who: Option<u8>,
    /// False for a transaction of another level: it only hides from readers who else wrote.
    takes_part: bool,
    /// What it has read: rows by their keys, and whole places.
    reads: KeySetId,
    /// What it has written, once it is finished and as long as somebody does not see it.
    wrote: ChangesId,
    /// Those that wrote what it read as it was before, one bit each.
    out: u64,
    /// How many of the finished ones its snapshot sees: the first so many.
    sees: u8,
    /// The oldest transaction number that was in use at its snapshot.
    oldest: u8,
    /// The next transaction number at its end.
    ended: u8,
    /// True when it has written, or come to the place where it would have.
    is_writer: bool,
    /// It is to fail as soon as it comes to a row, a write or its commit.
    is_doomed: bool,
    /// It has let go of its rows and is not committed yet for those that notice: only while one of these goes on.
    is_ending: bool,
    /// At its commit one of `out` had committed.
    out_before: bool,
}

/// The transactions that are remembered: finished ones in the order of their commits, then open ones in the order of
/// their connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ssi {
    xacts: SmallVec<[Xact; 4]>,
    /// What those that wait may still meet of others that have ended, in the order of their connections.
    fading: SmallVec<[Fading; 1]>,
    /// The next transaction number.
    next: u8,
    /// The numbers of open transactions: one has a number once it locks or writes a row, whatever its level.
    numbers: SmallVec<[(u8, u8); 4]>,
}

impl Ssi {
    fn finished(&self) -> usize {
        self.xacts.iter().take_while(|xact| xact.who.is_none()).count()
    }

    fn is_finished(&self, xact: usize) -> bool {
        self.xacts[xact].who.is_none()
    }

    /// The open transaction of a connection that takes part.
    pub(super) fn of(&self, who: usize) -> Option<usize> {
        self.xacts.iter().position(|xact| xact.who == Some(who as u8))
    }

    /// True when a connection has an open transaction that takes part.
    pub(crate) fn knows(&self, who: usize) -> bool {
        self.of(who).is_some()
    }

    /// A connection's transaction takes its snapshot (`GetSerializableTransactionSnapshotInt`).
    pub(super) fn start(&mut self, who: usize) {
        if self.of(who).is_some() {
            return;
        }
        if self.xacts.len() == MOST {
            if self.finished() == 0 {
                return;
            }
            self.arrange(&(1..MOST).collect::<Vec<_>>());
        }
        let xact = Xact {
            who: Some(who as u8),
            takes_part: true,
            reads: NO_KEYS,
            wrote: NOTHING,
            out: 0,
            sees: self.finished() as u8,
            oldest: self.numbers.iter().map(|(_, number)| *number).fold(self.next, u8::min),
            ended: 0,
            is_writer: false,
            is_doomed: false,
            is_ending: false,
            out_before: false,
        };
        self.xacts.push(xact);
        self.sort();
    }

    /// A connection's transaction locks or writes a row: it has a number from now on.
    pub(super) fn number(&mut self, who: usize) {
        if self.numbers.iter().all(|(known, _)| usize::from(*known) != who) {
            self.numbers.push((who as u8, self.next));
            self.numbers.sort_unstable();
            self.next += 1;
            self.forget();
        }
    }

    /// A connection's transaction has committed these changes (`ReleasePredicateLocks`).
    fn commit(&mut self, store: &Store, who: usize, wrote: ChangesId, newer: KeySetId) {
        self.numbers.retain(|(known, _)| usize::from(*known) != who);
        let outdated = store.changes.get(wrote).iter().map(|(key, _)| *key).collect::<Vec<_>>();
        let finished = self.finished();
        for xact in &mut self.xacts[..finished] {
            xact.reads = store.without_keys(xact.reads, &outdated);
        }
        self.fading_reads(|reads| store.without_keys(reads, &outdated));
        match self.of(who) {
            Some(me) => {
                self.release(me);
                let ended = self.next;
                let xact = &mut self.xacts[me];
                // Nobody can write the versions any more that it saw of these.
                xact.reads = store.without_keys(xact.reads, store.key_sets.get(newer));
                (xact.who, xact.wrote, xact.ended) = (None, wrote, ended);
                let order = (0..finished).chain([me]).chain((finished..self.xacts.len()).filter(|one| *one != me));
                self.arrange(&order.collect::<Vec<_>>());
            }
            None if wrote != NOTHING && finished < self.xacts.len() && self.xacts.len() < MOST => {
                let none = Xact {
                    who: None,
                    takes_part: false,
                    reads: NO_KEYS,
                    wrote,
                    out: 0,
                    sees: 0,
                    oldest: 0,
                    ended: self.next,
                    is_writer: true,
                    is_doomed: false,
                    is_ending: false,
                    out_before: false,
                };
                self.xacts.push(none);
                let last = self.xacts.len() - 1;
                let order = (0..finished).chain([last]).chain(finished..last);
                self.arrange(&order.collect::<Vec<_>>());
            }
            None => {}
        }
        self.forget();
    }

    /// A connection's transaction, if there is one, is rolled back.
    fn roll_back(&mut self, who: usize) {
        self.numbers.retain(|(known, _)| usize::from(*known) != who);
        if let Some(me) = self.of(who) {
            self.arrange(&(0..self.xacts.len()).filter(|one| *one != me).collect::<Vec<_>>());
        }
        self.forget();
    }

    /// Forget what nobody can meet any more (`ClearOldPredicateLocks`), and name the rest as low as it goes.
    fn forget(&mut self) {
        let finished = self.finished();
        let oldest = self.xacts[finished..].iter().map(|xact| xact.oldest).min();
        let unseen_from = self.xacts[finished..].iter().map(|xact| usize::from(xact.sees)).min().unwrap_or(finished);
        let met = self.xacts.iter().fold(0, |met, xact| met | xact.out);
        for (place, xact) in self.xacts[..finished].iter_mut().enumerate() {
            if place < unseen_from {
                xact.wrote = NOTHING;
            }
        }
        let stays = |place: &usize| {
            let xact = &self.xacts[*place];
            let has_effect = xact.reads != NO_KEYS || xact.wrote != NOTHING || xact.out != 0 || met >> place & 1 == 1;
            xact.who.is_some() || has_effect && oldest.is_some_and(|oldest| xact.ended > oldest)
        };
        let kept: SmallVec<[usize; 8]> = (0..self.xacts.len()).filter(stays).collect();
        if kept.len() < self.xacts.len() {
            self.arrange(&kept);
        }
        self.renumber();
    }

    /// Of the numbers only their order with regard to ends of transactions and to the next one counts.
    fn renumber(&mut self) {
        let next = self.next;
        let finished = self.finished();
        for xact in &mut self.xacts[..finished] {
            // Its snapshot counts only where it turned out to be a reader, its oldest number not at all.
            xact.oldest = 0;
            if xact.is_writer {
                xact.sees = 0;
            }
        }
        let mut ends: SmallVec<[u8; 8]> = self.xacts[..finished].iter().map(|xact| xact.ended).collect();
        ends.retain(|end| *end < next);
        ends.sort_unstable();
        ends.dedup();
        let top = ends.len() as u8 + 1;
        let low = |number: u8| if number == next { top } else { ends.partition_point(|end| *end <= number) as u8 };
        for xact in &mut self.xacts[..finished] {
            xact.ended = low(xact.ended);
        }
        for xact in &mut self.xacts[finished..] {
            xact.oldest = low(xact.oldest);
        }
        self.numbers.iter_mut().for_each(|(_, number)| *number = low(*number));
        self.next = top;
    }

    /// Keep these, in this order: finished ones first.
    fn arrange(&mut self, order: &[usize]) {
        let moved = |out: u64| order.iter().enumerate().fold(0, |moved, (new, old)| moved | (out >> *old & 1) << new);
        let arranged = order.iter().map(|old| {
            let xact = self.xacts[*old].clone();
            let sees = order.iter().filter(|kept| **kept < usize::from(xact.sees)).count() as u8;
            Xact { out: moved(xact.out), sees, ..xact }
        });
        self.xacts = arranged.collect();
        self.fading_moves(order, moved);
    }

    fn sort(&mut self) {
        let finished = self.finished();
        let mut order: Vec<usize> = (0..self.xacts.len()).collect();
        order[finished..].sort_by_key(|one| self.xacts[*one].who);
        self.arrange(&order);
    }

    /// Connections have other numbers from now on; a connection without one is gone.
    pub(crate) fn reconnect(&mut self, to: impl Fn(usize) -> usize) {
        let to = |who: u8| to(usize::from(who)) as u8;
        self.xacts.iter_mut().for_each(|xact| xact.who = xact.who.map(to));
        self.numbers.iter_mut().for_each(|(who, _)| *who = to(*who));
        self.numbers.sort_unstable();
        self.fading.iter_mut().for_each(|fading| fading.waiter = to(fading.waiter));
        self.fading.sort_unstable_by_key(|fading| fading.waiter);
        self.sort();
    }

    /// The same with rows and keys renamed.
    pub(crate) fn rename(&mut self, keys: impl Fn(KeySetId) -> KeySetId, changes: impl Fn(ChangesId) -> ChangesId) {
        for xact in &mut self.xacts {
            (xact.reads, xact.wrote) = (keys(xact.reads), changes(xact.wrote));
        }
        self.fading_reads(keys);
    }
}

impl Database {
    /// Tell the others of a commit; see [`Database::commit`].
    pub(in super::super) fn committed_beside(&mut self, store: &Store, who: usize, changes: ChangesId) {
        self.fades(store, who, true);
        let newer = self.connections[who].newer.unwrap_or(NO_KEYS);
        if let Some(ssi) = &mut self.ssi {
            let of_row = |(key, change): &&(_, Change)| {
                *change != Change::Locked && usize::from(store.keys.get(*key).space) < store.tables.tables.len()
            };
            let written: Vec<_> = store.changes.get(changes).iter().filter(of_row).copied().collect();
            ssi.commit(store, who, store.changes.id(&written), newer);
        }
    }

    /// A connection's transaction is gone, if it had one.
    pub(in super::super) fn rolled_back_beside(&mut self, who: usize) {
        if let Some(ssi) = &mut self.ssi {
            ssi.roll_back(who);
        }
    }
}
