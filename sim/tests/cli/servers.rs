//! The command on databases of servers.

use paidonce_sqlx::server::{OwnDatabase, Server, Software, all_engines_wanted};

use super::support::{Folder, sample};

/// A name on each server that is here, with nothing there.
async fn vacant() -> Vec<OwnDatabase> {
    let mut vacant = Vec::new();
    for software in [Software::Postgres, Software::MariaDb] {
        match Server::shared(software) {
            Ok(server) => {
                let own = server.own_database().await.unwrap();
                own.vacate().await.unwrap();
                vacant.push(own);
            }
            Err(error) if all_engines_wanted() => panic!("{error}"),
            Err(error) => println!("left out: {error}"),
        }
    }
    vacant
}

#[tokio::test]
async fn a_notice_is_booked_once_and_audited_on_a_server() {
    for own in vacant().await {
        let folder = Folder::new();
        let at = ["--database", own.url()];
        let notice = sample("ipn.txt");
        let book = [&["book", notice.as_str()][..], &at].concat();
        folder.run(&book).expect(2, &["connect on"]);
        folder.run(&[&["book", "--create-demo-shop"][..], &at].concat()).expect(0, &["made a demo shop"]);
        folder.run(&[&["book", "--create-demo-shop"][..], &at].concat()).expect(2, &["exists already"]);
        folder.run(&book).expect(0, &["order 1: paid, 20.00 EUR of 20.00 EUR paid"]);
        folder.run(&book).expect(0, &["already booked: nothing more was booked"]);
        folder.run(&[&["audit"][..], &at].concat()).expect(0, &["clean: 6 audits ran"]);
    }
}

#[tokio::test]
async fn a_trace_is_replayed_on_a_named_database_and_left_there() {
    let folder = Folder::new();
    let check = ["check", "unlocked", "--scenario", "unlocked_ipn_twice", "--engine", "postgres/read-committed"];
    let claim = ["--claim", "a_payment_is_booked_at_most_once", "--trace-out", "trace.json"];
    folder.run(&[&check[..], &claim].concat()).expect(1, &["trace.json"]);
    for own in vacant().await.iter().filter(|own| own.url().starts_with("postgres:")) {
        let replay = ["replay", "trace.json", "--engine", "postgres/read-committed", "--database", own.url()];
        folder.run(&replay).expect(0, &["equal: the real database did what the trace says"]);
        folder.run(&replay).expect(2, &["exists already"]);
        folder.run(&["audit", "--database", own.url()]).expect(1, &["order 1 was booked twice"]);
    }
}

#[test]
fn a_password_is_never_printed() {
    let folder = Folder::new();
    let notice = sample("ipn.txt");
    for url in ["postgres://shop:secret@127.0.0.1:1/shop", "mariadb://shop:secret@127.0.0.1:1/shop"] {
        for command in [&["audit"][..], &["book", notice.as_str()]] {
            let ran = folder.run(&[command, &["--database", url]].concat()).expect(2, &["shop@127.0.0.1:1/shop"]);
            assert!(!ran.out.contains("secret") && !ran.err.contains("secret"), "{ran:?}");
        }
    }
}

#[test]
fn a_variable_that_names_no_server_of_its_kind_is_named() {
    let folder = Folder::new();
    folder.write("one.script", "setup\n  CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY);\nT1: SELECT id FROM t\n");
    let script = ["script", "one.script", "--engine", "postgres/read-committed", "--real"];
    for (url, says) in [
        ("nonsense", "has no scheme: a database is given as"),
        ("mariadb://shop@127.0.0.1:1/shop", "mariadb://shop@127.0.0.1:1/shop is another engine's"),
        ("none", "postgres is left out by PAIDONCE_POSTGRES_URL=none"),
    ] {
        folder.run_in(&script, "", &[("PAIDONCE_POSTGRES_URL", url)]).expect(2, &["PAIDONCE_POSTGRES_URL", says]);
    }
}
