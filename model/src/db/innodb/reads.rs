//! What a statement reads besides the rows that it deals with: sub-selects, and the source of an `INSERT … SELECT`.
//!
//! Rules (MySQL's manual, "Locks Set by Different SQL Statements"; measured on 10.11):
//! - of a statement that writes, from repeatable read on, they are locked in share mode on their path, gaps included, before
//!   the statement comes to any row of its own; so are those of a plain read in a serializable transaction;
//! - below repeatable read, and in a locking read, they are read as a plain read is.

use super::{Asked, Cause, KeyId, Running, Wait, Want};
use crate::db::exec::View;
use crate::db::{ContentsId, DbCall};
use crate::engine::Level;

impl Running<'_> {
    /// Lock what the statement reads besides; `Some` when it has to wait or fails.
    pub(super) fn lock_reads(&mut self) -> Option<Asked> {
        let plan = self.store.plan(self.request);
        let locks = self.locks_gaps() && (plan.writes() || self.level == Level::Serializable);
        if !locks || plan.reads().next().is_none() {
            return None;
        }
        for read in plan.reads() {
            let view = View { base: self.database.committed, changes: self.changes(), only: None };
            let place = match self.store.place(self.request, &read.select.access, read.table, view) {
                Ok(place) => place,
                Err(cause) => return Some(self.fails(cause)),
            };
            let way = match self.way(&read.select.access, read.table, place) {
                Ok(way) => way,
                Err(cause) => return Some(self.fails(cause)),
            };
            for step in way.steps {
                let keys: Vec<KeyId> = step.entry.into_iter().chain(step.row).collect();
                for key in keys {
                    if self.is_in_the_way(key, Want::Share) {
                        if let Some(gap) = step.gap {
                            self.lock_gap(gap);
                        }
                        let call = DbCall::Run(self.request);
                        return Some(self.wait(Wait { keys: vec![key], ..Wait::new(call, Want::Share) }));
                    }
                    if self.is_too_new(key) {
                        return Some(self.fails(Cause::Stale));
                    }
                    self.lock(key, Want::Share);
                }
                if let Some(gap) = step.gap {
                    self.lock_gap(gap);
                }
            }
            if let Some(gap) = way.rest {
                self.lock_gap(gap);
            }
        }
        None
    }

    /// The rows in which they look.
    pub(super) fn looks_at(&mut self) -> ContentsId {
        let plan = self.store.plan(self.request);
        let committed = self.database.committed;
        match self.level {
            Level::ReadUncommitted => self.newest(),
            Level::RepeatableRead | Level::Snapshot if !plan.writes() => self.snapshot(),
            _ => committed,
        }
    }
}
