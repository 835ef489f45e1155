//! Which servers there are, where their programs are looked for, and how each is started in a directory of its own.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use paidonce_protocol::Dialect;

use super::process::Process;
use super::user::User;
use super::{Durability, ServerError};

/// How often a server that is starting is looked at, and how often before it is given up: a minute.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS: u32 = 6_000;

/// What PostgreSQL says when a server was killed a moment ago and not all of its processes have noticed.
const OTHERS_STILL_THERE: &str = "still in use";

/// A server's software.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Software {
    /// PostgreSQL, from 10 on.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// Redis.
    Redis,
    /// memcached.
    Memcached,
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Software {
    /// All of it, the databases first.
    pub const ALL: [Software; 4] = [Software::Postgres, Software::MariaDb, Software::Redis, Software::Memcached];

    /// Its name, as engines' names begin.
    pub fn name(self) -> &'static str {
        match self {
            Software::Postgres => "postgres",
            Software::MariaDb => "mariadb",
            Software::Redis => "redis",
            Software::Memcached => "memcached",
        }
    }

    /// The server that a dialect is spoken by; `None` for SQLite, which has none.
    pub fn of_dialect(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some(Software::Postgres),
            Dialect::MariaDb => Some(Software::MariaDb),
        }
    }

    /// The environment's variable in which a server may be named by its URL.
    pub fn variable(self) -> &'static str {
        match self {
            Software::Postgres => "PAIDONCE_POSTGRES_URL",
            Software::MariaDb => "PAIDONCE_MARIADB_URL",
            Software::Redis => "PAIDONCE_REDIS_URL",
            Software::Memcached => "PAIDONCE_MEMCACHED_URL",
        }
    }

    /// The user that a Debian package makes for it.
    pub(super) fn user(self) -> &'static str {
        match self {
            Software::Postgres => "postgres",
            Software::MariaDb => "mysql",
            Software::Redis => "redis",
            Software::Memcached => "memcache",
        }
    }

    /// The programs that it takes, the server first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Software::Postgres => &["postgres", "initdb"],
            Software::MariaDb => &["mariadbd", "mariadb-install-db"],
            Software::Redis => &["redis-server"],
            Software::Memcached => &["memcached"],
        }
    }

    fn package(self) -> &'static str {
        match self {
            Software::Postgres => "postgresql",
            Software::MariaDb => "mariadb-server",
            Software::Redis => "redis-server",
            Software::Memcached => "memcached",
        }
    }

    fn looked(self) -> &'static str {
        match self {
            Software::Postgres => "on PATH or in /usr/lib/postgresql/*/bin",
            _ => "on PATH or in /usr/sbin",
        }
    }

    /// Where its programs are, all in one place.
    pub(super) fn programs(self) -> Result<Vec<PathBuf>, ServerError> {
        let names = self.names();
        let all_in = |folder: &PathBuf| names.iter().all(|name| folder.join(name).is_file());
        match self.folders().into_iter().find(all_in) {
            Some(folder) => Ok(names.iter().map(|name| folder.join(name)).collect()),
            None => self.scattered(names),
        }
    }

    /// Debian has MariaDB's server and what installs its tables in two places.
    fn scattered(self, names: &[&'static str]) -> Result<Vec<PathBuf>, ServerError> {
        let folders = self.folders();
        names
            .iter()
            .map(|program| {
                let absent = || ServerError::Absent {
                    software: self,
                    program,
                    looked: self.looked(),
                    package: self.package(),
                    variable: self.variable(),
                };
                folders.iter().map(|folder| folder.join(program)).find(|path| path.is_file()).ok_or_else(absent)
            })
            .collect()
    }

    fn folders(self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        folders.push(PathBuf::from("/usr/sbin"));
        if self == Software::Postgres {
            let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
            let number = |path: &PathBuf| path.iter().rev().nth(1)?.to_str()?.parse::<u32>().ok();
            versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
            folders.extend(versions);
        }
        folders
    }

    /// Make what the server needs before its first start.
    pub(super) fn install(self, programs: &[PathBuf], directory: &Path, user: Option<User>) -> Result<(), String> {
        let data = directory.join("data");
        let arguments: Vec<OsString> = match self {
            Software::Postgres => {
                // Whoever can open the socket is let in; the directory is this user's alone.
                let fixed = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
                let mut arguments = words(&fixed);
                arguments.push(option("--pgdata=", &data));
                arguments
            }
            Software::MariaDb => {
                let mut arguments =
                    words(&["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                arguments.push(option("--datadir=", &data));
                arguments.push(option("--tmpdir=", directory));
                arguments.extend(words(&MARIADB_SIZES));
                arguments
            }
            Software::Redis | Software::Memcached => return Ok(()),
        };
        let Some(program) = programs.get(1) else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory).stdin(Stdio::null());
        if let Some(user) = user {
            command.uid(user.id).gid(user.group);
        }
        let done = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout);
        Err(format!("{} failed: {}", program.display(), end_of(&said)))
    }

    /// Start the server and wait until it takes connections.
    pub(super) fn run(
        self,
        programs: &[PathBuf],
        directory: &Path,
        user: Option<User>,
        durability: Durability,
    ) -> Result<Process, String> {
        let [program, ..] = programs else { return Err("there is no program".to_owned()) };
        // PostgreSQL ends its other processes, and all the memory that they share, when it is told to quit.
        let signals = if self == Software::Postgres { ["INT", "QUIT"] } else { ["TERM", "KILL"] };
        let start = || {
            let arguments = self.arguments(directory, durability);
            let started = Process::start(program, arguments, directory, user, signals);
            started.map_err(|error| format!("{}: {error}", program.display()))
        };
        let mut process = start()?;
        for _ in 0..LOOKS {
            if self.is_ready(directory, process.id()) {
                return Ok(process);
            }
            if !process.is_running() {
                let log = fs::read(directory.join("log")).unwrap_or_default();
                let says = end_of(&String::from_utf8_lossy(&log));
                if !says.contains(OTHERS_STILL_THERE) {
                    return Err(format!("it ended at once: {says}"));
                }
                process = start()?;
            }
            // A process that is starting has nothing that could be awaited: it is looked at again.
            thread::sleep(LOOK);
        }
        Err("it takes no connections".to_owned())
    }

    fn arguments(self, directory: &Path, durability: Durability) -> Vec<OsString> {
        let data = directory.join("data");
        match self {
            Software::Postgres => {
                let mut arguments = vec!["-D".into(), data.into(), "-k".into(), directory.into()];
                let mut settings = vec!["listen_addresses=", "port=5432", "max_connections=100", "jit=off"];
                if durability == Durability::MeaningOnly {
                    settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]);
                }
                arguments.extend(settings.iter().flat_map(|setting| ["-c".into(), OsString::from(setting)]));
                arguments
            }
            Software::MariaDb => {
                let mut arguments = words(&["--no-defaults", "--skip-networking", "--innodb-use-native-aio=OFF"]);
                arguments.extend(words(&MARIADB_SIZES));
                arguments.push(option("--datadir=", &data));
                // One that starts takes all temporary tables in a folder for those of one that has died.
                arguments.push(option("--tmpdir=", directory));
                arguments.push(option("--socket=", &directory.join("socket")));
                arguments.push(option("--pid-file=", &directory.join("pid")));
                let flush = match durability {
                    Durability::Durable => "1",
                    Durability::MeaningOnly => "0",
                };
                arguments.push(format!("--innodb-flush-log-at-trx-commit={flush}").into());
                if durability == Durability::MeaningOnly {
                    arguments.extend(words(&MARIADB_MEANING_ONLY));
                }
                arguments
            }
            Software::Redis => {
                let kept = match durability {
                    Durability::Durable => ["--appendonly", "yes", "--appendfsync", "always", "--save", ""],
                    Durability::MeaningOnly => ["--appendonly", "no", "--appendfsync", "no", "--save", ""],
                };
                let mut arguments = words(&["--port", "0", "--unixsocket"]);
                arguments.push(directory.join("socket").into());
                arguments.push("--dir".into());
                arguments.push(directory.into());
                arguments.extend(words(&kept));
                arguments
            }
            Software::Memcached => vec!["-s".into(), directory.join("socket").into(), "-U".into(), "0".into()],
        }
    }

    fn is_ready(self, directory: &Path, id: u32) -> bool {
        if self == Software::Postgres {
            // The first line of postmaster.pid is the server's id, the eighth its status: what `pg_ctl --wait` looks at
            // (src/include/utils/pidfile.h). The socket is there long before.
            let status = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
            let line = |number| status.lines().nth(number).map(str::trim);
            return line(0) == Some(id.to_string().as_str()) && line(7) == Some("ready");
        }
        UnixStream::connect(directory.join("socket")).is_ok()
    }

    /// Where a private server in this directory is.
    pub(super) fn url(self, directory: &Path) -> String {
        let encoded = |path: &Path| {
            let bytes = path.as_os_str().as_encoded_bytes();
            url::form_urlencoded::byte_serialize(bytes).collect::<String>().replace('+', "%20")
        };
        let socket = directory.join("socket");
        match self {
            Software::Postgres => format!("postgres://postgres@{}:5432/", encoded(directory)),
            Software::MariaDb => format!("mariadb://root@localhost/?socket={}", encoded(&socket)),
            Software::Redis => format!("unix://{}", socket.display()),
            Software::Memcached => format!("memcached://{}", socket.display()),
        }
    }
}

/// Small files: what a shop for trials needs, and quick to make.
const MARIADB_SIZES: [&str; 3] =
    ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M", "--innodb-log-buffer-size=4M"];

/// Nothing is written through to the disk, and tables have no file of their own: to empty one takes 2 ms in place of 20. No
/// statistics are kept that would be gathered anew in the background and change a plan.
const MARIADB_MEANING_ONLY: [&str; 4] = [
    "--innodb-flush-method=nosync",
    "--innodb-file-per-table=OFF",
    "--innodb-stats-persistent=OFF",
    "--innodb-stats-auto-recalc=OFF",
];

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// The last lines of what a program said, in one.
fn end_of(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join("; ")
}
