//! What every state shares: the schema, the plans, and each distinct row, key and set of rows, kept once.

use std::sync::{PoisonError, RwLock};

use paidonce_protocol::{Error, Reply, Row, Statement, Value};
use rustc_hash::FxHashMap;

use super::exec::Run;
use super::value::{Symbols, Val};
use crate::intern::Interner;
use crate::sql::{Plan, Space, SqlError, Tables};

/// A key of a table or of a unique index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) space: Space,
    pub(crate) values: Vec<Val>,
}

pub(crate) type KeyId = u32;
pub(crate) type RowId = u32;
/// A set of committed rows.
pub(crate) type ContentsId = u32;
/// What a transaction has locked and written.
pub(crate) type ChangesId = u32;
/// A statement with its arguments.
pub(crate) type RequestId = u32;
/// An answer.
pub(crate) type ReplyId = u32;

/// The rows of every table and the entries of every unique index, each in the order of its keys.
pub(crate) type Contents = Vec<Vec<(KeyId, RowId)>>;

/// What a transaction did to the row under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    /// Locked it, and nothing else.
    Locked,
    /// Wrote this row.
    Put(RowId),
    /// Removed it.
    Gone,
}

/// A transaction's changes, in the order of the key's number.
pub(crate) type Changes = Vec<(KeyId, Change)>;

/// A statement (by the number of its plan) with its arguments.
pub(crate) type BoundStatement = (u16, Vec<Val>);

/// An answer as the model keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answered {
    Done,
    Rows(Vec<Vec<Val>>),
    Affected(u32),
    Clock(i64),
    Error(Error),
}

/// No changes.
pub(crate) const NOTHING: ChangesId = 0;

/// See the module.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) tables: Tables,
    pub(crate) plans: Vec<Plan>,
    by_name: FxHashMap<&'static str, u16>,
    pub(crate) symbols: Symbols,
    pub(crate) rows: Interner<Vec<Val>>,
    pub(crate) keys: Interner<Key>,
    pub(crate) contents: Interner<Contents>,
    pub(crate) changes: Interner<Changes>,
    pub(crate) requests: Interner<BoundStatement>,
    pub(crate) replies: Interner<Answered>,
    runs: RwLock<FxHashMap<(ContentsId, ChangesId, RequestId), u32>>,
    run_results: boxcar::Vec<Run>,
}

impl Store {
    /// A store for this schema and these statements.
    pub(crate) fn new(schema: &str, statements: &[&'static Statement]) -> Result<Self, SqlError> {
        let tables = Tables::parse(schema)?;
        let symbols = Symbols::new();
        let mut plans: Vec<Plan> = Vec::new();
        let mut by_name = FxHashMap::default();
        for &statement in statements {
            if by_name.contains_key(statement.name) {
                continue;
            }
            let plan = Plan::compile(statement, &tables, &symbols)?;
            by_name.insert(statement.name, plans.len() as u16);
            plans.push(plan);
        }
        let changes = Interner::new();
        let nothing = changes.id(&Changes::new());
        debug_assert_eq!(nothing, NOTHING);
        Ok(Store {
            tables,
            plans,
            by_name,
            symbols,
            rows: Interner::new(),
            keys: Interner::new(),
            contents: Interner::new(),
            changes,
            requests: Interner::new(),
            replies: Interner::new(),
            runs: RwLock::default(),
            run_results: boxcar::Vec::new(),
        })
    }

    /// The number of a statement with these arguments.
    pub(crate) fn request(&self, statement: &'static Statement, arguments: &[Value]) -> Result<RequestId, SqlError> {
        let fail = |problem: String| Err(SqlError { subject: statement.name.to_owned(), problem });
        let Some(&plan) = self.by_name.get(statement.name) else {
            return fail("is sent but not listed among the protocol's statements; add it to the list".to_owned());
        };
        let takes = self.plans[plan as usize].arguments;
        if takes != arguments.len() {
            return fail(format!("takes {takes} arguments and was given {}", arguments.len()));
        }
        Ok(self.requests.id(&(plan, arguments.iter().map(|value| self.symbols.val(value)).collect())))
    }

    /// The plan of a request.
    pub(crate) fn plan(&self, request: RequestId) -> &Plan {
        &self.plans[self.requests.get(request).0 as usize]
    }

    /// The keys of a row of this table: the primary one first, then one for each unique index without a NULL.
    pub(crate) fn keys_of(&self, table: usize, row: &[Val]) -> Vec<KeyId> {
        let definition = &self.tables.tables[table];
        let key = |space: Space, columns: &[usize]| {
            let values: Vec<Val> = columns.iter().map(|column| as_key(row[*column])).collect();
            self.keys.id(&Key { space, values })
        };
        let mut keys = vec![key(table as Space, &definition.primary)];
        for (space, columns) in &definition.uniques {
            if columns.iter().all(|column| row[*column] != Val::Null) {
                keys.push(key(*space, columns));
            }
        }
        keys
    }

    /// Committed rows from rows by table name.
    ///
    /// # Panics
    /// Never for rows that fit the schema: the caller made both.
    pub(crate) fn contents_of(&self, rows: &[(&str, Vec<Value>)]) -> Result<ContentsId, SqlError> {
        let mut changes = Changes::new();
        for (table, row) in rows {
            let fail = |problem: &str| SqlError { subject: format!("rows of {table}"), problem: problem.to_owned() };
            let number = self.tables.find(table).ok_or_else(|| fail("the schema has no such table"))?;
            if row.len() != self.tables.tables[number].columns.len() {
                return Err(fail("a row has not as many values as the table has columns"));
            }
            let row: Vec<Val> = row.iter().map(|value| self.symbols.val(value)).collect();
            let id = self.rows.id(&row);
            for key in self.keys_of(number, &row) {
                if changes.iter().any(|(known, _)| *known == key) {
                    return Err(fail("two rows have the same key"));
                }
                changes.push((key, Change::Put(id)));
            }
        }
        let empty = self.contents.id(&vec![Vec::new(); self.tables.spaces]);
        Ok(self.apply(empty, self.changes.id(&changes)))
    }

    /// The rows after a transaction's changes.
    pub(crate) fn apply(&self, base: ContentsId, changes: ChangesId) -> ContentsId {
        if changes == NOTHING {
            return base;
        }
        let mut contents = self.contents.get(base).clone();
        for (key, change) in self.changes.get(changes) {
            let space = &mut contents[self.keys.get(*key).space as usize];
            let place = space.binary_search_by(|(other, _)| self.compare_keys(*other, *key));
            match (change, place) {
                (Change::Locked, _) | (Change::Gone, Err(_)) => {}
                (Change::Put(row), Ok(place)) => space[place].1 = *row,
                (Change::Put(row), Err(place)) => space.insert(place, (*key, *row)),
                (Change::Gone, Ok(place)) => drop(space.remove(place)),
            }
        }
        self.contents.id(&contents)
    }

    pub(crate) fn compare_keys(&self, left: KeyId, right: KeyId) -> std::cmp::Ordering {
        if left == right {
            return std::cmp::Ordering::Equal;
        }
        let (left, right) = (self.keys.get(left), self.keys.get(right));
        left.values
            .iter()
            .zip(&right.values)
            .map(|(a, b)| self.symbols.sort_order(*a, *b))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }

    /// The committed row under a key.
    pub(crate) fn committed(&self, contents: ContentsId, key: KeyId) -> Option<RowId> {
        let space = &self.contents.get(contents)[self.keys.get(key).space as usize];
        space.iter().find(|(other, _)| *other == key).map(|(_, row)| *row)
    }

    /// A transaction's changes with these added; a later change of a key replaces an earlier one.
    pub(crate) fn add_changes(&self, changes: ChangesId, added: &[(KeyId, Change)]) -> ChangesId {
        if added.is_empty() {
            return changes;
        }
        let mut all = self.changes.get(changes).clone();
        for (key, change) in added {
            match all.binary_search_by_key(key, |(known, _)| *known) {
                Ok(place) if *change == Change::Locked && all[place].1 != Change::Locked => {}
                Ok(place) => all[place].1 = *change,
                Err(place) => all.insert(place, (*key, *change)),
            }
        }
        self.changes.id(&all)
    }

    /// Run a statement alone on these rows, remembering the result: most steps of an exploration were taken before, with
    /// other actors elsewhere.
    pub(crate) fn run(&self, base: ContentsId, changes: ChangesId, request: RequestId) -> &Run {
        let question = (base, changes, request);
        if let Some(known) = self.runs.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return &self.run_results[*known as usize];
        }
        let run = self.run_anew(base, changes, request, None);
        let index = self.run_results.push(run);
        self.runs.write().unwrap_or_else(PoisonError::into_inner).insert(question, index as u32);
        &self.run_results[index]
    }

    /// An answer as a protocol is given it.
    pub(crate) fn reply(&self, id: ReplyId) -> Result<Reply, Error> {
        match self.replies.get(id) {
            Answered::Done => Ok(Reply::Done),
            Answered::Rows(rows) => {
                let row = |row: &Vec<Val>| Row(row.iter().map(|val| self.symbols.value(*val)).collect());
                Ok(Reply::Rows(rows.iter().map(row).collect()))
            }
            Answered::Affected(rows) => Ok(Reply::Affected(u64::from(*rows))),
            Answered::Clock(now_ms) => Ok(Reply::Clock(*now_ms)),
            Answered::Error(error) => Err(*error),
        }
    }
}

/// A moment in a key is the integer that a database keeps for it.
fn as_key(val: Val) -> Val {
    match val {
        Val::Instant(ms) => Val::Int(ms),
        other => other,
    }
}
