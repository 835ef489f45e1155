//! What the statements of a serializable transaction do beside what they do at repeatable read: see `ssi`.
//!
//! Nothing of it happens in a database without such transactions.

use std::ops::Range;

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

    /// What it reads besides the rows that it shows or changes, once, before it comes to these. A sub-select that looks at no
    /// row of the statement is run when its answer is needed first, which may be never (`ExecSetParamPlan` in
    /// src/backend/executor/nodeSubplan.c): see [`Running::reads_needed`].
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
                (Some(_), Needed::ByARow | Needed::ByATest) => false,
                (Some(_), Needed::ByAJoin) => choices.pick(2) == 0,
            };
            if is_needed {
                self.reads_sub(number, &way, run)?;
            }
        }
        Ok(())
    }

    /// It runs a sub-select: where it only asks whether there is a row, as far as to the first one.
    fn reads_sub(&mut self, number: usize, way: &Way<'_>, run: Option<&Run>) -> Result<(), Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        let plan = store.plan(request);
        let asks_whether = plan.asks_whether(number);
        let connection = &self.database.connections[who];
        let base = connection.snapshot.unwrap_or(self.database.committed);
        let own = run.is_none().then(|| asks_whether.then(|| store.run(base, connection.changes, request))).flatten();
        let run = run.or(own.as_deref());
        let found = run.and_then(|run| run.reads.get(number)).map_or(&[][..], |found| found);
        let keys: Vec<KeyId> = found.iter().map(|(key, _)| *key).collect();
        let stops = keys.first().copied().filter(|_| asks_whether);
        self.database.reads_along(store, who, request, way, &keys, stops)?;
        Ok(())
    }

    /// The place of the first row among these that it sees; behind them when there is none.
    fn first_there(&self, visits: &[Visit]) -> usize {
        let connection = &self.database.connections[self.who];
        let base = connection.snapshot.unwrap_or(self.database.committed);
        let is_there = |visit: &Visit| self.store.seen(base, connection.changes, visit.key).is_some();
        visits.iter().position(is_there).unwrap_or(visits.len())
    }

    /// It runs the sub-selects whose answer it has not needed before it came to these rows of its own.
    fn reads_needed(&mut self, run: &Run, came_to: &[Visit], wanting: &mut Vec<usize>) -> Result<(), Cause> {
        let (store, plan) = (self.store, self.store.plan(self.request));
        let is_there = self.first_there(came_to) < came_to.len();
        let first = run.touched.first().map(|touch| touch[0].0).or(run.shown.first().map(|(key, _)| *key));
        let is_found = first.is_some_and(|first| came_to.iter().any(|visit| visit.key == first));
        let needs = |number: &usize| match plan.needed(*number) {
            Needed::ByATest => is_there,
            _ => is_found,
        };
        let (now, later) = wanting.iter().copied().partition(needs);
        *wanting = later;
        let now: Vec<usize> = now;
        for (number, way) in Way::beside(store, plan).enumerate().filter(|(number, _)| now.contains(number)) {
            self.reads_sub(number, &way, Some(run))?;
        }
        Ok(())
    }

    /// It reads its own rows, at most as far as to the last one.
    pub(super) fn reads_own(&mut self, last: Option<KeyId>, choices: &mut Choices) -> Result<(), Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        if self.is_resumed && last.is_some() && last == self.waited_for {
            // It had come to that row before it waited, and comes to no other.
            return Ok(());
        }
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

    /// It finds its rows, locks or writes some of them (`kept`), and has not come to others yet (`after`), if it stops.
    pub(super) fn rows_beside(
        &mut self,
        run: &Run,
        (kept, after, stops): (&[KeyId], &[KeyId], Option<KeyId>),
        choices: &mut Choices,
    ) -> Result<(), Cause> {
        let (store, who, request) = (self.store, self.who, self.request);
        let plan = store.plan(request);
        if plan.writes() && !run.touched.is_empty() {
            // Before it waits for a row, and before it finds that the row is newer.
            self.database.takes_number(who);
        }
        let Some(way) = Way::own(store, plan).filter(|_| self.takes_part()) else { return Ok(()) };
        let shown: Vec<KeyId> = run.shown.iter().map(|(key, _)| *key).collect();
        let mut visits = self.database.visits(store, who, request, &way, &shown)?;
        // A join with nothing may end before it comes to the other side, or with the first row there, which a hash join
        // fetches before it looks into its table (`ExecHashJoinImpl` in src/backend/executor/nodeHashjoin.c).
        let joins_nothing = |read: usize| run.reads[read].is_empty() && plan.needed(read) == Needed::ByAJoin;
        if (0..run.reads.len()).any(joins_nothing) {
            match choices.pick(if way.index.is_some() { 3 } else { 2 }) {
                0 => {}
                1 => return Ok(()),
                _ => visits.truncate(1 + self.first_there(&visits)),
            }
        }
        if !self.is_resumed {
            if visits.is_empty() {
                self.finds_nothing(choices)?;
            }
            self.database.sets_out(store, who, &way);
        }
        let touched = |key: KeyId| run.touched.iter().any(|touch| touch[0].0 == key);
        let is_lazy = |read: &usize| matches!(plan.needed(*read), Needed::ByARow | Needed::ByATest);
        let mut wanting: Vec<usize> = (0..run.reads.len()).filter(|read| !self.is_resumed && is_lazy(read)).collect();
        // From end to end it comes to all rows before it deals with the first one.
        let at_once = way.index.is_none();
        if at_once && !self.is_resumed {
            for visit in &visits {
                self.database.comes_to(store, who, &way, *visit)?;
            }
            self.database.meets_waiting(store, who, &way)?;
            self.reads_needed(run, &visits, &mut wanting)?;
        }
        let part = self.part_of_way(&visits, stops);
        // A page of an index is read at once: a row that has been put there since it set out is not met (`_bt_readpage` in
        // src/backend/access/nbtree/nbtsearch.c), save on a further page.
        let is_found = |place: usize| touched(visits[place].key);
        let finds_others = part.as_ref().is_some_and(|part| self.is_resumed && !part.clone().all(is_found));
        let skips_others = finds_others && choices.pick(2) == 1;
        for (place, visit) in visits.iter().enumerate() {
            let is_new = match &part {
                Some(part) => part.contains(&place) && (!skips_others || touched(visit.key)),
                None => {
                    let is_new = !self.is_resumed || touched(visit.key) && self.waited_for != Some(visit.key);
                    is_new && !after.contains(&visit.key)
                }
            };
            if !at_once && is_new {
                self.database.comes_to(store, who, &way, *visit)?;
                self.reads_needed(run, &visits[..=place], &mut wanting)?;
            }
            if plan.writes() && kept.contains(&visit.key) {
                self.database.writes_row(store, who, visit.key)?;
            }
        }
        Ok(())
    }

    /// Where rows come in an order, the part of the way that it goes until it is answered, or waits for the row at which it
    /// stops.
    fn part_of_way(&self, visits: &[Visit], stops: Option<KeyId>) -> Option<Range<usize>> {
        if !self.store.plan(self.request).has_order() {
            return None;
        }
        let behind = |key: Option<KeyId>| visits.iter().position(|visit| Some(visit.key) == key).map(|place| place + 1);
        let from = behind(self.waited_for.filter(|_| self.is_resumed)).unwrap_or(0);
        Some(from..behind(stops).unwrap_or(visits.len()))
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
