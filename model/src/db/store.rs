//! What every state shares: the schema, the plans, and each distinct row, key and set of rows, kept once.

use std::sync::{PoisonError, RwLock};

use paidonce_protocol::{Dialect, Error, Reply, Row, Statement, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::cause::Cause;
pub(crate) use super::change::Change;
use super::contents::Versions;
use super::exec::{Ran, Run, equal, is_whole};
use super::gaps::{Gap, NO_GAPS};
use super::name_order::NameOrder;
use super::named::{NO_NAMED, Named};
use super::rules::Noted;
use super::transactions::Caller;
use super::value::{Symbols, Val};
use crate::engine::Engine;
use crate::intern::Interner;
use crate::sql::{Kind, Path, Plan, Space, SqlError, Tables};

/// A key of a table or of a unique index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) space: Space,
    pub(crate) values: Vec<Val>,
}

pub(crate) type KeyId = u32;
/// The keys of a row.
pub(crate) type RowKeys = SmallVec<[KeyId; 3]>;
pub(crate) type RowId = u32;
/// A set of committed rows.
pub(crate) type ContentsId = u32;
/// What a transaction has locked and written.
pub(crate) type ChangesId = u32;
/// A set of keys, in the order of their numbers.
pub(crate) type KeySetId = u32;
/// A statement with its arguments.
pub(crate) type RequestId = u32;
/// An answer.
pub(crate) type ReplyId = u32;

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
    /// As a protocol is told it.
    Error(Error),
    /// As the database says it.
    Failed(Cause),
}

/// No changes.
pub(crate) const NOTHING: ChangesId = 0;
/// No keys.
pub(crate) const NO_KEYS: KeySetId = 0;

/// See the module.
#[derive(Debug)]
pub(crate) struct Store {
    /// Who sends the calls.
    pub(crate) caller: Caller,
    /// Whose words and ways statements follow.
    pub(crate) dialect: Dialect,
    pub(crate) tables: Tables,
    pub(crate) plans: Vec<Plan>,
    /// The numbers of the statements, with their texts.
    by_name: FxHashMap<&'static str, (u16, &'static str)>,
    pub(crate) symbols: Symbols,
    pub(crate) rows: Interner<Vec<Val>>,
    pub(crate) keys: Interner<Key>,
    pub(super) versions: Versions,
    pub(crate) changes: Interner<Changes>,
    pub(crate) key_sets: Interner<Vec<KeyId>>,
    pub(crate) gap_sets: Interner<Vec<Gap>>,
    pub(crate) named_sets: Interner<Vec<Named>>,
    pub(crate) requests: Interner<BoundStatement>,
    pub(crate) replies: Interner<Answered>,
    runs: RwLock<FxHashMap<(ContentsId, ChangesId, RequestId), u32>>,
    run_results: boxcar::Vec<Run>,
    pub(super) noted: Noted,
    pub(crate) names: NameOrder,
}

/// A statement that would be taken for another one.
fn namesake(statement: &Statement) -> SqlError {
    let problem = "is the name of another statement, too; give each its own".to_owned();
    SqlError { subject: statement.name.to_owned(), problem }
}

impl Store {
    /// A store for this schema and these statements, as a database of this dialect runs them.
    pub(crate) fn new(schema: &str, statements: &[&'static Statement], dialect: Dialect) -> Result<Self, SqlError> {
        let tables = Tables::parse(schema)?;
        let symbols = Symbols::new();
        let mut plans: Vec<Plan> = Vec::new();
        let mut by_name = FxHashMap::default();
        for &statement in statements {
            match by_name.get(statement.name) {
                Some((_, sql)) if *sql != statement.sql => return Err(namesake(statement)),
                Some(_) => continue,
                None => {}
            }
            let plan = Plan::compile(statement, &tables, &symbols, dialect)?;
            by_name.insert(statement.name, (plans.len() as u16, statement.sql));
            plans.push(plan);
        }
        let changes = Interner::new();
        let nothing = changes.id(&Changes::new());
        debug_assert_eq!(nothing, NOTHING);
        let key_sets = Interner::new();
        let no_keys = key_sets.id(&Vec::new());
        debug_assert_eq!(no_keys, NO_KEYS);
        let gap_sets = Interner::new();
        let no_gaps = gap_sets.id(&Vec::new());
        debug_assert_eq!(no_gaps, NO_GAPS);
        let named_sets = Interner::new();
        let no_named = named_sets.id(&Vec::new());
        debug_assert_eq!(no_named, NO_NAMED);
        Ok(Store {
            caller: Caller::Session,
            dialect,
            tables,
            plans,
            by_name,
            symbols,
            rows: Interner::new(),
            keys: Interner::new(),
            versions: Versions::each(),
            changes,
            key_sets,
            gap_sets,
            named_sets,
            requests: Interner::new(),
            replies: Interner::new(),
            runs: RwLock::default(),
            run_results: boxcar::Vec::new(),
            noted: Noted::default(),
            names: NameOrder::default(),
        })
    }

    /// A store for many rows of which only the newest version is whole.
    pub(crate) fn for_many(
        schema: &str,
        statements: &[&'static Statement],
        dialect: Dialect,
    ) -> Result<Self, SqlError> {
        let store = Store::new(schema, statements, dialect)?;
        let (mut columns, mut prefixes) = (Vec::new(), Vec::new());
        for plan in &store.plans {
            let own = plan.condition().filter(|_| !plan.inserts()).map(|filter| (plan.table, &plan.access, filter));
            let besides =
                plan.reads().filter_map(|read| Some((read.table, &read.select.access, read.select.filter.as_ref()?)));
            for (table, access, filter) in own.into_iter().chain(besides) {
                if let Path::Prefix(count) = access.path {
                    prefixes.push((table as Space, count));
                }
                let by = filter.conjuncts().into_iter().filter(|_| is_whole(access)).find_map(equal);
                columns.extend(by.map(|(column, _)| (table, column)));
            }
        }
        columns.sort_unstable();
        columns.dedup();
        prefixes.sort_unstable();
        prefixes.dedup();
        let versions = Versions::newest(store.tables.spaces, columns, prefixes);
        Ok(Store { versions, ..store })
    }

    /// A store for scripts, whose statements come one by one.
    pub(crate) fn for_scripts(schema: &str, dialect: Dialect) -> Result<Self, SqlError> {
        Ok(Store { caller: Caller::Script, ..Store::new(schema, &[], dialect)? })
    }

    /// Whether an engine's way to the rows of every statement is known, where something depends on it.
    ///
    /// # Errors
    /// With the statement of which it is not, and why.
    pub(crate) fn suits(&self, engine: Engine) -> Result<(), SqlError> {
        self.plans.iter().try_for_each(|plan| self.plan_suits(engine, plan))
    }

    /// The same for one statement.
    ///
    /// # Errors
    /// As [`Store::suits`].
    pub(crate) fn suits_with(&self, engine: Engine, statement: &'static Statement) -> Result<(), SqlError> {
        self.plan_suits(engine, &self.plans[usize::from(self.number_of(statement)?)])
    }

    fn plan_suits(&self, engine: Engine, plan: &Plan) -> Result<(), SqlError> {
        match plan.misplaced(engine).or_else(|| plan.unforeseen(&self.tables, engine)) {
            None => Ok(()),
            Some(problem) => {
                Err(SqlError { subject: plan.name.to_owned(), problem: format!("on {}, {problem}", engine.name()) })
            }
        }
    }

    /// Take a further statement in.
    pub(crate) fn add(&mut self, statement: &'static Statement) -> Result<(), SqlError> {
        if !self.by_name.contains_key(statement.name) {
            let plan = Plan::compile(statement, &self.tables, &self.symbols, self.dialect)?;
            self.by_name.insert(statement.name, (self.plans.len() as u16, statement.sql));
            self.plans.push(plan);
        }
        Ok(())
    }

    /// The number of a statement with these arguments.
    pub(crate) fn request(&self, statement: &'static Statement, arguments: &[Value]) -> Result<RequestId, SqlError> {
        let fail = |problem: String| Err(SqlError { subject: statement.name.to_owned(), problem });
        let plan = self.number_of(statement)?;
        let takes = &self.plans[plan as usize].arguments;
        if takes.len() != arguments.len() {
            return fail(format!("takes {} arguments and was given {}", takes.len(), arguments.len()));
        }
        for (place, (kind, value)) in takes.iter().zip(arguments).enumerate() {
            let Some(is) = Kind::of(value) else { continue };
            if let Some(kind) = kind.filter(|kind| *kind != is) {
                return fail(format!("needs {} for ${} and was given {value}", kind.name(), place + 1));
            }
        }
        // The beginning of time stands for the moment until it is known.
        let moment = self.plans[plan as usize].reads_clock.then_some(Val::Instant(0));
        let values = arguments.iter().map(|value| self.symbols.val(value)).chain(moment);
        Ok(self.requests.keep((plan, values.collect())))
    }

    fn number_of(&self, statement: &'static Statement) -> Result<u16, SqlError> {
        match self.by_name.get(statement.name) {
            Some((number, sql)) if std::ptr::eq(*sql, statement.sql) || *sql == statement.sql => Ok(*number),
            Some(_) => Err(namesake(statement)),
            None => Err(SqlError {
                subject: statement.name.to_owned(),
                problem: "is sent but not listed among the protocol's statements; add it to the list".to_owned(),
            }),
        }
    }

    /// The plan of a statement.
    pub(crate) fn plan_of(&self, statement: &'static Statement) -> Result<&Plan, SqlError> {
        Ok(&self.plans[self.number_of(statement)? as usize])
    }

    /// True for a table that some statement writes.
    pub(crate) fn is_written(&self, table: usize) -> bool {
        self.plans.iter().any(|plan| plan.table == table && plan.writes())
    }

    /// The plan of a request.
    pub(crate) fn plan(&self, request: RequestId) -> &Plan {
        &self.plans[self.requests.get(request).0 as usize]
    }

    /// The keys of a row of this table: the primary one first, then one for each unique index without a NULL.
    pub(crate) fn keys_of(&self, table: usize, row: &[Val]) -> RowKeys {
        let definition = &self.tables.tables[table];
        let key = |space: Space, columns: &[usize]| {
            let values: SmallVec<[Val; 4]> = columns.iter().map(|column| row[*column]).collect();
            self.key(space, values)
        };
        let mut keys = RowKeys::new();
        keys.push(key(table as Space, &definition.primary));
        for (space, columns) in &definition.uniques {
            if columns.iter().all(|column| row[*column] != Val::Null) {
                keys.push(key(*space, columns));
            }
        }
        keys
    }

    /// The key of these values.
    pub(super) fn key(&self, space: Space, mut values: SmallVec<[Val; 4]>) -> KeyId {
        values.iter_mut().for_each(|value| *value = value.as_key());
        let is_it = |key: &Key| key.space == space && key.values[..] == values[..];
        self.keys.id_of(&(space, &values[..]), is_it, || Key { space, values: values.to_vec() })
    }

    /// Committed rows from rows by table name.
    ///
    /// # Panics
    /// Never for rows that fit the schema: the caller made both.
    pub(crate) fn contents_of<T: AsRef<str>>(&self, rows: &[(T, Vec<Value>)]) -> Result<ContentsId, SqlError> {
        let mut changes = Changes::new();
        let mut known: FxHashSet<KeyId> = FxHashSet::default();
        for (table, row) in rows {
            let table = table.as_ref();
            let fail = |problem: &str| SqlError { subject: format!("rows of {table}"), problem: problem.to_owned() };
            let number = self.tables.find(table).ok_or_else(|| fail("the schema has no such table"))?;
            if row.len() != self.tables.tables[number].columns.len() {
                return Err(fail("a row has not as many values as the table has columns"));
            }
            if let Some(problem) = self.tables.tables[number].misfit(row) {
                return Err(fail(&problem));
            }
            let row: Vec<Val> = row.iter().map(|value| self.symbols.val(value)).collect();
            let id = self.rows.id(&row);
            for key in self.keys_of(number, &row) {
                if !known.insert(key) {
                    return Err(fail("two rows have the same key"));
                }
                changes.push((key, Change::Put(id)));
            }
        }
        Ok(self.commit(self.first_version(), self.changes.keep(changes)))
    }

    pub(crate) fn compare_keys(&self, left: KeyId, right: KeyId) -> std::cmp::Ordering {
        if left == right {
            return std::cmp::Ordering::Equal;
        }
        let (left, right) = (self.keys.get(left), self.keys.get(right));
        left.values
            .iter()
            .zip(&right.values)
            .map(|(a, b)| self.placed(*a, *b))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }

    /// In which order two values come where rows are put in order.
    pub(super) fn placed(&self, left: Val, right: Val) -> std::cmp::Ordering {
        if let (Val::Text(one), Val::Text(other)) = (left, right)
            && one != other
        {
            self.names.note(self.symbols.get(one), self.symbols.get(other));
        }
        self.symbols.sort_order(left, right)
    }

    pub(crate) fn has_key(&self, keys: KeySetId, key: KeyId) -> bool {
        keys != NO_KEYS && self.key_sets.get(keys).binary_search(&key).is_ok()
    }

    /// True when a transaction has locked or written something under a key.
    pub(crate) fn has_changed(&self, changes: ChangesId, key: KeyId) -> bool {
        self.changes.get(changes).binary_search_by_key(&key, |(known, _)| *known).is_ok()
    }

    /// How a key stands to those that begin with these values.
    pub(crate) fn compare_prefix(&self, key: KeyId, values: &[Val]) -> std::cmp::Ordering {
        let own = &self.keys.get(key).values;
        let orders = own.iter().zip(values).map(|(own, other)| self.symbols.sort_order(*own, other.as_key()));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    }

    /// A set of keys with these added.
    pub(crate) fn add_keys(&self, keys: KeySetId, added: impl Iterator<Item = KeyId>) -> KeySetId {
        let mut all = self.key_sets.get(keys).clone();
        let before = all.len();
        for key in added {
            if let Err(place) = all.binary_search(&key) {
                all.insert(place, key);
            }
        }
        if all.len() == before { keys } else { self.key_sets.keep(all) }
    }

    /// A transaction's changes with these added; a later change of a key replaces an earlier one.
    pub(crate) fn add_changes(&self, changes: ChangesId, added: &[(KeyId, Change)]) -> ChangesId {
        if added.is_empty() {
            return changes;
        }
        let before = self.changes.get(changes);
        let mut all = Changes::with_capacity(before.len() + added.len());
        all.extend_from_slice(before);
        for (key, change) in added {
            match all.binary_search_by_key(key, |(known, _)| *known) {
                Ok(place) => all[place].1 = all[place].1.then(*change),
                Err(place) => all.insert(place, (*key, *change)),
            }
        }
        self.changes.keep(all)
    }

    /// Run a statement alone on these rows, remembering the result: most steps of an exploration were taken before, with
    /// other actors elsewhere.
    pub(crate) fn run(&self, base: ContentsId, changes: ChangesId, request: RequestId) -> Ran<'_> {
        if self.keeps_newest() {
            return Ran::Now(self.run_anew(base, changes, request, None));
        }
        let question = (base, changes, request);
        if let Some(known) = self.runs.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return Ran::Known(&self.run_results[*known as usize]);
        }
        let run = self.run_anew(base, changes, request, None);
        let index = self.run_results.push(run);
        self.runs.write().unwrap_or_else(PoisonError::into_inner).insert(question, index as u32);
        Ran::Known(&self.run_results[index])
    }

    /// An answer as a protocol tells it from others.
    pub(crate) fn as_told(&self, reply: ReplyId) -> ReplyId {
        match self.replies.get(reply) {
            Answered::Failed(cause) => self.replies.keep(Answered::Error(cause.kind())),
            _ => reply,
        }
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
            Answered::Failed(cause) => Err(cause.kind()),
        }
    }
}
