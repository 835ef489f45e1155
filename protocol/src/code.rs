//! Code that can be run: a protocol of the catalogue on a request, or somebody's own.

use std::fmt;
use std::sync::Arc;

use crate::catalogue::Start;
use crate::shop::{Outcome, Request};
use crate::{Body, Error, Port};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// A protocol of the catalogue.
    Shop(Outcome),
    /// Somebody's own code.
    Own(Result<(), Error>),
}

/// `booked`, `try again`; of somebody's own code `done`, or the kind of error.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Shop(outcome) => outcome.fmt(f),
            Ended::Own(Ok(())) => f.write_str("done"),
            Ended::Own(Err(error)) => f.write_str(error.name()),
        }
    }
}

/// Makes runs of somebody's own code.
pub type OwnStart = Arc<dyn Fn(Port) -> Body<Result<(), Error>> + Send + Sync>;

/// Code of which any number of runs can be made, all alike.
#[derive(Clone)]
pub enum Code {
    /// A protocol of the catalogue, on this request.
    Shop(Start, Box<Request>),
    /// Somebody's own code.
    Own(OwnStart),
}

impl Code {
    /// A run that has not asked anything yet.
    pub fn run(&self, port: Port) -> Body<Ended> {
        match self {
            Code::Shop(start, request) => {
                let run = start(port, (**request).clone());
                Box::pin(async move { Ended::Shop(run.await) })
            }
            Code::Own(start) => {
                let run = start(port);
                Box::pin(async move { Ended::Own(run.await) })
            }
        }
    }
}
