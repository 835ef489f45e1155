//! Databases that are made and dropped here. One that was there before is never touched.

use std::fs::OpenOptions;
use std::io::ErrorKind;

use paidonce_protocol::{Dialect, Error};

use super::Options;
use super::link::Link;
use super::target::Target;
use crate::{DbError, Engine, OpenError, mariadb, postgres};

/// Make a database without any table.
pub(super) async fn create_database(target: &Target) -> Result<(), OpenError> {
    if let Some(path) = target.path() {
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        return made.map(drop).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => OpenError::Exists { name: path.display().to_string() },
            _ => OpenError::Create { path: path.to_owned(), source },
        });
    }
    let Some(name) = target.database() else { return Ok(()) };
    // Text compares byte for byte, as it does on every engine here: what is sorted is sorted alike.
    let sql = match target.dialect() {
        Dialect::MariaDb => {
            format!("CREATE DATABASE `{}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", name.replace('`', "``"))
        }
        Dialect::Postgres | Dialect::Sqlite => format!(
            "CREATE DATABASE \"{}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
            name.replace('"', "\"\"")
        ),
    };
    on_server(target, "create_database", sql).await.map_err(|error| match error.code() {
        Some(code) if is_taken(target.dialect(), code) => OpenError::Exists { name: target.name().to_owned() },
        _ => OpenError::Db(error),
    })
}

/// Drop a database that was made here, whoever is still connected to it.
pub(super) async fn drop_database(target: &Target) -> Result<(), DbError> {
    if let Some(path) = target.path() {
        // It may be gone, and what stays behind is a file that was made here.
        let _ = std::fs::remove_file(path);
        return Ok(());
    }
    let Some(name) = target.database() else { return Ok(()) };
    let sql = match target.dialect() {
        Dialect::MariaDb => format!("DROP DATABASE IF EXISTS `{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => {
            format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", name.replace('"', "\"\""))
        }
    };
    on_server(target, "drop_database", sql).await
}

/// Drop the database at this URL, which was made here.
pub(crate) async fn drop_database_at(url: &str) -> Result<(), OpenError> {
    Ok(drop_database(&Target::parse(url)?).await?)
}

fn is_taken(dialect: Dialect, code: &str) -> bool {
    match dialect {
        Dialect::Postgres => code == postgres::DUPLICATE_DATABASE,
        Dialect::MariaDb => code == mariadb::DATABASE_EXISTS.to_string(),
        Dialect::Sqlite => false,
    }
}

/// Send a text that belongs to no transaction, in a task of its own: see [`super::Connection`].
async fn on_server(target: &Target, step: &'static str, sql: String) -> Result<(), DbError> {
    let options = Options::shop(Engine::of_shop(target.dialect()));
    let server = target.server();
    let task = tokio::spawn(async move {
        let mut link = Link::connect(&server, &options).await?;
        let done = link.send(step, sql.into()).await;
        link.close().await;
        done.map(drop)
    });
    task.await.unwrap_or_else(|_| {
        let says = "the task that worked on the connection was ended from outside";
        Err(DbError::rule(Error::Unknown, step, target.shared_name(), says))
    })
}
