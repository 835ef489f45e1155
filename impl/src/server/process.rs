//! A server's process, which ends with this one in whatever way this one ends.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::Stop;
use super::user::User;

/// The guard: a shell that starts the server, tells its id and waits for it, and meanwhile listens to its own standard
/// input, whose other end this process holds and nobody else.
///
/// A line there is a signal to send. The end of input means that this process is gone, be it that it dropped the server,
/// that it ended without dropping anything, as statics are not, or that it was killed: then the server is ended by its
/// id, without any care for its files, and its directory removed. (A death signal of the kernel's would come when the *thread* ends that started the
/// server, which in tests is much too soon.)
const GUARD: &str = r#"
log=$1 signal=$2 directory=$3
shift 3
exec 3<&0
"$@" </dev/null 3<&- >>"$log" 2>&1 &
server=$!
echo "$server"
exec >/dev/null
{
    if read -r how <&3; then kill -s "$how" "$server"
    else : >"$directory/over"; kill -s "$signal" "$server"
    fi
} 2>/dev/null &
listener=$!
exec 3<&-
wait "$server"
status=$?
if [ -e "$directory/over" ]; then cd / && rm -rf -- "$directory"
else kill "$listener" 2>/dev/null
fi
exit "$status"
"#;

/// A server's process with its guard.
pub(super) struct Process {
    guard: Child,
    line: Option<ChildStdin>,
    id: u32,
    clean: &'static str,
}

impl Process {
    /// Start a program. `clean` is the signal that stops it as an administrator would, `over` the one that ends it at once.
    pub(super) fn start(
        program: &Path,
        arguments: impl IntoIterator<Item = OsString>,
        directory: &Path,
        user: Option<User>,
        [clean, over]: [&'static str; 2],
    ) -> std::io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(GUARD).arg("paidonce-guard").arg(directory.join("log")).arg(over).arg(directory);
        command.arg(program).args(arguments);
        command.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // What a terminal sends to this process is not for the server: the guard is told in its own way.
        command.process_group(0);
        if let Some(user) = user {
            command.uid(user.id).gid(user.group);
        }
        let mut guard = command.spawn()?;
        let line = guard.stdin.take();
        let mut id = String::new();
        if let Some(told) = guard.stdout.take() {
            BufReader::new(told).read_line(&mut id)?;
        }
        match id.trim().parse() {
            Ok(id) => Ok(Process { guard, line, id, clean }),
            Err(_) => Err(std::io::Error::other("its guard did not start it")),
        }
    }

    /// The server's id.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// True while the server runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(None))
    }

    /// Stop the server and wait for its end. Its directory stays.
    pub(super) fn stop(mut self, stop: Stop) -> std::io::Result<()> {
        let signal = match stop {
            Stop::Clean => self.clean,
            Stop::Crash => "KILL",
        };
        if let Some(mut line) = self.line.take() {
            // A guard that is gone has no server any more.
            let _ = writeln!(line, "{signal}");
            // Held until the end, which the end of input would otherwise announce a second time.
            self.guard.wait()?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.line.take());
        let _ = self.guard.wait();
    }
}
