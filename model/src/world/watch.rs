//! What is noticed of single steps: who was shown which version of a row, and what claims about steps say to that.

use std::sync::{PoisonError, RwLock};

use paidonce_protocol::Mark;

use super::World;
use super::state::{EXHAUSTED, Phase, State};
use crate::claims::Claim;
use crate::db::{DbCall, Effects, KeyId, RowId, Store, Val};
use crate::sql::PlanKind;

/// The rows that some statement might overwrite or remove without looking: each has a bit in an actor's sets.
#[derive(Debug)]
pub(crate) struct Watched {
    tables: Vec<bool>,
    keys: RwLock<Vec<KeyId>>,
}

/// What a state remembers of the past for claims about single steps, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// How often each actor came back to a loop head.
    pub(super) returns: bool,
    /// Who was shown which version of a lock row.
    pub(super) locks: bool,
    /// Who was shown which version of another row.
    pub(super) rows: bool,
}

impl Past {
    /// All of it.
    pub(crate) const ALL: Past = Past { returns: true, locks: true, rows: true };

    /// What there is still something to find out from when these claims are known to be broken, one bit each.
    pub(crate) fn needed(broken: u16) -> Self {
        let is_open = |claim: &Claim| broken & claim.bit() == 0;
        Past {
            returns: is_open(&Claim::RetriesEnd),
            locks: [Claim::NoLostUpdate, Claim::DeletesOnlyReadLock, Claim::ReleasesOnlyOwnLock].iter().any(is_open),
            rows: is_open(&Claim::NoLostUpdate),
        }
    }
}

/// As many rows as an actor's sets have bits.
const MOST_WATCHED: usize = 16;

impl Watched {
    /// Nothing, where no claim is about single steps.
    pub(crate) fn nothing() -> Self {
        Watched { tables: Vec::new(), keys: RwLock::default() }
    }

    pub(crate) fn new(store: &Store) -> Self {
        let mut tables = vec![false; store.tables.tables.len()];
        for plan in &store.plans {
            tables[plan.table] |= plan.is_blind(&store.tables.tables[plan.table].primary);
        }
        Watched { tables, keys: RwLock::default() }
    }

    /// Only these tables are watched from now on.
    fn keep(&mut self, is_kept: impl Fn(usize) -> bool) {
        self.tables.iter_mut().enumerate().for_each(|(table, is_watched)| *is_watched &= is_kept(table));
    }

    /// The bit of a row, or nothing when nobody overwrites rows of its table without looking.
    ///
    /// More rows than there are bits share the last one: the claims then hold the shop to more than they say.
    fn bit(&self, world: &World, key: KeyId) -> u16 {
        let store = &world.store;
        let space = store.keys.get(key).space as usize;
        if !self.tables.get(space).copied().unwrap_or(false) {
            return 0;
        }
        let place_in = |keys: &[KeyId]| keys.iter().position(|known| *known == key);
        let place = place_in(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let place = place.unwrap_or_else(|| {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            // Another thread may have been here between the two locks.
            if let Some(place) = place_in(&keys) {
                return place;
            }
            keys.push(key);
            for val in &store.keys.get(key).values {
                if let Val::Text(symbol) = val {
                    world.notice_name(*symbol);
                }
            }
            keys.len() - 1
        });
        1 << place.min(MOST_WATCHED - 1)
    }
}

impl World {
    /// Remember no more of the past than this, from the first state on.
    pub(crate) fn forget_but(&mut self, past: Past) {
        self.past = past;
        let locks = self.judge.shop().map(|shop| shop.locks);
        self.watch.keep(|table| if Some(table) == locks { past.locks } else { past.rows });
    }

    /// What a state here remembers.
    pub(crate) fn past(&self) -> Past {
        self.past
    }

    /// An actor's call was answered, or got as far as it could.
    pub(crate) fn watch_call(&self, state: &mut State, who: usize, call: DbCall, effects: &Effects) {
        if let DbCall::Run(request) = call {
            let plan = self.store.plan(request);
            let locks = self.judge.shop().map(|shop| shop.locks);
            let tables = &self.store.tables.tables;
            let blind = !effects.changed.is_empty() && plan.is_blind(&tables[plan.table].primary);
            let inside = state.actors[who].phase.node().is_some_and(|node| !self.tree.node(node).sections.is_empty());
            for (key, _) in &effects.changed {
                let bit = self.watch.bit(self, *key);
                let claim = match plan.kind {
                    PlanKind::Update { .. } => Some(Claim::NoLostUpdate),
                    PlanKind::Delete { .. } if Some(plan.table) == locks && inside => Some(Claim::ReleasesOnlyOwnLock),
                    PlanKind::Delete { .. } if Some(plan.table) == locks => Some(Claim::DeletesOnlyReadLock),
                    _ => None,
                };
                if let Some(claim) = claim.filter(|_| bit != 0) {
                    if claim != Claim::NoLostUpdate {
                        state.arisen |= claim.bit();
                    }
                    if blind && state.actors[who].outdated & bit != 0 {
                        state.broken |= claim.bit();
                    }
                }
                state.actors[who].shown |= bit;
                state.actors[who].outdated &= !bit;
            }
        }
        for (key, row) in &effects.shown {
            self.watch_shown(state, who, *key, *row);
        }
        self.watch_commit(state, who, effects);
    }

    /// What an orphan did becomes visible to the others.
    pub(crate) fn watch_orphan(&self, state: &mut State, connection: usize, _call: DbCall, effects: &Effects) {
        self.watch_commit(state, connection, effects);
    }

    fn watch_shown(&self, state: &mut State, who: usize, key: KeyId, row: RowId) {
        let bit = self.watch.bit(self, key);
        if bit == 0 {
            return;
        }
        let committed = self.store.committed(state.database.committed, key);
        let own =
            self.store.changes.get(state.database.connections[who].changes).iter().any(|(known, _)| *known == key);
        let actor = &mut state.actors[who];
        actor.shown |= bit;
        if own || committed == Some(row) {
            actor.outdated &= !bit;
        } else {
            actor.outdated |= bit;
        }
    }

    fn watch_commit(&self, state: &mut State, who: usize, effects: &Effects) {
        for (key, _) in &effects.committed {
            let bit = self.watch.bit(self, *key);
            if bit == 0 {
                continue;
            }
            for (other, actor) in state.actors.iter_mut().enumerate() {
                if other != who {
                    actor.outdated |= actor.shown & bit;
                }
            }
        }
    }

    /// An actor said that it got a lock, or that it was refused one.
    pub(crate) fn watch_marks(&self, state: &mut State, who: usize, marks: &[Mark]) {
        for mark in marks {
            match mark {
                Mark::Holds { until_ms: Some(_), .. } => state.arisen |= Claim::FreeLockGranted.bit(),
                Mark::Refused { section } => self.watch_refusal(state, who, section),
                Mark::Exhausted { .. } => state.arisen |= EXHAUSTED,
                Mark::Holds { until_ms: None, .. } | Mark::Ends { .. } => {}
            }
        }
    }

    fn watch_refusal(&self, state: &mut State, who: usize, section: &str) {
        let Some(shop) = self.judge.shop() else { return };
        state.arisen |= Claim::FreeLockGranted.bit();
        let slot = &self.slots[who];
        let moments = (state.now_ms + slot.clock_offset_ms, state.now_ms);
        match shop.holder(&self.store, state.database.committed, section, moments) {
            Some(owner) if owner != slot.name => {
                let dead_at = self.slots.iter().zip(&state.actors).find_map(|(other, actor)| match actor.phase {
                    Phase::Dead(at) if other.name == owner => Some(at),
                    _ => None,
                });
                if dead_at.is_some_and(|at| state.now_ms >= at + self.scenario.limits.freeze_ms) {
                    state.broken |= Claim::NoOrderIsFrozen.bit();
                }
            }
            _ => state.broken |= Claim::FreeLockGranted.bit(),
        }
    }
}
