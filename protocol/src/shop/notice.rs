//! The gateway's word that money was taken, as an IPN or a PDT brings it.

use iso_currency::Currency;

/// Longest text that fits the columns of `payments`, in characters (PayPal's own limit for `invoice`).
const LONGEST_FIELD: usize = 127;

/// A notice: who paid what, for which order, and how far the gateway has got with it.
///
/// What is *booked* is keyed by (provider, txn_id, kind). The same `txn_id` comes again with other statuses, so events
/// are told apart by (txn_id, payment_status). (PayPal's IPN guide.)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// The gateway's name.
    pub provider: String,
    /// The gateway's name for the payment.
    pub txn_id: String,
    /// How far the gateway has got with it.
    pub payment_status: PaymentStatus,
    /// The order it is for, as the shop named it to the gateway (`invoice`).
    pub order_id: String,
    /// The gross amount in minor units of `currency`; negative when money went back.
    pub amount_cents: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The account that was paid (`receiver_email`, else `receiver_id`).
    pub receiver: String,
}

/// `payment_status` of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaymentStatus(String);

/// What a payment status says about money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// The gateway has it: `Completed`, `Processed`.
    Taken,
    /// Not taken, or not yet: books nothing.
    NotTaken,
    /// Money went back or moved in a way that only a person can book: `Refunded`, `Reversed`, a status unknown to us.
    ForAPerson,
}

impl From<&str> for PaymentStatus {
    fn from(status: &str) -> Self {
        PaymentStatus(status.to_owned())
    }
}

impl PaymentStatus {
    /// The status that the gateway spells like this.
    pub fn new(name: &str) -> Self {
        PaymentStatus(name.to_owned())
    }

    /// The status as the gateway spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this status says about money. `Processed` and later `Completed` are one payment.
    pub fn money(&self) -> Money {
        match self.0.as_str() {
            "Completed" | "Processed" => Money::Taken,
            "Pending" | "Created" | "Denied" | "Failed" | "Expired" | "Voided" => Money::NotTaken,
            _ => Money::ForAPerson,
        }
    }
}

/// Why a body is no notice: which field, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed notice: field {field}: expected {expected}, found {found}")]
pub struct NoticeError {
    /// The field's name as the gateway spells it.
    pub field: &'static str,
    /// What should have stood there.
    pub expected: &'static str,
    /// What stood there.
    pub found: String,
}

impl Notice {
    /// Read the body of an IPN: the form that the gateway posts.
    ///
    /// # Errors
    /// The first field that is missing, doubled or not what it should be.
    pub fn from_ipn(body: &str) -> Result<Self, NoticeError> {
        Self::from_form(body.trim().as_bytes())
    }

    /// Read the gateway's answer to a PDT query: `SUCCESS`, then a form of one field a line.
    ///
    /// # Errors
    /// As [`Notice::from_ipn`]; also when the first line is not `SUCCESS`.
    pub fn from_pdt(answer: &str) -> Result<Self, NoticeError> {
        let (first, rest) = answer.trim_start().split_once('\n').unwrap_or((answer.trim(), ""));
        if first.trim() != "SUCCESS" {
            return Err(NoticeError {
                field: "(first line)",
                expected: "SUCCESS",
                found: format!("`{}`", shortened(first.trim())),
            });
        }
        let lines: Vec<&str> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self::from_form(lines.join("&").as_bytes())
    }

    fn from_form(form: &[u8]) -> Result<Self, NoticeError> {
        if form.iter().all(u8::is_ascii_whitespace) {
            return Err(NoticeError {
                field: "(body)",
                expected: "fields as a gateway posts them",
                found: "nothing".to_owned(),
            });
        }
        let fields: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
        let fields = Fields(&fields);
        let currency = fields.required("mc_currency", "an ISO 4217 currency code")?;
        let Some(known) = Currency::from_code(&currency) else {
            return Err(wrong("mc_currency", "an ISO 4217 currency code", &currency));
        };
        let gross = fields.required("mc_gross", "an amount such as 20.00")?;
        let amount_cents = minor_units(&gross, usize::from(known.exponent().unwrap_or(0))).ok_or_else(|| {
            wrong("mc_gross", "an amount that fits 64 bits, with no more decimals than its currency has", &gross)
        })?;
        let receiver = fields.required("receiver_email", "the account paid, here or in receiver_id")?;
        Ok(Notice {
            provider: "paypal".to_owned(),
            txn_id: fields.required("txn_id", "the gateway's name for the payment")?,
            payment_status: PaymentStatus(fields.required("payment_status", "a status such as Completed")?),
            order_id: fields.required("invoice", "the order's id")?,
            amount_cents,
            currency,
            receiver,
        })
    }
}

struct Fields<'a>(&'a [(String, String)]);

impl Fields<'_> {
    fn optional(&self, field: &'static str) -> Result<Option<String>, NoticeError> {
        // The gateway sends the account as an address or, for accounts without one, as an id.
        let names: &[&str] = if field == "receiver_email" { &["receiver_email", "receiver_id"] } else { &[field] };
        for name in names {
            let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
            let Some(value) = values.next() else { continue };
            if values.next().is_some() {
                return Err(NoticeError { field, expected: "the field once", found: "it twice".to_owned() });
            }
            return Ok(Some(value.clone()));
        }
        Ok(None)
    }

    fn required(&self, field: &'static str, expected: &'static str) -> Result<String, NoticeError> {
        let value = self.optional(field)?;
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Err(NoticeError { field, expected, found: "nothing".to_owned() });
        };
        if value.chars().count() > LONGEST_FIELD || value.chars().any(char::is_control) {
            return Err(wrong(field, "at most 127 characters, none of them a control character", &value));
        }
        Ok(value)
    }
}

fn wrong(field: &'static str, expected: &'static str, found: &str) -> NoticeError {
    NoticeError { field, expected, found: format!("`{}`", shortened(found)) }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// `20.00` with two decimals is 2000. No floating point: an amount has to be exact.
fn minor_units(text: &str, decimals: usize) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    // Zeros past the currency's decimals change nothing: gateways write 500.00 for 500 yen.
    let (kept, past) = fraction.split_at_checked(decimals.min(fraction.len()))?;
    if whole.is_empty() || !all_digits(whole) || !all_digits(kept) || past.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let scaled = format!("{whole}{kept}{}", "0".repeat(decimals - kept.len()));
    let amount: i64 = scaled.parse().ok()?;
    Some(if negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "mc_gross=20.00&invoice=1&payment_status=Completed&txn_id=8XY&mc_currency=EUR\
        &receiver_email=shop%40example.com&payer_email=buyer%40example.com";

    #[test]
    fn an_ipn_body_is_read_as_posted() {
        let notice = Notice::from_ipn(BODY).unwrap();
        assert_eq!((notice.txn_id.as_str(), notice.amount_cents), ("8XY", 2000));
        assert_eq!((notice.order_id.as_str(), notice.receiver.as_str()), ("1", "shop@example.com"));
        assert_eq!(notice.payment_status.money(), Money::Taken);
    }

    #[test]
    fn a_pdt_answer_says_the_same_as_the_ipn() {
        let answer = format!("SUCCESS\n{}\n", BODY.replace('&', "\n"));
        assert_eq!(Notice::from_pdt(&answer), Notice::from_ipn(BODY));
        assert_eq!(Notice::from_pdt("FAIL\nError: 4003").unwrap_err().expected, "SUCCESS");
    }

    #[test]
    fn a_malformed_field_is_named_with_what_was_expected() {
        let without = |from: &str, to: &str| Notice::from_ipn(&BODY.replace(from, to)).unwrap_err();
        assert_eq!(without("&txn_id=8XY", "").field, "txn_id");
        assert_eq!(without("mc_gross=20.00", "mc_gross=20,00").field, "mc_gross");
        assert_eq!(without("mc_gross=20.00", "mc_gross=20.001").field, "mc_gross");
        assert_eq!(without("EUR", "EURO").field, "mc_currency");
        assert_eq!(without("invoice=1", "invoice=1&invoice=2").expected, "the field once");
        assert_eq!(without("shop%40", &"s".repeat(128)).field, "receiver_email");
        assert_eq!(without("shop%40example.com", "").field, "receiver_email");
        assert_eq!(Notice::from_ipn("").unwrap_err().field, "(body)");
        assert_eq!(Notice::from_pdt("SUCCESS\n").unwrap_err().field, "(body)");
        let huge = without("mc_gross=20.00", "mc_gross=99999999999999999999.00");
        assert!(huge.expected.contains("64 bits"), "{huge}");
    }

    #[test]
    fn amounts_are_exact_in_each_currency() {
        assert_eq!(minor_units("20.5", 2), Some(2050));
        assert_eq!(minor_units("-20.00", 2), Some(-2000));
        assert_eq!(minor_units("500.00", 0), Some(500));
        assert_eq!(minor_units("500.50", 0), None);
        assert_eq!(minor_units("99999999999999999999", 2), None);
        assert_eq!(minor_units(".5", 2), None);
        assert_eq!(minor_units("1.é", 2), None);
    }
}
