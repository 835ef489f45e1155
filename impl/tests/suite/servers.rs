//! Servers of one's own: they are there, they keep what they promised to keep, and they are gone afterwards.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use paidonce_protocol::Schema;
use paidonce_sqlx::server::{Durability, Server, ServerError, Software, Stop};
use paidonce_sqlx::{Connection, Engine, Options};

use crate::shops::server;
use crate::support::stock;

/// Says to a test of this binary that it is run by another one, and not by the harness.
const HELPER: &str = "PAIDONCE_TEST_HELPER";

/// The directory and socket of a private memcached.
fn socket(server: &Server) -> PathBuf {
    PathBuf::from(server.url().strip_prefix("memcached://").expect("a socket's URL"))
}

/// One of our own, also where the environment names another.
pub(crate) fn private(software: Software) -> Option<Server> {
    server(software)?;
    Some(Server::start(software, Durability::Durable).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn caches_are_started_on_sockets_and_leave_no_file_behind() {
    for software in [Software::Redis, Software::Memcached] {
        let Some(started) = private(software) else { continue };
        let path = started.url().split_once("://").unwrap().1.to_owned();
        UnixStream::connect(&path).unwrap();
        drop(started);
        assert!(!Path::new(&path).parent().unwrap().exists(), "{path}");
    }
}

/// Runs for the next test only: it starts a server and waits to be killed.
#[test]
fn a_helper_that_is_killed() {
    if std::env::var_os(HELPER).is_some() {
        let started = private(Software::Memcached).unwrap();
        println!("\nserver {}", socket(&started).display());
        let _ = std::io::stdin().read(&mut [0]);
    }
}

#[test]
fn a_server_ends_with_its_process_even_when_that_is_killed() {
    if server(Software::Memcached).is_none() {
        return;
    }
    let mut helper = Command::new(std::env::current_exe().unwrap());
    helper.args(["--exact", "servers::a_helper_that_is_killed", "--nocapture"]).env(HELPER, "1");
    let mut helper = helper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(helper.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("server ").map(str::to_owned)).unwrap();
    let mut connection = UnixStream::connect(&line).unwrap();
    helper.kill().unwrap();
    helper.wait().unwrap();
    // The server's end is the end of what can be read from it.
    assert_eq!(connection.read(&mut [0]).unwrap_or(0), 0);
}

#[tokio::test]
async fn a_durable_server_keeps_what_was_committed_before_it_was_killed() {
    for (software, engine) in
        [(Software::Postgres, "postgres/read-committed"), (Software::MariaDb, "mariadb/repeatable-read")]
    {
        let Some(server) = private(software) else { continue };
        let own = server.own_database().await.unwrap();
        let options = Options::shop(Engine::find(engine).unwrap());
        let mut connection = Connection::open(own.url(), options).await.unwrap();
        connection.create_schema(Schema::Paidonce).await.unwrap();
        for (sku, stop) in [("mug", Stop::Crash), ("tee", Stop::Clean)] {
            connection.insert("stock", vec![stock(sku, 3, 3)]).await.unwrap();
            server.restart(stop).unwrap_or_else(|error| panic!("{error}"));
            let lost = connection.rows("stock").await.unwrap_err();
            assert_eq!(lost.kind(), paidonce_protocol::Error::Unknown, "{lost}");
            assert!(connection.rows("stock").await.unwrap().contains(&stock(sku, 3, 3)), "{engine}: {sku}");
        }
    }
}

#[tokio::test]
async fn a_database_of_ones_own_is_dropped_at_the_end() {
    for software in [Software::Postgres, Software::MariaDb] {
        let Some(server) = server(software) else { continue };
        let own = server.own_database().await.unwrap();
        let url = own.url().to_owned();
        let options = Options::shop(Engine::of_url(&url).unwrap());
        // Somebody who is still connected does not keep it there.
        let mut connection = Connection::open(&url, options).await.unwrap();
        connection.create_schema(Schema::AsFound).await.unwrap();
        drop(own);
        let says = Connection::open(&url, options).await.err().expect("it is gone").to_string();
        assert!(says.contains("paidonce_"), "{says}");
    }
}

#[test]
fn a_server_of_somebody_elses_is_not_stopped() {
    let named = Server::named(Software::Postgres, "postgres://shop:secret@localhost/");
    let Err(error @ ServerError::NotOurs { .. }) = named.restart(Stop::Clean) else { panic!("it was stopped") };
    let says = error.to_string();
    assert!(says.contains("postgres://shop@localhost/") && !says.contains("secret"), "{says}");
}

#[test]
fn what_is_absent_is_told_with_where_it_was_looked_for_and_how_to_get_it() {
    let absent = ServerError::Absent {
        software: Software::Postgres,
        program: "postgres",
        looked: "on PATH or in /usr/lib/postgresql/*/bin",
        package: "postgresql",
        variable: "PAIDONCE_POSTGRES_URL",
    };
    assert_eq!(
        absent.to_string(),
        "postgres: postgres was not found on PATH or in /usr/lib/postgresql/*/bin: apt-get install postgresql, \
         or name a server in PAIDONCE_POSTGRES_URL"
    );
}
