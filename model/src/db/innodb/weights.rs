//! What a transaction weighs: the rows that it has changed, and the structures that its locks take. A deadlock's victim is
//! chosen by that: see `victim`.
//!
//! Rules (`TRX_WEIGHT`, `lock_rec_add_to_queue`, `lock_rec_create_low` in storage/innobase/lock/lock0lock.cc):
//! - a structure stands for all records of an index that are locked in one way; a request that waits has one of its own, and
//!   so has a lock on a record for which somebody waits. It stays when its records are let go;
//! - who has changed or put in a record has no structure for it, until somebody else asks for the record;
//! - a new record takes over the locks on the gap in which it stands; the record behind one that is taken out takes over what
//!   was locked there;
//! - a request that waits for a record leaves two structures behind when the record changes its size;
//! - a table is locked once for what is read and once for what is written, or only for what is written when that comes first.
//!
//! Only scripts know weights: in an exploration anybody may be the victim.

use std::hash::{Hash, Hasher};

use paidonce_protocol::Dialect;
use smallvec::SmallVec;

use super::numbers::Number;
use super::{ChangesId, Database, KeyId, RowId, Running, Store, Want, requests};
use crate::db::transactions::Caller;
use crate::db::{Change, Gap, Rule, Val};
use crate::sql::Space;

/// Which part of a record's place is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Span {
    /// The record and the gap before it.
    Both,
    Record,
    Gap,
}

/// One way to lock records of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    space: Space,
    exclusive: bool,
    span: Span,
}

/// A record of an index, or its end.
type Place = (Space, Option<KeyId>);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Weight {
    /// The rows that are changed, and those that were when the statement under way began.
    rows: u16,
    rows_before: u16,
    /// The tables that are locked, and whether to be written.
    tables: Vec<(Space, bool)>,
    /// The ways to lock of which there is a structure, and the further structures.
    kinds: Vec<Kind>,
    further: u16,
    /// True when it has waited and gone on.
    has_waited: bool,
    /// The lock for which the last request was, unless it was one to put a record in.
    asked: Option<Kind>,
    /// What is locked with a structure.
    held: Vec<(Option<KeyId>, Kind)>,
    /// Besides: what of it others may see.
    number: Number,
}

/// What a connection's transaction weighs, where somebody asks for that. States are not told apart by it: where they are
/// counted there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weighed(Option<Box<Weight>>);

impl Hash for Weighed {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Weighed {
    pub(in crate::db) const NONE: Weighed = Weighed(None);

    /// The weight; 0 where nobody asks for it.
    pub(super) fn total(&self) -> u16 {
        self.0.as_ref().map_or(0, |weight| weight.total())
    }

    /// True when the transaction has waited and gone on.
    pub(super) fn has_waited(&self) -> bool {
        self.0.as_ref().is_some_and(|weight| weight.has_waited)
    }
}

impl Kind {
    fn new((space, record): Place, exclusive: bool, span: Span) -> Self {
        // Behind the last record there is nothing but a gap.
        let span = if record.is_none() { Span::Both } else { span };
        Kind { space, exclusive, span }
    }
}

impl Weight {
    fn total(&self) -> u16 {
        self.rows + self.tables.len() as u16 + self.kinds.len() as u16 + self.further
    }

    fn add(&mut self, kind: Kind, is_own: bool) {
        match self.kinds.contains(&kind) {
            false => self.kinds.push(kind),
            true => self.further += u16::from(is_own),
        }
    }

    fn has(&self, (space, record): Place, exclusive: bool, span: Span) -> bool {
        self.held.iter().any(|(known, kind)| {
            let is_as_wide = kind.span == Span::Both || kind.span == span;
            *known == record && kind.space == space && kind.exclusive >= exclusive && is_as_wide
        })
    }

    fn lock(&mut self, place: Place, exclusive: bool, span: Span, is_waited_for: bool) {
        if !self.has(place, exclusive, span) {
            let kind = Kind::new(place, exclusive, span);
            self.add(kind, is_waited_for);
            self.held.push((place.1, kind));
        }
    }

    /// The locks on a place that are on the gap before it, too, by whether they are exclusive.
    fn gap_locks(&self, (space, record): Place) -> SmallVec<[bool; 2]> {
        let is_on_gap = |kind: &Kind| kind.space == space && matches!(kind.span, Span::Both | Span::Gap);
        self.held
            .iter()
            .filter(|(known, kind)| *known == record && is_on_gap(kind))
            .map(|(_, kind)| kind.exclusive)
            .collect()
    }
}

impl Store {
    /// True when two rows take as much room, column by column. Integers all take the same.
    fn are_of_one_size(&self, one: RowId, other: RowId) -> bool {
        let size = |val: &Val| self.size(*val);
        self.rows.get(one).iter().map(size).eq(self.rows.get(other).iter().map(size))
    }

    /// The same of two records.
    fn are_keys_of_one_size(&self, one: KeyId, other: KeyId) -> bool {
        let size = |val: &Val| self.size(*val);
        self.keys.get(one).values.iter().map(size).eq(self.keys.get(other).values.iter().map(size))
    }

    fn size(&self, val: Val) -> Option<usize> {
        match val {
            Val::Null => None,
            Val::Int(_) | Val::Instant(_) => Some(0),
            Val::Text(text) => Some(self.symbols.get(text).len()),
        }
    }
}

impl Database {
    /// A record is rewritten at another size, and is moved out of its place for that and back again. Each time a request that
    /// waits for it leaves a structure behind (`lock_rec_move`, to and from the page's infimum: `lock_rec_store_on_page_infimum`;
    /// seen on the server at hand).
    fn is_moved(&mut self, store: &Store, record: KeyId) {
        for open in self.connections.busy_mut() {
            let waits = open.wait.as_ref().is_some_and(|wait| wait.want != Want::Gap && wait.keys.contains(&record));
            if let Some(weight) = open.weight.0.as_mut().filter(|_| waits) {
                weight.further += 2;
                store.note(Rule::InnodbMoves);
            }
        }
    }

    /// What a transaction has written since `before` is undone: records whose size it has changed are moved.
    pub(in crate::db) fn moves_back(&mut self, store: &Store, who: usize, before: ChangesId) {
        if store.caller != Caller::Script || store.dialect != Dialect::MariaDb {
            return;
        }
        let known = store.changes.get(before);
        for change in store.changes.get(self.connections[who].changes).iter().filter(|change| !known.contains(change)) {
            if let (key, Change::Put(row) | Change::Reborn(row)) = change {
                self.is_written(store, *key, *row);
            }
        }
    }

    fn is_waited_for(&self, store: &Store, (space, record): Place) -> bool {
        self.connections.iter().filter_map(|open| open.wait.as_ref()).any(|wait| {
            let is_there = |key: &KeyId| match wait.want {
                Want::Gap => store.keys.get(*key).space == space && self.behind(store, *key) == record,
                _ => Some(*key) == record,
            };
            wait.keys.iter().any(is_there)
        })
    }

    /// The record behind this one, or behind where it would stand.
    fn behind(&self, store: &Store, record: KeyId) -> Option<KeyId> {
        let records = self.records(store, store.keys.get(record).space);
        records.into_iter().find(|known| store.compare_keys(*known, record).is_gt())
    }

    /// A new record takes over the locks on the gap in which it stands.
    fn takes_over(&mut self, store: &Store, record: KeyId) {
        let space = store.keys.get(record).space;
        let behind = (space, self.behind(store, record));
        for open in self.connections.busy_mut() {
            // A request that waits for the gap and its record has locked the gap already.
            let on_gap = |gap: &Gap| gap.before == behind.1 && gap.space == space;
            let waits = open.wait.as_ref().filter(|wait| {
                let is_there = wait.want != Want::Gap && behind.1.is_some_and(|key| wait.keys.contains(&key));
                is_there && store.gap_sets.get(open.gaps).iter().any(on_gap)
            });
            let waiting = waits.map(|wait| wait.want == Want::Exclusive);
            if let Some(weight) = &mut open.weight.0 {
                for exclusive in weight.gap_locks(behind).into_iter().chain(waiting) {
                    weight.lock((space, Some(record)), exclusive, Span::Gap, false);
                }
            }
        }
    }

    /// A record is written, in the place of what was there.
    pub(super) fn is_written(&mut self, store: &Store, record: KeyId, row: RowId) {
        if store.caller == Caller::Script && self.changes_size(store, record, row) {
            self.is_moved(store, record);
        }
    }

    /// True when a row takes more or less room than what its record holds. Of a row that was removed long ago there are the
    /// records of its further keys left.
    fn changes_size(&self, store: &Store, record: KeyId, row: RowId) -> bool {
        let table = usize::from(store.keys.get(record).space);
        if table >= store.tables.tables.len() {
            return false;
        }
        if let Some(old) = store.committed(self.committed, record) {
            return !store.are_of_one_size(old, row);
        }
        store.indexes(table).into_iter().skip(1).any(|space| {
            let new = store.record(space, row);
            let is_new =
                |known: KeyId| known == new || self.connections.iter().any(|open| store.has_key(open.made, known));
            let left = self.records(store, space).into_iter().filter(|known| store.primary_of(*known) == record);
            left.filter(|known| !is_new(*known)).any(|known| !store.are_keys_of_one_size(known, new))
        })
    }

    /// A record is taken out: what was locked there is locked on the one behind it, as far as it stays (see `records`).
    pub(super) fn is_taken_out(&mut self, store: &Store, record: KeyId) {
        if store.caller != Caller::Script {
            return;
        }
        let behind = (store.keys.get(record).space, self.behind(store, record));
        let is_waited_for = self.is_waited_for(store, behind);
        let gaps = self.locks_gaps;
        for open in self.connections.busy_mut() {
            let stays = gaps || open.wait.as_ref().is_some_and(|wait| wait.upserts(store));
            let waits = open.wait.as_ref().filter(|wait| wait.want != Want::Gap && wait.keys.contains(&record));
            let waiting = waits.map(|wait| wait.want == Want::Exclusive);
            let Some(weight) = &mut open.weight.0 else { continue };
            let held = weight.held.iter().filter(|(known, _)| *known == Some(record)).map(|(_, kind)| kind.exclusive);
            let held: SmallVec<[bool; 4]> = held.chain(waiting).filter(|exclusive| stays || !*exclusive).collect();
            weight.held.retain(|(known, _)| *known != Some(record));
            for exclusive in held {
                // Nobody looks whether it is locked already (`lock_rec_inherit_to_gap`), which shows where somebody waits.
                if is_waited_for && weight.has(behind, exclusive, Span::Gap) {
                    weight.further += 1;
                }
                weight.lock(behind, exclusive, Span::Gap, is_waited_for);
            }
            if let Some(asked) = weight.asked.filter(|asked| waits.is_some() && !weight.kinds.contains(asked)) {
                // After that the structure of the request stays, with no record, for locks of its kind (`lock_update_delete`,
                // `lock_rec_cancel`).
                weight.kinds.push(asked);
                weight.further = weight.further.saturating_sub(1);
            }
        }
    }
}

impl super::super::Connection {
    pub(super) fn number(&self) -> Option<&Number> {
        self.weight.0.as_ref().map(|weight| &weight.number)
    }

    pub(super) fn number_mut(&mut self) -> &mut Number {
        &mut self.weight.0.get_or_insert_default().number
    }

    /// True when a lock on a record has a structure: who has written the record has none, until somebody else asks for it.
    /// Where no weights are kept nobody knows.
    pub(super) fn has_structure(&self, (space, record): (Space, KeyId), want: Want) -> Option<bool> {
        let weight = self.weight.0.as_ref()?;
        Some(weight.has((space, Some(record)), want == Want::Exclusive, Span::Record))
    }
}

impl Running<'_> {
    /// True when its lock on a record has a structure.
    pub(super) fn has_structure(&self, record: KeyId, want: Want) -> bool {
        self.database.connections[self.who].has_structure((self.space_of(record), record), want).unwrap_or_default()
    }

    fn weight(&mut self) -> Option<&mut Weight> {
        if self.store.caller != Caller::Script {
            return None;
        }
        Some(self.database.connections[self.who].weight.0.get_or_insert_default())
    }

    /// A statement begins.
    pub(super) fn weighs_before(&mut self) {
        if let Some(weight) = self.weight() {
            weight.rows_before = weight.rows;
        }
    }

    /// It goes on after a wait.
    pub(super) fn weighs_since_wait(&mut self) {
        if let Some(weight) = self.weight() {
            weight.has_waited = true;
        }
    }

    /// It is undone.
    pub(super) fn weighs_as_before(&mut self) {
        if let Some(weight) = self.weight() {
            weight.rows = weight.rows_before;
        }
    }

    /// A row is changed, or no longer.
    pub(super) fn weighs_row(&mut self, is_changed: bool) {
        if let Some(weight) = self.weight() {
            weight.rows = if is_changed { weight.rows + 1 } else { weight.rows.saturating_sub(1) };
        }
    }

    /// A table is locked.
    pub(super) fn weighs_table(&mut self, table: usize, want: Want) {
        let (space, writes) = (table as Space, want != Want::Share);
        if let Some(weight) = self.weight()
            && !weight.tables.iter().any(|(known, known_writes)| *known == space && *known_writes >= writes)
        {
            weight.tables.push((space, writes));
        }
    }

    /// A place is locked, without a wait.
    pub(super) fn weighs(&mut self, place: Place, want: Want, span: Span) {
        if self.store.caller == Caller::Script {
            let is_waited_for = self.database.is_waited_for(self.store, place);
            if let Some(weight) = self.weight() {
                weight.lock(place, want == Want::Exclusive, span, is_waited_for);
            }
        }
    }

    /// A lock is asked for, and has to be waited for; `None` for one to put a record in.
    pub(super) fn weighs_request(&mut self, of: Option<(KeyId, Want, Span)>) {
        let kind = |(record, want, span): (KeyId, Want, Span)| {
            Kind::new((self.space_of(record), Some(record)), want == Want::Exclusive, span)
        };
        let asked = of.map(kind);
        if let Some(weight) = self.weight() {
            // While it waits no other lock goes into its structure.
            weight.further += 1;
            weight.asked = asked;
        }
    }

    /// It is granted.
    pub(super) fn weighs_granted(&mut self, record: KeyId, want: Want, span: Span) {
        let space = self.space_of(record);
        if let Some(weight) = self.weight() {
            let kind = Kind::new((space, Some(record)), want == Want::Exclusive, span);
            if !weight.kinds.contains(&kind) {
                weight.kinds.push(kind);
                weight.further = weight.further.saturating_sub(1);
            }
            weight.held.push((Some(record), kind));
        }
    }

    /// A lock on a record is let go; its structure stays.
    pub(super) fn weighs_no_more(&mut self, record: KeyId, want: Want) {
        if let Some(weight) = self.weight() {
            let is_it = |kind: &Kind| kind.exclusive == (want == Want::Exclusive);
            weight.held.retain(|(known, kind)| *known != Some(record) || !is_it(kind));
        }
    }

    /// A new record is in its index.
    pub(super) fn weighs_new(&mut self, record: KeyId) {
        if self.store.caller == Caller::Script {
            self.database.takes_over(self.store, record);
        }
    }

    /// The lock of whoever has changed a record gets a structure.
    pub(super) fn weighs_for_others(&mut self, record: KeyId) {
        let (store, who) = (self.store, self.who);
        if store.caller != Caller::Script {
            return;
        }
        let place = (self.space_of(record), Some(record));
        let holders = requests::holders(self.database, store, who, record, Want::Share);
        for other in holders {
            self.database.connections[other].weight.0.get_or_insert_default().lock(place, true, Span::Record, false);
        }
    }

    fn space_of(&self, record: KeyId) -> Space {
        self.store.keys.get(record).space
    }
}
