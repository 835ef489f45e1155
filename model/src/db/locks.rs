//! Who holds what: locks on rows and keys.

use super::Database;
use super::store::{Change, KeyId, NO_KEYS, NOTHING, Store};
use crate::sql::{Locking, Plan, Strength};

/// What a statement wants of a row or of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Want {
    /// That nobody changes it.
    Share,
    /// To change it, or that nobody else locks it.
    Exclusive,
    /// To put a row there: whoever has written there has to have ended. A lock without a write is no hindrance.
    Insert,
    /// To put a row there, where nobody has locked the gap.
    Gap,
}

impl Want {
    /// What a statement wants of the rows that it finds.
    pub(super) fn of(plan: &Plan) -> Want {
        match plan.locks() {
            Some(Locking { strength: Strength::Share, .. }) => Want::Share,
            _ => Want::Exclusive,
        }
    }
}

impl Database {
    /// The other connections that this is to be waited for.
    pub(super) fn holders<'a>(
        &'a self,
        store: &'a Store,
        who: usize,
        key: KeyId,
        want: Want,
    ) -> impl Iterator<Item = usize> + 'a {
        let others = self.connections.iter().enumerate().filter(move |(other, _)| *other != who);
        let busy = others.filter(|(_, open)| open.changes != NOTHING || open.shared != NO_KEYS);
        busy.filter_map(move |(other, open)| {
            let changes = store.changes.get(open.changes);
            let change = changes.binary_search_by_key(&key, |(known, _)| *known).ok().map(|place| changes[place].1);
            let change = change.filter(|change| !matches!(change, Change::Follows(_)));
            let holds = match want {
                Want::Share => change.is_some(),
                Want::Exclusive => change.is_some() || store.key_sets.get(open.shared).binary_search(&key).is_ok(),
                Want::Gap => false,
                Want::Insert => change.is_some_and(|change| change != Change::Locked),
            };
            holds.then_some(other)
        })
    }

    pub(super) fn is_held(&self, store: &Store, who: usize, key: KeyId, want: Want) -> bool {
        self.holders(store, who, key, want).next().is_some()
    }
}
