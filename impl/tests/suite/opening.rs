//! Which databases are let in.

use paidonce_protocol::{Schema, Statement};
use paidonce_sqlx::{BeginMode, Connection, OpenError, create_demo_shop};

use crate::support::{Place, run, sqlite};

static DROP_OUTBOX: Statement = Statement::new("drop", "DROP TABLE outbox");
static DROP_REFUNDS: Statement = Statement::new("drop", "DROP TABLE refunds");
static REFUNDS: Statement = Statement::new("make", "CREATE TABLE refunds (provider TEXT, txn_id TEXT)");
static RENAME: Statement = Statement::new("rename", "ALTER TABLE orders RENAME COLUMN receiver TO payee");

async fn open(place: &Place, schema: Schema) -> Result<Connection, OpenError> {
    Connection::open_shop(&place.url("shop.db"), schema, sqlite()).await
}

#[tokio::test]
async fn a_shop_is_opened_with_its_own_schema_or_a_lesser_one() {
    let place = Place::new();
    place.shop(Schema::Paidonce).await.close().await;
    open(&place, Schema::Paidonce).await.unwrap();
    open(&place, Schema::AsFound).await.unwrap();
}

#[tokio::test]
async fn a_shop_without_our_keys_is_refused_by_their_names() {
    let place = Place::new();
    place.shop(Schema::AsFound).await.close().await;
    let says = open(&place, Schema::Paidonce).await.err().unwrap().to_string();
    assert!(says.contains("missing primary key (provider, txn_id, kind) of table payments"), "{says}");
    assert!(says.contains("missing primary key (provider, txn_id) of table refunds"), "{says}");
    assert!(says.contains("missing unique key (provider, txn_id, payment_status, order_id"), "{says}");
}

#[tokio::test]
async fn a_foreign_database_is_refused_with_everything_that_is_missing() {
    let place = Place::new();
    let mut sqlite = place.shop(Schema::AsFound).await;
    for statement in [&DROP_OUTBOX, &DROP_REFUNDS, &REFUNDS, &RENAME] {
        sqlite.perform(&run(statement, [])).await.unwrap();
    }
    let Err(OpenError::Foreign { missing, schema, .. }) = open(&place, Schema::AsFound).await else {
        panic!("it was let in");
    };
    assert_eq!(schema, "as_found");
    let expected = [
        "column receiver of table orders",
        "table outbox",
        "column requested_by of table refunds",
        "column amount_cents of table refunds",
    ];
    assert_eq!(missing, expected);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_was() {
    let place = Place::new();
    let letter = "Dear shop, where is my parcel? ".repeat(100);
    std::fs::write(place.path("shop.db"), &letter).unwrap();
    let says = open(&place, Schema::Paidonce).await.err().unwrap().to_string();
    assert!(says.contains("not a database"), "{says}");
    assert_eq!(std::fs::read_to_string(place.path("shop.db")).unwrap(), letter);
}

#[tokio::test]
async fn an_empty_database_is_refused_and_stays_empty() {
    let place = Place::new();
    std::fs::write(place.path("shop.db"), "").unwrap();
    let says = open(&place, Schema::Paidonce).await.err().unwrap().to_string();
    assert!(says.contains("missing table orders"), "{says}");
    assert_eq!(std::fs::metadata(place.path("shop.db")).unwrap().len(), 0);
}

#[tokio::test]
async fn a_missing_file_is_not_made_by_opening_it() {
    let place = Place::new();
    let error = open(&place, Schema::Paidonce).await.err().unwrap();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert!(!place.path("shop.db").exists());
}

#[tokio::test]
async fn another_scheme_is_refused_with_what_was_expected() {
    let says = Connection::open("oracle://localhost/shop", sqlite()).await.err().unwrap().to_string();
    assert!(says.contains("oracle://localhost/shop") && says.contains("sqlite:PATH"), "{says}");
    let says = Connection::open("postgres://localhost/shop", sqlite()).await.err().unwrap().to_string();
    assert!(says.contains("no place for sqlite/immediate"), "{says}");
}

#[tokio::test]
async fn a_file_that_is_there_is_never_overwritten() {
    let place = Place::new();
    std::fs::write(place.path("shop.db"), "mine").unwrap();
    let error = create_demo_shop(&place.url("shop.db")).await.unwrap_err();
    assert!(matches!(error, OpenError::Exists { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(place.path("shop.db")).unwrap(), "mine");
    let error = create_demo_shop(&place.url("nowhere/shop.db")).await.unwrap_err();
    assert!(matches!(error, OpenError::Create { .. }), "{error}");
}

#[tokio::test]
async fn a_shop_is_in_wal_mode_and_syncs_every_commit() {
    static JOURNAL: Statement = Statement::new("journal", "PRAGMA journal_mode");
    static SYNCHRONOUS: Statement = Statement::new("synchronous", "PRAGMA synchronous");
    let place = Place::new();
    place.shop(Schema::Paidonce).await.close().await;
    let mut sqlite = place.lockstep(BeginMode::Immediate).await;
    for (statement, expected) in [(&JOURNAL, "Rows([Row([Text(\"wal\")])])"), (&SYNCHRONOUS, "Rows([Row([Int(2)])])")] {
        assert_eq!(format!("{:?}", sqlite.perform(&run(statement, [])).await.unwrap()), expected);
    }
}
