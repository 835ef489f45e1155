//! The protocols' own code, one request after the other, on the model database and on a real SQLite.

use std::collections::BTreeMap;

use paidonce_model::{Alone, Engine};
use paidonce_protocol::catalogue::find;
use paidonce_protocol::protocols::{cancel, settle, unlocked, worker};
use paidonce_protocol::shop::{Input, Outcome, Request, Settings};
use paidonce_protocol::{Answer, Call, Dialect, Error, Guard, Mark, Reply, Row, Schema, Session, Statement, Without};
use paidonce_sqlx::{BeginMode, Connection, Options, ShopSession};
use tempfile::TempDir;

use crate::sequence::{Step, Told};
use crate::shop::{LEASE_MS, Lost, Tables, sorted};

/// The code that is driven.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    /// `settle`, `worker` and `cancel`, with these guards left out.
    Paidonce(Without),
    /// `unlocked` in the place of `settle`.
    Unlocked,
}

impl Code {
    fn without(self) -> Without {
        match self {
            Code::Paidonce(without) => without,
            Code::Unlocked => Without::NOTHING,
        }
    }

    fn schema(self) -> Schema {
        if self.without().keeps(Guard::UniqueKey) { Schema::Paidonce } else { Schema::AsFound }
    }

    /// What of it is to be as it is told. `unlocked` has other words for what it did, takes no lock that would count in the
    /// order's version, and hands its mails over itself.
    pub(crate) fn seen(self, mut came: Came) -> Came {
        if let Code::Unlocked = self {
            came.outcome = None;
            came.tables.remove("outbox");
            came.tables.entry("orders".to_owned()).or_default().iter_mut().for_each(|order| drop(order.0.pop()));
        }
        came
    }

    /// A request's run.
    async fn run(self, session: &mut impl Session, step: &Step, request_id: String) -> Option<Outcome> {
        let (input, lost) = match step {
            Step::Settle(notice, lost) | Step::Queue(notice, lost) => (Input::Notice(notice.clone()), *lost),
            Step::Work(lost) => (Input::Work, *lost),
            Step::Cancel(order_id, lost) => (Input::Cancel { order_id: (*order_id).to_owned() }, *lost),
            Step::Pass(_) => return None,
        };
        let settings = Settings { lease_ms: LEASE_MS.unsigned_abs(), ..Settings::default() };
        let request = Request { id: request_id, input, settings, without: self.without() };
        let mut session = Losing { inner: session, is_open: false, writes: 0, lost };
        Some(match (step, self) {
            (Step::Settle(..), Code::Unlocked) => unlocked::unlocked(&mut session, &request).await,
            (Step::Settle(..), Code::Paidonce(_)) => settle::settle(&mut session, &request).await,
            (Step::Queue(..), _) => worker::queue_job(&mut session, &request).await,
            (Step::Cancel(..), _) => cancel::cancel(&mut session, &request).await,
            (Step::Work(_) | Step::Pass(_), _) => worker::work(&mut session, &request).await,
        })
    }
}

/// A session that loses the answer to one write: a commit, or a statement that is a transaction of its own.
struct Losing<'a, S> {
    inner: &'a mut S,
    is_open: bool,
    writes: u8,
    lost: Option<Lost>,
}

impl<S: Session> Session for Losing<'_, S> {
    async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        let lasts = match &call {
            Call::Commit => true,
            Call::Run(statement, _) => !self.is_open && !statement.sql.starts_with("SELECT"),
            _ => false,
        };
        self.is_open = match &call {
            Call::Begin => true,
            Call::Commit | Call::Rollback => false,
            _ => self.is_open,
        };
        if !lasts {
            return self.inner.call(call).await;
        }
        self.writes += 1;
        match self.lost.filter(|lost| lost.write + 1 == self.writes) {
            None => self.inner.call(call).await,
            Some(Lost { done: true, .. }) => self.inner.call(call).await.and(Err(Error::Unknown)),
            Some(Lost { done: false, .. }) => {
                // The connection is gone, and with it what was not committed.
                self.inner.call(Call::Rollback).await?;
                Err(Error::Unknown)
            }
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.inner.mark(mark);
    }
}

/// What came of a step.
#[derive(Debug, PartialEq)]
pub(crate) struct Came {
    pub(crate) outcome: Option<Outcome>,
    /// What the sender was told.
    pub(crate) answer: Option<Answer>,
    pub(crate) tables: Tables,
}

/// The model database with the rules of an engine.
pub(crate) struct Model(Alone);

impl Model {
    pub(crate) fn new(engine: Engine, code: Code, start: &Told) -> Self {
        let protocols = ["worker", "cancel", "unlocked"].map(|name| find(name).expect("a protocol of the catalogue"));
        let statements: Vec<&'static Statement> =
            protocols.iter().flat_map(|protocol| protocol.statements).copied().collect();
        let rows = start.rows();
        let rows: Vec<_> = rows.iter().map(|(table, row)| (table.as_str(), row.clone())).collect();
        let alone = Alone::new(engine, code.schema().sql(Dialect::Postgres), &statements, &rows);
        Model(alone.expect("the model knows the shop's SQL"))
    }

    pub(crate) async fn step(&mut self, code: Code, step: &Step, told: &Told) -> Came {
        self.0.set_clock(told.shop.now_ms);
        let outcome = code.run(&mut self.0, step, told.request_id()).await;
        assert_eq!(self.0.errors(), []);
        Came { outcome, answer: self.0.take_answer(), tables: sorted(self.0.contents()) }
    }
}

/// A real SQLite.
pub(crate) struct Real {
    connection: Option<Connection>,
    _folder: TempDir,
}

impl Real {
    pub(crate) async fn new(code: Code, start: &Told) -> Self {
        let folder = paidonce_sqlx::server::scratch().expect("a folder for the database");
        let url = format!("sqlite:{}", folder.path().join("shop.db").display());
        let engine = paidonce_sqlx::Engine::Sqlite(BeginMode::Immediate);
        let options = Options { meaning_only: true, ..Options::shop(engine) };
        let mut connection = Connection::create(&url, code.schema(), options).await.expect("a new shop");
        let mut tables: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
        let rows = start.rows();
        for (table, row) in &rows {
            tables.entry(table).or_default().push(Row(row.clone()));
        }
        connection.fill(tables).await.expect("the rows fit");
        Real { connection: Some(connection), _folder: folder }
    }

    pub(crate) async fn step(&mut self, code: Code, step: &Step, told: &Told) -> Came {
        let mut connection = self.connection.take().expect("it was put back");
        connection.set_clock(Some(told.shop.now_ms));
        let mut session = ShopSession::new(connection);
        let outcome = code.run(&mut session, step, told.request_id()).await;
        let answer = session.answer_given();
        let (mut connection, _) = session.into_parts();
        let tables = sorted(connection.contents().await.expect("nothing is open"));
        self.connection = Some(connection);
        Came { outcome, answer, tables }
    }
}
