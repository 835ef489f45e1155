//! Who is the victim of a deadlock: of those in a cycle of waits the one that weighs least.
//!
//! Rules (`Deadlock::report` and `Deadlock::find_cycle` in storage/innobase/lock/lock0lock.cc): the cycle is found by the one
//! that has begun to wait last; of those that weigh the same that one is the victim, or the first one behind where the search
//! has noticed the cycle. Weights: see `weights`.

use super::{Database, Store, waits_for};
use crate::db::Rule;

/// By how much a weight may be wrong once its transaction has waited and gone on: a structure or two may be left of the wait,
/// and used again, or not, depending on what the records' page has been through meanwhile. Of 20 000 drawn scripts a level
/// some three have shown that; all others weigh as is said in `weights`.
const UNSURE: u16 = 2;

impl Database {
    /// Whoever weighs least of a cycle of waits is its victim; all of those that may be the one where that is not known. Of
    /// those that weigh the same it is the one that has closed the cycle, or the first one behind it, unless others have gone
    /// on meanwhile: then there is no `sender`, and nobody knows who has closed it.
    pub(in crate::db) fn lightest(&self, store: &Store, stuck: &[usize], sender: Option<usize>) -> Vec<usize> {
        let turn = |who: &usize| self.connections[*who].wait.as_ref().map(|wait| wait.turn);
        // The cycle is found by the one that has begun to wait last.
        let Some(last) = stuck.iter().copied().max_by_key(turn) else { return Vec::new() };
        let mut cycle = vec![last];
        loop {
            let [next] = waits_for(self, store, cycle[cycle.len() - 1])[..] else { return stuck.to_vec() };
            match next == last {
                true => break,
                false if cycle.contains(&next) => return stuck.to_vec(),
                false => cycle.push(next),
            }
        }
        let weight = |who: usize| self.connections[who].weight.total();
        store.note(Rule::InnodbWeighs);
        let from = found_at(cycle.len());
        let walk = (1..=cycle.len()).map(|step| cycle[(from + step) % cycle.len()]);
        let least = cycle.iter().map(|who| weight(*who)).min();
        let has_waited = |who: &usize| self.connections[*who].weight.has_waited();
        let unsure = if cycle.iter().any(has_waited) { UNSURE } else { 0 };
        if unsure > 0 {
            store.note(Rule::InnodbUnsure);
        }
        let mut lightest: Vec<usize> =
            walk.filter(|who| Some(weight(*who)) <= least.map(|least| least + unsure)).collect();
        if unsure == 0 && sender == Some(last) {
            lightest.sort_by_key(|who| *who != last);
            lightest.truncate(1);
        }
        lightest
    }
}

/// Where in a cycle of so many Brent's algorithm notices it (`Deadlock::find_cycle`), counted from where it began.
fn found_at(length: usize) -> usize {
    let (mut tortoise, mut hare) = (0, 0);
    let (mut power, mut steps) = (1, 1);
    loop {
        hare = (hare + 1) % length;
        if tortoise == hare {
            return hare;
        }
        if steps == power {
            (power, steps, tortoise) = (power * 2, 0, hare);
        }
        steps += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::found_at;

    #[test]
    fn a_cycle_is_noticed_where_the_tortoise_stands() {
        assert_eq!([2, 3, 4].map(found_at), [1, 0, 3]);
    }
}
