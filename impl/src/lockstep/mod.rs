//! Several connections to one database, one step at a time: who is sent something, and whether the engine answers it or
//! lets it wait.
//!
//! | file | is about |
//! |---|---|
//! | `session` | one connection, and what is on its way there |
//! | `looking` | who is answered by now, and who waits |
//! | `circle` | sessions that wait for each other |
//! | `steer` | what is decided here and not by the machine: who comes last, what time it is |
//! | `slow` | which of several sessions the machine comes to last |
//! | `observer` | the engine's own word on who waits, from a connection beside |
//!
//! **Never guessed.** A call that has not answered is not taken to wait because it is silent: the engine is asked. Its
//! word is awaited for as long as a minute, so a statement that neither waits nor answers is simply still running; after that
//! it is an error.
//!
//! - PostgreSQL says who is in whose way: `pg_blocking_pids`, which knows row, table and advisory locks.
//! - MariaDB says who waits: `SHOW ENGINE INNODB STATUS` for row locks, the process list for named locks and for tables'
//!   metadata. It does not say for whom, but by `information_schema.innodb_lock_waits`, which is a tenth of a second old.
//! - SQLite answers that it is busy. The call is then asked again, when somebody else has taken a step.
//!
//! The one wait in time is for a timer of the engine itself, a lock's time-out or the search for a deadlock, and is asked
//! for: see [`Lockstep::outwait`].

mod circle;
mod looking;
mod observer;
mod session;
mod slow;
mod steer;

use std::time::Duration;

use paidonce_protocol::{Call, Reply};
use tokio::time::timeout;

use crate::server::{Server, ServerError, Software, Stop};
use crate::{Connection, DbError, Engine, OpenError, Options};
use observer::Observer;
use session::{Ask, Session, State};

/// How long a statement is given to answer before the engine is asked about it: most answer meanwhile. It decides how often
/// the engine is asked, and nothing else. (Who sleeps for it leaves the processor to the server.)
const MEANWHILE: Duration = Duration::from_millis(1);

/// A statement that has neither been answered nor is said to wait after this never will: an error, and no guess.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two scripts, whoever is not let in although nobody else has anything left waits for somebody who waits in turn.
const GRACE: Duration = Duration::from_secs(1);

/// One connection of a [`Lockstep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(usize);

/// Where a call stands, by the engine's own word.
#[derive(Debug)]
pub enum Standing {
    /// It is answered, well or with an error.
    Answered(Result<Reply, DbError>),
    /// It waits.
    Blocked {
        /// For whom, where the engine says so: PostgreSQL. Empty on the others.
        by: Vec<SessionId>,
        /// What the engine said to that, where it has to answer: SQLite.
        said: Option<String>,
    },
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockstepError {
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The observer was told no.
    #[error("who waits for whom could not be seen: {0}")]
    Observer(#[from] DbError),
    /// The server did not come back.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A connection that waits for its answer cannot be sent anything else.
    #[error("this connection has not been answered yet")]
    Unanswered,
    /// Nothing is on its way there.
    #[error("this connection was sent nothing")]
    Unasked,
    /// The engine has neither answered nor said that the statement waits.
    #[error("the engine has neither answered nor said that it waits for {} s", PATIENCE.as_secs())]
    Silent,
    /// A task of ours was ended from outside.
    #[error("the task that worked on the connection was ended from outside")]
    Ended,
}

/// Several connections to one database, one step at a time.
pub struct Lockstep {
    url: String,
    engine: Engine,
    observer: Observer,
    sessions: Vec<Session>,
    /// The server, when it was started here.
    private: Option<Software>,
    /// What statements take for the time of day, where it is not the engine's own clock.
    clock: Option<i64>,
}

impl Lockstep {
    /// On the database at this URL, which is there.
    ///
    /// # Errors
    /// When it cannot be opened, or is none of this engine's.
    pub async fn open(url: &str, engine: Engine) -> Result<Self, LockstepError> {
        let observer = Observer::open(url, engine).await?;
        Ok(Lockstep { url: url.to_owned(), engine, observer, sessions: Vec::new(), private: None, clock: None })
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// A further session, not connected yet. Its level may be another than the [`Lockstep`]'s own.
    ///
    /// The time-outs in `options` are the engine's own timers: [`Options::lockstep`] has none.
    pub fn session(&mut self, options: Options) -> SessionId {
        self.sessions.push(Session::new(options));
        SessionId(self.sessions.len() - 1)
    }

    /// The connection that looks on. It may be used to set tables up and to look at rows, between steps.
    pub fn aside(&mut self) -> &mut Connection {
        self.observer.connection()
    }

    /// True when something is on its way there and has not been answered.
    pub fn is_unanswered(&self, who: SessionId) -> bool {
        matches!(self.sessions[who.0].state, State::Asked { .. } | State::Busy { .. })
    }

    /// Send a call of a protocol's: answered or blocked, whichever the engine says first. A session that is not connected
    /// is connected before.
    ///
    /// # Errors
    /// When the session waits for another answer, when it cannot be connected, when the engine cannot be asked who waits.
    pub async fn send(&mut self, who: SessionId, call: &Call) -> Result<Standing, LockstepError> {
        self.ask(who, Ask::Call(call.clone())).await
    }

    /// Send a text of SQL: see [`Connection::send_sql`].
    ///
    /// # Errors
    /// As [`Lockstep::send`].
    pub async fn send_sql(&mut self, who: SessionId, sql: &str) -> Result<Standing, LockstepError> {
        self.ask(who, Ask::Sql(sql.to_owned())).await
    }

    async fn ask(&mut self, who: SessionId, ask: Ask) -> Result<Standing, LockstepError> {
        if self.is_unanswered(who) {
            return Err(LockstepError::Unanswered);
        }
        self.connect(who).await?;
        self.sessions[who.0].set_clock(self.clock);
        self.sessions[who.0].ask(ask)?;
        self.look_after(who, MEANWHILE).await
    }

    /// Connect a session, where it is not connected yet.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn connect(&mut self, who: SessionId) -> Result<(), LockstepError> {
        let session = &mut self.sessions[who.0];
        if matches!(session.state, State::Closed) {
            let mut connection = Connection::open(&self.url, session.options).await?;
            session.server_id = observer::server_id(&mut connection).await?;
            session.state = State::Idle(connection);
        }
        Ok(())
    }

    /// Let a session wait no longer on SQLite, where the busy answer that it has had is the time-out: its call is asked once
    /// more, and the answer counts.
    ///
    /// # Errors
    /// When it does not wait, or not on SQLite.
    pub async fn time_out(&mut self, who: SessionId) -> Result<Result<Reply, DbError>, LockstepError> {
        self.sessions[who.0].time_out().await
    }

    /// End a connection from the server's side, whatever is on its way there, and wait until the server no longer lists
    /// it. Its transaction is rolled back then. The session may be used again.
    ///
    /// # Errors
    /// When the server does not allow it.
    pub async fn kill(&mut self, who: SessionId) -> Result<(), LockstepError> {
        let session = &mut self.sessions[who.0];
        let id = session.server_id;
        match std::mem::replace(&mut session.state, State::Closed) {
            State::Closed => {}
            State::Busy { mut connection, .. } => connection.close().await,
            State::Idle(mut connection) => {
                self.observer.terminate(id).await?;
                self.outlast(id).await?;
                connection.close().await;
            }
            State::Asked { task } => {
                self.observer.terminate(id).await?;
                // Told first and let go then, it ends before it does anything else.
                self.sessions[who.0].let_go();
                self.outlast(id).await?;
                // Its answer is that the connection is gone, or came just before.
                if let Ok((mut connection, _)) = task.await {
                    connection.close().await;
                }
            }
        }
        Ok(())
    }

    /// End a connection from this side, as a process does that ends, and wait until the server no longer lists it. A
    /// statement that waits would not notice: it is ended from the server's side.
    ///
    /// # Errors
    /// As [`Lockstep::kill`].
    pub async fn close(&mut self, who: SessionId) -> Result<(), LockstepError> {
        let session = &mut self.sessions[who.0];
        match std::mem::replace(&mut session.state, State::Closed) {
            State::Idle(mut connection) => {
                let id = session.server_id;
                connection.close().await;
                self.outlast(id).await?;
                Ok(())
            }
            other => {
                session.state = other;
                self.kill(who).await
            }
        }
    }

    /// Leave a connection to itself, with whatever is on its way there, under another name. The session is not connected
    /// any more, and may be used again.
    pub fn set_aside(&mut self, who: SessionId) -> SessionId {
        let aside = self.session(self.sessions[who.0].options);
        self.sessions.swap(who.0, aside.0);
        aside
    }

    /// Say how a session's connection behaves; one that is there and behaves otherwise is ended.
    ///
    /// # Errors
    /// As [`Lockstep::kill`].
    pub async fn set_options(&mut self, who: SessionId, options: Options) -> Result<(), LockstepError> {
        if self.sessions[who.0].options != options {
            self.close(who).await?;
            self.sessions[who.0].options = options;
        }
        Ok(())
    }

    /// Between two scripts: nothing is on its way any more, no transaction is open, no named lock is held. Connections
    /// are kept.
    ///
    /// # Errors
    /// As [`Lockstep::kill`].
    pub async fn rest(&mut self) -> Result<(), LockstepError> {
        for who in self.all() {
            self.give_up(who);
            self.rest_of(who).await;
        }
        // Whoever waits is let in by that, one after the other, and lets go in its turn.
        loop {
            let waiting: Vec<SessionId> = self.all().filter(|who| self.is_unanswered(*who)).collect();
            if waiting.is_empty() {
                return Ok(());
            }
            match self.outwait(&waiting, GRACE).await? {
                Some((who, _)) => self.rest_of(who).await,
                None => {
                    for who in waiting {
                        self.kill(who).await?;
                    }
                }
            }
        }
    }

    async fn rest_of(&mut self, who: SessionId) {
        let session = &mut self.sessions[who.0];
        if !session.rest().await {
            session.state = State::Closed;
        }
    }

    /// Stop the server and start it again. What was on its way is lost, and every session has to connect anew.
    ///
    /// # Errors
    /// When the server was not started here, or does not come back.
    pub async fn restart(&mut self, server: &Server, stop: Stop) -> Result<(), LockstepError> {
        server.restart(stop)?;
        for session in &mut self.sessions {
            if let State::Asked { task } = std::mem::replace(&mut session.state, State::Closed) {
                let _ = task.await;
            }
        }
        self.observer.connection().close().await;
        Ok(())
    }

    /// Ask no more for what was told to wait: its caller's patience is over. On SQLite only; on a server that is for the
    /// engine to say.
    pub fn give_up(&mut self, who: SessionId) {
        let session = &mut self.sessions[who.0];
        session.state = match std::mem::replace(&mut session.state, State::Closed) {
            State::Busy { connection, .. } => State::Idle(connection),
            other => other,
        };
    }

    /// End every session's connection, those that wait first, so that nothing happens that had to wait so far.
    ///
    /// # Errors
    /// As [`Lockstep::kill`]; the others are ended all the same.
    pub async fn close_all(&mut self) -> Result<(), LockstepError> {
        let mut all = Ok(());
        for waiting in [true, false] {
            for who in (0..self.sessions.len()).map(SessionId) {
                if self.is_unanswered(who) == waiting {
                    all = all.and(self.close(who).await);
                }
            }
        }
        all
    }

    /// End every connection, the one that looks on as well.
    pub async fn end(mut self) {
        // The database goes on without us in any case.
        let _ = self.close_all().await;
        self.observer.connection().close().await;
    }

    /// Wait until the server no longer lists a connection.
    async fn outlast(&mut self, id: i64) -> Result<(), LockstepError> {
        match timeout(PATIENCE, self.observer.outlast(id)).await {
            Ok(gone) => Ok(gone?),
            Err(_) => Err(LockstepError::Silent),
        }
    }

    fn all(&self) -> impl Iterator<Item = SessionId> + use<> {
        (0..self.sessions.len()).map(SessionId)
    }

    fn others_wait(&self, who: SessionId) -> bool {
        (0..self.sessions.len()).map(SessionId).any(|other| other != who && self.is_unanswered(other))
    }

    fn find(&self, server_id: i64) -> Option<SessionId> {
        let is_it = |session: &Session| session.server_id == server_id && !matches!(session.state, State::Closed);
        self.sessions.iter().position(is_it).map(SessionId)
    }
}
