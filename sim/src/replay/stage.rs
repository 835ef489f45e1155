//! The world that answers the actors: a real database, the trace's time, a mail server.

use std::collections::BTreeMap;
use std::time::Duration;

use paidonce_model::trace::{Told, Trace, WorldMail};
use paidonce_protocol::{Call, Dialect, Error, Reply, Row};
use paidonce_sqlx::lockstep::{Lockstep, SessionId, Standing};
use paidonce_sqlx::{Connection, DbError, Engine, Options};

use super::ReplayError;
use super::actor::Actor;
use super::aside::Aside;
use super::cast::{Cast, Tables};
use super::place::Ground;
use super::words;

/// The stage of one replay.
pub(super) struct Stage {
    pub(super) lockstep: Lockstep,
    /// How long a timer of the engine's is that ends a wait.
    pub(super) soon: Duration,
    /// How long a call waits before the database answers with a conflict, in the trace's time.
    pub(super) lock_timeout_ms: i64,
    /// How long a server keeps a dead connection, in the trace's time.
    pub(super) idle_limit_ms: i64,
    /// True time, as the trace's ticks move it.
    pub(super) now_ms: i64,
    pub(super) actors: Vec<Actor>,
    pub(super) aside: Vec<Aside>,
    /// What the engine has answered already, and the trace tells later: a server lets a waiter in as soon as it can.
    pub(super) early: BTreeMap<SessionId, Reaction>,
    /// Who has just been let in, before the trace says so.
    let_in: Vec<SessionId>,
    /// Who was let in while the trace still had others do something, where nobody can be held: what comes after may be
    /// something else by that alone.
    pub(super) ahead: Option<String>,
    /// The mails that the mail server has, each once.
    pub(super) mails: Vec<WorldMail>,
}

/// What the world does with a call.
pub(super) enum Reaction {
    /// It answers; after an error with the engine's own words.
    Answered(Result<Reply, Error>, Option<String>),
    /// The caller has to wait: for whom, where the engine tells, and what it says to that.
    Waits { behind: Vec<SessionId>, said: Option<String> },
}

impl Reaction {
    /// True for the answer that it is definitely not done, and worth another try.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Reaction::Answered(Err(Error::Conflict), _))
    }

    /// What happened, with the engine's words.
    pub(super) fn words(&self) -> String {
        let (what, said) = match self {
            Reaction::Answered(answer, said) => (words::answer(&Told::from(answer)), said),
            Reaction::Waits { said, .. } => ("has to wait".to_owned(), said),
        };
        said.as_ref().map_or(what.clone(), |said| format!("{what} ({})", words::plain(said)))
    }
}

impl Stage {
    /// Fill the empty database with the rows that are there at the start.
    pub(super) async fn set(
        ground: &Ground,
        engine: Engine,
        trace: &Trace,
        cast: Cast,
        soon: Duration,
    ) -> Result<Self, ReplayError> {
        let mut lockstep = Lockstep::open(ground.url(), engine).await?;
        lockstep.set_clock(0);
        if let Some(server) = ground.server() {
            lockstep.is_on(server);
        }
        let filled = fill(lockstep.aside(), &cast).await;
        if let Err(error) = filled {
            lockstep.end().await;
            return Err(error.into());
        }
        let actor = |part| Actor::new(part, lockstep.session(Options::lockstep(engine)));
        let actors = cast.parts.into_iter().map(actor).collect();
        let limits = &trace.scenario.limits;
        Ok(Stage {
            lockstep,
            soon,
            lock_timeout_ms: limits.lock_timeout_ms,
            idle_limit_ms: limits.idle_limit_ms,
            now_ms: 0,
            actors,
            aside: Vec::new(),
            early: BTreeMap::new(),
            let_in: Vec::new(),
            ahead: None,
            mails: Vec::new(),
        })
    }

    /// True where somebody else than the callers themselves knows who waits, lets waiters in and notices the dead.
    pub(super) fn has_server(&self) -> bool {
        self.lockstep.engine().dialect() != Dialect::Sqlite
    }

    /// Let the world answer what an actor asks.
    pub(super) async fn react(&mut self, who: usize, call: &Call) -> Result<Reaction, ReplayError> {
        Ok(match call {
            Call::Run(..) | Call::Begin | Call::Commit | Call::Rollback => {
                let session = self.actors[who].session;
                return self.send(session, call).await;
            }
            Call::Clock => {
                let now_ms = self.now_ms.saturating_add(self.actors[who].part.clock_offset_ms);
                Reaction::Answered(Ok(Reply::Clock(now_ms)), None)
            }
            Call::Wait(1..) => Reaction::Waits { behind: Vec::new(), said: None },
            Call::Mail(mail) => {
                let mail = WorldMail { message_id: mail.message_id.clone(), order_id: mail.order_id.clone() };
                if !self.mails.contains(&mail) {
                    self.mails.push(mail);
                }
                Reaction::Answered(Ok(Reply::Done), None)
            }
            Call::Cache(_) => {
                let said = "a replay has no cache".to_owned();
                Reaction::Answered(Err(Error::Misuse), Some(said))
            }
            Call::Wait(0) | Call::Answer(_) | Call::Checkpoint { .. } => Reaction::Answered(Ok(Reply::Done), None),
        })
    }

    /// Send a call to the database.
    pub(super) async fn send(&mut self, session: SessionId, call: &Call) -> Result<Reaction, ReplayError> {
        let standing = self.lockstep.send(session, call).await?;
        self.reaction(standing)
    }

    /// Look again at a session that was told to wait: by now it may have been answered.
    pub(super) async fn look(&mut self, session: SessionId) -> Result<Reaction, ReplayError> {
        match self.early.remove(&session) {
            Some(reaction) => Ok(reaction),
            None => {
                let standing = self.lockstep.look(session).await?;
                self.reaction(standing)
            }
        }
    }

    /// Trouble that leaves open what became of a call is trouble of this replay.
    pub(super) fn reaction(&self, standing: Standing) -> Result<Reaction, ReplayError> {
        Ok(match standing {
            Standing::Answered(Ok(reply)) => Reaction::Answered(Ok(reply), None),
            Standing::Answered(Err(error)) if error.kind() == Error::Unknown => return Err(error.into()),
            Standing::Answered(Err(error)) => Reaction::Answered(Err(error.kind()), Some(error.to_string())),
            Standing::Blocked { by, said: Some(said) } => Reaction::Waits { behind: by, said: Some(said) },
            Standing::Blocked { by, .. } => {
                let names: Vec<&str> = by.iter().filter_map(|session| self.name_of(*session)).collect();
                let said = format!("the server says: for {}", words::names(names.into_iter()));
                Reaction::Waits { said: (!by.is_empty()).then_some(said), behind: by }
            }
        })
    }

    /// Whose connection this is, or was.
    pub(super) fn name_of(&self, session: SessionId) -> Option<&str> {
        let of_aside = self.aside.iter().find(|aside| aside.session == session).map(|aside| aside.owner);
        let of_actor = self.actors.iter().position(|actor| actor.session == session);
        of_aside.or(of_actor).map(|who| self.actors[who].name())
    }

    /// End the actor's connection, and with it the transaction that is open there.
    pub(super) async fn disconnect(&mut self, who: usize) -> Result<(), ReplayError> {
        let session = self.actors[who].session;
        self.early.remove(&session);
        Ok(self.lockstep.close(session).await?)
    }

    /// Let the server do what it does by itself after a step: let in who waited for nothing any more.
    pub(super) async fn settle(&mut self) -> Result<(), ReplayError> {
        if self.has_server() {
            for (session, standing) in self.lockstep.look_at_all().await? {
                if let Standing::Answered(_) = standing {
                    let reaction = self.reaction(standing)?;
                    self.early.insert(session, reaction);
                    self.let_in.push(session);
                }
            }
        }
        Ok(())
    }

    /// Somebody takes a step: whoever else was let in meanwhile is ahead of the trace.
    pub(super) fn note_ahead(&mut self, who: Option<&str>) {
        for session in std::mem::take(&mut self.let_in) {
            let name = self.name_of(session).map(str::to_owned);
            if name.as_deref() != who {
                self.ahead = name;
            }
        }
    }

    /// End every connection.
    pub(super) async fn end(self) {
        self.lockstep.end().await;
    }
}

async fn fill(connection: &mut Connection, cast: &Cast) -> Result<(), DbError> {
    match &cast.tables {
        Tables::Shop(schema) => connection.create_schema(*schema).await?,
        Tables::Own(sql) => connection.send_sql(sql).await.map(drop)?,
    }
    let mut tables: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for (table, values) in &cast.rows {
        tables.entry(table).or_default().push(Row(values.clone()));
    }
    connection.fill(tables).await
}
