//! Shops on each engine that is here. An engine whose server is missing is left out, with the reason, unless the
//! environment asks for all of them.

use paidonce_protocol::Schema;
use paidonce_sqlx::server::{OwnDatabase, Server, Software, all_engines_wanted};
use paidonce_sqlx::{Connection, Engine, Options};
use tempfile::TempDir;

/// A shop on one engine, gone when this is dropped.
pub(crate) struct Shop {
    pub(crate) engine: Engine,
    url: String,
    place: (Option<TempDir>, Option<OwnDatabase>),
}

/// The server of this software, or `None` when it is to be left out.
pub(crate) fn server(software: Software) -> Option<&'static Server> {
    match Server::shared(software) {
        Ok(server) => Some(server),
        Err(error) if all_engines_wanted() => panic!("{error}"),
        Err(error) => {
            println!("left out: {error}");
            None
        }
    }
}

impl Shop {
    /// An empty database on an engine, by its name.
    pub(crate) async fn empty(engine: &str) -> Option<Self> {
        let engine = Engine::find(engine).expect("an engine");
        let Some(software) = Software::of_dialect(engine.dialect()) else {
            let directory = paidonce_sqlx::server::scratch().unwrap();
            let url = format!("sqlite:{}", directory.path().join("shop.db").display());
            Connection::create_empty(&url, Options::shop(engine)).await.unwrap();
            return Some(Shop { engine, url, place: (Some(directory), None) });
        };
        let own = server(software)?.own_database().await.unwrap_or_else(|error| panic!("{error}"));
        Some(Shop { engine, url: own.url().to_owned(), place: (None, Some(own)) })
    }

    /// A shop without any rows.
    pub(crate) async fn new(engine: &str, schema: Schema) -> Option<Self> {
        let shop = Self::empty(engine).await?;
        shop.connect().await.create_schema(schema).await.unwrap_or_else(|error| panic!("{error}"));
        Some(shop)
    }

    /// A connection as a shop has it.
    pub(crate) async fn connect(&self) -> Connection {
        self.connect_with(Options::shop(self.engine)).await
    }

    pub(crate) async fn connect_with(&self, options: Options) -> Connection {
        Connection::open(&self.url, options).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// At another level of the same server.
    pub(crate) async fn connect_at(&self, engine: &str) -> Connection {
        self.connect_with(Options::shop(Engine::find(engine).expect("an engine"))).await
    }

    /// Drop the database, so that another can be made in its place.
    pub(crate) async fn vacate(&self) {
        match &self.place {
            (Some(directory), _) => std::fs::remove_file(directory.path().join("shop.db")).unwrap(),
            (_, Some(own)) => own.vacate().await.unwrap_or_else(|error| panic!("{error}")),
            (None, None) => {}
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// One engine of each kind, at the level that a shop has there.
pub(crate) const ENGINES: [&str; 3] = ["sqlite/immediate", "postgres/read-committed", "mariadb/repeatable-read"];

/// Try something in a new shop on each of these engines.
pub(crate) async fn on_each(engines: &[&str], schema: Schema, test: impl AsyncFn(&Shop)) {
    for engine in engines {
        if let Some(shop) = Shop::new(engine, schema).await {
            test(&shop).await;
        }
    }
}
