//! A process of a round as its driver sees it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use super::StressError;
use super::deliver::{GO, READY};

/// The signal that nobody can catch.
const SIGKILL: i32 = 9;

/// A process. Whatever becomes of the driver, it does not outlive it: dropped, it is killed and waited for; and when the
/// driver is killed, its standard input ends.
pub(super) struct Child {
    pub(super) who: String,
    process: std::process::Child,
    word: Option<ChildStdin>,
    over: bool,
}

/// How a process ended.
pub(super) enum End {
    /// By itself, when its code had come to an end.
    Well,
    /// By the signal.
    Killed,
    /// By itself, and it says why.
    Failed(String),
}

impl Child {
    /// Start a process for a request.
    pub(super) fn start(program: &Path, record: &Path, who: &str, database: &str) -> Result<Self, StressError> {
        let mut command = Command::new(program);
        command.arg("deliver").arg(record).arg(who).args(["--database", database]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn().map_err(|source| StressError::Io { doing: "start a process", source });
        let mut process = started?;
        let word = process.stdin.take();
        Ok(Child { who: who.to_owned(), process, word, over: false })
    }

    /// Wait until it is connected, or has failed.
    pub(super) fn wait_until_ready(&mut self) -> Result<(), StressError> {
        let mut line = String::new();
        if let Some(out) = self.process.stdout.take() {
            let read = BufReader::new(out).read_line(&mut line);
            read.map_err(|source| StressError::Io { doing: "hear of a process", source })?;
        }
        if line.trim_end() == READY {
            return Ok(());
        }
        Err(StressError::Child { who: self.who.clone(), says: self.said() })
    }

    /// Let it begin.
    pub(super) fn go(&mut self) {
        if let Some(word) = &mut self.word {
            // One that has failed meanwhile is told of when it is reaped.
            let _ = writeln!(word, "{GO}");
        }
    }

    /// True while it has not been reaped.
    pub(super) fn is_under_way(&self) -> bool {
        !self.over
    }

    /// Kill it.
    pub(super) fn kill(&mut self) -> Result<(), StressError> {
        self.process.kill().map_err(|source| StressError::Io { doing: "kill a process", source })
    }

    /// How it ended, once it has.
    pub(super) fn reap(&mut self) -> Result<Option<End>, StressError> {
        let status =
            self.process.try_wait().map_err(|source| StressError::Io { doing: "wait for a process", source })?;
        let Some(status) = status else { return Ok(None) };
        self.over = true;
        Ok(Some(match status.signal() {
            Some(SIGKILL) => End::Killed,
            _ if status.success() => End::Well,
            _ => End::Failed(format!("{status}: {}", self.said())),
        }))
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        if let Some(errors) = &mut self.process.stderr {
            // What it could not say, nobody knows.
            let _ = errors.read_to_string(&mut said);
        }
        said.trim().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.over {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
