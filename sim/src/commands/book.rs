//! `paidonce book`: a real notice, settled on a shop's database.

use std::future::Future;
use std::io::Write;

use iso_currency::Currency;
use paidonce_protocol::shop::{Notice, Outcome};
use paidonce_sqlx::{
    Booking, Connection, Engine, Kept, Options, book, book_later, create_demo_shop, read_notice, without_password,
};
use serde::Serialize;

use super::cli::Book;
use super::failure::Failure;
use super::{Exit, print_json, quoted, read_text};

/// Far longer than a gateway's notice is.
const LONGEST_NOTICE: u64 = 1 << 20;

/// The machine's form.
#[derive(Serialize)]
struct Json<'a> {
    database: String,
    /// What was done, in words.
    outcome: String,
    /// What the sender is to be told: `200` or `try again`.
    answer: &'static str,
    txn_id: &'a str,
    order_id: &'a str,
    /// The order's status now, if there is such an order.
    order_status: Option<&'a str>,
    /// What the books say of this payment: `booked`, `to refund`.
    payments: Vec<&'a str>,
    refunds: usize,
    reviews: &'a [String],
    errors: Vec<String>,
}

pub(super) fn run(asked: &Book, out: &mut dyn Write) -> Result<Exit, Failure> {
    // Read before anything is made: what is malformed changes nothing.
    let notice = asked.notice.as_deref().map(notice).transpose()?;
    if asked.create_demo_shop {
        create(&asked.database)?;
        if !asked.json || notice.is_none() {
            tell_of_shop(out, asked, notice.is_some())?;
        }
    }
    match notice {
        None => Ok(Exit::Clean),
        Some(notice) if asked.later => keep(asked, notice, out),
        Some(notice) => settle(asked, notice, out),
    }
}

fn notice(path: &str) -> Result<Notice, Failure> {
    let body = read_text(path, LONGEST_NOTICE)?;
    read_notice(&body).map_err(|source| Failure::Notice { path: path.to_owned(), source })
}

fn create(database: &str) -> Result<(), Failure> {
    on_executor(create_demo_shop(database))??;
    Ok(())
}

fn tell_of_shop(out: &mut dyn Write, asked: &Book, books_next: bool) -> Result<(), Failure> {
    let database = without_password(&asked.database);
    if asked.json {
        return print_json(out, &serde_json::json!({ "database": database, "created": true }));
    }
    writeln!(out, "made a demo shop with three orders that wait for their payment · {database}")?;
    if !books_next {
        writeln!(out, "next: paidonce book specs/samples/ipn.txt --database {}", quoted(&database))?;
    }
    Ok(())
}

fn settle(asked: &Book, notice: Notice, out: &mut dyn Write) -> Result<Exit, Failure> {
    if !asked.json {
        begin("settle", asked, &notice, out)?;
    }
    let booking = on_executor(async { Ok::<_, Failure>(book(connect(&asked.database).await?, notice).await?) })??;
    let (exit, said) = said(&booking);
    if asked.json {
        print_json(out, &json(asked, &booking, said))?;
    } else {
        tell(out, &booking)?;
        let notice = asked.notice.as_deref().unwrap_or("-");
        writeln!(
            out,
            "{said} · paidonce book {} --database {}",
            quoted(notice),
            quoted(&without_password(&asked.database))
        )?;
    }
    Ok(exit)
}

/// The first line: what is about to be done with which notice.
fn begin(protocol: &str, asked: &Book, notice: &Notice, out: &mut dyn Write) -> Result<(), Failure> {
    let Notice { txn_id, order_id, receiver, .. } = notice;
    let amount = money(notice.amount_cents, &notice.currency);
    let status = notice.payment_status.as_str();
    let database = without_password(&asked.database);
    writeln!(out, "{protocol} · {database} · payment {txn_id}, {status}: {amount} to {receiver} for order {order_id}")?;
    out.flush()?;
    Ok(())
}

/// Connect to a shop's database.
pub(super) async fn connect(database: &str) -> Result<Connection, Failure> {
    Ok(Connection::open(database, Options::shop(Engine::of_url(database)?)).await?)
}

/// Keep the notice for a worker.
fn keep(asked: &Book, notice: Notice, out: &mut dyn Write) -> Result<Exit, Failure> {
    if !asked.json {
        begin("worker", asked, &notice, out)?;
    }
    let (txn_id, order_id) = (notice.txn_id.clone(), notice.order_id.clone());
    let kept = on_executor(async { Ok::<_, Failure>(book_later(connect(&asked.database).await?, notice).await?) })??;
    let Kept { outcome, answer, errors } = &kept;
    let database = without_password(&asked.database);
    let (exit, said) = match outcome {
        Outcome::TryAgain => (Exit::Undecided, "not kept: let the notice come again".to_owned()),
        outcome => (Exit::Clean, outcome.to_string()),
    };
    if asked.json {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let answer = answer.name();
        let json = serde_json::json!({
            "database": database, "outcome": said, "answer": answer, "txn_id": txn_id, "order_id": order_id,
            "errors": errors,
        });
        print_json(out, &json)?;
        return Ok(exit);
    }
    for error in errors {
        writeln!(out, "on the way: {error}")?;
    }
    writeln!(out, "answer to the gateway: {}", answer.name())?;
    writeln!(out, "{said} · paidonce work --database {}", quoted(&database))?;
    Ok(exit)
}

/// What was done, and the exit status for it.
fn said(booking: &Booking) -> (Exit, String) {
    let Booking { notice, outcome, .. } = booking;
    match outcome {
        Outcome::Booked => {
            (Exit::Clean, format!("booked: order {} is paid by payment {}", notice.order_id, notice.txn_id))
        }
        Outcome::AlreadyBooked => already(booking),
        Outcome::NothingToBook => {
            let status = notice.payment_status.as_str();
            (
                Exit::Clean,
                format!("nothing to book: the status {status} says that no money was taken; nothing was changed"),
            )
        }
        Outcome::AlreadyForReview(_) => (Exit::Found, format!("{outcome}; counted once more")),
        Outcome::TryAgain => (Exit::Undecided, "not handled: let the notice come again".to_owned()),
        _ => (Exit::Found, outcome.to_string()),
    }
}

/// The payment was in the books before: it says how.
fn already(booking: &Booking) -> (Exit, String) {
    let Notice { order_id, .. } = &booking.notice;
    match booking.payments.first() {
        Some(payment) if payment.state != "booked" => {
            (Exit::Found, "already queued for refund: nothing more was queued".to_owned())
        }
        Some(payment) if payment.order_id != *order_id => {
            (Exit::Found, format!("already booked, but for order {}: nothing more was booked", payment.order_id))
        }
        _ => (Exit::Clean, "already booked: nothing more was booked".to_owned()),
    }
}

fn tell(out: &mut dyn Write, booking: &Booking) -> Result<(), Failure> {
    let Booking { notice, order, payments, refunds, reviews, errors, .. } = booking;
    for error in errors {
        writeln!(out, "on the way: {error}")?;
    }
    match order {
        None => writeln!(out, "order {}: there is none", notice.order_id)?,
        Some(order) => {
            let (paid, total) = (money(order.paid_cents, &order.currency), money(order.total_cents, &order.currency));
            writeln!(out, "order {}: {}, {paid} of {total} paid", notice.order_id, order.status)?;
        }
    }
    for payment in payments {
        let amount = money(payment.amount_cents, &payment.currency);
        writeln!(out, "payment {}: {amount} for order {}, {}", notice.txn_id, payment.order_id, payment.state)?;
    }
    // A refund is of its payment, in the payment's currency.
    let currency = payments.first().map_or(&notice.currency, |payment| &payment.currency);
    for refund in refunds {
        writeln!(out, "refund of payment {}: {}, queued", notice.txn_id, money(refund.amount_cents, currency))?;
    }
    for reason in reviews {
        writeln!(out, "for a person: payment {}: {reason}", notice.txn_id)?;
    }
    writeln!(out, "answer to the gateway: {}", booking.answer.name())?;
    Ok(())
}

fn json<'a>(asked: &'a Book, booking: &'a Booking, outcome: String) -> Json<'a> {
    Json {
        database: without_password(&asked.database),
        outcome,
        answer: booking.answer.name(),
        txn_id: &booking.notice.txn_id,
        order_id: &booking.notice.order_id,
        order_status: booking.order.as_ref().map(|order| order.status.as_str()),
        payments: booking.payments.iter().map(|payment| payment.state.as_str()).collect(),
        refunds: booking.refunds.len(),
        reviews: &booking.reviews,
        errors: booking.errors.iter().map(ToString::to_string).collect(),
    }
}

/// `20.00 EUR`.
fn money(cents: i64, currency: &str) -> String {
    let decimals = Currency::from_code(currency).and_then(|known| known.exponent()).unwrap_or(0);
    let unit = 10_u64.pow(decimals.into());
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, rest) = (cents.unsigned_abs() / unit, cents.unsigned_abs() % unit);
    if decimals == 0 {
        format!("{sign}{whole} {currency}")
    } else {
        format!("{sign}{whole}.{rest:0>width$} {currency}", width = usize::from(decimals))
    }
}

/// Wait for a database.
pub(super) fn on_executor<F: Future>(work: F) -> Result<F::Output, Failure> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Executor)?;
    Ok(executor.block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        assert_eq!(money(2000, "EUR"), "20.00 EUR");
        assert_eq!(money(-5, "EUR"), "-0.05 EUR");
        assert_eq!(money(500, "JPY"), "500 JPY");
        assert_eq!(money(1_234_567, "KWD"), "1234.567 KWD");
        assert_eq!(money(7, "XXX"), "7 XXX");
        assert_eq!(money(i64::MIN, "JPY"), "-9223372036854775808 JPY");
    }
}
