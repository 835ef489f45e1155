//! The world that answers the actors: a real database, the trace's time, a mail server.

use std::collections::BTreeMap;

use paidonce_model::trace::{Told, Trace, WorldMail};
use paidonce_protocol::{Call, Error, Reply, Row};
use paidonce_sqlx::{BeginMode, Sqlite, SqliteOptions};

use super::ReplayError;
use super::actor::Actor;
use super::cast::Cast;
use super::words;

/// The stage of one replay.
pub(super) struct Stage {
    pub(super) url: String,
    options: SqliteOptions,
    /// How long a call waits before the database answers with a conflict: declared, and not waited for.
    pub(super) lock_timeout_ms: i64,
    /// True time, as the trace's ticks move it.
    pub(super) now_ms: i64,
    pub(super) actors: Vec<Actor>,
    pub(super) aside: Vec<Aside>,
    /// The mails that the mail server has, each once.
    pub(super) mails: Vec<WorldMail>,
    /// The connection that made the database. It does nothing while actors play, but as long as it is there the write-ahead
    /// log is, too, as in a shop that is open.
    maker: Sqlite,
}

/// A connection whose actor no longer listens.
pub(super) struct Aside {
    /// The actor whose connection it was.
    pub(super) owner: usize,
    pub(super) connection: Sqlite,
    /// What is still on its way there.
    pub(super) call: Option<Call>,
    /// True when the connection stays open after that: its process lives and does nothing any more.
    pub(super) stays: bool,
}

/// What the world does with a call.
pub(super) enum Reaction {
    /// It answers; after an error with the engine's own words.
    Answered(Result<Reply, Error>, Option<String>),
    /// The caller has to wait, and this is what the engine says to that.
    Waits(Option<String>),
}

impl Reaction {
    /// What happened, with the engine's words.
    pub(super) fn words(&self) -> String {
        let (what, said) = match self {
            Reaction::Answered(answer, said) => (words::answer(&Told::from(answer)), said),
            Reaction::Waits(said) => ("has to wait".to_owned(), said),
        };
        said.as_ref().map_or(what.clone(), |said| format!("{what} ({})", words::plain(said)))
    }
}

impl Stage {
    /// Make the database with the rows that are there at the start.
    pub(super) async fn set(url: &str, begin: BeginMode, trace: &Trace, cast: Cast) -> Result<Self, ReplayError> {
        let options = SqliteOptions::lockstep(begin);
        let mut maker = Sqlite::create(url, cast.schema, options).await?;
        let mut tables: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
        for (table, values) in trace.scenario.initial_rows() {
            tables.entry(table).or_default().push(Row(values));
        }
        for (table, rows) in tables {
            if let Err(error) = maker.insert(table, rows).await {
                maker.close().await;
                return Err(error.into());
            }
        }
        Ok(Stage {
            url: url.to_owned(),
            options,
            lock_timeout_ms: trace.scenario.limits.lock_timeout_ms,
            now_ms: 0,
            actors: cast.parts.into_iter().map(Actor::new).collect(),
            aside: Vec::new(),
            mails: Vec::new(),
            maker,
        })
    }

    /// A new connection to the database.
    pub(super) async fn connect(&self) -> Result<Sqlite, ReplayError> {
        Ok(Sqlite::open(&self.url, self.options).await?)
    }

    /// Let the world answer what an actor asks.
    pub(super) async fn react(&mut self, who: usize, call: &Call) -> Result<Reaction, ReplayError> {
        Ok(match call {
            Call::Run(..) | Call::Begin | Call::Commit | Call::Rollback => {
                return perform(self.connection(who).await?, call).await;
            }
            Call::Clock => {
                let now_ms = self.now_ms.saturating_add(self.actors[who].part.clock_offset_ms);
                Reaction::Answered(Ok(Reply::Clock(now_ms)), None)
            }
            Call::Wait(1..) => Reaction::Waits(None),
            Call::Mail(mail) => {
                let mail = WorldMail { message_id: mail.message_id.clone(), order_id: mail.order_id.clone() };
                if !self.mails.contains(&mail) {
                    self.mails.push(mail);
                }
                Reaction::Answered(Ok(Reply::Done), None)
            }
            Call::Wait(0) | Call::Answer(_) | Call::Checkpoint { .. } => Reaction::Answered(Ok(Reply::Done), None),
        })
    }

    /// The actor's connection: a new one, when it has none.
    async fn connection(&mut self, who: usize) -> Result<&mut Sqlite, ReplayError> {
        let connection = match self.actors[who].connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(self.actors[who].connection.insert(connection))
    }

    /// Leave the actor's connection behind: with what is on its way there, or for good.
    pub(super) async fn set_aside(&mut self, who: usize, call: Option<Call>, stays: bool) -> Result<(), ReplayError> {
        let connection = match self.actors[who].connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        self.aside.push(Aside { owner: who, connection, call, stays });
        Ok(())
    }

    /// End the actor's connection, and with it the transaction that is open there.
    pub(super) async fn disconnect(&mut self, who: usize) {
        if let Some(mut connection) = self.actors[who].connection.take() {
            connection.close().await;
        }
    }

    /// End every connection.
    pub(super) async fn close(&mut self) {
        for who in 0..self.actors.len() {
            self.disconnect(who).await;
        }
        for mut aside in self.aside.drain(..) {
            aside.connection.close().await;
        }
        self.maker.close().await;
    }
}

/// Perform a call on a connection. Trouble that leaves open what became of the call is trouble of this replay.
pub(super) async fn perform(connection: &mut Sqlite, call: &Call) -> Result<Reaction, ReplayError> {
    match connection.perform(call).await {
        Ok(reply) => Ok(Reaction::Answered(Ok(reply), None)),
        Err(error) if error.would_wait() => Ok(Reaction::Waits(Some(error.to_string()))),
        Err(error) if error.kind() == Error::Unknown => Err(error.into()),
        Err(error) => Ok(Reaction::Answered(Err(error.kind()), Some(error.to_string()))),
    }
}
