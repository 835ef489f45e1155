//! One connection in lockstep, and what is on its way there.

use std::time::Duration;

use paidonce_protocol::{Call, Dialect, Reply};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use super::{LockstepError, Standing};
use crate::{Connection, DbError, Options};

/// What a connection is asked.
#[derive(Clone)]
pub(super) enum Ask {
    Call(Call),
    Sql(String),
}

/// A connection with its answer.
type Answered = (Connection, Result<Reply, DbError>);

/// Where a session is.
pub(super) enum State {
    /// Not connected.
    Closed,
    /// Connected, and asked nothing.
    Idle(Connection),
    /// Asked: the connection is with the task that asks.
    Asked { task: JoinHandle<Answered> },
    /// Asked, and told to wait by an engine that lets nobody wait in a call: SQLite.
    Busy { connection: Connection, ask: Ask },
}

/// One session.
pub(super) struct Session {
    pub(super) options: Options,
    /// By which the server knows the connection.
    pub(super) server_id: i64,
    pub(super) state: State,
    /// Its server's process is stopped.
    held: bool,
    /// It was asked something since it was at rest.
    is_used: bool,
}

impl Session {
    pub(super) fn new(options: Options) -> Self {
        Session { options, server_id: 0, state: State::Closed, held: false, is_used: false }
    }

    /// Stop its server's process, which waits and does nothing. False when there is none that can be stopped.
    pub(super) fn hold(&mut self) -> bool {
        if matches!(self.state, State::Asked { .. }) && !self.held {
            self.held = self.signal(Signal::STOP);
        }
        self.held
    }

    /// Let its server's process go on.
    pub(super) fn let_go(&mut self) {
        if self.held {
            self.held = !self.signal(Signal::CONT);
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    fn signal(&self, signal: Signal) -> bool {
        let process = i32::try_from(self.server_id).ok().and_then(Pid::from_raw);
        process.is_some_and(|process| kill_process(process, signal).is_ok())
    }

    /// What statements take for the time of day from now on.
    pub(super) fn set_clock(&mut self, now_ms: Option<i64>) {
        if let State::Idle(connection) | State::Busy { connection, .. } = &mut self.state {
            connection.set_clock(now_ms);
        }
    }

    /// Ask something of a connection that is idle.
    pub(super) fn ask(&mut self, ask: Ask) -> Result<(), LockstepError> {
        self.is_used = true;
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Idle(connection) if connection.dialect() == Dialect::Sqlite => {
                self.state = State::Busy { connection, ask };
                Ok(())
            }
            State::Idle(connection) => {
                self.state = State::Asked { task: tokio::spawn(perform(connection, ask)) };
                Ok(())
            }
            other => {
                self.state = other;
                Err(LockstepError::Unanswered)
            }
        }
    }

    /// Ask what was told to wait once more.
    pub(super) async fn ask_again(&mut self) -> Result<Standing, LockstepError> {
        let State::Busy { connection, ask } = std::mem::replace(&mut self.state, State::Closed) else {
            return Err(LockstepError::Unasked);
        };
        let (connection, answer) = perform(connection, ask.clone()).await;
        match answer {
            Err(error) if error.would_wait() => {
                self.state = State::Busy { connection, ask };
                Ok(Standing::Blocked { by: Vec::new(), said: Some(error.to_string()) })
            }
            answer => {
                self.state = State::Idle(connection);
                Ok(Standing::Answered(answer))
            }
        }
    }

    /// Ask what was told to wait for the last time: its answer counts, whatever it is.
    pub(super) async fn time_out(&mut self) -> Result<Result<Reply, DbError>, LockstepError> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Busy { connection, ask } => {
                let (connection, answer) = perform(connection, ask).await;
                self.state = State::Idle(connection);
                Ok(answer)
            }
            other => {
                self.state = other;
                Err(LockstepError::Unasked)
            }
        }
    }

    /// Give the task this time to end; with none, see whether it has ended.
    pub(super) async fn answer_within(&mut self, time: Duration) -> Option<Result<Standing, LockstepError>> {
        let State::Asked { task } = &mut self.state else { return None };
        if time.is_zero() {
            // The executor looks at what has arrived on its sockets before it goes on here.
            tokio::task::yield_now().await;
        }
        let joined = timeout(time, &mut *task).await.ok()?;
        Some(self.answered(joined))
    }

    /// The task has ended, with the connection and its answer.
    pub(super) fn answered(&mut self, joined: Result<Answered, JoinError>) -> Result<Standing, LockstepError> {
        self.state = State::Closed;
        let (connection, answer) = joined.map_err(|_| LockstepError::Ended)?;
        // After an unknown answer there is no connection any more, and the next one has another id.
        if !matches!(&answer, Err(error) if error.kind() == paidonce_protocol::Error::Unknown) {
            self.state = State::Idle(connection);
        }
        Ok(Standing::Answered(answer))
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(&self.state, State::Asked { task } if task.is_finished())
    }

    /// Leave no transaction open and no named lock held. False when the connection is of no more use.
    pub(super) async fn rest(&mut self) -> bool {
        let State::Idle(connection) = &mut self.state else { return true };
        if !std::mem::take(&mut self.is_used) {
            return true;
        }
        let done = match connection.dialect() {
            Dialect::Postgres => connection.send_sql("ROLLBACK; SELECT pg_advisory_unlock_all()").await,
            Dialect::MariaDb => connection.send_sql("ROLLBACK; DO RELEASE_ALL_LOCKS()").await,
            Dialect::Sqlite => connection.perform(&Call::Rollback).await,
        };
        done.is_ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A stopped process would be there for as long as its server is.
        self.let_go();
    }
}

async fn perform(mut connection: Connection, ask: Ask) -> Answered {
    let answer = match ask {
        Ask::Call(call) => connection.perform(&call).await,
        Ask::Sql(sql) => connection.send_sql(&sql).await,
    };
    (connection, answer)
}
