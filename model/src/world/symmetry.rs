//! Requests of one notice on one server differ only in their id: states that differ only in which is which are one.
//!
//! A state is put into a fixed order by swapping such requests, and their ids wherever they stand in rows.

use std::hash::{Hash, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use super::state::{Actor, Phase, State};
use super::{Group, Slot, World};
use crate::db::{
    Change, ChangesId, Connection, ContentsId, Database, Gap, GapSetId, Key, KeyId, KeySetId, NO_GAPS, NO_KEYS,
    NO_NAMED, NamedSetId, RowId, Symbol, Val,
};
use crate::sql::Space;

/// Which requests are alike, and what has been renamed before.
#[derive(Debug, Default)]
pub(crate) struct Renaming {
    /// Runs of slots that are alike, each at least two.
    alike: Vec<Vec<usize>>,
    contents: RwLock<FxHashMap<(ContentsId, Swap), ContentsId>>,
    changes: RwLock<FxHashMap<(ChangesId, Swap), ChangesId>>,
    symbols: RwLock<FxHashMap<(Symbol, Swap), Symbol>>,
}

/// Two slots whose ids change places.
type Swap = (u8, u8);

impl Renaming {
    pub(crate) fn new(slots: &[Slot], groups: &[Group]) -> Self {
        let mut alike = Vec::new();
        for group in groups {
            let offset = slots[group.slots.start].clock_offset_ms;
            // Deliveries are numbered in the order in which they come, so that only a whole group can be alike.
            if group.slots.len() > 1 && group.slots.clone().all(|slot| slots[slot].clock_offset_ms == offset) {
                alike.push(group.slots.clone().collect());
            }
        }
        Renaming { alike, ..Renaming::default() }
    }

    /// What the ids of requests that are alike begin with.
    pub(crate) fn stems(&self, slots: &[Slot]) -> Vec<String> {
        let first = |run: &Vec<usize>| {
            run.first().map(|slot| slots[*slot].name.trim_end_matches(|last: char| last.is_ascii_digit()).to_owned())
        };
        self.alike.iter().filter_map(first).collect()
    }
}

/// Actors in the order in which a state lists them: those that have not come stand last.
fn rank(actor: &Actor) -> (u8, u64) {
    let place = match actor.phase {
        Phase::Ready(_) => 0,
        Phase::Waiting(..) | Phase::Written(..) | Phase::Shown(..) => 1,
        Phase::Blocked(..) => 2,
        Phase::Ended => 3,
        Phase::Dead(_) => 4,
        Phase::Fresh => 5,
    };
    (place, hash(actor))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// True when states are to be told apart no further than their requests can be.
    fn is_symmetric(&self) -> bool {
        self.reductions.symmetry && !self.asymmetric.load(Ordering::Relaxed)
    }

    /// Make a state the one that stands for it and all that differ only in which request is which.
    pub(crate) fn canonicalise(&self, state: &mut State) {
        if !self.is_symmetric() {
            return;
        }
        if self.store.names.has_decided() {
            self.tells_apart();
            return;
        }
        let mut equals: SmallVec<[&[usize]; 4]> = SmallVec::new();
        for run in &self.symmetry.alike {
            // An insertion sort: runs are short, and each exchange renames rows.
            for end in 1..run.len() {
                for place in (0..end).rev() {
                    let (first, second) = (run[place], run[place + 1]);
                    if rank(&state.actors[first]) <= rank(&state.actors[second]) {
                        break;
                    }
                    *state = self.swapped(state, first, second);
                }
            }
            let came = run.iter().filter(|slot| state.actors[**slot].phase != Phase::Fresh).count();
            let mut rest = &run[..came];
            while let Some(first) = rest.first() {
                let of_rank = rank(&state.actors[*first]);
                let equal = rest.iter().filter(|slot| rank(&state.actors[**slot]) == of_rank).count();
                if equal > 1 && self.names_one_of(state, &rest[..equal]) {
                    equals.push(&rest[..equal]);
                }
                rest = &rest[equal..];
            }
        }
        match equals[..] {
            [] => {}
            [&[first, second]] => self.order_two(state, first, second),
            _ => self.make_least(state, &equals),
        }
    }

    /// False when nothing but the actors themselves is different when these actors, alike in all else, change places.
    fn names_one_of(&self, state: &State, alike: &[usize]) -> bool {
        let Database { committed, removed, ssi, connections, .. } = &state.database;
        let is_idle = |connection: &Connection| *connection == Connection::default();
        let nothing_is_open = state.mails.is_empty() && state.orphans.is_empty() && state.unwritten.is_empty();
        !(connections.iter().all(is_idle) && nothing_is_open)
            || *removed != NO_KEYS
            || ssi.is_some()
            || alike.windows(2).any(|two| self.swap_contents(*committed, (two[0] as u8, two[1] as u8)) != *committed)
    }

    /// See [`World::make_least`], for one pair: most of the time what is committed says it already.
    fn order_two(&self, state: &mut State, first: usize, second: usize) {
        let committed = state.database.committed;
        let exchanged = self.swap_contents(committed, (first as u8, second as u8));
        if exchanged > committed {
            return;
        }
        let other = self.swapped(state, first, second);
        if exchanged < committed || hash(&other) < hash(state) {
            *state = other;
        }
    }

    /// Of the states that differ only in which of these actors, in each set alike in all else, is which: the one that stands
    /// for them. All sets at once: which of two is least in one set alone would depend on how the others stand.
    fn make_least(&self, state: &mut State, equals: &[&[usize]]) {
        match equals {
            [] => {}
            [[] | [_], sets @ ..] => self.make_least(state, sets),
            [[first, others @ ..], sets @ ..] => {
                let order = |state: &State| (state.database.committed, hash(state));
                let each_first: Vec<State> = others.iter().map(|other| self.swapped(state, *first, *other)).collect();
                let left: SmallVec<[&[usize]; 4]> = std::iter::once(others).chain(sets.iter().copied()).collect();
                self.make_least(state, &left);
                for mut other in each_first {
                    self.make_least(&mut other, &left);
                    if order(&other) < order(state) {
                        *state = other;
                    }
                }
            }
        }
    }

    fn swapped(&self, state: &State, first: usize, second: usize) -> State {
        let swap = (first as u8, second as u8);
        let mut state = state.clone();
        state.actors.swap(first, second);
        state.database.swap(first, second);
        state.database.committed = self.swap_contents(state.database.committed, swap);
        state.database.removed = self.swap_key_set(state.database.removed, swap);
        if let Some(ssi) = &mut state.database.ssi {
            ssi.rename(
                |reads| self.store.rename_reads(reads, |key| self.swap_key(key, swap)),
                |changes| self.swap_changes(changes, swap),
            );
        }
        for connection in state.database.connections.busy_mut() {
            connection.changes = self.swap_changes(connection.changes, swap);
            connection.shared = self.swap_key_set(connection.shared, swap);
            connection.made = self.swap_key_set(connection.made, swap);
            connection.gaps = self.swap_gaps(connection.gaps, swap);
            connection.named = self.swap_named(connection.named, swap);
            connection.newer = connection.newer.map(|keys| self.swap_key_set(keys, swap));
            connection.snapshot = connection.snapshot.map(|snapshot| self.swap_contents(snapshot, swap));
            if let Some(wait) = &mut connection.wait {
                wait.rename(
                    |key| self.swap_key(key, swap),
                    |row| self.swap_row(row, swap),
                    |contents| self.swap_contents(contents, swap),
                    |changes| self.swap_changes(changes, swap),
                    (|keys| self.swap_key_set(keys, swap), |gaps| self.swap_gaps(gaps, swap)),
                    |request| {
                        let (plan, values) = self.store.requests.get(request);
                        self.store.requests.id(&(*plan, self.swap_values(values, swap)))
                    },
                );
                wait.name = wait.name.map(|name| self.swap_value(name, swap));
            }
        }
        for orphan in &mut state.orphans {
            orphan.owner = swapped_place(orphan.owner, swap);
            if let super::OrphanKind::Landing(crate::db::DbCall::Run(request)) = &mut orphan.kind {
                let (plan, values) = self.store.requests.get(*request);
                *request = self.store.requests.id(&(*plan, self.swap_values(values, swap)));
            }
        }
        for commit in &mut state.unwritten {
            commit.before = self.swap_contents(commit.before, swap);
            commit.removed = self.swap_key_set(commit.removed, swap);
            commit.by = commit.by.map(|who| swapped_place(who, swap));
        }
        for mail in &mut state.mails {
            mail.0 = self.swap_symbol(mail.0, swap);
        }
        state.mails.sort_unstable();
        state
    }

    fn swap_symbol(&self, symbol: Symbol, swap: Swap) -> Symbol {
        remembered(&self.symmetry.symbols, (symbol, swap), || {
            let (first, second) = (&self.slots[usize::from(swap.0)].name, &self.slots[usize::from(swap.1)].name);
            self.store.symbols.id(&exchange(self.store.symbols.get(symbol), first, second))
        })
    }

    fn swap_value(&self, value: Val, swap: Swap) -> Val {
        match value {
            Val::Text(symbol) => Val::Text(self.swap_symbol(symbol, swap)),
            other => other,
        }
    }

    fn swap_values(&self, values: &[Val], swap: Swap) -> Vec<Val> {
        values.iter().map(|value| self.swap_value(*value, swap)).collect()
    }

    fn swap_named(&self, named: NamedSetId, swap: Swap) -> NamedSetId {
        if named == NO_NAMED { named } else { self.store.rename_named(named, |name| self.swap_value(name, swap)) }
    }

    fn swap_row(&self, row: RowId, swap: Swap) -> RowId {
        self.store.rows.id(&self.swap_values(self.store.rows.get(row), swap))
    }

    fn swap_key(&self, key: KeyId, swap: Swap) -> KeyId {
        let Key { space, values } = self.store.keys.get(key);
        self.store.keys.id(&Key { space: *space, values: self.swap_values(values, swap) })
    }

    fn swap_contents(&self, contents: ContentsId, swap: Swap) -> ContentsId {
        remembered(&self.symmetry.contents, (contents, swap), || {
            let spaces = (0..self.store.tables.spaces).map(|space| self.store.rows_of(contents, space as Space));
            let swapped = spaces.map(|space| {
                let mut space: Vec<(KeyId, RowId)> =
                    space.iter().map(|(key, row)| (self.swap_key(*key, swap), self.swap_row(*row, swap))).collect();
                space.sort_by(|(left, _), (right, _)| self.store.compare_keys(*left, *right));
                space
            });
            self.store.kept(swapped.collect())
        })
    }

    fn swap_key_set(&self, keys: KeySetId, swap: Swap) -> KeySetId {
        if keys == NO_KEYS {
            return keys;
        }
        self.store.add_keys(NO_KEYS, self.store.key_sets.get(keys).iter().map(|key| self.swap_key(*key, swap)))
    }

    fn swap_gaps(&self, gaps: GapSetId, swap: Swap) -> GapSetId {
        if gaps == NO_GAPS {
            return gaps;
        }
        let swapped = |gap: &Gap| Gap {
            space: gap.space,
            after: gap.after.map(|key| self.swap_key(key, swap)),
            before: gap.before.map(|key| self.swap_key(key, swap)),
        };
        let mut gaps: Vec<Gap> = self.store.gap_sets.get(gaps).iter().map(swapped).collect();
        gaps.sort_unstable();
        self.store.gap_sets.id(&gaps)
    }

    fn swap_changes(&self, changes: ChangesId, swap: Swap) -> ChangesId {
        remembered(&self.symmetry.changes, (changes, swap), || {
            let swapped = self.store.changes.get(changes).iter().map(|(key, change)| {
                let change = match change {
                    Change::Put(row) => Change::Put(self.swap_row(*row, swap)),
                    Change::Follows(row) => Change::Follows(self.swap_row(*row, swap)),
                    Change::Reborn(row) => Change::Reborn(self.swap_row(*row, swap)),
                    Change::Beside(row) => Change::Beside(self.swap_row(*row, swap)),
                    Change::Undone(row) => Change::Undone(self.swap_row(*row, swap)),
                    other => *other,
                };
                (self.swap_key(*key, swap), change)
            });
            let mut swapped: Vec<(KeyId, Change)> = swapped.collect();
            swapped.sort_by_key(|(key, _)| *key);
            self.store.changes.id(&swapped)
        })
    }

    /// See [`World::notice_name`], for every text in an answer.
    pub(crate) fn notice_names(&self, reply: crate::db::ReplyId) {
        if let crate::db::Answered::Rows(rows) = self.store.replies.get(reply) {
            for val in rows.iter().flatten() {
                if let Val::Text(symbol) = val {
                    self.notice_name(*symbol);
                }
            }
        }
    }

    /// A text told to a protocol, or a key that is watched, may name a request: which is which can be noticed then.
    pub(crate) fn notice_name(&self, symbol: Symbol) {
        if self.reductions.symmetry {
            let text = self.store.symbols.get(symbol);
            let alike = || self.symmetry.alike.iter().flatten();
            if alike().any(|slot| exchange(text, &self.slots[*slot].name, "") != *text) {
                self.tells_apart();
            }
        }
    }

    /// Which of them is which matters after all: exploring begins again.
    fn tells_apart(&self) {
        if !self.asymmetric.swap(true, Ordering::Relaxed) {
            self.restart.store(true, Ordering::Relaxed);
        }
    }
}

/// Where an actor stands after two have changed places.
fn swapped_place(who: u8, (first, second): Swap) -> u8 {
    match who {
        who if who == first => second,
        who if who == second => first,
        who => who,
    }
}

fn remembered<Q: Hash + Eq>(memo: &RwLock<FxHashMap<Q, u32>>, question: Q, find: impl FnOnce() -> u32) -> u32 {
    if let Some(known) = memo.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
        return *known;
    }
    let found = find();
    memo.write().unwrap_or_else(PoisonError::into_inner).insert(question, found);
    found
}

/// The text with the two names exchanged. A name ends where no digit follows: `ipn-1` is not in `ipn-12`.
fn exchange(text: &str, first: &str, second: &str) -> String {
    let mut exchanged = String::with_capacity(text.len());
    let mut rest = text;
    'text: while let Some(character) = rest.chars().next() {
        for (from, to) in [(first, second), (second, first)] {
            if let Some(after) = rest.strip_prefix(from).filter(|_| !from.is_empty())
                && !after.starts_with(|next: char| next.is_ascii_digit())
            {
                exchanged.push_str(to);
                rest = after;
                continue 'text;
            }
        }
        exchanged.push(character);
        rest = &rest[character.len_utf8()..];
    }
    exchanged
}

#[cfg(test)]
mod tests {
    use super::exchange;

    #[test]
    fn two_names_change_places_and_longer_names_stay() {
        assert_eq!(exchange("mail by ipn-1, not ipn-12, ipn-2", "ipn-1", "ipn-2"), "mail by ipn-2, not ipn-12, ipn-1");
    }
}
