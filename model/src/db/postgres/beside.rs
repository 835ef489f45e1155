//! What the statements of a serializable transaction do beside what they do at repeatable read: see `ssi`.
//!
//! Nothing of it happens in a database without such transactions.

use super::ssi::{Visit, Way, index_of, relation_of};
use super::{Cause, Choices, ContentsId, Database, KeyId, RowId, Run, Running, Store};
use crate::sql::{Needed, Space};

/// The source of an `INSERT … SELECT` that is read row by row.
pub(super) struct Source<'p> {
    way: Way<'p>,
    /// The rows that it finds, each with the new one that it makes.
    rows: Vec<(KeyId, RowId)>,
    visits: Vec<Visit>,
}

impl Source<'_> {
    /// The rows to which it comes.
    pub(super) fn keys(&self) -> Vec<KeyId> {
        self.visits.iter().map(|visit| visit.key).collect()
    }
}

impl Database {
    /// A transaction is about to commit: may it?
    pub(super) fn prepare(&mut self, store: &Store, who: usize, choices: &mut Choices) -> Result<(), Cause> {
        self.ssi.as_mut().map_or(Ok(()), |ssi| ssi.prepare(store, who, choices))
    }

    /// A transaction is about to lock or write a row.
    pub(super) fn takes_number(&mut self, who: usize) {
        if let Some(ssi) = &mut self.ssi {
            ssi.number(who);
        }
    }
}

impl<'a> Running<'a> {
    fn takes_part(&self) -> bool {
        self.database.ssi.as_ref().is_some_and(|ssi| ssi.knows(self.who))
    }

    /// What it reads besides the rows that it shows or changes: once, before it comes to these. A sub-select that looks at no
    /// row of the statement is run when its answer is needed first, which may be never (`ExecSetParamPlan` in
    /// src/backend/executor/nodeSubplan.c).
    pub(super) fn reads_beside(&mut self, run: Option<&Run>, choices: &mut Choices) -> Result<(), Cause> {
        if self.is_resumed || !self.takes_part() {
            return Ok(());
        }
        let (store, who, request) = (self.store, self.who, self.request);
        let plan = store.plan(request);
        for (number, way) in Way::beside(store, plan).enumerate() {
            if way.is_taken_step_by_step(plan) {
                self.database.sets_out(store, who, &way);
                continue;
            }
            let is_needed = match (run, plan.needed(number)) {
                (None, _) | (_, Needed::AtOnce) => true,
                (Some(run), Needed::ByARow) => !run.touched.is_empty() || !run.shown.is_empty(),
                (Some(_), Needed::ByATest) => self.tests_a_row()?,
                (Some(_), Needed::ByAJoin) => choices.pick(2) == 0,
            };
            if is_needed {
                let found = run.map_or(&[][..], |run| &run.reads[number]);
                let keys: Vec<KeyId> = found.iter().map(|(key, _)| *key).collect();
                self.database.reads_along(store, who, request, &way, &keys, None)?;
            }
        }
        Ok(())
    }

    /// Whether there is a row that it sees on its own way.
    fn tests_a_row(&self) -> Result<bool, Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        let Some(way) = Way::own(store, store.plan(request)) else { return Ok(false) };
        let visits = self.database.visits(store, who, request, &way, &[])?;
        let connection = &self.database.connections[who];
        let base = connection.snapshot.unwrap_or(self.database.committed);
        Ok(visits.iter().any(|visit| store.seen(base, connection.changes, visit.key).is_some()))
    }

    /// It reads its own rows, at most as far as to the last one.
    pub(super) fn reads_own(&mut self, last: Option<KeyId>, choices: &mut Choices) -> Result<(), Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        let Some(way) = Way::own(store, store.plan(request)).filter(|_| self.takes_part()) else { return Ok(()) };
        if !self.database.reads_along(store, who, request, &way, &[], last)? {
            return self.finds_nothing(choices);
        }
        Ok(())
    }

    /// A doomed transaction is told when it comes to a row. Where there is none, there may be what is left of one that was
    /// removed, or was never committed.
    fn finds_nothing(&self, choices: &mut Choices) -> Result<(), Cause> {
        let is_doomed = self.database.ssi.as_ref().is_some_and(|ssi| ssi.is_doomed(self.who));
        if is_doomed && choices.pick(2) == 1 { Err(Cause::Stale) } else { Ok(()) }
    }

    /// It finds its rows, locks or writes some of them (`kept`), and has not come to others yet (`after`).
    pub(super) fn rows_beside(
        &mut self,
        run: &Run,
        kept: &[KeyId],
        after: &[KeyId],
        choices: &mut Choices,
    ) -> Result<(), Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        let plan = store.plan(request);
        if plan.writes() && !run.touched.is_empty() {
            // Before it waits for a row, and before it finds that the row is newer.
            self.database.takes_number(who);
        }
        let Some(way) = Way::own(store, plan).filter(|_| self.takes_part()) else { return Ok(()) };
        // A join with nothing may end before it comes to the other side.
        let joins_nothing = |read: usize| run.reads[read].is_empty() && plan.needed(read) == Needed::ByAJoin;
        if (0..run.reads.len()).any(joins_nothing) && choices.pick(2) == 1 {
            return Ok(());
        }
        let shown: Vec<KeyId> = run.shown.iter().map(|(key, _)| *key).collect();
        let visits = self.database.visits(store, who, request, &way, &shown)?;
        if !self.is_resumed {
            if visits.is_empty() {
                self.finds_nothing(choices)?;
            }
            self.database.sets_out(store, who, &way);
        }
        let touched = |key: KeyId| run.touched.iter().any(|touch| touch[0].0 == key);
        // From end to end it comes to all rows before it deals with the first one.
        let at_once = way.index.is_none();
        for visit in visits.iter().filter(|_| at_once && !self.is_resumed) {
            self.database.comes_to(store, who, &way, *visit)?;
        }
        for visit in &visits {
            let is_new = !self.is_resumed || touched(visit.key) && self.waited_for != Some(visit.key);
            if !at_once && is_new && !after.contains(&visit.key) {
                self.database.comes_to(store, who, &way, *visit)?;
            }
            if plan.writes() && kept.contains(&visit.key) {
                self.database.writes_row(store, who, visit.key)?;
            }
        }
        Ok(())
    }

    /// The source of an `INSERT … SELECT` that is read row by row, when there is one.
    pub(super) fn source(&self, looked_at: ContentsId) -> Result<Option<Source<'a>>, Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        let plan = store.plan(request);
        let way = Way::beside(store, plan).last().filter(|way| self.takes_part() && way.is_taken_step_by_step(plan));
        let Some((way, select)) = way.and_then(|way| Some((way, way.select?))) else { return Ok(None) };
        let rows = store.sources(looked_at, self.database.connections[who].changes, request, select)?;
        let shown: Vec<KeyId> = rows.iter().map(|(key, _)| *key).collect();
        let visits = self.database.visits(store, who, request, &way, &shown)?;
        Ok(Some(Source { way, rows, visits }))
    }

    /// It reads its source as far as to this new row, or to the end. `rest`: the rows to which it has not come yet.
    pub(super) fn reads_source(
        &mut self,
        source: &Source<'_>,
        row: Option<RowId>,
        rest: &mut Vec<KeyId>,
    ) -> Result<(), Cause> {
        let comes_from = |key: &KeyId| row.is_some_and(|row| source.rows.contains(&(*key, row)));
        let end = match row {
            Some(_) => rest.iter().position(comes_from).map_or(0, |place| place + 1),
            None => rest.len(),
        };
        for key in rest.drain(..end) {
            if let Some(visit) = source.visits.iter().find(|visit| visit.key == key) {
                self.database.comes_to(self.store, self.who, &source.way, *visit)?;
            }
        }
        Ok(())
    }

    /// A new row goes into its table: whoever has read that from end to end has read that there was none.
    pub(super) fn puts_row(&mut self) -> Result<(), Cause> {
        self.database.takes_number(self.who);
        let table = self.store.plan(self.request).table;
        self.database.writes_places(self.store, self.who, &[relation_of(table)])
    }

    /// A new row goes into an index, or is refused there: what comes of what others have read goes before the refusal
    /// (`_bt_check_unique` in src/backend/access/nbtree/nbtinsert.c).
    pub(super) fn puts_into_index(&mut self, key: usize) -> Result<(), Cause> {
        let table = self.store.plan(self.request).table;
        let uniques = &self.store.tables.tables[table].uniques;
        let space = key.checked_sub(1).map_or(table as Space, |unique| uniques[unique].0);
        self.database.writes_places(self.store, self.who, &[index_of(space)])
    }
}
