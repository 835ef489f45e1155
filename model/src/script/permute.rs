//! Every interleaving that keeps each session's order.

/// The interleavings of steps, given by the session of each: orders of the steps' numbers, the first as they are written
/// when the sessions stand in order.
pub(super) struct Interleavings {
    of_session: Vec<Vec<usize>>,
    /// The session of each place, as a multiset permutation; `None` when there are no more.
    next: Option<Vec<usize>>,
}

impl Interleavings {
    pub(super) fn new(sessions: &[usize]) -> Self {
        let count = sessions.iter().max().map_or(0, |most| most + 1);
        let mut of_session = vec![Vec::new(); count];
        for (step, session) in sessions.iter().enumerate() {
            of_session[*session].push(step);
        }
        let mut first = sessions.to_vec();
        first.sort_unstable();
        Interleavings { of_session, next: Some(first) }
    }
}

/// How many interleavings there are, or `None` when there are more than so many.
pub(super) fn count(sessions: &[usize], most: usize) -> Option<usize> {
    let mut all: u128 = 1;
    for (place, session) in sessions.iter().enumerate() {
        // Each step may come behind any of those before it, and of its own session's steps there is one order.
        let of_session = sessions[..=place].iter().filter(|other| *other == session).count();
        all = all * (place as u128 + 1) / of_session as u128;
        if all > most as u128 {
            return None;
        }
    }
    Some(all as usize)
}

impl Iterator for Interleavings {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let places = self.next.take()?;
        let mut taken = vec![0; self.of_session.len()];
        let order = places.iter().map(|session| {
            taken[*session] += 1;
            self.of_session[*session][taken[*session] - 1]
        });
        let order = order.collect();
        self.next = following(places);
        Some(order)
    }
}

/// The next permutation in the order of a dictionary.
fn following(mut places: Vec<usize>) -> Option<Vec<usize>> {
    let rises = (1..places.len()).rev().find(|place| places[place - 1] < places[*place])?;
    let larger = (rises..places.len()).rev().find(|place| places[*place] > places[rises - 1])?;
    places.swap(rises - 1, larger);
    places[rises..].reverse();
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::{Interleavings, count};

    #[test]
    fn interleavings_are_counted_without_being_made() {
        for sessions in [&[0][..], &[0, 1, 0, 1], &[2, 0, 1, 0, 1, 2], &[0, 1, 1, 1, 1], &[0, 0, 0]] {
            assert_eq!(count(sessions, 100_000), Some(Interleavings::new(sessions).count()), "{sessions:?}");
        }
        assert_eq!(count(&[0, 1, 0, 1], 6), Some(6));
        assert_eq!(count(&[0, 1, 0, 1], 5), None);
        assert_eq!(count(&[0, 1].repeat(500), 100_000), None);
    }

    #[test]
    fn each_interleaving_comes_once_and_keeps_each_sessions_order() {
        let all: Vec<Vec<usize>> = Interleavings::new(&[0, 1, 0, 1]).collect();
        assert_eq!(all.len(), 6);
        for order in &all {
            let place = |step: usize| order.iter().position(|known| *known == step);
            assert!(place(0) < place(2) && place(1) < place(3), "{order:?}");
        }
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 6);
    }
}
