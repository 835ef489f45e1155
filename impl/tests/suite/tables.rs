//! Whole tables as they are compared.

use paidonce_protocol::Schema;
use paidonce_sqlx::audit;

use crate::support::{Place, payment, stock};

#[tokio::test]
async fn the_tables_of_a_shop_are_told_without_those_of_the_audit() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::Paidonce).await;
    audit::world::create_tables(&mut sqlite).await.unwrap();
    let tables =
        ["jobs", "leases", "locks", "order_lines", "orders", "outbox", "payments", "refunds", "reviews", "stock"];
    assert!(sqlite.contents().await.unwrap().keys().eq(&tables));
    assert_eq!(sqlite.rows("world_mails").await.unwrap(), []);
}

#[tokio::test]
async fn rows_come_in_the_order_of_their_primary_key() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::AsFound).await;
    let [b, a, c] = [stock("b", 1, 1), stock("a", 2, 2), stock("c", 3, 0)];
    sqlite.insert("stock", vec![b.clone(), a.clone(), c.clone()]).await.unwrap();
    assert_eq!(sqlite.rows("stock").await.unwrap(), [a, b, c]);
    let [second, first] = [payment("8XY", "pdt-1", "1", "booked"), payment("8XY", "ipn-1", "1", "booked")];
    sqlite.insert("payments", vec![second.clone(), first.clone()]).await.unwrap();
    assert_eq!(sqlite.rows("payments").await.unwrap(), [first, second]);
}
