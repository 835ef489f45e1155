//! What a statement comes to on its way: rows that it sees, and those that others have written meanwhile.
//!
//! By an index it comes to the entries that fit, and from each along the versions of the row until one that it sees; from
//! end to end it comes to every version (`heap_hot_search_buffer`, `heapgetpage`: each asks
//! `HeapCheckForSerializableConflictOut`).

use smallvec::SmallVec;

use super::super::super::{Cause, Change, Database, KeyId, NO_KEYS, NOTHING, RequestId, Rule, Store};
use super::{index_of, relation_of};
use crate::sql::{Access, Insert, NewRows, Output, Path, Plan, PlanKind, Select, Space};

/// One way of a statement to rows of a table.
#[derive(Clone, Copy)]
pub(in super::super) struct Way<'p> {
    pub(in super::super) table: usize,
    access: &'p Access,
    pub(in super::super) select: Option<&'p Select>,
    /// The index that leads there; `None`: from end to end.
    pub(in super::super) index: Option<Space>,
}

/// A row that lies on a way.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Visit {
    pub(in super::super) key: KeyId,
    /// True for one of the snapshot's rows.
    is_seen: bool,
    /// True where others have put a row that lies there, and that is not the snapshot's.
    is_met: bool,
    /// True for what the transaction itself has written.
    is_own: bool,
}

impl<'p> Way<'p> {
    /// The ways of the reads beside the statement's own.
    pub(in super::super) fn beside(store: &'p Store, plan: &'p Plan) -> impl Iterator<Item = Way<'p>> {
        plan.reads().map(|read| Way::new(store, read.table, &read.select.access, Some(read.select)))
    }

    /// The way to the rows that the statement shows, locks or changes.
    pub(in super::super) fn own(store: &'p Store, plan: &'p Plan) -> Option<Way<'p>> {
        match &plan.kind {
            PlanKind::Select(select) => Some(Way::new(store, select.table?, &plan.access, Some(select))),
            PlanKind::Insert(_) | PlanKind::Named(_) => None,
            PlanKind::Update { .. } | PlanKind::Delete { .. } => Some(Way::new(store, plan.table, &plan.access, None)),
        }
    }

    fn new(store: &Store, table: usize, access: &'p Access, select: Option<&'p Select>) -> Self {
        let definition = &store.tables.tables[table];
        let primary = table as Space;
        let index = match access.path {
            Path::Primary | Path::Prefix(_) | Path::Range => Some(primary),
            Path::Unique(number) | Path::UniquePrefix(number, _) => Some(definition.uniques[number].0),
            Path::Whole => {
                // An index that brings the rows in the order that is asked for spares sorting them.
                let first = select.and_then(|select| select.order.first()).map(|(column, _)| *column);
                let unique = definition.uniques.iter().find(|(_, columns)| columns.first().copied() == first);
                match first {
                    None => None,
                    Some(column) if definition.primary[0] == column => Some(primary),
                    Some(_) => unique.map(|(space, _)| *space),
                }
            }
        };
        Way { table, access, select, index }
    }

    /// True for the source of an `INSERT … SELECT` of which each row is put in before the next one is read (`ExecModifyTable`
    /// asks for one after the other): not where rows are sorted or counted first, and from end to end a whole page is looked
    /// at before the first one is handed out.
    pub(in super::super) fn is_taken_step_by_step(&self, plan: &Plan) -> bool {
        let PlanKind::Insert(Insert { rows: NewRows::Select(source), .. }) = &plan.kind else { return false };
        let is_source = self.select.is_some_and(|select| std::ptr::eq(select, &**source));
        is_source && self.index.is_some() && source.order.is_empty() && matches!(source.output, Output::Rows(_))
    }

    /// True when it ends with the last row that is shown.
    fn ends_early(&self, shown: usize) -> bool {
        let has_limit =
            |select: &Select| select.limit == Some(shown) && !matches!(select.output, Output::Totals { .. });
        self.index.is_some() && self.select.is_some_and(has_limit)
    }

    fn descends(&self) -> bool {
        self.select.and_then(|select| select.order.first()).is_some_and(|(_, descending)| *descending)
    }
}

impl Database {
    /// The rows on a way, in its order. `shown` are those that the statement finds there.
    pub(in super::super) fn visits(
        &self,
        store: &Store,
        who: usize,
        request: RequestId,
        way: &Way<'_>,
        shown: &[KeyId],
    ) -> Result<Vec<Visit>, Cause> {
        let Some((me, ssi)) = self.ssi.as_ref().and_then(|ssi| Some((ssi.of(who)?, ssi))) else {
            return Ok(Vec::new());
        };
        let connection = &self.connections[who];
        let base = connection.snapshot.unwrap_or(self.committed);
        let in_table = |key: KeyId| usize::from(store.keys.get(key).space) == way.table;
        let own = store.changes.get(connection.changes);
        let is_own = |key: KeyId| own.iter().any(|(known, change)| *known == key && *change != Change::Locked);
        let rows = store.rows_along(base, connection.changes, request, way.access, way.table)?;
        let seen = store.rows_on(base, connection.changes, request, way.access, &rows)?;
        let (mut others, mut mine) = (Vec::new(), Vec::new());
        let after = &ssi.xacts[usize::from(ssi.xacts[me].sees)..];
        let finished = after.iter().map(|xact| (None, xact.wrote));
        let open = self.connections.iter().enumerate().map(|(other, open)| (Some(other), open.changes));
        let wrote = finished.chain(open).filter(|(_, wrote)| *wrote != NOTHING);
        for (writer, (key, change)) in
            wrote.flat_map(|(by, wrote)| store.changes.get(wrote).iter().map(move |it| (by, it)))
        {
            if let Change::Put(row)
            | Change::Reborn(row)
            | Change::Follows(row)
            | Change::Beside(row)
            | Change::Undone(row) = change
                && in_table(*key)
                && !seen.contains(key)
            {
                if writer == Some(who) { &mut mine } else { &mut others }.push((*key, *row));
            }
        }
        let met = store.rows_on(base, connection.changes, request, way.access, &others)?;
        let mine = store.rows_on(base, connection.changes, request, way.access, &mine)?;
        let all = seen.iter().chain(&met).chain(&mine);
        let visit = |key: &KeyId| {
            let (is_seen, is_met) = (seen.contains(key), met.contains(key));
            Visit { key: *key, is_seen, is_met, is_own: is_own(*key) }
        };
        let mut visits: Vec<Visit> = all.map(visit).collect();
        visits.sort_by(|left, right| store.compare_keys(left.key, right.key));
        visits.dedup_by_key(|visit| visit.key);
        if way.descends() {
            visits.reverse();
        }
        if way.index.is_none() {
            // As they lie: what has been put in since the snapshot was taken lies behind what was there.
            visits.sort_by_key(|visit| !visit.is_seen);
        }
        if way.ends_early(shown.len())
            && let Some(last) = visits.iter().rposition(|visit| shown.contains(&visit.key))
        {
            visits.truncate(last + 1);
        }
        Ok(visits)
    }

    /// A transaction reads along a way, where it finds these rows, at most as far as to the last one. False when there is
    /// nothing on it.
    pub(in super::super) fn reads_along(
        &mut self,
        store: &Store,
        who: usize,
        request: RequestId,
        way: &Way<'_>,
        shown: &[KeyId],
        last: Option<KeyId>,
    ) -> Result<bool, Cause> {
        let mut visits = self.visits(store, who, request, way, shown)?;
        if let Some(last) = visits.iter().position(|visit| way.index.is_some() && Some(visit.key) == last) {
            visits.truncate(last + 1);
        }
        self.sets_out(store, who, way);
        for visit in &visits {
            self.comes_to(store, who, way, *visit)?;
        }
        self.meets_waiting(store, who, way)?;
        Ok(!visits.is_empty())
    }

    /// New rows that wait at their first key are in their table, and in no index yet: whoever reads from end to end meets
    /// them.
    pub(in super::super) fn meets_waiting(&mut self, store: &Store, who: usize, way: &Way<'_>) -> Result<(), Cause> {
        let Some((me, ssi)) = self.ssi.as_mut().and_then(|ssi| Some((ssi.of(who)?, ssi))) else { return Ok(()) };
        if way.index.is_some() {
            return Ok(());
        }
        for (other, open) in self.connections.iter().enumerate() {
            let is_in_table = open.wait.as_ref().is_some_and(|wait| wait.has_put_row(store, way.table));
            if let Some(writer) = ssi.of(other).filter(|_| is_in_table && other != who) {
                store.note(Rule::SsiWaiting);
                ssi.is_told(store, me)?;
                ssi.conflict(store, me, writer, me)?;
            }
        }
        Ok(())
    }

    /// A transaction begins to read along a way.
    pub(in super::super) fn sets_out(&mut self, store: &Store, who: usize, way: &Way<'_>) {
        if let Some(ssi) = &mut self.ssi {
            let place = way.index.map_or(relation_of(way.table), index_of);
            ssi.reads_place(store, who, way.table, place);
        }
    }

    /// A transaction comes to the versions of a row.
    pub(in super::super) fn comes_to(
        &mut self,
        store: &Store,
        who: usize,
        way: &Way<'_>,
        visit: Visit,
    ) -> Result<(), Cause> {
        let writers = self.writers(store, who, way, visit);
        let Some(ssi) = &mut self.ssi else { return Ok(()) };
        let Some(me) = ssi.of(who) else { return Ok(()) };
        ssi.is_told(store, me)?;
        for writer in writers {
            ssi.conflict(store, me, writer, me)?;
        }
        if visit.is_seen && !visit.is_own && way.index.is_some() {
            ssi.reads_row(store, who, way.table, visit.key);
        }
        Ok(())
    }

    /// Those that take part and have written a version that the transaction comes to and does not see, or replaced or
    /// removed the one that it sees.
    fn writers(&self, store: &Store, who: usize, way: &Way<'_>, visit: Visit) -> SmallVec<[usize; 2]> {
        let mut writers = SmallVec::new();
        let Some((me, ssi)) = self.ssi.as_ref().and_then(|ssi| Some((ssi.of(who)?, ssi))) else { return writers };
        // Where it has put a row of its own, there may still be one that another has removed.
        let newer = self.connections[who].newer.unwrap_or(NO_KEYS);
        if visit.is_own && !store.has_key(newer, visit.key) {
            return writers;
        }
        let change_in = |changes| {
            let changes = store.changes.get(changes);
            changes.binary_search_by_key(&visit.key, |(key, _)| *key).ok().map(|place| changes[place].1)
        };
        let finished = (usize::from(ssi.xacts[me].sees)..ssi.finished())
            .filter_map(|one| Some((Some(one), change_in(ssi.xacts[one].wrote)?)));
        let others = (0..self.connections.len()).filter(|other| *other != who);
        let open = others.filter_map(|other| Some((ssi.of(other), change_in(self.connections[other].changes)?)));
        let mut sees_one = visit.is_seen;
        let mut comes_further = visit.is_met;
        for (writer, change) in finished.chain(open).filter(|(_, change)| *change != Change::Locked) {
            let writes = !matches!(change, Change::Gone);
            let is_further = comes_further || way.index.is_none() || matches!(change, Change::Reborn(_));
            let comes_to = sees_one || writes && is_further;
            if comes_to && matches!(change, Change::Undone(_)) {
                store.note(Rule::SsiLeft);
            }
            if comes_to && let Some(writer) = writer.filter(|writer| !writers.contains(writer)) {
                writers.push(writer);
            }
            // The versions of a row hang together until it is removed; what takes its key then is another row.
            comes_further |= matches!(change, Change::Gone | Change::Undone(_) | Change::Reborn(_));
            sees_one = false;
        }
        writers
    }
}
