//! The model database for one request after the other, with nobody else there.

use std::collections::BTreeMap;

use paidonce_protocol::{Answer, Call, Error, Mail, Mark, Reply, Row, Session, Statement, Value};

use crate::Engine;
use crate::db::{Asked, Choices, Database, DbCall, Effects, Store};
use crate::sql::{Space, SqlError};

/// A session over the model database of an engine, with its transactions and its rules, for one request after the other:
/// what a protocol does when nobody comes in its way. [`Sheet`](crate::Sheet) is the same for single statements.
///
/// It has one connection, so nobody ever waits, and its clock stands where it was put: a wait moves it. A request has to end
/// its transaction, or the next one finds it open.
///
/// ```
/// use paidonce_model::{Alone, Engine};
/// use paidonce_protocol::{Call, Reply, Session, Statement};
///
/// static SELL: Statement = Statement::new("sell", "UPDATE stock SET n = n - $1 WHERE sku = $2 AND n >= $1");
/// let schema = "CREATE TABLE stock (sku VARCHAR(64) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
/// let rows = [("stock", vec!["tea".into(), 3.into()])];
/// let mut session = Alone::new(Engine::SqliteImmediate, schema, &[&SELL], &rows)?;
/// assert_eq!(session.answer_to(&Call::Begin), Ok(Reply::Done));
/// assert_eq!(session.answer_to(&Call::Run(&SELL, vec![2.into(), "tea".into()])), Ok(Reply::Affected(1)));
/// assert_eq!(session.answer_to(&Call::Commit), Ok(Reply::Done));
/// assert_eq!(session.contents()["stock"][0].int(1), Ok(1));
/// # Ok::<(), paidonce_model::SqlError>(())
/// ```
#[derive(Debug)]
pub struct Alone {
    engine: Engine,
    store: Store,
    database: Database,
    now_ms: i64,
    answer: Option<Answer>,
    mails: Vec<Mail>,
    errors: Vec<SqlError>,
}

impl Alone {
    /// Tables by their `CREATE TABLE` statements (the canonical ones), all statements that will be sent, and the rows to
    /// begin with, by table; the fields of a row stand in the order of its table's columns.
    ///
    /// # Errors
    /// When the schema or a statement is outside the SQL that the model knows, or the rows do not fit the schema.
    pub fn new(
        engine: Engine,
        schema: &str,
        statements: &[&'static Statement],
        rows: &[(&str, Vec<Value>)],
    ) -> Result<Self, SqlError> {
        let store = Store::new(schema, statements, engine.dialect())?;
        let database = Database::new(store.contents_of(rows)?, [engine].into_iter());
        Ok(Alone { engine, store, database, now_ms: 0, answer: None, mails: Vec::new(), errors: Vec::new() })
    }

    /// The time of day from now on, in milliseconds since 1970: the web server's and the engine's.
    pub fn set_clock(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
    }

    /// What the sender was told since this was asked last: the first answer given, since a second one finds nobody listening.
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    /// The mails that were handed to the mail server, with those that have the same message id.
    pub fn mails(&self) -> &[Mail] {
        &self.mails
    }

    /// The statements that could not be run at all, and why. The protocol was told `Misuse`.
    pub fn errors(&self) -> &[SqlError] {
        &self.errors
    }

    /// The committed rows, by table, in the order of the primary key.
    pub fn contents(&self) -> BTreeMap<String, Vec<Row>> {
        let store = &self.store;
        let row = |id: u32| Row(store.rows.get(id).iter().map(|val| store.symbols.value(*val)).collect());
        let rows = |space: usize| store.rows_of(self.database.committed, space as Space).into_owned();
        let tables = store.tables.tables.iter().enumerate();
        tables
            .map(|(space, table)| (table.name.clone(), rows(space).iter().map(|(_, id)| row(*id)).collect()))
            .collect()
    }

    /// The answer to a call, as [`Session::call`] gives it.
    ///
    /// # Errors
    /// As there. `Unknown` for a cache, which is not here.
    pub fn answer_to(&mut self, call: &Call) -> Result<Reply, Error> {
        let call = match call {
            Call::Run(statement, arguments) => {
                let request = self.store.request(statement, arguments).map_err(|error| {
                    self.errors.push(error);
                    Error::Misuse
                })?;
                let reads_clock = self.store.plan(request).reads_clock;
                DbCall::Run(if reads_clock { self.store.at(request, self.now_ms) } else { request })
            }
            Call::Begin => DbCall::Begin,
            Call::Commit => DbCall::Commit,
            Call::Rollback => DbCall::Rollback,
            Call::Clock => return Ok(Reply::Clock(self.now_ms)),
            Call::Wait(wait_ms) => {
                self.now_ms = self.now_ms.saturating_add_unsigned(*wait_ms);
                return Ok(Reply::Done);
            }
            Call::Mail(mail) => {
                self.mails.push(mail.clone());
                return Ok(Reply::Done);
            }
            Call::Answer(answer) => {
                self.answer.get_or_insert(*answer);
                return Ok(Reply::Done);
            }
            Call::Checkpoint { .. } => return Ok(Reply::Done),
            Call::Cache(_) => return Err(Error::Unknown),
        };
        let (mut choices, mut effects) = (Choices::first(), Effects::default());
        match self.database.ask(self.engine, &self.store, 0, call, &mut choices, &mut effects) {
            Asked::Answered(reply) => self.store.reply(reply),
            // There is nobody else who could be waited for.
            Asked::Blocked => Err(Error::Misuse),
        }
    }
}

impl Session for Alone {
    async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        self.answer_to(&call)
    }

    fn mark(&mut self, _mark: Mark) {}
}
