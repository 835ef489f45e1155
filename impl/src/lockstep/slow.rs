//! Who is slow: where a server lets two sessions go on at the same moment, it is up to the machine which of them is first.

use paidonce_protocol::{Statement, Value};
use rustix::process::{Pid, setpriority_process};

use super::session::State;
use super::{Lockstep, LockstepError, SessionId};
use crate::processor::{processors, set_free};
use crate::server::Software;

/// The thread that a connection to MariaDB has.
static THREAD: Statement = Statement::new("thread", "SELECT tid FROM information_schema.processlist WHERE id = $1");

/// The least that a process can ask for (setpriority(2)).
const LEAST: i32 = 19;
/// What it has been given.
const USUAL: i32 = 0;

impl Lockstep {
    /// Let the machine come to this session only when it has nothing to do for the others: what the server runs for all
    /// sessions that are connected shares one processor, and this one has the least of it. False where that cannot be done,
    /// which is everywhere but on a private server.
    ///
    /// It decides nothing. What is first by the server's own rules stays first.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn slow(&mut self, who: SessionId) -> Result<bool, LockstepError> {
        let tasks = self.tasks().await?;
        let Some(processor) = processors().first().copied() else { return Ok(false) };
        let of = |(session, task): &(SessionId, Pid)| {
            let priority = if *session == who { LEAST } else { USUAL };
            processor.keep(*task) && setpriority_process(Some(*task), priority).is_ok()
        };
        Ok(!tasks.is_empty() && tasks.iter().all(of))
    }

    /// Let the machine treat all sessions alike again: a server may keep a thread for the next connection.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn alike(&mut self) -> Result<(), LockstepError> {
        for (_, task) in self.tasks().await? {
            // Without the right to give more, it keeps the little that it has until its server ends.
            let _ = set_free(task) && setpriority_process(Some(task), USUAL).is_ok();
        }
        Ok(())
    }

    /// What a private server runs for each session that is idle: a process, or a thread.
    async fn tasks(&mut self) -> Result<Vec<(SessionId, Pid)>, LockstepError> {
        let Some(software) = self.private else { return Ok(Vec::new()) };
        let mut tasks = Vec::new();
        for (place, session) in self.sessions.iter().enumerate() {
            if !matches!(session.state, State::Idle(_)) {
                continue;
            }
            let id = match software {
                Software::Postgres => session.server_id,
                _ => {
                    let rows = self.observer.connection().read(&THREAD, vec![Value::Int(session.server_id)]).await?;
                    rows.first().and_then(|row| row.int(0).ok()).unwrap_or_default()
                }
            };
            let task = i32::try_from(id).ok().and_then(Pid::from_raw);
            tasks.extend(task.map(|task| (SessionId(place), task)));
        }
        Ok(tasks)
    }
}
