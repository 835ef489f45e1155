//! What an engine leaves open: the model takes every way, one at a time.

use smallvec::SmallVec;

use crate::chance::SplitMix;

/// One way through everything that is left open. The ways are numbered in a fixed order.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    /// What is taken at each place where something is open, and how many ways there are.
    taken: SmallVec<[(u8, u8); 4]>,
    passed: usize,
    /// Who decides, where not every way is taken.
    chance: Option<SplitMix>,
}

impl Choices {
    /// The first way.
    pub(crate) fn first() -> Self {
        Choices::default()
    }

    /// One way by chance.
    pub(crate) fn drawn(chance: &mut SplitMix) -> Self {
        Choices { chance: Some(SplitMix::new(chance.next())), ..Choices::default() }
    }

    /// Which of so many ways to take here: a number below `ways`, which is at least 1.
    pub(crate) fn pick(&mut self, ways: usize) -> usize {
        if ways == 1 {
            return 0;
        }
        if let Some(chance) = &mut self.chance {
            return chance.below(ways);
        }
        if self.passed == self.taken.len() {
            self.taken.push((0, ways as u8));
        }
        self.passed += 1;
        usize::from(self.taken[self.passed - 1].0)
    }

    /// Turn to the next way and begin anew. False when there is none.
    pub(crate) fn advance(&mut self) -> bool {
        self.passed = 0;
        while let Some((way, ways)) = self.taken.pop() {
            if way + 1 < ways {
                self.taken.push((way + 1, ways));
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Choices;

    #[test]
    fn every_way_is_taken_once() {
        let mut choices = Choices::first();
        let mut seen = Vec::new();
        loop {
            let first = choices.pick(2);
            let second = if first == 0 { choices.pick(3) } else { choices.pick(1) };
            seen.push((first, second));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0)]);
    }
}
