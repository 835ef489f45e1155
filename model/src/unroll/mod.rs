//! A protocol's `async fn` unrolled into a tree: a node is the protocol after these answers.
//!
//! There is no executor. A run is let run from call to call with the answers it has had; each node is computed once and
//! looked up ever after, so that an actor's place in the code is one number. What a protocol may not do is found here: to
//! await something that is not its session, to keep two calls in flight, or to ask differently after the same answers.

use std::sync::{PoisonError, RwLock};

use paidonce_protocol::{Answer, Call, Code, Coroutine, Ended, Foul, Mark, Progress, Reply};
use rustc_hash::FxHashMap;

use crate::db::{Answered, DbCall, ReplyId, Store, Symbol, Val};
use crate::made::Made;
use crate::sql::SqlError;

/// A place in a protocol's code.
pub(crate) type NodeId = u32;

/// What a protocol does that no protocol may do, or what the model cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnrollError {
    /// A rule of coroutines was broken.
    #[error("protocol {protocol} {foul}; a protocol awaits its session, one call at a time")]
    Foul {
        /// The protocol.
        protocol: String,
        /// Which rule.
        foul: Foul,
    },
    /// The same answers led to different calls.
    #[error(
        "protocol {protocol} is not a function of its answers: after the same {answers} answers it asked `{first}` once \
         and `{second}` another time; take out whatever it reads beside its session"
    )]
    NotAFunction {
        /// The protocol.
        protocol: String,
        /// How many answers it had had.
        answers: usize,
        /// What it asked once.
        first: String,
        /// What it asked another time.
        second: String,
    },
    /// What came before a checkpoint mattered after it.
    #[error(
        "protocol {protocol} depends on more than its checkpoint says: two histories that reach the same checkpoint go on \
         with `{first}` and with `{second}`; put what differs into the checkpoint's state"
    )]
    BrokenCheckpoint {
        /// The protocol.
        protocol: String,
        /// What one history asked.
        first: String,
        /// What the other asked.
        second: String,
    },
    /// It asks for something that is not in the model's world.
    #[error(
        "protocol {protocol} asks `{call}`, and the model has no cache: check what it does with a database, and try the \
         cache for real (paidonce_sqlx::cache)"
    )]
    NoCache {
        /// The protocol.
        protocol: String,
        /// What it asked.
        call: &'static str,
    },
    /// A statement that the model cannot run.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// What a node asks next, or how it ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// A call to the database; `true` when an argument holds the request's own id.
    Database(DbCall, bool),
    Clock,
    Wait(u64),
    Mail {
        message_id: Symbol,
        order_id: Symbol,
    },
    Answer(Answer),
    End(Ended),
}

/// A section that the code believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) section: Symbol,
    /// Until when, on the actor's own server's clock.
    pub(crate) until_ms: Option<i64>,
}

/// A protocol after some answers.
#[derive(Debug)]
pub(crate) struct Node {
    program: u16,
    parent: Option<(NodeId, ReplyId)>,
    pub(crate) next: Next,
    /// The call as the protocol made it; `None` at the end.
    pub(crate) call: Option<Call>,
    pub(crate) sections: Vec<Held>,
    /// The moments that the code has been told of since its last checkpoint, by its own server's clock.
    pub(crate) moments: Vec<i64>,
    /// The last loop head that was passed, as a number for (head, state); 0 for none.
    pub(crate) head: u32,
    /// Its name.
    pub(crate) head_name: Option<&'static str>,
    /// The node at that head.
    stretch: NodeId,
}

/// From a node to the next.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) to: NodeId,
    /// A loop head was passed on the way.
    pub(crate) passed: bool,
    /// What the code remarked on the way.
    pub(crate) marks: Vec<Mark>,
}

struct Program {
    protocol: String,
    code: Code,
}

/// Where a run stands after a history.
struct Landing {
    next: Option<Call>,
    outcome: Option<Ended>,
    /// What was remarked since the last answer.
    marks: Vec<Mark>,
    sections: Vec<Mark>,
    /// The last loop head, and whether it was passed since the last answer.
    head: Option<(&'static str, u64)>,
    passed: bool,
}

type HeadKey = (u16, u32, Vec<Held>);

/// All nodes of all protocols of a scenario.
pub(crate) struct Tree {
    keeps_leases: bool,
    programs: Vec<Program>,
    nodes: boxcar::Vec<Node>,
    /// While one is made, nodes are added: what two threads come to at once is one node.
    edges: Made<(NodeId, ReplyId), Edge>,
    heads: RwLock<FxHashMap<(&'static str, u64), u32>>,
    merged: RwLock<FxHashMap<HeadKey, NodeId>>,
    /// For a node at a loop head, the last other history that reached it: nodes below are tried with it, too.
    aliases: RwLock<FxHashMap<NodeId, (NodeId, ReplyId)>>,
}

impl Tree {
    /// A tree without nodes. Only where leases matter beyond the rows that hold them are their ends part of a node.
    pub(crate) fn new(keeps_leases: bool) -> Self {
        Tree {
            keeps_leases,
            programs: Vec::new(),
            nodes: boxcar::Vec::new(),
            edges: Made::new(),
            heads: RwLock::default(),
            merged: RwLock::default(),
            aliases: RwLock::default(),
        }
    }

    /// Add a protocol on its input: the node before its first answer.
    pub(crate) fn add(&mut self, store: &Store, protocol: &str, code: Code) -> Result<NodeId, UnrollError> {
        self.programs.push(Program { protocol: protocol.to_owned(), code });
        let program = (self.programs.len() - 1) as u16;
        let landing = self.run(store, program, &[])?;
        self.land(store, program, None, landing).map(|edge| edge.to)
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    /// Where an answer leads. `at_first` is called when nobody has been there.
    pub(crate) fn advance(
        &self,
        store: &Store,
        from: NodeId,
        reply: ReplyId,
        at_first: impl FnOnce(),
    ) -> Result<&Edge, UnrollError> {
        let question = (from, reply);
        self.edges.get_or_make(question, || {
            at_first();
            let program = self.node(from).program;
            let landing = self.run(store, program, &self.history(from, reply))?;
            self.try_alias(store, from, reply, &landing)?;
            self.land(store, program, Some(question), landing)
        })
    }

    /// The answers that led to a node, and one more.
    fn history(&self, from: NodeId, reply: ReplyId) -> Vec<(NodeId, ReplyId)> {
        let mut answers = vec![(from, reply)];
        let mut node = from;
        while let Some((parent, reply)) = self.node(node).parent {
            answers.push((parent, reply));
            node = parent;
        }
        answers.reverse();
        answers
    }

    /// Let a new run go through a history, comparing what it asks with what was asked before.
    fn run(&self, store: &Store, program: u16, history: &[(NodeId, ReplyId)]) -> Result<Landing, UnrollError> {
        let protocol = &self.programs[program as usize];
        let fouled = |foul| UnrollError::Foul { protocol: protocol.protocol.clone(), foul };
        let mut coroutine = Coroutine::new(|port| protocol.code.run(port));
        let mut progress = coroutine.start().map_err(fouled)?;
        let mut landing =
            Landing { next: None, outcome: None, marks: Vec::new(), sections: Vec::new(), head: None, passed: false };
        let mut answered = 0;
        loop {
            let marks = coroutine.take_marks();
            landing
                .sections
                .extend(marks.iter().filter(|mark| matches!(mark, Mark::Holds { .. } | Mark::Ends { .. })).cloned());
            landing.marks.extend(marks);
            match progress {
                Progress::Asks(Call::Checkpoint { head, state }) => {
                    landing.head = Some((head, state));
                    landing.passed = true;
                    progress = coroutine.resume(Ok(Reply::Done)).map_err(fouled)?;
                }
                Progress::Asks(call) => {
                    let Some((node, reply)) = history.get(answered) else {
                        landing.next = Some(call);
                        return Ok(landing);
                    };
                    let known = self.node(*node).call.as_ref();
                    if known != Some(&call) {
                        return Err(UnrollError::NotAFunction {
                            protocol: protocol.protocol.clone(),
                            answers: answered,
                            first: known.map_or("nothing", Call::name).to_owned(),
                            second: call.name().to_owned(),
                        });
                    }
                    answered += 1;
                    landing.marks.clear();
                    landing.passed = false;
                    progress = coroutine.resume(store.reply(*reply)).map_err(fouled)?;
                }
                Progress::Ends(outcome) => {
                    if answered < history.len() {
                        return Err(UnrollError::NotAFunction {
                            protocol: protocol.protocol.clone(),
                            answers: answered,
                            first: "a call".to_owned(),
                            second: "the end".to_owned(),
                        });
                    }
                    landing.outcome = Some(outcome);
                    return Ok(landing);
                }
            }
        }
    }

    /// Try the last other history that reached the same loop head: it has to go on in the same way.
    fn try_alias(&self, store: &Store, from: NodeId, reply: ReplyId, landing: &Landing) -> Result<(), UnrollError> {
        let stretch = self.node(from).stretch;
        let alias = self.aliases.read().unwrap_or_else(PoisonError::into_inner).get(&stretch).copied();
        let Some((node, last)) = alias else { return Ok(()) };
        let mut other = self.history(node, last);
        let known = self.history(from, reply);
        let before = match self.node(stretch).parent {
            Some((parent, reply)) => self.history(parent, reply).len(),
            None => 0,
        };
        other.extend_from_slice(&known[before..]);
        let program = self.node(from).program;
        let broken = |first: Option<&Call>, second: Option<&Call>| UnrollError::BrokenCheckpoint {
            protocol: self.programs[program as usize].protocol.clone(),
            first: first.map_or("the end", Call::name).to_owned(),
            second: second.map_or("the end", Call::name).to_owned(),
        };
        match self.run(store, program, &other) {
            Ok(tried) if tried.next == landing.next && tried.outcome == landing.outcome => Ok(()),
            Ok(tried) => Err(broken(landing.next.as_ref(), tried.next.as_ref())),
            Err(UnrollError::NotAFunction { .. }) => Err(broken(landing.next.as_ref(), None)),
            Err(error) => Err(error),
        }
    }

    /// The node where a run stands: a new one, or the one that this loop head has already.
    fn land(
        &self,
        store: &Store,
        program: u16,
        parent: Option<(NodeId, ReplyId)>,
        landing: Landing,
    ) -> Result<Edge, UnrollError> {
        let mut sections = held(store, &landing.sections);
        if !self.keeps_leases {
            sections.iter_mut().for_each(|held| held.until_ms = None);
        }
        let head = landing.head.map_or(0, |head| self.head_number(head));
        let edge = |to| Edge { to, passed: landing.passed, marks: landing.marks.clone() };
        let key = (program, head, sections.clone());
        if landing.passed {
            let known = self.merged.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
            if let Some(known) = known {
                let there = self.node(known).call.as_ref();
                if there != landing.next.as_ref() {
                    return Err(UnrollError::BrokenCheckpoint {
                        protocol: self.programs[program as usize].protocol.clone(),
                        first: there.map_or("the end", Call::name).to_owned(),
                        second: landing.next.as_ref().map_or("the end", Call::name).to_owned(),
                    });
                }
                if let Some(parent) = parent {
                    self.aliases.write().unwrap_or_else(PoisonError::into_inner).insert(known, parent);
                }
                return Ok(edge(known));
            }
        }
        let next = match (&landing.next, landing.outcome) {
            (Some(Call::Cache(call)), _) => {
                let protocol = self.programs[program as usize].protocol.clone();
                return Err(UnrollError::NoCache { protocol, call: call.name() });
            }
            (Some(call), _) => next(store, call)?,
            (None, Some(outcome)) => Next::End(outcome),
            (None, None) => Next::End(Ended::Own(Ok(()))),
        };
        let mut moments = Vec::new();
        let mut stretch = None;
        if let Some((from, reply)) = parent.filter(|_| !landing.passed) {
            moments.clone_from(&self.node(from).moments);
            moments.extend(moments_in(store, reply));
            stretch = Some(self.node(from).stretch);
        }
        let node = Node {
            program,
            parent,
            next,
            call: landing.next.clone(),
            sections,
            moments,
            head,
            head_name: landing.head.map(|(name, _)| name),
            // A node at a loop head, or before any, is its own.
            stretch: stretch.unwrap_or(self.nodes.count() as NodeId),
        };
        let id = self.nodes.push(node) as NodeId;
        if landing.passed {
            self.merged.write().unwrap_or_else(PoisonError::into_inner).insert(key, id);
        }
        Ok(edge(id))
    }

    fn head_number(&self, head: (&'static str, u64)) -> u32 {
        let mut heads = self.heads.write().unwrap_or_else(PoisonError::into_inner);
        let next = heads.len() as u32 + 1;
        *heads.entry(head).or_insert(next)
    }
}

fn held(store: &Store, marks: &[Mark]) -> Vec<Held> {
    let mut sections: Vec<Held> = Vec::new();
    for mark in marks {
        match mark {
            Mark::Holds { section, until_ms } => {
                let section = store.symbols.id(section);
                sections.retain(|held| held.section != section);
                sections.push(Held { section, until_ms: *until_ms });
            }
            Mark::Ends { section } => {
                let section = store.symbols.id(section);
                sections.retain(|held| held.section != section);
            }
            Mark::Refused { .. } | Mark::Exhausted { .. } => {}
        }
    }
    sections
}

fn moments_in(store: &Store, reply: ReplyId) -> Vec<i64> {
    let Answered::Rows(rows) = store.replies.get(reply) else { return Vec::new() };
    let moment = |val: &Val| if let Val::Instant(ms) = val { Some(*ms) } else { None };
    rows.iter().flatten().filter_map(moment).collect()
}

fn next(store: &Store, call: &Call) -> Result<Next, UnrollError> {
    Ok(match call {
        Call::Run(statement, arguments) => {
            let request = store.request(statement, arguments)?;
            Next::Database(DbCall::Run(request), store.names_itself(request))
        }
        Call::Begin => Next::Database(DbCall::Begin, false),
        Call::Commit => Next::Database(DbCall::Commit, false),
        Call::Rollback => Next::Database(DbCall::Rollback, false),
        Call::Clock => Next::Clock,
        Call::Wait(wait_ms) => Next::Wait(*wait_ms),
        Call::Mail(mail) => {
            Next::Mail { message_id: store.symbols.id(&mail.message_id), order_id: store.symbols.id(&mail.order_id) }
        }
        Call::Answer(answer) => Next::Answer(*answer),
        // Refused by `land`, and passed over by `run`.
        Call::Cache(_) | Call::Checkpoint { .. } => Next::End(Ended::Own(Ok(()))),
    })
}

#[cfg(test)]
mod tests;
