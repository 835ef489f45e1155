//! A shop's own session: the world of one request, on a real database.

use std::time::{SystemTime, UNIX_EPOCH};

use paidonce_protocol::{Answer, Call, Error, Mark, Reply, Session};

use crate::cache::Cache;
use crate::runtime::{Runtime as _, Tokio};
use crate::{Connection, DbError};

/// The world of one request in a real shop, on whichever engine it has.
///
/// Database calls go to the connection; the clock is the system's; a wait is a real one; a checkpoint is done at once;
/// marks are for those who watch a protocol, and nobody does here. The answer is kept for whoever holds the request's
/// HTTP connection. A cache is there when it was given one. There is no mail server here: a mail handed over directly is `Refused` (definitely not done), and
/// only what stands in the table `outbox` is delivered, as `settle` has it.
pub struct ShopSession {
    connection: Connection,
    cache: Option<Cache>,
    answer: Option<Answer>,
    errors: Vec<DbError>,
}

impl ShopSession {
    /// The session of one request over this connection.
    pub fn new(connection: Connection) -> Self {
        ShopSession { connection, cache: None, answer: None, errors: Vec::new() }
    }

    /// The same with a cache beside the database.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        ShopSession { cache: Some(cache), ..self }
    }

    /// What the sender is to be told: the first answer given, since a second one finds nobody listening.
    pub fn answer_given(&self) -> Option<Answer> {
        self.answer
    }

    /// What went wrong on the way, in its order. The protocol was told the kinds only.
    pub fn errors(&self) -> &[DbError] {
        &self.errors
    }

    /// The same, and the list begins anew.
    pub fn take_errors(&mut self) -> Vec<DbError> {
        std::mem::take(&mut self.errors)
    }

    /// The connection, with what went wrong on it.
    pub fn into_parts(self) -> (Connection, Vec<DbError>) {
        (self.connection, self.errors)
    }

    async fn database(&mut self, call: &Call) -> Result<Reply, Error> {
        self.connection.perform(call).await.map_err(|error| self.note(error))
    }

    fn note(&mut self, error: DbError) -> Error {
        let kind = error.kind();
        self.errors.push(error);
        kind
    }
}

impl Session for ShopSession {
    async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        match &call {
            Call::Run(..) | Call::Begin | Call::Commit | Call::Rollback => self.database(&call).await,
            Call::Clock => now_ms().map(Reply::Clock),
            Call::Wait(wait_ms) => {
                Tokio.pause(*wait_ms).await;
                Ok(Reply::Done)
            }
            Call::Mail(_) => {
                let says = "there is no mail server here: put the mail into the table outbox";
                let error = self.connection.rule(Error::Refused, call.name(), says);
                Err(self.note(error))
            }
            Call::Cache(call) => {
                let answer = match &mut self.cache {
                    Some(cache) => cache.perform(call).await,
                    None => {
                        let says = "there is no cache here: give the session one (ShopSession::with_cache)";
                        Err(self.connection.rule(Error::Refused, call.name(), says))
                    }
                };
                answer.map_err(|error| self.note(error))
            }
            Call::Answer(answer) => {
                self.answer.get_or_insert(*answer);
                Ok(Reply::Done)
            }
            Call::Checkpoint { .. } => Ok(Reply::Done),
        }
    }

    fn mark(&mut self, _mark: Mark) {}
}

/// The system's clock. One that stands before 1970 or far beyond any lease is of no use to a protocol.
fn now_ms() -> Result<i64, Error> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| Error::Refused)?;
    i64::try_from(since.as_millis()).map_err(|_| Error::Refused)
}
