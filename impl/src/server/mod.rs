//! Servers for tests, replays and trials: private ones in a temporary directory, or one that the user names.
//!
//! | file | is about |
//! |---|---|
//! | `software` | which programs there are, where they are looked for, and how each is started |
//! | `process` | a process that ends with this one, in whatever way this one ends |
//! | `user` | whom a server runs as, when it refuses to run as root |
//! | `own` | a database of one's own on a server, dropped at the end |
//! | `scratch` | where databases lie that are about meaning only |
//!
//! A private server listens on a socket in its directory and on no port. It ends, and its directory with it, when its
//! [`Server`] is dropped, and also when this process ends without dropping anything: see `process`.

mod own;
mod process;
mod scratch;
mod software;
mod user;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

use crate::connection::Target;
pub use own::OwnDatabase;
use process::Process;
pub use scratch::scratch;
pub use software::Software;

/// The variable that makes a missing server an error where it would be left out: `PAIDONCE_ENGINES=all`.
const ENGINES: &str = "PAIDONCE_ENGINES";

/// What a private server's commits are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// They are on the disk when they are answered. For everything that is about loss.
    #[default]
    Durable,
    /// They are lost with the machine, though not with the process. Faster, for what is about meaning only.
    MeaningOnly,
}

/// How a private server goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// As an administrator would stop it: open transactions are rolled back, and everything is written down.
    Clean,
    /// `SIGKILL`.
    Crash,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is not installed here.
    #[error("{software}: {program} was not found {looked}: apt-get install {package}, or name a server in {variable}")]
    Absent {
        /// What is absent.
        software: Software,
        /// The program that was looked for.
        program: &'static str,
        /// Where it was looked for.
        looked: &'static str,
        /// The Debian package that it is in.
        package: &'static str,
        /// The environment's variable in which a server may be named.
        variable: &'static str,
    },
    /// The environment says to go without it.
    #[error("{software} is left out by {variable}=none")]
    LeftOut {
        /// What is left out.
        software: Software,
        /// The environment's variable that says so.
        variable: &'static str,
    },
    /// The environment names something else.
    #[error("{variable} names no {software}: {says}")]
    Misnamed {
        /// What was asked for.
        software: Software,
        /// The environment's variable.
        variable: &'static str,
        /// What it names, without its password.
        says: String,
    },
    /// It is there and does not start.
    #[error("{software} does not start: {says}")]
    Start {
        /// What does not start.
        software: Software,
        /// The reason, with the end of its log.
        says: String,
    },
    /// The server is somebody else's, and not to be stopped here.
    #[error("{software} at {url} is not to be stopped: only a server that was started here is")]
    NotOurs {
        /// What it is.
        software: Software,
        /// Where it is, without its password.
        url: String,
    },
}

/// A running server.
pub struct Server {
    software: Software,
    url: String,
    private: Option<Private>,
}

/// What belongs to a server that was started here. Fields are dropped in their order: the process before its directory.
struct Private {
    process: Mutex<Option<Process>>,
    durability: Durability,
    programs: Vec<PathBuf>,
    directory: TempDir,
}

impl Server {
    /// The server that the environment names, or a private one. The name `none` stands for no server at all.
    ///
    /// # Errors
    /// [`ServerError::Absent`] when it is not installed and none is named, [`ServerError::LeftOut`] when the environment
    /// says so, [`ServerError::Misnamed`] when it names something else, [`ServerError::Start`] when it does not start.
    pub fn find(software: Software, durability: Durability) -> Result<Self, ServerError> {
        match named_in_environment(software)? {
            Some(url) => Ok(Self::named(software, &url)),
            None => Self::start(software, durability),
        }
    }

    /// A private server.
    ///
    /// # Errors
    /// As [`Server::find`].
    pub fn start(software: Software, durability: Durability) -> Result<Self, ServerError> {
        let programs = software.programs()?;
        let failed = |says: String| ServerError::Start { software, says };
        let directory = match durability {
            Durability::Durable => scratch::temporary(),
            Durability::MeaningOnly => scratch(),
        }
        .map_err(|error| failed(format!("no temporary directory: {error}")))?;
        let user = user::for_server(directory.path(), software).map_err(|error| failed(error.to_string()))?;
        software.install(&programs, directory.path(), user).map_err(failed)?;
        let process = software.run(&programs, directory.path(), user, durability).map_err(failed)?;
        let url = software.url(directory.path());
        let private = Private { process: Mutex::new(Some(process)), durability, programs, directory };
        Ok(Server { software, url, private: Some(private) })
    }

    /// A server that is already there, by its URL.
    pub fn named(software: Software, url: &str) -> Self {
        Server { software, url: url.to_owned(), private: None }
    }

    /// The one private (or named) server of this kind that all of this process shares, for tests of meaning. It is
    /// started when it is asked for first.
    ///
    /// # Errors
    /// As [`Server::find`], the same each time.
    pub fn shared(software: Software) -> Result<&'static Self, &'static ServerError> {
        static SHARED: [OnceLock<Result<Server, ServerError>>; 4] = [const { OnceLock::new() }; 4];
        // A static is never dropped: the server ends with the process, as it would if the process were killed.
        SHARED[software as usize].get_or_init(|| Self::find(software, Durability::MeaningOnly)).as_ref()
    }

    /// Whether there is one to be found, without starting it.
    ///
    /// # Errors
    /// As [`Server::find`], but for its start.
    pub fn is_here(software: Software) -> Result<(), ServerError> {
        match named_in_environment(software)? {
            Some(_) => Ok(()),
            None => software.programs().map(drop),
        }
    }

    /// What it is.
    pub fn software(&self) -> Software {
        self.software
    }

    /// Where it is. May hold a password; a database's name is missing.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True for a server that was started here.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Stop it, and start it again with everything that it has kept.
    ///
    /// # Errors
    /// [`ServerError::NotOurs`] for a server that was not started here; [`ServerError::Start`] when it does not come back.
    pub fn restart(&self, stop: Stop) -> Result<(), ServerError> {
        let Some(private) = &self.private else {
            let url = crate::connection::without_password(&self.url);
            return Err(ServerError::NotOurs { software: self.software, url });
        };
        let failed = |says: String| ServerError::Start { software: self.software, says };
        let mut process = private.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = process.take() {
            process.stop(stop).map_err(|error| failed(error.to_string()))?;
        }
        let directory = private.directory.path();
        let user = user::for_server(directory, self.software).map_err(|error| failed(error.to_string()))?;
        let started = self.software.run(&private.programs, directory, user, private.durability);
        *process = Some(started.map_err(failed)?);
        Ok(())
    }
}

/// The server of this kind that the environment names.
fn named_in_environment(software: Software) -> Result<Option<String>, ServerError> {
    let variable = software.variable();
    let url = match std::env::var(variable) {
        Ok(url) if url == "none" => return Err(ServerError::LeftOut { software, variable }),
        Ok(url) if !url.is_empty() => url,
        _ => return Ok(None),
    };
    if !matches!(software, Software::Postgres | Software::MariaDb) {
        return Ok(Some(url));
    }
    let misnamed = |says| Err(ServerError::Misnamed { software, variable, says });
    match Target::parse_server(&url) {
        Ok(target) if Software::of_dialect(target.dialect()) == Some(software) => Ok(Some(url)),
        Ok(target) => misnamed(format!("{} is another engine's", target.name())),
        Err(error) => misnamed(error.to_string()),
    }
}

/// True when the environment asks for every engine, so that a missing one is an error.
pub fn all_engines_wanted() -> bool {
    std::env::var(ENGINES).is_ok_and(|wanted| wanted == "all")
}
