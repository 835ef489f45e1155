//! The one thing a protocol talks to.

use std::future::Future;

use crate::{CacheCall, Error, Row, Statement, Value};

/// One thing asked of the world: one round trip, and one atomic step.
#[derive(Clone, Debug)]
pub enum Call {
    /// Run a statement, in the open transaction or, when there is none, in one of its own.
    Run(&'static Statement, Vec<Value>),
    /// Open a transaction.
    Begin,
    /// Make the open transaction's writes last. `Misuse` after an error: a failed transaction is rolled back.
    Commit,
    /// Forget the open transaction; without one, nothing happens.
    Rollback,
    /// Read the web server's clock, in milliseconds since the epoch.
    Clock,
    /// Wait this many milliseconds.
    Wait(u64),
    /// Hand a mail to the mail server, which keeps one copy for each message id.
    Mail(Mail),
    /// Ask a cache for one thing.
    Cache(CacheCall),
    /// Answer whoever sent the request. It can be called at any time, so that answering too early can be written.
    Answer(Answer),
    /// The head of a loop, or a place to which several ways lead: from here on the protocol depends on nothing but its
    /// request and `state`.
    ///
    /// No round trip and no step. Without it a retry loop would have a new state for every history that led to it. That
    /// nothing else is depended on is a promise of the protocol; unrolling tests it by running merged histories again.
    Checkpoint {
        /// The loop's name, or the place's.
        head: &'static str,
        /// All that the passes to come depend on.
        state: u64,
    },
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Call::Run(a, left), Call::Run(b, right)) => a.name == b.name && a.sql == b.sql && left == right,
            (Call::Begin, Call::Begin)
            | (Call::Commit, Call::Commit)
            | (Call::Rollback, Call::Rollback)
            | (Call::Clock, Call::Clock) => true,
            (Call::Wait(a), Call::Wait(b)) => a == b,
            (Call::Mail(a), Call::Mail(b)) => a == b,
            (Call::Cache(a), Call::Cache(b)) => a == b,
            (Call::Answer(a), Call::Answer(b)) => a == b,
            (Call::Checkpoint { head: a, state: s }, Call::Checkpoint { head: b, state: t }) => a == b && s == t,
            _ => false,
        }
    }
}

impl Call {
    /// The name of this step in traces and diagrams.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Run(statement, _) => statement.name,
            Call::Begin => "begin",
            Call::Commit => "commit",
            Call::Rollback => "rollback",
            Call::Clock => "clock",
            Call::Wait(_) => "wait",
            Call::Mail(_) => "mail",
            Call::Cache(call) => call.name(),
            Call::Answer(_) => "answer",
            Call::Checkpoint { .. } => "checkpoint",
        }
    }
}

/// A mail for the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mail {
    /// The id by which the mail server and the buyer's mailbox know a mail again.
    pub message_id: String,
    /// The order it is about.
    pub order_id: String,
}

/// What the sender of the request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To the gateway HTTP 200: handled, do not deliver this again.
    Accepted,
    /// To the gateway HTTP 503: not handled, deliver it again.
    TryAgain,
}

impl Answer {
    /// The answer's name in traces.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Accepted => "200",
            Answer::TryAgain => "try again",
        }
    }
}

/// What a call was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Done, with nothing to tell.
    Done,
    /// The rows of a `SELECT`; of a cache what it has at a key: no row, or one of one field.
    Rows(Vec<Row>),
    /// How many rows, or keys of a cache, a write matched.
    Affected(u64),
    /// The web server's clock, in milliseconds since the epoch.
    Clock(i64),
}

/// A free remark of the protocol about itself. It costs no step and stands in the trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// From here on the code believes that it alone is in this section, until the moment given (in milliseconds on its
    /// own server's clock) or, with `None`, until it says otherwise.
    Holds {
        /// The section's name: `order-1`.
        section: String,
        /// When the belief runs out by itself.
        until_ms: Option<i64>,
    },
    /// The code no longer believes so.
    Ends {
        /// The section's name.
        section: String,
    },
    /// The code asked for the section and was told that another has it.
    Refused {
        /// The section's name.
        section: String,
    },
    /// The code would have gone round a loop once more, had the bound on its passes not been reached.
    Exhausted {
        /// The loop's name, as in its checkpoint.
        head: String,
    },
}

/// The world as one request sees it. A protocol is an `async fn` that awaits this and nothing else.
///
/// After an error inside a transaction the only calls that make sense are [`rollback`](Session::rollback) and, once
/// that is done, a new [`begin`](Session::begin). After [`Error::Unknown`] there is no transaction any more.
pub trait Session: Send {
    /// Ask for one thing and be told one answer.
    fn call(&mut self, call: Call) -> impl Future<Output = Result<Reply, Error>> + Send;

    /// Leave a remark.
    fn mark(&mut self, mark: Mark);

    /// Run a statement that writes: how many rows it matched.
    fn write(
        &mut self,
        statement: &'static Statement,
        arguments: impl Into<Vec<Value>> + Send,
    ) -> impl Future<Output = Result<u64, Error>> + Send {
        let call = Call::Run(statement, arguments.into());
        async move {
            match self.call(call).await? {
                Reply::Affected(rows) => Ok(rows),
                _ => Err(Error::Misuse),
            }
        }
    }

    /// Run a statement that reads: its rows.
    fn read(
        &mut self,
        statement: &'static Statement,
        arguments: impl Into<Vec<Value>> + Send,
    ) -> impl Future<Output = Result<Vec<Row>, Error>> + Send {
        let call = Call::Run(statement, arguments.into());
        async move {
            match self.call(call).await? {
                Reply::Rows(rows) => Ok(rows),
                _ => Err(Error::Misuse),
            }
        }
    }

    /// Open a transaction.
    fn begin(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Begin).await.map(drop) }
    }

    /// Make the transaction last.
    fn commit(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Commit).await.map(drop) }
    }

    /// Forget the transaction.
    fn rollback(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Rollback).await.map(drop) }
    }

    /// The web server's clock, in milliseconds since the epoch.
    fn clock(&mut self) -> impl Future<Output = Result<i64, Error>> + Send {
        async move {
            match self.call(Call::Clock).await? {
                Reply::Clock(now_ms) => Ok(now_ms),
                _ => Err(Error::Misuse),
            }
        }
    }

    /// Wait this many milliseconds.
    fn wait(&mut self, wait_ms: u64) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Wait(wait_ms)).await.map(drop) }
    }

    /// Hand a mail to the mail server.
    fn mail(&mut self, mail: Mail) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Mail(mail)).await.map(drop) }
    }

    /// Put a value into the cache where there is none: whether this one was put there. See [`CacheCall::Add`].
    fn cache_add(
        &mut self,
        key: &str,
        value: &str,
        lifetime_ms: u64,
    ) -> impl Future<Output = Result<bool, Error>> + Send {
        let call = CacheCall::Add { key: key.to_owned(), value: value.to_owned(), lifetime_ms };
        async move { cache_did(self.call(Call::Cache(call)).await?) }
    }

    /// What the cache has at a key.
    fn cache_get(&mut self, key: &str) -> impl Future<Output = Result<Option<String>, Error>> + Send {
        let call = CacheCall::Get { key: key.to_owned() };
        async move {
            match self.call(Call::Cache(call)).await? {
                Reply::Rows(rows) => rows.first().map(|row| row.text(0).map(str::to_owned)).transpose(),
                _ => Err(Error::Misuse),
            }
        }
    }

    /// Delete a key of the cache, whosever value it has: whether there was one. See [`CacheCall::Delete`].
    fn cache_delete(&mut self, key: &str) -> impl Future<Output = Result<bool, Error>> + Send {
        let call = CacheCall::Delete { key: key.to_owned() };
        async move { cache_did(self.call(Call::Cache(call)).await?) }
    }

    /// Delete a key of the cache if it has this value: whether it had.
    fn cache_compare_and_delete(&mut self, key: &str, value: &str) -> impl Future<Output = Result<bool, Error>> + Send {
        let call = CacheCall::CompareAndDelete { key: key.to_owned(), value: value.to_owned() };
        async move { cache_did(self.call(Call::Cache(call)).await?) }
    }

    /// Answer the sender of the request.
    fn answer(&mut self, answer: Answer) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Answer(answer)).await.map(drop) }
    }

    /// Stand at the head of a loop: see [`Call::Checkpoint`].
    fn checkpoint(&mut self, head: &'static str, state: u64) -> impl Future<Output = Result<(), Error>> + Send {
        async move { self.call(Call::Checkpoint { head, state }).await.map(drop) }
    }

    /// Say that the code now believes itself alone in a section.
    fn holds(&mut self, section: &str, until_ms: Option<i64>) {
        self.mark(Mark::Holds { section: section.to_owned(), until_ms });
    }

    /// Say that the code no longer believes so.
    fn ends(&mut self, section: &str) {
        self.mark(Mark::Ends { section: section.to_owned() });
    }

    /// Say that a loop ended for no better reason than its bound.
    fn exhausted(&mut self, head: &str) {
        self.mark(Mark::Exhausted { head: head.to_owned() });
    }

    /// Say that the section was refused.
    fn refused(&mut self, section: &str) {
        self.mark(Mark::Refused { section: section.to_owned() });
    }
}

fn cache_did(reply: Reply) -> Result<bool, Error> {
    match reply {
        Reply::Affected(keys) => Ok(keys > 0),
        _ => Err(Error::Misuse),
    }
}
