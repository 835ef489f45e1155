//! A small shop to try things on.

use std::path::Path;

use paidonce_protocol::{Row, Schema, Value};

use crate::{OpenError, Sqlite, SqliteOptions};

/// Make a new shop at `path`, with the schema `paidonce` and three orders that wait for their payment. Never touches a
/// file that is there.
///
/// `specs/samples/ipn.txt` pays order 1, which takes two of the three mugs. Order 3 wants two as well, so that whichever
/// of the two is paid second finds the stock too short.
///
/// # Errors
/// [`OpenError::Exists`] when there is a file already; otherwise as [`Sqlite::create`].
pub async fn create_demo_shop(path: &Path) -> Result<(), OpenError> {
    let Some(text) = path.to_str() else {
        return Err(OpenError::Url { given: path.display().to_string(), why: "is not UTF-8" });
    };
    let mut sqlite = Sqlite::create(&format!("sqlite:{text}"), Schema::Paidonce, SqliteOptions::default()).await?;
    let filled = fill(&mut sqlite).await;
    sqlite.close().await;
    filled
}

async fn fill(sqlite: &mut Sqlite) -> Result<(), OpenError> {
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
    sqlite.insert("orders", vec![order("1", 2000), order("2", 2500), order("3", 2000)]).await?;
    let lines = vec![line("1", "mug", 2), line("2", "poster", 1), line("2", "tee", 1), line("3", "mug", 2)];
    sqlite.insert("order_lines", lines).await?;
    sqlite.insert("stock", vec![stock("mug", 3), stock("poster", 5), stock("tee", 5)]).await?;
    Ok(())
}
