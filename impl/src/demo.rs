//! A small shop to try things on.

use std::collections::BTreeMap;

use paidonce_protocol::{Row, Schema, Value};

use crate::{Connection, Engine, OpenError, Options};

/// Make a new shop at `url`, with the schema `paidonce` and three orders that wait for their payment. Never touches a
/// database that is there.
///
/// `specs/samples/ipn.txt` pays order 1, which takes two of the three mugs. Order 3 wants two as well, so that whichever
/// of the two is paid second finds the stock too short.
///
/// # Errors
/// [`OpenError::Exists`] when there is something already; otherwise as [`Connection::create`].
pub async fn create_demo_shop(url: &str) -> Result<(), OpenError> {
    let mut connection = Connection::create(url, Schema::Paidonce, Options::shop(Engine::of_url(url)?)).await?;
    let filled = fill(&mut connection).await;
    connection.close().await;
    filled
}

async fn fill(connection: &mut Connection) -> Result<(), OpenError> {
    let order = |id: &str, total_cents: i64| {
        let receiver = Value::from("shop@example.com");
        Row(vec![
            id.into(),
            "pending".into(),
            total_cents.into(),
            "EUR".into(),
            receiver,
            0.into(),
            "".into(),
            0.into(),
        ])
    };
    let line = |order_id: &str, sku: &str, units: i64| Row(vec![order_id.into(), sku.into(), units.into()]);
    let stock = |sku: &str, units: i64| Row(vec![sku.into(), units.into(), units.into()]);
    let orders = vec![order("1", 2000), order("2", 2500), order("3", 2000)];
    let lines = vec![line("1", "mug", 2), line("2", "poster", 1), line("2", "tee", 1), line("3", "mug", 2)];
    let stocks = vec![stock("mug", 3), stock("poster", 5), stock("tee", 5)];
    connection.fill(BTreeMap::from([("orders", orders), ("order_lines", lines), ("stock", stocks)])).await?;
    Ok(())
}
