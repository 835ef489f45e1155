//! Who read what another wrote, and who is cancelled for it.
//!
//! A transaction that read the old version of what another wrote has an edge *out* to it: it has to come before it. What
//! cannot be serialised contains two such edges in a row, `T0 → T1 → T2`, of which T2 was the first to commit: one of the
//! three has to fail before that is complete (the comments of `OnConflict_CheckForSerializationFailure`).

use super::super::super::{Cause, Choices, Rule, Store};
use super::Ssi;

impl Ssi {
    fn is_committed_reader(&self, xact: usize) -> bool {
        self.is_finished(xact) && !self.xacts[xact].is_writer && !self.xacts[xact].is_ending
    }

    fn has_edge(&self, reader: usize, writer: usize) -> bool {
        self.xacts[reader].out >> writer & 1 == 1
    }

    pub(super) fn readers_of(&self, writer: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.xacts.len()).filter(move |reader| self.has_edge(*reader, writer))
    }

    /// `me`, one of the two, finds that `reader` read what `writer` has replaced (`FlagRWConflict`).
    pub(super) fn conflict(&mut self, store: &Store, reader: usize, writer: usize, me: usize) -> Result<(), Cause> {
        let both = [reader, writer];
        let takes_part = |one: &usize| self.xacts[*one].takes_part && !self.xacts[*one].is_doomed;
        if reader == writer || !both.iter().all(takes_part) || self.has_edge(reader, writer) {
            return Ok(());
        }
        if self.is_dangerous(reader, writer) {
            // Whoever has committed cannot fail any more. An open writer that is not at it is told later.
            if me == writer || self.is_finished(writer) {
                store.note(if me == writer { Rule::SsiWriter } else { Rule::SsiReader });
                return Err(Cause::Stale);
            }
            store.note(Rule::SsiDooms);
            self.xacts[writer].is_doomed = true;
        }
        self.xacts[reader].out |= 1 << writer;
        Ok(())
    }

    fn is_dangerous(&self, reader: usize, writer: usize) -> bool {
        // Finished transactions stand in the order of their commits.
        let not_after = |one: usize, other: usize| !self.is_finished(other) || one <= other;
        let sees = |one: usize, committed: usize| committed < usize::from(self.xacts[one].sees);
        // The writer is between the reader and a third that committed first.
        let is_pivot = |third: usize| {
            self.is_finished(third)
                && not_after(third, reader)
                && not_after(third, writer)
                && (!self.is_committed_reader(reader) || sees(reader, third))
        };
        let out_of_writer = (0..self.xacts.len()).filter(|third| self.has_edge(writer, *third));
        // The reader is between a third and the writer, which committed first.
        let is_before = |third: usize| {
            !self.xacts[third].is_doomed
                && (!self.is_finished(third) || third >= writer)
                && (!self.is_committed_reader(third) || sees(third, writer))
        };
        self.is_finished(writer) && self.xacts[writer].out_before
            || out_of_writer.into_iter().any(is_pivot)
            || self.is_finished(writer) && !self.is_committed_reader(reader) && self.readers_of(reader).any(is_before)
    }

    /// What a commit does to others, and whether it may be (`PreCommit_CheckForSerializationFailure`).
    ///
    /// Those that read what it wrote are looked at in the order in which that was found, which is not kept: any order.
    pub(in super::super) fn prepare(&mut self, store: &Store, who: usize, choices: &mut Choices) -> Result<(), Cause> {
        let Some(me) = self.of(who) else { return Ok(()) };
        self.is_told(store, me)?;
        let is_ending = |ssi: &Ssi, one: usize| ssi.xacts[one].is_ending;
        let is_alive =
            |ssi: &Ssi, one: usize| (!ssi.is_finished(one) || is_ending(ssi, one)) && !ssi.xacts[one].is_doomed;
        let is_pivot = |ssi: &Ssi, near: usize| ssi.readers_of(near).any(|far| far == me || is_alive(ssi, far));
        let mut near: Vec<usize> = self.readers_of(me).filter(|near| is_alive(self, *near)).collect();
        while !near.is_empty() {
            // Their order matters where they are each other's readers.
            let depend = near.iter().any(|one| near.iter().any(|other| self.has_edge(*one, *other)));
            let next = near.remove(if depend { choices.pick(near.len()) } else { 0 });
            if is_pivot(self, next) {
                // Who is prepared cannot fail any more.
                if is_ending(self, next) {
                    store.note(Rule::SsiEnding);
                    return Err(Cause::Stale);
                }
                store.note(Rule::SsiCommitDooms);
                self.xacts[next].is_doomed = true;
            }
        }
        Ok(())
    }

    /// A commit: what edges are still good for.
    pub(super) fn release(&mut self, me: usize) {
        let finished: u64 = (0..self.finished()).fold(0, |all, one| all | 1 << one);
        let xact = &mut self.xacts[me];
        xact.out_before = xact.is_writer && xact.out & finished != 0;
        xact.out &= !finished;
        for reader in 0..self.xacts.len() {
            if self.is_finished(reader) {
                self.xacts[reader].out &= !(1 << me);
            }
        }
    }

    /// A transaction comes to where it is told that somebody else has decided that it is to fail.
    pub(super) fn is_told(&self, store: &Store, me: usize) -> Result<(), Cause> {
        if self.xacts[me].is_doomed {
            store.note(Rule::SsiDoomed);
            return Err(Cause::Stale);
        }
        Ok(())
    }

    /// Somebody else has decided that this transaction is to fail.
    pub(in super::super) fn is_doomed(&self, who: usize) -> bool {
        self.of(who).is_some_and(|me| self.xacts[me].is_doomed)
    }
}
