//! Settle one notice on a real database, and say what the rows show afterwards.

use std::fmt;

use paidonce_protocol::protocols::settle::settle;
use paidonce_protocol::shop::{Input, Notice, NoticeError, Outcome, Request, Settings};
use paidonce_protocol::{Answer, Error, Row, Schema, Statement, Value, Without};

use crate::{Connection, DbError, OpenError, ShopSession, own_name};

/// What came of a notice.
#[derive(Debug)]
pub struct Booking {
    /// The notice.
    pub notice: Notice,
    /// The request's own id: what stands in `booked_by` of the rows it wrote.
    pub request_id: String,
    /// How the protocol ended.
    pub outcome: Outcome,
    /// What the sender is to be told.
    pub answer: Answer,
    /// What went wrong on the way, in its order: why it was tried again, or has to be.
    pub errors: Vec<DbError>,
    /// The order as it stands now, if there is one.
    pub order: Option<OrderRow>,
    /// What the books say of this payment.
    pub payments: Vec<PaymentRow>,
    /// The refunds that are queued for it.
    pub refunds: Vec<RefundRow>,
    /// Why a person has to look at it, if one has.
    pub reviews: Vec<String>,
}

/// A row of `orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// `pending`, `paid` or `cancelled`.
    pub status: String,
    /// In minor units of `currency`.
    pub total_cents: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// In minor units of `currency`.
    pub paid_cents: i64,
    /// The gateway's id of the payment that paid it, empty before.
    pub txn_id: String,
}

/// A row of `payments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    /// The request that wrote it.
    pub booked_by: String,
    /// The order it is for.
    pub order_id: String,
    /// In minor units of `currency`.
    pub amount_cents: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// `booked` or `to refund`.
    pub state: String,
}

/// A row of `refunds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    /// The request that wrote it.
    pub requested_by: String,
    /// In minor units of the payment's currency.
    pub amount_cents: i64,
}

/// Why a notice could not be handed to the protocol, or its rows not be read afterwards.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The database is not a shop with our keys.
    #[error(transparent)]
    Shop(#[from] OpenError),
    /// The rows could not be read. The notice itself came to this outcome.
    #[error("the notice was {}, and what the rows say now could not be read: {source}", handled(*outcome))]
    Unread {
        /// What came of the notice.
        outcome: Outcome,
        /// Why the rows could not be read.
        source: DbError,
    },
}

fn handled(outcome: Outcome) -> String {
    match outcome {
        Outcome::TryAgain => "not handled".to_owned(),
        other => format!("handled ({other})"),
    }
}

/// Read what a gateway sent: the answer to a PDT query when its first line is `SUCCESS` or `FAIL`, else an IPN's body.
///
/// # Errors
/// The first field that is missing or not what it should be.
pub fn read_notice(body: &str) -> Result<Notice, NoticeError> {
    match body.trim_start().lines().next().map(str::trim) {
        Some("SUCCESS" | "FAIL") => Notice::from_pdt(body),
        _ => Notice::from_ipn(body),
    }
}

/// Settle a notice with the protocol `settle`, under a request id that no other request has.
///
/// Whether the gateway really sent it has been verified before, or has not: this books what it is given.
///
/// # Errors
/// When the database has not our schema (nothing was done then), and when the rows cannot be read afterwards. A notice
/// that could not be settled is no error here but the outcome [`Outcome::TryAgain`], with its reasons in
/// [`Booking::errors`].
pub async fn book(mut connection: Connection, notice: Notice) -> Result<Booking, BookError> {
    connection.check_schema(Schema::Paidonce).await?;
    let request_id = own_name("book");
    let request = Request {
        id: request_id.clone(),
        input: Input::Notice(notice.clone()),
        settings: Settings::default(),
        without: Without::NOTHING,
    };
    let mut session = ShopSession::new(connection);
    let outcome = settle(&mut session, &request).await;
    // A protocol that told its sender nothing has not accepted anything.
    let answer = session.answer_given().unwrap_or(Answer::TryAgain);
    let (mut connection, errors) = session.into_parts();
    let read = Rows::read(&mut connection, &notice).await;
    connection.close().await;
    match read {
        Ok(Rows { order, payments, refunds, reviews }) => {
            Ok(Booking { notice, request_id, outcome, answer, errors, order, payments, refunds, reviews })
        }
        Err(source) => Err(BookError::Unread { outcome, source }),
    }
}

static READ_ORDER: Statement =
    Statement::new("read_order", "SELECT status, total_cents, currency, paid_cents, txn_id FROM orders WHERE id = $1");

static READ_PAYMENTS: Statement = Statement::new(
    "read_payments",
    "SELECT booked_by, order_id, amount_cents, currency, state FROM payments WHERE provider = $1 AND txn_id = $2 \
     ORDER BY kind, booked_by",
);

static READ_REFUNDS: Statement = Statement::new(
    "read_refunds",
    "SELECT requested_by, amount_cents FROM refunds WHERE provider = $1 AND txn_id = $2 ORDER BY requested_by",
);

static READ_REVIEWS: Statement = Statement::new(
    "read_reviews",
    "SELECT reason FROM reviews WHERE provider = $1 AND txn_id = $2 ORDER BY payment_status, reason",
);

struct Rows {
    order: Option<OrderRow>,
    payments: Vec<PaymentRow>,
    refunds: Vec<RefundRow>,
    reviews: Vec<String>,
}

impl Rows {
    async fn read(connection: &mut Connection, notice: &Notice) -> Result<Self, DbError> {
        let key: Vec<Value> = vec![(&notice.provider).into(), (&notice.txn_id).into()];
        let orders = fetch(connection, &READ_ORDER, vec![(&notice.order_id).into()], order_row).await?;
        Ok(Rows {
            order: orders.into_iter().next(),
            payments: fetch(connection, &READ_PAYMENTS, key.clone(), payment_row).await?,
            refunds: fetch(connection, &READ_REFUNDS, key.clone(), refund_row).await?,
            reviews: fetch(connection, &READ_REVIEWS, key, |row| row.text(0).map(str::to_owned)).await?,
        })
    }
}

async fn fetch<T>(
    connection: &mut Connection,
    statement: &'static Statement,
    arguments: Vec<Value>,
    read: fn(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, DbError> {
    let rows = connection.read(statement, arguments).await?;
    rows.iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|_| connection.rule(Error::Misuse, statement.name, "a column of another type"))
}

fn order_row(row: &Row) -> Result<OrderRow, Error> {
    Ok(OrderRow {
        status: row.text(0)?.to_owned(),
        total_cents: row.int(1)?,
        currency: row.text(2)?.to_owned(),
        paid_cents: row.int(3)?,
        txn_id: row.text(4)?.to_owned(),
    })
}

fn payment_row(row: &Row) -> Result<PaymentRow, Error> {
    Ok(PaymentRow {
        booked_by: row.text(0)?.to_owned(),
        order_id: row.text(1)?.to_owned(),
        amount_cents: row.int(2)?,
        currency: row.text(3)?.to_owned(),
        state: row.text(4)?.to_owned(),
    })
}

fn refund_row(row: &Row) -> Result<RefundRow, Error> {
    Ok(RefundRow { requested_by: row.text(0)?.to_owned(), amount_cents: row.int(1)? })
}

impl fmt::Display for Booking {
    /// One line: `payment 8XY for order 1: booked`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payment {} for order {}: {}", self.notice.txn_id, self.notice.order_id, self.outcome)
    }
}
