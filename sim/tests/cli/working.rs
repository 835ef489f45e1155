//! `paidonce book --later` and `paidonce work`: real processes on one table of notices.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use paidonce_protocol::Row;
use paidonce_sqlx::server::{OwnDatabase, Server, Software, all_engines_wanted};
use paidonce_sqlx::{Connection, Engine, Options, create_demo_shop};
use rustix::process::{Pid, Signal, kill_process};

use super::support::{Folder, sample};

/// A demo shop on one engine, gone when this is dropped.
struct Shop {
    url: String,
    folder: Folder,
    _own: Option<OwnDatabase>,
}

/// One on each engine that is here.
async fn shops() -> Vec<Shop> {
    let folder = Folder::new();
    let mut shops = vec![Shop { url: format!("sqlite:{}", folder.path("shop.db").display()), folder, _own: None }];
    for software in [Software::Postgres, Software::MariaDb] {
        match Server::shared(software) {
            Ok(server) => {
                let own = server.own_database().await.unwrap();
                own.vacate().await.unwrap();
                shops.push(Shop { url: own.url().to_owned(), folder: Folder::new(), _own: Some(own) });
            }
            Err(error) if all_engines_wanted() => panic!("{error}"),
            Err(error) => println!("left out: {error}"),
        }
    }
    for shop in &shops {
        create_demo_shop(&shop.url).await.unwrap();
    }
    shops
}

impl Shop {
    async fn connect(&self) -> Connection {
        Connection::open(&self.url, Options::shop(Engine::of_url(&self.url).unwrap())).await.unwrap()
    }

    /// So many orders of one sku with a notice each that waits in the table.
    async fn fill(&self, orders: i64) {
        let mut connection = self.connect().await;
        let text = |text: &str| text.into();
        let pen = Row(vec![text("pen"), orders.into(), orders.into()]);
        connection.insert("stock", vec![pen]).await.unwrap();
        let ids = || (0..orders).map(|n| format!("p{n:03}"));
        let order = |id: &String| {
            let fixed =
                [text("pending"), 700.into(), text("EUR"), text("shop@example.com"), 0.into(), text(""), 0.into()];
            Row([vec![id.as_str().into()], fixed.to_vec()].concat())
        };
        connection.insert("orders", ids().map(|id| order(&id)).collect()).await.unwrap();
        let line = |id: String| Row(vec![id.as_str().into(), text("pen"), 1.into()]);
        connection.insert("order_lines", ids().map(line).collect()).await.unwrap();
        let job = |id: String| {
            let (txn, status) = (format!("T{id}"), text("Completed"));
            let about = [text("paypal"), txn.as_str().into(), status, id.as_str().into(), 700.into(), text("EUR")];
            let state = [text("shop@example.com"), text("waiting"), text(""), 0.into(), 0.into(), 1.into()];
            Row([vec![format!("later-{id}").as_str().into()], about.to_vec(), state.to_vec()].concat())
        };
        connection.insert("jobs", ids().map(job).collect()).await.unwrap();
        connection.close().await;
    }

    /// How many jobs are in this state.
    async fn count(&self, connection: &mut Connection, state: &str) -> usize {
        let rows = connection.rows("jobs").await.unwrap();
        rows.iter().filter(|row| row.text(8) == Ok(state)).count()
    }

    fn work(&self) -> Working {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidonce"));
        command.args(["work", "--lease", "1", "--database", &self.url]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Working { child, out }
    }

    /// Everything is done once, and the audits find nothing.
    async fn expect_drained(&self, orders: usize) {
        let mut connection = self.connect().await;
        assert_eq!(self.count(&mut connection, "done").await, orders);
        let rows = connection.rows("orders").await.unwrap();
        let paid = rows.iter().filter(|row| row.text(1) == Ok("paid")).count();
        assert_eq!((paid, connection.rows("payments").await.unwrap().len()), (orders, orders));
        connection.close().await;
        self.folder.run(&["audit", "--database", &self.url]).expect(0, &["clean"]);
    }
}

/// A process at work. Whatever becomes of the test, it does not outlive it.
struct Working {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Working {
    /// Read until a line says this.
    fn until(&mut self, says: &str) {
        let mut line = String::new();
        while !line.contains(says) {
            line.clear();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended, and never said `{says}`");
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit status, none when it was killed, and what it said last.
    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many a worker says that it has handled.
fn handled(rest: &str) -> usize {
    let last = rest.lines().last().unwrap_or_default();
    let words: Vec<&str> = last.split(' ').collect();
    let place = words.iter().position(|word| *word == "handled").unwrap_or_else(|| panic!("{rest}"));
    words[place - 1].parse().unwrap()
}

#[test]
fn a_notice_that_is_kept_is_settled_by_a_worker() {
    let folder = Folder::with_shop();
    let notice = sample("ipn.txt");
    let kept = folder.run(&["book", "--later", &notice]).expect(0, &["answer to the gateway: 200"]);
    assert!(kept.first_line().starts_with("worker · sqlite:shop.db · payment 8XY"), "{kept:?}");
    assert!(kept.last_line().starts_with("queued for a worker · paidonce work"), "{kept:?}");
    folder.run(&["book", "--later", &notice]).expect(0, &["already queued for a worker"]);
    let json = folder.run(&["book", "--later", &notice, "--json"]).expect(0, &[]).json();
    assert_eq!((&json["answer"], &json["outcome"]), (&"200".into(), &"already queued for a worker".into()));
    let other = std::fs::read_to_string(sample("ipn-second-payment.txt")).unwrap();
    folder.run_with(&["book", "--later", "-"], &other).expect(0, &["queued for a worker"]);
    let ran = folder.run(&["work"]).expect(1, &["payment 8XY for order 1: booked", "order already paid"]);
    assert!(ran.last_line().starts_with("no notice waits; 2 handled here"), "{ran:?}");
    let json = folder.run(&["work", "--json"]).expect(0, &[]).json();
    assert_eq!((&json["ended"], &json["handled"]), (&"empty".into(), &0.into()));
    folder.run(&["audit"]).expect(0, &["clean"]);
}

#[test]
fn what_no_worker_can_use_is_told() {
    let folder = Folder::new();
    folder.run(&["work"]).expect(2, &["there is no database at shop.db"]);
    folder.write("foreign.db", "");
    folder.run(&["work", "--database", "sqlite:foreign.db"]).expect(2, &["missing table jobs"]);
    folder.run(&["work", "--lease", "0"]).expect(2, &["--lease"]);
    folder.run(&["book", "--later"]).expect(2, &["NOTICE"]);
}

#[tokio::test]
async fn several_workers_at_once_do_each_job_once() {
    for shop in shops().await {
        shop.fill(60).await;
        let workers = [shop.work(), shop.work(), shop.work()];
        let ended = workers.map(Working::end);
        for (status, rest) in &ended {
            assert_eq!(*status, Some(0), "{rest}");
        }
        let all: usize = ended.iter().map(|(_, rest)| handled(rest)).sum();
        assert_eq!(all, 60, "{ended:?}");
        shop.expect_drained(60).await;
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_anywhere_leaves_its_work_to_the_next() {
    for shop in shops().await {
        shop.fill(40).await;
        for says in ["order p003", "order p011", "order p018"] {
            let mut worker = shop.work();
            worker.until(says);
            worker.signal(Signal::KILL);
            assert_eq!(worker.end().0, None);
        }
        let (status, rest) = shop.work().end();
        assert_eq!(status, Some(0), "{rest}");
        shop.expect_drained(40).await;
    }
}

/// The servers let a job be stopped where it waits for a row; SQLite has no rows to wait for.
#[tokio::test]
async fn a_worker_that_is_killed_within_a_job_loses_it_with_its_claim() {
    for shop in shops().await.into_iter().filter(|shop| !shop.url.starts_with("sqlite:")) {
        shop.fill(2).await;
        let (mut other, mut reader) = (shop.connect().await, shop.connect().await);
        other.send_sql("BEGIN").await.unwrap();
        other.send_sql("UPDATE orders SET version = version + 1 WHERE id = 'p000'").await.unwrap();
        let worker = shop.work();
        while reader.rows("jobs").await.unwrap()[0].int(11) != Ok(1) {}
        worker.signal(Signal::KILL);
        assert_eq!(worker.end().0, None);
        other.send_sql("ROLLBACK").await.unwrap();
        let (status, rest) = shop.work().end();
        assert_eq!((status, handled(&rest)), (Some(0), 2), "{rest}");
        // It was claimed a second time, when the first claim was over.
        assert_eq!(reader.rows("jobs").await.unwrap()[0].int(11), Ok(2));
        shop.expect_drained(2).await;
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_worker_with_the_job_that_it_is_at() {
    for shop in shops().await {
        shop.fill(200).await;
        let mut worker = shop.work();
        worker.until("order p002");
        worker.signal(Signal::INT);
        let (status, rest) = worker.end();
        assert_eq!(status, Some(0), "{rest}");
        assert!(rest.lines().last().is_some_and(|last| last.starts_with("stopped; ")), "{rest}");
        let mut connection = shop.connect().await;
        let (done, waiting) = (shop.count(&mut connection, "done").await, shop.count(&mut connection, "waiting").await);
        assert_eq!((done, done + waiting), (handled(&rest), 200));
        assert!(waiting > 0, "it was stopped too late to show anything");
        // Nothing is left claimed.
        let rows = connection.rows("jobs").await.unwrap();
        assert!(rows.iter().all(|row| row.text(8) == Ok("done") || row.int(10) == Ok(0)));
    }
}
