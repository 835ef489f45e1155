//! Where a trace is replayed: on a database that is made for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use paidonce_sqlx::server::{OwnDatabase, Server, Software, scratch};
use paidonce_sqlx::{Connection, Engine, Options};
use tempfile::TempDir;

use super::{Place, ReplayError};

/// Databases on the private PostgreSQL that a replay has left. A new one takes a quarter of a second there until it has
/// been connected to; one that is emptied takes none. The server goes with this process, and they with it.
static LEFT: Mutex<Vec<OwnDatabase>> = Mutex::new(Vec::new());

/// An empty database.
pub(super) enum Ground {
    /// In a directory that goes with this.
    File { url: String, _directory: TempDir },
    /// On a server, dropped with this.
    Own { database: OwnDatabase, server: &'static Server },
    /// Where the user wants it, and left there.
    Named(String),
}

impl Ground {
    /// Make the database.
    pub(super) async fn prepare(engine: Engine, place: &Place) -> Result<Self, ReplayError> {
        let ground = match (&place.database, Software::of_dialect(engine.dialect())) {
            (Some(url), _) => Ground::Named(url.clone()),
            (None, Some(software)) => {
                let server = Server::shared(software).map_err(ReplayError::NoServer)?;
                let left = if is_reused(server) { left().pop() } else { None };
                let database = match left {
                    Some(database) => database,
                    None => server.own_database().await?,
                };
                return Ok(Ground::Own { database, server });
            }
            (None, None) => {
                let directory = scratch().map_err(ReplayError::Temporary)?;
                let url = format!("sqlite:{}", directory.path().join("replay.db").display());
                Ground::File { url, _directory: directory }
            }
        };
        Connection::create_empty(ground.url(), Options::lockstep(engine)).await?.close().await;
        Ok(ground)
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        match self {
            Ground::File { url, .. } | Ground::Named(url) => url,
            Ground::Own { database, .. } => database.url(),
        }
    }

    /// The server that it is on, when that is known.
    pub(super) fn server(&self) -> Option<&'static Server> {
        match self {
            Ground::Own { server, .. } => Some(server),
            Ground::File { .. } | Ground::Named(_) => None,
        }
    }

    /// Leave it to the next replay, where that pays, once nobody is connected any more.
    pub(super) async fn leave(self) -> Result<(), ReplayError> {
        if let Ground::Own { database, server } = self
            && is_reused(server)
        {
            let mut connection =
                Connection::open(database.url(), Options::shop(Engine::of_url(database.url())?)).await?;
            let emptied = connection.send_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
            connection.close().await;
            emptied?;
            left().push(database);
        }
        Ok(())
    }
}

fn is_reused(server: &Server) -> bool {
    server.is_private() && server.software() == Software::Postgres
}

fn left() -> MutexGuard<'static, Vec<OwnDatabase>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}
