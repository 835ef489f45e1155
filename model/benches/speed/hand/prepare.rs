//! What a machine has ready before it runs: its statements with their arguments, and what it says of itself.

use std::sync::OnceLock;

use paidonce_protocol::shop::Request;
use paidonce_protocol::{Error, Mark, Value, catalogue};

use super::{Said, UnrollError};
use crate::db::{Answered, DbCall, RequestId, Store, Val};
use crate::unrolled::{Held, Next};

/// A statement with its arguments, and whether one of them is the request's own id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared {
    pub(super) request: RequestId,
    names_itself: bool,
}

impl Prepared {
    /// The statement of this name.
    pub(super) fn new(store: &Store, name: &str, arguments: &[Value]) -> Result<Self, UnrollError> {
        let all = catalogue::PROTOCOLS.iter().flat_map(|protocol| protocol.statements);
        let statement = all.into_iter().find(|statement| statement.name == name).expect("a statement of the catalogue");
        let request = store.request(statement, arguments)?;
        Ok(Prepared { request, names_itself: store.names_itself(request) })
    }

    pub(super) fn next(self) -> Next {
        self.of(self.request)
    }

    /// The same statement with other arguments; the request's own id stands where it stood.
    pub(super) fn of(self, request: RequestId) -> Next {
        Next::Database(DbCall::Run(request), self.names_itself)
    }

    /// With these arguments in the place of those that stood there.
    pub(super) fn with(self, store: &Store, arguments: &[(usize, Val)]) -> RequestId {
        let (plan, values) = store.requests.get(self.request);
        let mut values = values.clone();
        for (place, val) in arguments {
            values[*place] = *val;
        }
        store.requests.id(&(*plan, values))
    }
}

/// What is done to each line of an order, prepared when its lines are read for the first time: they never change.
#[derive(Debug)]
pub(super) struct Lines {
    template: Prepared,
    prepared: OnceLock<Vec<RequestId>>,
}

impl Lines {
    /// Of the statement of this name, which takes the units and the sku and, if it has a third argument, the units again.
    pub(super) fn new(store: &Store, name: &str, arguments: usize) -> Result<Self, UnrollError> {
        let none = [Value::Int(0), Value::from(""), Value::Int(0)];
        Ok(Lines { template: Prepared::new(store, name, &none[..arguments])?, prepared: OnceLock::new() })
    }

    /// How many lines there are.
    pub(super) fn read(&self, store: &Store, rows: &[Vec<Val>]) -> u8 {
        let arguments = store.requests.get(self.template.request).1.len();
        let prepare = |row: &Vec<Val>| {
            let filled = [(0, row[1]), (1, row[0]), (2, row[1])];
            self.template.with(store, &filled[..arguments])
        };
        self.prepared.get_or_init(|| rows.iter().map(prepare).collect()).len() as u8
    }

    pub(super) fn next(&self, line: u8) -> Next {
        self.template.of(self.prepared.get().expect("the lines have been read")[usize::from(line)])
    }

    pub(super) fn count(&self) -> u8 {
        self.prepared.get().map_or(0, Vec::len) as u8
    }
}

/// The section of a request's order, and what a machine can say of it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) held: [Held; 1],
    holds: [Mark; 1],
    ends: [Mark; 1],
    refused: [Mark; 1],
}

impl Section {
    /// With the moment at which a lease of it would end, for machines that have leases.
    pub(super) fn new(store: &Store, request: &Request, lease_until_ms: Option<i64>) -> Self {
        let section = request.section();
        Section {
            held: [Held { section: store.symbols.id(&section), until_ms: None }],
            holds: [Mark::Holds { section: section.clone(), until_ms: lease_until_ms }],
            ends: [Mark::Ends { section: section.clone() }],
            refused: [Mark::Refused { section }],
        }
    }

    pub(super) fn remark(&self, said: Said) -> &[Mark] {
        match said {
            Said::Nothing => &[],
            Said::Holds => &self.holds,
            Said::Ends => &self.ends,
            Said::Refused => &self.refused,
        }
    }
}

/// How many rows a write matched.
pub(super) fn affected(answer: &Answered) -> Result<u32, Error> {
    match answer {
        Answered::Affected(rows) => Ok(*rows),
        Answered::Error(error) => Err(*error),
        _ => Err(Error::Misuse),
    }
}

/// The rows of a read.
pub(super) fn rows(answer: &Answered) -> Result<&[Vec<Val>], Error> {
    match answer {
        Answered::Rows(rows) => Ok(rows),
        Answered::Error(error) => Err(*error),
        _ => Err(Error::Misuse),
    }
}

/// Done, whatever it was.
pub(super) fn done(answer: &Answered) -> Result<(), Error> {
    if let Answered::Error(error) = answer { Err(*error) } else { Ok(()) }
}
