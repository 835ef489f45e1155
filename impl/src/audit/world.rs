//! The `world_` tables: what happens outside the shop's database, written beside it by whoever drives the requests.

use std::collections::BTreeMap;

use paidonce_protocol::{Row, Value};

use crate::{Connection, DbError};

/// A mail that the mail server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    /// Its id.
    pub message_id: String,
    /// The order it is about.
    pub order_id: String,
}

/// Money that the gateway took and told the shop of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenPayment {
    /// The gateway's name.
    pub provider: String,
    /// The gateway's name for the payment.
    pub txn_id: String,
    /// The order that the notice named.
    pub order_id: String,
    /// In minor units of `currency`.
    pub amount_cents: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The account paid.
    pub receiver: String,
}

/// One stay in a protected section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The section's name.
    pub section: String,
    /// Who.
    pub actor: String,
    /// The step that began it.
    pub from_step: i64,
    /// The step that ended it, or `None` when it lasted to the end.
    pub to_step: Option<i64>,
}

/// What happened outside the shop's database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// What the mail server has.
    pub mails: Vec<SentMail>,
    /// What the gateway took.
    pub taken: Vec<TakenPayment>,
    /// Who believed to be alone where.
    pub holds: Vec<Hold>,
}

/// Make the `world_` tables, where they are not there already. Only for databases that a driver fills: a live shop has
/// none.
///
/// # Errors
/// As [`Connection::perform`].
pub async fn create_tables(connection: &mut Connection) -> Result<(), DbError> {
    connection.script("create_world_tables", include_str!("../../../specs/audit/world.sql")).await
}

/// Write it down in the `world_` tables.
///
/// # Errors
/// As [`Connection::fill`].
pub async fn write(connection: &mut Connection, outside: &Outside) -> Result<(), DbError> {
    let mails = outside.mails.iter().map(|mail| Row(vec![(&mail.message_id).into(), (&mail.order_id).into()]));
    let taken = outside.taken.iter().map(|payment| {
        Row(vec![
            (&payment.provider).into(),
            (&payment.txn_id).into(),
            (&payment.order_id).into(),
            payment.amount_cents.into(),
            (&payment.currency).into(),
            (&payment.receiver).into(),
        ])
    });
    let holds = outside.holds.iter().map(|hold| {
        let to_step = hold.to_step.map_or(Value::Null, Value::Int);
        Row(vec![(&hold.section).into(), (&hold.actor).into(), hold.from_step.into(), to_step])
    });
    let mut tables: BTreeMap<&str, Vec<Row>> = BTreeMap::from([
        ("world_mails", mails.collect()),
        ("world_taken", taken.collect()),
        ("world_holds", holds.collect()),
    ]);
    tables.retain(|_, rows| !rows.is_empty());
    connection.fill(tables).await
}
