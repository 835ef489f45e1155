//! What the model takes SQL to mean is what SQLite makes of it: the same answers, the same counts, the same rows.

mod drawn;
mod written;

use paidonce_model::Sheet;
use paidonce_protocol::{Call, Dialect, Error, Reply, Row, Schema, Statement, Value};
use paidonce_sqlx::{BeginMode, Connection, Engine, Options};
use tempfile::TempDir;

/// `t` has a key and a second one that may be NULL; `u` has a key of two columns.
const TABLES: &str = "
    CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT, m BIGINT, s TEXT NOT NULL, UNIQUE (n));
    CREATE TABLE u (a BIGINT NOT NULL, b BIGINT NOT NULL, q BIGINT NOT NULL, r BIGINT,
        PRIMARY KEY (a, b), UNIQUE (b, q))";

static READ_T: Statement = Statement::new("read_t", "SELECT * FROM t ORDER BY id");

/// The rows at the start of every case.
fn rows() -> Vec<(&'static str, Vec<Value>)> {
    let (int, null) = (Value::Int, || Value::Null);
    vec![
        ("t", vec![int(1), int(1), int(5), "a".into()]),
        ("t", vec![int(2), null(), int(-7), "b".into()]),
        ("t", vec![int(3), int(3), null(), "a".into()]),
        ("t", vec![int(4), null(), null(), "c".into()]),
        ("u", vec![int(1), int(1), int(4), null()]),
        ("u", vec![int(1), int(2), int(-3), int(0)]),
        ("u", vec![int(2), int(1), int(3), int(2)]),
    ]
}

/// A statement lives as long as the program; a test's does, too.
fn statement(sql: String) -> &'static Statement {
    Box::leak(Box::new(Statement::new("drawn", sql.leak())))
}

/// A SQLite database with the tables and the rows.
struct Real {
    sqlite: Connection,
    _directory: TempDir,
}

impl Real {
    async fn new() -> Self {
        let directory = paidonce_sqlx::server::scratch().expect("a folder for the database");
        let url = format!("sqlite:{}", directory.path().join("sheet.db").display());
        let made = Connection::create(&url, Schema::AsFound, Options::shop(Engine::Sqlite(BeginMode::Immediate))).await;
        let mut real = Real { sqlite: made.expect("a new database"), _directory: directory };
        for table in TABLES.split(';') {
            real.ask(Call::Run(statement(table.trim().to_owned()), Vec::new())).await.expect("a new table");
        }
        for (table, row) in rows() {
            real.sqlite.insert(table, vec![Row(row)]).await.expect("the rows fit");
        }
        real
    }

    async fn ask(&mut self, call: Call) -> Result<Reply, Error> {
        self.sqlite.perform(&call).await.map_err(|error| error.kind())
    }

    /// What a statement answers, and `t` after it. Nothing of it stays.
    async fn run(&mut self, statement: &'static Statement, arguments: &[Value]) -> (Result<Reply, Error>, Vec<Row>) {
        self.ask(Call::Begin).await.expect("nobody else is there");
        let answer = self.ask(Call::Run(statement, arguments.to_vec())).await;
        let after = self.ask(Call::Run(&READ_T, Vec::new())).await;
        self.ask(Call::Rollback).await.expect("a rollback");
        match after {
            Ok(Reply::Rows(rows)) => (answer, rows),
            // After an error the transaction answers nothing; the statement has changed nothing either.
            _ => (answer, rows().into_iter().filter(|(table, _)| *table == "t").map(|(_, row)| Row(row)).collect()),
        }
    }
}

/// Whether model and SQLite agree on a statement; if not, what each of them says.
async fn compare(real: &mut Real, sql: &str, arguments: &[Value]) -> Result<(), String> {
    let statement = statement(sql.to_owned());
    let mut sheet = Sheet::new(TABLES, Dialect::Sqlite, &[statement], &rows()).map_err(|error| error.to_string())?;
    let model = sheet.run(statement, arguments).map_err(|error| error.to_string())?;
    let is_ordered = sheet.is_ordered(statement).map_err(|error| error.to_string())?;
    let model = (sorted_unless(is_ordered, model), sheet.rows("t").map_err(|error| error.to_string())?);
    let (answer, rows) = real.run(statement, arguments).await;
    let real = (sorted_unless(is_ordered, answer), rows);
    if model == real { Ok(()) } else { Err(format!("{sql}\n  model  {model:?}\n  SQLite {real:?}")) }
}

fn sorted_unless(is_ordered: bool, answer: Result<Reply, Error>) -> Result<Reply, Error> {
    match answer {
        Ok(Reply::Rows(mut rows)) if !is_ordered => {
            rows.sort();
            Ok(Reply::Rows(rows))
        }
        other => other,
    }
}
