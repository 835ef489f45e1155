//! Circles of waits: who is in one, whether the engine sees it, and whom it fails.

use smallvec::SmallVec;

use super::transactions::Caller;
use super::{Database, Rule, Store, innodb, postgres};
use crate::engine::{Engine, Family};

impl Database {
    /// True when the engine cannot but see the cycle of waits that leads back to this connection.
    pub(crate) fn is_surely_deadlocked(&self, engine: Engine, store: &Store, who: usize) -> bool {
        engine.family() != Family::MariaDb
            || self.waits_for_name(who).is_some()
            || innodb::is_surely_deadlocked(self, store, who)
    }

    /// Of those in a cycle of waits the ones that may be its victim, where this sender has closed it, or somebody else.
    pub(crate) fn victims(&self, engine: Engine, store: &Store, stuck: &[usize], sender: Option<usize>) -> Vec<usize> {
        if engine.family() != Family::MariaDb {
            return stuck.to_vec();
        }
        match self.victim_by_name(engine, store) {
            Some(who) => vec![who],
            None => self.lightest(store, stuck, sender),
        }
    }

    /// True when an exploration may take this connection for the victim of the cycle in which it is: on MariaDB it is known
    /// whom one of names fails.
    pub(crate) fn may_be_victim(&self, engine: Engine, store: &Store, who: usize) -> bool {
        self.is_deadlocked(engine, store, who)
            && (engine.family() != Family::MariaDb
                || self.waits_for_name(who).is_none()
                || self.victim_by_name(engine, store) == Some(who))
    }

    /// Of a cycle of names, when there is one: the one that was a victim least often; of those that come to the same the one
    /// that closed it, or the first one behind it (`opt_change_victim_to` and `inc_deadlock_overweight` in MariaDB's sql/mdl.cc).
    fn victim_by_name(&self, engine: Engine, store: &Store) -> Option<usize> {
        let in_circle = |who: &usize| self.waits_for_name(*who).is_some() && self.is_deadlocked(engine, store, *who);
        let turn = |who: &usize| self.connections[*who].wait.as_ref().map(|wait| wait.turn);
        let last = (0..self.connections.len()).filter(in_circle).max_by_key(turn)?;
        let mut cycle = vec![last];
        while let Some(name) = self.waits_for_name(cycle[cycle.len() - 1]) {
            match self.named_holders(store, cycle[cycle.len() - 1], name)[..] {
                [next] if !cycle.contains(&next) => cycle.push(next),
                _ => break,
            }
        }
        let victim = cycle.into_iter().min_by_key(|who| self.connections[*who].victim)?;
        if victim != last {
            store.note(Rule::MariaDbNamedSpared);
        }
        Some(victim)
    }

    /// True when a cycle of waits leads back to this connection, and the engine looks for such.
    pub(crate) fn is_deadlocked(&self, engine: Engine, store: &Store, who: usize) -> bool {
        let by_name = |who: usize| match (self.waits_for_name(who), engine.family()) {
            // Those before it in the queue are in its way there, too (`FindLockCycleRecurse` in
            // src/backend/storage/lmgr/deadlock.c): one that no holder waits for may be the victim because of them.
            (Some(name), Family::Postgres) => self.before_named(store, who, name),
            (Some(name), _) => self.named_holders(store, who, name),
            (None, _) => SmallVec::new(),
        };
        let by_key = |who: usize| match engine.family() {
            _ if self.waits_for_name(who).is_some() => SmallVec::new(),
            Family::MariaDb => innodb::waits_for(self, store, who),
            Family::Postgres => {
                let mut all = self.blockers(engine, store, who);
                all.extend(postgres::ahead(self, store, who));
                all
            }
            Family::Sqlite => self.blockers(engine, store, who),
        };
        let by_either = |who: usize| if self.waits_for_name(who).is_some() { by_name(who) } else { by_key(who) };
        if engine.family() != Family::MariaDb {
            return self.leads_back(who, by_either);
        }
        // Each of the two that look for a cycle there knows its own waits.
        let is_seen = if self.waits_for_name(who).is_some() {
            self.leads_back(who, by_name)
        } else {
            self.leads_back(who, by_key)
        };
        if !is_seen && store.caller == Caller::Script && self.leads_back(who, by_either) {
            store.note(Rule::MariaDbNamedBlind);
        }
        is_seen
    }

    fn leads_back(&self, who: usize, waits_for: impl Fn(usize) -> SmallVec<[usize; 2]>) -> bool {
        let mut reached = waits_for(who);
        let mut next = 0;
        while next < reached.len() {
            let other = reached[next];
            next += 1;
            if other == who {
                return true;
            }
            if self.connections[other].wait.is_some() {
                for further in waits_for(other) {
                    if !reached.contains(&further) {
                        reached.push(further);
                    }
                }
            }
        }
        false
    }
}
