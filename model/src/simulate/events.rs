//! What happens next: the earliest event, and of several at one moment the one that was decided first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// One thing that happens. The numbers are those of a sender, of a place in the pool and its turn, or of an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A delivery comes.
    Deliver(u32),
    /// A request makes its next call.
    Step(u8, u32),
    /// A request's own wait is over.
    Wake(u8, u32),
    /// A waiting statement goes on.
    Grant(u8, u32),
    /// The database looks whether a statement waits in a circle.
    Deadlock(u8, u32),
    /// A statement has waited for too long.
    TimeOut(u8, u32),
    /// What a lost connection had in flight takes effect, or goes on.
    Land(u32),
    /// The server notices that a connection is dead.
    Reap(u32),
    /// The database is restarted.
    Restart,
}

impl Event {
    /// A number that tells it from every other.
    pub(super) fn word(self) -> u64 {
        let word = |kind: u64, who: u32, turn: u32| kind << 60 | u64::from(turn & 0x0fff_ffff) << 32 | u64::from(who);
        match self {
            Event::Deliver(sender) => word(0, sender, 0),
            Event::Step(place, turn) => word(1, place.into(), turn),
            Event::Grant(place, turn) => word(2, place.into(), turn),
            Event::Deadlock(place, turn) => word(3, place.into(), turn),
            Event::TimeOut(place, turn) => word(4, place.into(), turn),
            Event::Land(orphan) => word(5, orphan, 0),
            Event::Reap(orphan) => word(6, orphan, 0),
            Event::Restart => word(7, 0, 0),
            Event::Wake(place, turn) => word(8, place.into(), turn),
        }
    }
}

/// By moment, then what time itself ends before all else, then what was decided first.
type Coming = (i64, bool, u64, Event);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// What was there at the start, in its order: that is most of it, and the heap stays small.
    first: VecDeque<Coming>,
    heap: BinaryHeap<Reverse<Coming>>,
    added: u64,
}

impl Events {
    /// At the start: who comes when.
    pub(super) fn of(firsts: Vec<(u32, i64)>) -> Self {
        let coming = |(number, (sender, at_ms))| (at_ms, true, number, Event::Deliver(sender));
        let mut first: Vec<Coming> = (0..).zip(firsts).map(coming).collect();
        first.sort_unstable();
        Events { added: first.len() as u64, first: first.into(), heap: BinaryHeap::new() }
    }

    pub(super) fn add(&mut self, at_ms: i64, event: Event) {
        let is_urgent = matches!(event, Event::Wake(..) | Event::TimeOut(..) | Event::Reap(_));
        self.push(at_ms, is_urgent, event);
    }

    /// Before all others of its moment.
    pub(super) fn add_next(&mut self, at_ms: i64, event: Event) {
        self.push(at_ms, true, event);
    }

    fn push(&mut self, at_ms: i64, is_urgent: bool, event: Event) {
        self.heap.push(Reverse((at_ms, !is_urgent, self.added, event)));
        self.added += 1;
    }

    pub(super) fn next(&mut self) -> Option<(i64, Event)> {
        let is_next = |first: &mut Coming| self.heap.peek().is_none_or(|Reverse(other)| *first < *other);
        let next = self.first.pop_front_if(is_next).or_else(|| self.heap.pop().map(|Reverse(next)| next));
        next.map(|(at_ms, _, _, event)| (at_ms, event))
    }

    pub(super) fn count(&self) -> usize {
        self.first.len() + self.heap.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }
}
