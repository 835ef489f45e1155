//! A statement run alone: what it would answer and touch if nobody else were there.

use paidonce_protocol::Error;

use super::store::{Answered, Change, ChangesId, ContentsId, KeyId, ReplyId, RequestId, RowId, Store};
use super::value::Val;
use crate::sql::{Plan, PlanKind};

/// One row that a statement locks or writes: its primary key first, then its entries in unique indexes.
pub(crate) type Touch = Vec<(KeyId, Change)>;

/// What a statement does when it runs alone.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) reply: ReplyId,
    /// The rows it locks or writes, in the order in which it comes to them.
    pub(crate) touched: Vec<Touch>,
    /// The keys that an `INSERT` needs to be free, whether or not they are.
    pub(crate) wanted: Vec<KeyId>,
    /// The rows that it showed to its caller.
    pub(crate) shown: Vec<(KeyId, RowId)>,
    /// The error it ends with.
    pub(crate) error: Option<Error>,
}

impl Store {
    /// The row that a transaction sees under a key.
    pub(super) fn seen(&self, base: ContentsId, changes: ChangesId, key: KeyId) -> Option<RowId> {
        let own = self.changes.get(changes);
        match own.binary_search_by_key(&key, |(known, _)| *known).map(|place| own[place].1) {
            Ok(Change::Put(row)) => Some(row),
            Ok(Change::Gone) => None,
            Ok(Change::Locked) | Err(_) => self.committed(base, key),
        }
    }

    /// The rows of a table that a transaction sees, in key order; with `only`, those among them.
    fn scan(&self, base: ContentsId, changes: ChangesId, table: usize, only: Option<&[KeyId]>) -> Vec<(KeyId, RowId)> {
        if let Some(only) = only {
            return only.iter().filter_map(|key| Some((*key, self.seen(base, changes, *key)?))).collect();
        }
        let own = self.changes.get(changes);
        if own.iter().all(|(key, _)| self.keys.get(*key).space as usize != table) {
            return self.contents.get(base)[table].clone();
        }
        self.contents.get(self.apply(base, changes))[table].clone()
    }

    /// Run a statement alone. `only` restricts it to rows that it had found before it waited.
    pub(crate) fn run_anew(
        &self,
        base: ContentsId,
        changes: ChangesId,
        request: RequestId,
        only: Option<&[KeyId]>,
    ) -> Run {
        let (number, arguments) = self.requests.get(request);
        let plan = &self.plans[*number as usize];
        let result = match &plan.kind {
            PlanKind::Insert { .. } => self.insert(base, changes, plan, arguments),
            PlanKind::Select { .. } => self.select(base, changes, plan, arguments, only),
            PlanKind::Update { .. } | PlanKind::Delete { .. } => self.change(base, changes, plan, arguments, only),
        };
        result.unwrap_or_else(|error| Run {
            reply: self.replies.id(&Answered::Error(error)),
            touched: Vec::new(),
            wanted: Vec::new(),
            shown: Vec::new(),
            error: Some(error),
        })
    }

    fn matching(
        &self,
        base: ContentsId,
        changes: ChangesId,
        plan: &Plan,
        arguments: &[Val],
        only: Option<&[KeyId]>,
    ) -> Result<Vec<(KeyId, RowId)>, Error> {
        let (PlanKind::Select { filter, .. } | PlanKind::Update { filter, .. } | PlanKind::Delete { filter }) =
            &plan.kind
        else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (key, row) in self.scan(base, changes, plan.table, only) {
            let holds = match filter {
                None => Some(true),
                Some(condition) => condition
                    .holds(self.rows.get(row), arguments, &|a, b| self.symbols.order(a, b))
                    .map_err(|_| Error::Misuse)?,
            };
            if holds == Some(true) {
                found.push((key, row));
            }
        }
        Ok(found)
    }

    fn select(
        &self,
        base: ContentsId,
        changes: ChangesId,
        plan: &Plan,
        arguments: &[Val],
        only: Option<&[KeyId]>,
    ) -> Result<Run, Error> {
        let PlanKind::Select { columns, order, limit, locks, .. } = &plan.kind else { return Err(Error::Misuse) };
        let mut found = self.matching(base, changes, plan, arguments, only)?;
        found.sort_by(|(_, left), (_, right)| {
            let (left, right) = (self.rows.get(*left), self.rows.get(*right));
            order
                .iter()
                .map(|(column, descending)| {
                    let ascending = self.symbols.sort_order(left[*column], right[*column]);
                    if *descending { ascending.reverse() } else { ascending }
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        found.truncate(limit.unwrap_or(usize::MAX));
        let project = |row: RowId| columns.iter().map(|column| self.rows.get(row)[*column]).collect();
        let rows = found.iter().map(|(_, row)| project(*row)).collect();
        let touched =
            if *locks { found.iter().map(|(key, _)| vec![(*key, Change::Locked)]).collect() } else { Vec::new() };
        let reply = self.replies.id(&Answered::Rows(rows));
        Ok(Run { reply, touched, wanted: Vec::new(), shown: found, error: None })
    }

    /// What a read shows of these rows.
    pub(crate) fn project(&self, request: RequestId, rows: &[(KeyId, RowId)]) -> Vec<Vec<Val>> {
        let PlanKind::Select { columns, .. } = &self.plan(request).kind else { return Vec::new() };
        rows.iter().map(|(_, row)| columns.iter().map(|column| self.rows.get(*row)[*column]).collect()).collect()
    }

    fn change(
        &self,
        base: ContentsId,
        changes: ChangesId,
        plan: &Plan,
        arguments: &[Val],
        only: Option<&[KeyId]>,
    ) -> Result<Run, Error> {
        let found = self.matching(base, changes, plan, arguments, only)?;
        let mut touched = Vec::new();
        for (_, row) in &found {
            let old = self.rows.get(*row);
            let change = match &plan.kind {
                PlanKind::Update { sets, .. } => {
                    let mut new = old.clone();
                    for (column, to) in sets {
                        new[*column] = to.value(old, arguments).map_err(|_| Error::Misuse)?;
                    }
                    self.check_not_null(plan.table, &new)?;
                    Change::Put(self.rows.id(&new))
                }
                _ => Change::Gone,
            };
            touched.push(self.keys_of(plan.table, old).into_iter().map(|key| (key, change)).collect());
        }
        let reply = self.replies.id(&Answered::Affected(found.len() as u32));
        Ok(Run { reply, touched, wanted: Vec::new(), shown: Vec::new(), error: None })
    }

    fn check_not_null(&self, table: usize, row: &[Val]) -> Result<(), Error> {
        let not_null = &self.tables.tables[table].not_null;
        if not_null.iter().any(|column| row[*column] == Val::Null) { Err(Error::Refused) } else { Ok(()) }
    }

    fn insert(&self, base: ContentsId, changes: ChangesId, plan: &Plan, arguments: &[Val]) -> Result<Run, Error> {
        let PlanKind::Insert { values, ignores_conflict } = &plan.kind else { return Err(Error::Misuse) };
        let row: Result<Vec<Val>, _> = values.iter().map(|value| value.value(&[], arguments)).collect();
        let row = row.map_err(|_| Error::Misuse)?;
        self.check_not_null(plan.table, &row)?;
        let wanted = self.keys_of(plan.table, &row);
        let taken = wanted.iter().any(|key| self.seen(base, changes, *key).is_some());
        let (reply, touched, error) = match (taken, ignores_conflict) {
            (false, _) => {
                let id = self.rows.id(&row);
                (Answered::Affected(1), vec![wanted.iter().map(|key| (*key, Change::Put(id))).collect()], None)
            }
            (true, true) => (Answered::Affected(0), Vec::new(), None),
            (true, false) => (Answered::Error(Error::Refused), Vec::new(), Some(Error::Refused)),
        };
        Ok(Run { reply: self.replies.id(&reply), touched, wanted, shown: Vec::new(), error })
    }
}
