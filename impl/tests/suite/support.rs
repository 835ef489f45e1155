//! A directory that goes away, and shops in it.

use paidonce_protocol::{Call, Error, Reply, Row, Schema, Statement, Value};
use paidonce_sqlx::{BeginMode, Connection, DbError, Engine, Options};
use tempfile::TempDir;

/// How a shop is connected to its SQLite database.
pub(crate) fn sqlite() -> Options {
    Options::shop(Engine::Sqlite(BeginMode::Immediate))
}

pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn url(&self, file: &str) -> String {
        format!("sqlite:{}", self.path(file).display())
    }

    /// A new shop without any rows.
    pub(crate) async fn shop(&self, schema: Schema) -> Connection {
        Connection::create(&self.url("shop.db"), schema, sqlite()).await.unwrap()
    }

    /// Another connection to it, which is told at once when it would have to wait.
    pub(crate) async fn lockstep(&self, begin: BeginMode) -> Connection {
        Connection::open_shop(&self.url("shop.db"), Schema::AsFound, Options::lockstep(Engine::Sqlite(begin)))
            .await
            .unwrap()
    }
}

pub(crate) fn run(statement: &'static Statement, arguments: impl Into<Vec<Value>>) -> Call {
    Call::Run(statement, arguments.into())
}

/// The kind and the engine's code of an answer that is an error.
pub(crate) fn failure(answer: Result<Reply, DbError>) -> (Error, Option<String>) {
    let error = answer.expect_err("an error was expected");
    (error.kind(), error.code().map(str::to_owned))
}

pub(crate) fn row(fields: impl IntoIterator<Item = Value>) -> Row {
    Row(fields.into_iter().collect())
}

pub(crate) fn text(text: &str) -> Value {
    Value::from(text)
}

pub(crate) fn int(n: i64) -> Value {
    Value::Int(n)
}

/// A row of `orders` for 2000 EUR.
pub(crate) fn order(id: &str, status: &str, paid_cents: i64, txn_id: &str) -> Row {
    row([text(id), text(status), int(2000), text("EUR"), text("shop"), int(paid_cents), text(txn_id), int(0)])
}

/// A row of `payments` of 2000 EUR.
pub(crate) fn payment(txn_id: &str, booked_by: &str, order_id: &str, state: &str) -> Row {
    let [provider, kind, currency] = ["paypal", "payment", "EUR"].map(text);
    row([provider, text(txn_id), kind, text(booked_by), text(order_id), int(2000), currency, text(state)])
}

/// A row of `order_lines`.
pub(crate) fn line(order_id: &str, sku: &str, units: i64) -> Row {
    row([text(order_id), text(sku), int(units)])
}

/// A row of `stock`.
pub(crate) fn stock(sku: &str, owned: i64, on_hand: i64) -> Row {
    row([text(sku), int(owned), int(on_hand)])
}

/// A row of `refunds`.
pub(crate) fn refund(txn_id: &str, requested_by: &str, amount_cents: i64) -> Row {
    row([text("paypal"), text(txn_id), text(requested_by), int(amount_cents)])
}

/// A row of `outbox`.
pub(crate) fn mail(message_id: &str, order_id: &str) -> Row {
    row([text(message_id), text(order_id)])
}
