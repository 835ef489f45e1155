//! Where a database is: `sqlite:PATH`, `postgres://…/NAME`, `mariadb://…/NAME`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use paidonce_protocol::Dialect;
use sqlx::ConnectOptions as _;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::{OpenError, sqlite};

/// The scheme of a dialect's URLs, which is also what its engines' names begin with.
pub(crate) fn scheme(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
        Dialect::MariaDb => "mariadb",
    }
}

/// A database, and the name it has in messages: never with a password.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    place: Place,
    name: Arc<str>,
}

/// Where it is, for each engine.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Sqlite(sqlite::Place),
    Postgres(Box<PgConnectOptions>),
    MariaDb(Box<MySqlConnectOptions>),
}

impl Target {
    /// Read a URL that names a database.
    pub(crate) fn parse(given: &str) -> Result<Self, OpenError> {
        let target = Self::parse_server(given)?;
        let named = match &target.place {
            Place::Sqlite(_) => true,
            Place::Postgres(place) => place.get_database().is_some_and(|name| !name.is_empty()),
            Place::MariaDb(place) => place.get_database().is_some_and(|name| !name.is_empty()),
        };
        if named { Ok(target) } else { Err(wrong(given, "names no database")) }
    }

    /// Read a URL that may name a server only.
    pub(crate) fn parse_server(given: &str) -> Result<Self, OpenError> {
        let Some((scheme, rest)) = given.split_once(':') else {
            return Err(wrong(given, "has no scheme"));
        };
        match scheme {
            "sqlite" => file(given, rest),
            "postgres" | "postgresql" => {
                server(given, |url| PgConnectOptions::from_url(url).map(|options| Place::Postgres(Box::new(options))))
            }
            "mysql" | "mariadb" => {
                server(given, |url| MySqlConnectOptions::from_url(url).map(|options| Place::MariaDb(Box::new(options))))
            }
            _ => Err(wrong(given, "has a scheme other than sqlite, postgres and mariadb")),
        }
    }

    /// A database that no URL can name.
    pub(crate) fn in_memory() -> Self {
        Target { place: Place::Sqlite(sqlite::Place::Memory), name: "sqlite in memory".into() }
    }

    /// The same server without a database; for PostgreSQL, which knows no such thing, the one that is always there.
    pub(crate) fn server(&self) -> Self {
        let place = match &self.place {
            Place::Postgres(place) => Place::Postgres(Box::new((**place).clone().database("postgres"))),
            // An empty name is none.
            Place::MariaDb(place) => Place::MariaDb(Box::new((**place).clone().database(""))),
            Place::Sqlite(place) => Place::Sqlite(place.clone()),
        };
        Target { place, name: Arc::clone(&self.name) }
    }

    /// The database's name on its server, if it is on one.
    pub(crate) fn database(&self) -> Option<&str> {
        match &self.place {
            Place::Postgres(place) => place.get_database(),
            Place::MariaDb(place) => place.get_database(),
            Place::Sqlite(_) => None,
        }
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Sqlite(sqlite::Place::File(path)) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.place {
            Place::Sqlite(_) => Dialect::Sqlite,
            Place::Postgres(_) => Dialect::Postgres,
            Place::MariaDb(_) => Dialect::MariaDb,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
}

fn wrong(given: &str, why: &'static str) -> OpenError {
    OpenError::Url { given: without_password(given), why }
}

/// `sqlite:PATH` or `sqlite://PATH`. The path is taken as it is: no options behind a question mark.
fn file(given: &str, rest: &str) -> Result<Target, OpenError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err(wrong(given, "has no path"));
    }
    if path == ":memory:" {
        return Err(wrong(given, "is in memory, where each connection would have a database of its own"));
    }
    if path.contains('?') {
        return Err(wrong(given, "has options, of which there are none here"));
    }
    let place = Place::Sqlite(sqlite::Place::File(PathBuf::from(path)));
    Ok(Target { place, name: format!("sqlite:{path}").into() })
}

fn server(given: &str, read: impl FnOnce(&Url) -> Result<Place, sqlx::Error>) -> Result<Target, OpenError> {
    let Some(url) = Url::parse(given).ok().filter(|url| !url.cannot_be_a_base()) else {
        return Err(wrong(given, "is no URL"));
    };
    let Ok(place) = read(&url) else {
        return Err(wrong(given, "has an option that cannot be read"));
    };
    Ok(Target { place, name: without_password(given).into() })
}

/// A database's URL as it may stand in a message: without the password, which may be an option as well. A text that is no
/// URL is not shown at all.
pub fn without_password(given: &str) -> String {
    let Ok(mut url) = Url::parse(given) else {
        return given.split_once(':').map_or("", |(scheme, _)| scheme).to_owned() + ":…";
    };
    if url.cannot_be_a_base() || url.scheme() == "sqlite" {
        return given.to_owned();
    }
    if url.password().is_some() && url.set_password(None).is_err() {
        return format!("{}:…", url.scheme());
    }
    let kept: Vec<(String, String)> =
        url.query_pairs().filter(|(key, _)| key != "password").map(|(key, value)| (key.into(), value.into())).collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        let path = |url: &str| Target::parse(url).unwrap().path().unwrap().to_owned();
        assert_eq!(path("sqlite:shop.db"), Path::new("shop.db"));
        assert_eq!(path("sqlite:/var/shop.db"), Path::new("/var/shop.db"));
        assert_eq!(path("sqlite:///var/shop.db"), Path::new("/var/shop.db"));
        assert_eq!(Target::parse("sqlite://shop.db").unwrap().name(), "sqlite:shop.db");
    }

    #[test]
    fn a_url_names_a_database_on_a_server() {
        for (url, dialect) in [
            ("postgres://localhost/shop", Dialect::Postgres),
            ("postgresql://shop@localhost:5433/shop", Dialect::Postgres),
            ("postgres://shop@%2Frun%2Fpostgresql/shop", Dialect::Postgres),
            ("mysql://localhost/shop", Dialect::MariaDb),
            ("mariadb://root@localhost/shop?socket=%2Frun%2Fmysqld.sock", Dialect::MariaDb),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.dialect(), target.database(), target.name()), (dialect, Some("shop"), url));
        }
    }

    #[test]
    fn a_name_has_no_password() {
        let target = Target::parse("postgres://shop:secret@localhost/shop?password=secret&sslmode=disable").unwrap();
        assert_eq!(target.name(), "postgres://shop@localhost/shop?sslmode=disable");
        let says = Target::parse("mariadb://shop:secret@localhost/").unwrap_err().to_string();
        assert!(says.contains("mariadb://shop@localhost/") && !says.contains("secret"), "{says}");
    }

    #[test]
    fn a_url_that_names_no_database_is_refused_with_what_was_expected() {
        for (url, why) in [
            ("shop.db", "has no scheme"),
            ("oracle://localhost/shop", "has a scheme other than"),
            ("sqlite:", "has no path"),
            ("sqlite::memory:", "is in memory"),
            ("sqlite:shop.db?mode=rwc", "has options"),
            ("postgres://localhost", "names no database"),
            ("mariadb://localhost/?ssl-mode=perhaps", "has an option"),
            ("postgres://local host/shop", "is no URL"),
            ("postgres:shop", "is no URL"),
        ] {
            let says = Target::parse(url).unwrap_err().to_string();
            assert!(says.contains(why) && says.contains("sqlite:PATH"), "{says}");
        }
    }
}
