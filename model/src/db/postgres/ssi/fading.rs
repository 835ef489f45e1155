//! Transactions that end while others wait for them.
//!
//! Whoever ends lets go of its row locks first, and tells what it has read and met right after that (`ProcReleaseLocks`, then
//! `ReleasePredicateLocks`, in `ResourceOwnerReleaseInternal` of src/backend/utils/resowner/resowner.c). A statement that
//! waited for it may be quick enough to come in between, or not: the server leaves it open. Then it still meets the marks and
//! the edges of one that is rolled back; and one that commits is prepared and not committed yet, nor known as a reader.
//!
//! They are kept for those that go on because of that end, and for nobody else, until these have gone on.

use smallvec::SmallVec;

use super::super::super::{Choices, Database, KeySetId, NO_KEYS, NOTHING, Rule, Store, Transaction};
use super::super::blockers;
use super::{MOST, Ssi, Xact};

/// Stands for the connection of a transaction that fades.
const FADING: u8 = u8::MAX;

/// One that waits, and what it may still meet of the transaction for which it has waited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fading {
    pub(super) waiter: u8,
    pub(super) left: Left,
}

/// What is left of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Left {
    /// It is rolled back: its marks, and its edges.
    Traces { reads: KeySetId, out: u64 },
    /// It commits; its place among those that are remembered.
    Place(u8),
}

impl Ssi {
    /// A connection's transaction ends, for which another waits, and for nobody else.
    fn fade(&mut self, store: &Store, who: usize, waiter: usize, newer: KeySetId, commits: bool) {
        let Some(me) = self.of(who).filter(|me| !self.xacts[*me].is_doomed) else { return };
        let xact = &self.xacts[me];
        let left = if commits {
            Left::Place(me as u8)
        } else {
            Left::Traces { reads: store.without_keys(xact.reads, store.key_sets.get(newer)), out: xact.out }
        };
        if left != (Left::Traces { reads: NO_KEYS, out: 0 }) {
            self.fading.push(Fading { waiter: waiter as u8, left });
            self.fading.sort_unstable_by_key(|fading| fading.waiter);
        }
    }

    /// The transactions stand in this order from now on.
    pub(super) fn fading_moves(&mut self, order: &[usize], moved: impl Fn(u64) -> u64) {
        self.fading.retain(|fading| match &mut fading.left {
            Left::Traces { out, .. } => {
                *out = moved(*out);
                true
            }
            Left::Place(place) => {
                let new = order.iter().position(|old| *old == usize::from(*place));
                *place = new.unwrap_or_default() as u8;
                new.is_some()
            }
        });
    }

    /// Other marks are left of those that are rolled back.
    pub(super) fn fading_reads(&mut self, reads: impl Fn(KeySetId) -> KeySetId) {
        for fading in &mut self.fading {
            if let Left::Traces { reads: left, .. } = &mut fading.left {
                *left = reads(*left);
            }
        }
    }

    /// One that has waited goes on, and meets each transaction for which it has waited, or does not.
    fn meets_fading(&mut self, store: &Store, who: usize, is_alone: bool, choices: &mut Choices) {
        let is_its = |fading: &Fading| usize::from(fading.waiter) == who;
        while let Some(place) = self.fading.iter().position(is_its) {
            let Fading { left, .. } = self.fading.remove(place);
            self.meets(store, who, left, is_alone, choices);
        }
    }

    fn meets(&mut self, store: &Store, who: usize, left: Left, is_alone: bool, choices: &mut Choices) {
        let matters = match left {
            // Without one that has committed there is nothing that they could complete.
            Left::Traces { .. } => self.finished() > 0 && self.xacts.len() < MOST,
            Left::Place(place) => {
                let place = usize::from(place);
                !self.xacts[place].is_writer || is_alone && self.readers_of(place).next().is_some()
            }
        };
        if !matters || !self.knows(who) || self.is_doomed(who) || choices.pick(2) == 0 {
            return;
        }
        match left {
            Left::Place(place) => self.xacts[usize::from(place)].is_ending = true,
            Left::Traces { reads, out } => {
                store.note(Rule::SsiFades);
                let fading = Xact {
                    who: Some(FADING),
                    takes_part: true,
                    reads,
                    wrote: NOTHING,
                    out,
                    sees: self.finished() as u8,
                    oldest: self.next,
                    ended: 0,
                    is_writer: false,
                    is_doomed: false,
                    is_ending: false,
                    out_before: false,
                };
                self.xacts.push(fading);
            }
        }
    }

    /// Nobody meets it any more.
    fn has_faded(&mut self) {
        self.xacts.iter_mut().for_each(|xact| xact.is_ending = false);
        while self.knows(usize::from(FADING)) {
            self.roll_back(usize::from(FADING));
        }
    }
}

impl Database {
    /// A connection's transaction is about to end.
    pub(in super::super::super) fn fades(&mut self, store: &Store, who: usize, commits: bool) {
        // One that has committed is not known any more when its connection is made anew.
        let Some(ssi) = self.ssi.as_mut().filter(|ssi| ssi.knows(who)) else { return };
        ssi.fading.retain(|fading| usize::from(fading.waiter) != who);
        let newer = self.connections[who].newer.unwrap_or(NO_KEYS);
        let waits = |other: &usize| *other != who && self.connections[*other].wait.is_some() && ssi.knows(*other);
        let waiting: SmallVec<[usize; 4]> = (0..self.connections.len()).filter(waits).collect();
        for waiter in waiting {
            let waits_for = blockers(self, store, waiter);
            // Who is free to go on may come in between as well: it was let go together with one that is rolled back now.
            let is_free = waits_for.is_empty() && !commits;
            let Some(ssi) = self.ssi.as_mut().filter(|_| is_free || waits_for.contains(&who)) else { continue };
            if !is_free {
                // What it had waited for before is gone for long.
                ssi.fading.retain(|fading| usize::from(fading.waiter) != waiter);
            }
            if waits_for.len() <= 1 {
                ssi.fade(store, who, waiter, newer, commits);
            }
        }
    }

    /// One that has waited goes on: see [`Ssi::meets_fading`].
    pub(in super::super) fn meets_fading(&mut self, store: &Store, who: usize, choices: &mut Choices) {
        let is_alone = self.connections[who].transaction == Transaction::None;
        if let Some(ssi) = &mut self.ssi {
            ssi.meets_fading(store, who, is_alone, choices);
        }
    }

    /// It has gone on.
    pub(in super::super) fn has_faded(&mut self) {
        if let Some(ssi) = &mut self.ssi {
            ssi.has_faded();
        }
    }
}
