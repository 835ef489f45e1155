//! The protocols as a developer without unrolling would write them: an enum, what each position asks, and where each
//! answer leads. It stands where `model/src/unroll/` stands, so that the rest of the model is compiled around it as it is.
//!
//! Mutants and scenarios with an `assume` are not written here.

mod cancel;
mod cancel_unlocked;
mod lock_table;
mod prepare;
mod settle;

use std::sync::atomic::{AtomicBool, Ordering};

use paidonce_protocol::shop::{Outcome, Request};
use paidonce_protocol::{Answer, Call, Code, Coroutine, Ended, Error, Mark, Progress};

pub(crate) use crate::unrolled::{Held, Next, UnrollError};

use crate::db::{Answered, ReplyId, Store};
use crate::intern::Interner;
use cancel::Cancel;
use cancel_unlocked::CancelUnlocked;
use lock_table::LockTable;
use prepare::Section;
use settle::Settle;

/// Set to tell positions apart by the answers since the last loop head, as unrolling does. The machines need none of it:
/// it is how the check sees that both explore the same graph.
pub(crate) static REMEMBERS_ANSWERS: AtomicBool = AtomicBool::new(false);

/// A place in a protocol's code.
pub(crate) type NodeId = Position;

/// A position of one of the machines: which machine, the number of the answers that led here where they are remembered,
/// and where it is. Side by side these are no longer than the longest `At` needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Position {
    Settle(u8, u16, settle::At),
    LockTable(u8, u16, lock_table::At),
    Cancel(u8, u16, cancel::At),
    CancelUnlocked(u8, u16, cancel_unlocked::At),
    /// Shutdown code that does nothing.
    Over(Outcome),
}

const _: () = assert!(size_of::<Position>() == 16);

/// How a run that only has to be answered for went.
type Handled = Result<Outcome, Error>;

/// What its sender is told.
fn answer_to(handled: Handled) -> Answer {
    if handled.is_ok() { Answer::Accepted } else { Answer::TryAgain }
}

/// Where an answer leads.
struct Move<A> {
    to: A,
    /// A loop head was passed on the way.
    passed: bool,
    said: Said,
}

/// What is remarked on the way.
#[derive(Clone, Copy)]
enum Said {
    Nothing,
    Holds,
    Ends,
    Refused,
}

impl<A> Move<A> {
    fn to(to: A) -> Self {
        Move { to, passed: false, said: Said::Nothing }
    }

    fn saying(self, said: Said) -> Self {
        Move { said, ..self }
    }

    fn past_a_head(self) -> Self {
        Move { passed: true, ..self }
    }
}

/// One protocol by hand.
trait Machine {
    type At: Copy;

    fn next(&self, at: Self::At) -> Next;
    fn told(&self, store: &Store, at: Self::At, answer: (&Answered, ReplyId)) -> Move<Self::At>;
    /// True while the code believes itself alone in its section.
    fn holds(&self, at: Self::At) -> bool;
    /// The moment that the code was told of and has not yet forgotten.
    fn moment(&self, at: Self::At) -> Option<i64>;
    /// The last loop head that was passed: its name, and a number for it with its state.
    fn head(&self, at: Self::At) -> (Option<&'static str>, u32);
    fn section(&self) -> &Section;

    fn node(&self, at: Self::At) -> Node<'_> {
        let (head_name, head) = self.head(at);
        let sections = if self.holds(at) { &self.section().held[..] } else { &[] };
        Node { next: self.next(at), call: &NO_CALL, sections, moments: self.moment(at), head, head_name }
    }
}

/// A position as the world looks at it: the fields of an unrolled node.
pub(crate) struct Node<'a> {
    pub(crate) next: Next,
    pub(crate) call: &'static Option<Call>,
    pub(crate) sections: &'a [Held],
    pub(crate) moments: Option<i64>,
    pub(crate) head: u32,
    pub(crate) head_name: Option<&'static str>,
}

/// A call's text is for traces, and these machines are not drawn.
static NO_CALL: Option<Call> = None;

/// From a position to the next.
pub(crate) struct Edge<'a> {
    pub(crate) to: NodeId,
    pub(crate) passed: bool,
    pub(crate) marks: &'a [Mark],
}

/// The machines of a scenario.
pub(crate) struct Tree {
    settle: Vec<Settle>,
    lock_table: Vec<LockTable>,
    cancel: Vec<Cancel>,
    cancel_unlocked: Vec<CancelUnlocked>,
    pasts: Option<Interner<(u32, ReplyId)>>,
}

impl Tree {
    pub(crate) fn new(keeps_leases: bool) -> Self {
        assert!(!keeps_leases, "a lease that an `assume` is about is not kept by these machines");
        let (settle, lock_table, cancel, cancel_unlocked) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let pasts = REMEMBERS_ANSWERS.load(Ordering::Relaxed).then(Interner::new);
        Tree { settle, lock_table, cancel, cancel_unlocked, pasts }
    }

    pub(crate) fn add(&mut self, store: &Store, protocol: &str, code: Code) -> Result<NodeId, UnrollError> {
        let Code::Shop(start, request) = code else { panic!("{protocol} has not been written by hand") };
        assert_eq!(request.without.guards().count(), 0, "there are no mutants of these machines");
        // Shutdown code comes under its protocol's name; what it does first tells it from the protocol.
        let first = Coroutine::new(|port| start(port, (*request).clone())).start();
        let shuts_down = matches!(&first, Ok(Progress::Asks(call)) if call.name() == "delete_own_locks");
        Ok(match (protocol, first) {
            (_, Ok(Progress::Ends(outcome))) => Position::Over(outcome),
            ("settle", _) => {
                let machine = added(&mut self.settle, Settle::new(store, &request)?);
                Position::Settle(machine, 0, settle::At::start(&request))
            }
            ("lock_table", _) => {
                let machine = added(&mut self.lock_table, LockTable::new(store, &request)?);
                Position::LockTable(machine, 0, lock_table::At::start(&request, shuts_down))
            }
            ("cancel", _) => {
                Position::Cancel(added(&mut self.cancel, Cancel::new(store, &request)?), 0, cancel::At::start())
            }
            ("cancel_unlocked", _) => {
                let machine = added(&mut self.cancel_unlocked, CancelUnlocked::new(store, &request)?);
                Position::CancelUnlocked(machine, 0, cancel_unlocked::At::start())
            }
            _ => panic!("{protocol} has not been written by hand"),
        })
    }

    #[inline]
    pub(crate) fn node(&self, position: NodeId) -> Node<'_> {
        match position {
            Position::Settle(machine, _, at) => self.settle[usize::from(machine)].node(at),
            Position::LockTable(machine, _, at) => self.lock_table[usize::from(machine)].node(at),
            Position::Cancel(machine, _, at) => self.cancel[usize::from(machine)].node(at),
            Position::CancelUnlocked(machine, _, at) => self.cancel_unlocked[usize::from(machine)].node(at),
            Position::Over(outcome) => Node {
                next: Next::End(Ended::Shop(outcome)),
                call: &NO_CALL,
                sections: &[],
                moments: None,
                head: 0,
                head_name: None,
            },
        }
    }

    /// No answer here names a request, so that nothing has to be done `at_first`.
    #[inline]
    pub(crate) fn advance(
        &self,
        store: &Store,
        from: NodeId,
        reply: ReplyId,
        _at_first: impl FnOnce(),
    ) -> Result<Edge<'_>, UnrollError> {
        let answer = (store.replies.get(reply), reply);
        Ok(match from {
            Position::Settle(number, past, at) => {
                let machine = &self.settle[usize::from(number)];
                self.edge(machine, at, past, (store, answer), |at, past| Position::Settle(number, past, at))
            }
            Position::LockTable(number, past, at) => {
                let machine = &self.lock_table[usize::from(number)];
                self.edge(machine, at, past, (store, answer), |at, past| Position::LockTable(number, past, at))
            }
            Position::Cancel(number, past, at) => {
                let machine = &self.cancel[usize::from(number)];
                self.edge(machine, at, past, (store, answer), |at, past| Position::Cancel(number, past, at))
            }
            Position::CancelUnlocked(number, past, at) => {
                let machine = &self.cancel_unlocked[usize::from(number)];
                self.edge(machine, at, past, (store, answer), |at, past| Position::CancelUnlocked(number, past, at))
            }
            Position::Over(_) => Edge { to: from, passed: false, marks: &[] },
        })
    }

    #[inline]
    fn edge<'a, M: Machine>(
        &self,
        machine: &'a M,
        at: M::At,
        past: u16,
        (store, answer): (&Store, (&Answered, ReplyId)),
        position: impl FnOnce(M::At, u16) -> Position,
    ) -> Edge<'a> {
        let Move { to, passed, said } = machine.told(store, at, answer);
        let past = self.pasts.as_ref().map_or(0, |pasts| {
            let past = if passed { (u32::MAX, machine.head(to).1) } else { (u32::from(past), answer.1) };
            u16::try_from(pasts.id(&past) + 1).expect("what is checked is small")
        });
        Edge { to: position(to, past), passed, marks: machine.section().remark(said) }
    }
}

fn added<M>(machines: &mut Vec<M>, machine: M) -> u8 {
    machines.push(machine);
    (machines.len() - 1) as u8
}
