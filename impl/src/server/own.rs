//! A database of one's own on a server. Whoever's server it is, nothing else there is touched.

use std::sync::atomic::{AtomicU32, Ordering};

use url::Url;

use super::Server;
use crate::connection::drop_database_at;
use crate::{Connection, Engine, OpenError, Options};

/// So many names that are taken are passed over: a server that others use has few of ours.
const MOST_TAKEN: u32 = 1_000;

/// A database that was made here, and is dropped when this is.
pub struct OwnDatabase {
    url: String,
}

impl Server {
    /// Make an empty database that nobody else has.
    ///
    /// # Errors
    /// When the server is none of databases, cannot be reached, or does not allow it.
    pub async fn own_database(&self) -> Result<OwnDatabase, OpenError> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        for _ in 0..MOST_TAKEN {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            // Another process on another machine may have the same id: a name that is taken is passed over.
            let url = self.url_of(&format!("paidonce_{}_{number}", std::process::id()))?;
            match Connection::create_empty(&url, Options::shop(Engine::of_url(&url)?)).await {
                Ok(mut connection) => {
                    connection.close().await;
                    return Ok(OwnDatabase { url });
                }
                Err(OpenError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let name = crate::connection::without_password(self.url());
        Err(OpenError::Exists { name: format!("{name}: every database named paidonce_…") })
    }

    fn url_of(&self, database: &str) -> Result<String, OpenError> {
        let wrong = |why| OpenError::Url { given: crate::connection::without_password(self.url()), why };
        let mut url = Url::parse(self.url()).map_err(|_| wrong("is no URL"))?;
        if url.cannot_be_a_base() {
            return Err(wrong("names no server of databases"));
        }
        url.set_path(database);
        Ok(url.into())
    }
}

impl OwnDatabase {
    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Drop it now. What somebody makes anew at its URL is dropped at the end.
    ///
    /// # Errors
    /// When the server does not allow it, or is gone.
    pub async fn vacate(&self) -> Result<(), OpenError> {
        drop_database_at(&self.url).await
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let url = std::mem::take(&mut self.url);
        // Not on the executor that is around here, if there is one: it may be the one that is going down.
        let dropped = std::thread::spawn(move || {
            let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            executor.block_on(drop_database_at(&url)).ok()
        });
        // There is nobody left to tell. On a private server the whole server goes.
        let _ = dropped.join();
    }
}
