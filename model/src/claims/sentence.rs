//! The claims about committed rows. Each says in the shop's words what is wrong, or nothing.

use super::books::{Books, PaymentRow, StockRow};
use crate::trace::{WorldMail, WorldPayment};

/// `a_payment_is_booked_at_most_once`
pub(crate) fn booked_twice(books: &Books<'_>) -> Option<String> {
    for (place, payment) in books.payments.iter().enumerate().filter(|(_, payment)| payment.booked) {
        let again = books.payments[place + 1..].iter().find(|other| other.booked && other.key() == payment.key());
        if let Some(again) = again {
            return Some(format!(
                "order {} was booked twice: payment {} by {} and again by {}",
                payment.order_id, payment.txn_id, payment.booked_by, again.booked_by
            ));
        }
    }
    let counted_twice = |order: &&super::books::OrderRow<'_>| order.paid_cents > books.booked_once_cents(order.id);
    books.orders.iter().find(counted_twice).map(|order| {
        format!(
            "order {} counts {} cents as paid, but its booked payments come to {}",
            order.id,
            order.paid_cents,
            books.booked_once_cents(order.id)
        )
    })
}

/// `stock_is_never_oversold`
pub(crate) fn oversold(books: &Books<'_>) -> Option<String> {
    books.stock.iter().find_map(|stock| oversold_with(stock, books.units_paid(stock.sku)))
}

/// The same of one sku, of which paid orders have so many units.
pub(crate) fn oversold_with(stock: &StockRow<'_>, units_paid: i64) -> Option<String> {
    (stock.on_hand < 0 || units_paid > stock.owned).then(|| {
        format!(
            "{} is oversold: {} on hand, {units_paid} units promised to paid orders of {} ever owned",
            stock.sku, stock.on_hand, stock.owned
        )
    })
}

/// `stock_agrees_with_orders`
pub(crate) fn stock_disagrees(books: &Books<'_>) -> Option<String> {
    books.stock.iter().find_map(|stock| stock_disagrees_with(stock, books.units_paid(stock.sku)))
}

/// The same of one sku, of which paid orders have so many units.
pub(crate) fn stock_disagrees_with(stock: &StockRow<'_>, units_paid: i64) -> Option<String> {
    let gone = stock.owned - stock.on_hand;
    (gone != units_paid).then(|| {
        format!("stock and orders disagree: {gone} units of {} are gone, but paid orders have {units_paid}", stock.sku)
    })
}

/// `an_order_is_never_half_settled`
pub(crate) fn half_settled(books: &Books<'_>) -> Option<String> {
    for payment in &books.payments {
        let (txn_id, order_id) = (payment.txn_id, payment.order_id);
        let order = books.order(order_id);
        if payment.booked {
            let Some(order) = order else {
                return Some(format!("payment {txn_id} is booked for order {order_id}, which does not exist"));
            };
            if order.status != "paid" {
                return Some(format!("payment {txn_id} is booked, but order {order_id} is {}", order.status));
            }
            if order.txn_id != txn_id {
                return Some(format!("payment {txn_id} is booked, but order {order_id} names `{}`", order.txn_id));
            }
            let booked = |other: &&PaymentRow<'_>| other.booked && other.order_id == order_id;
            let booked_cents: i64 = books.payments.iter().filter(booked).map(|other| other.amount_cents).sum();
            if order.paid_cents != booked_cents {
                return Some(format!(
                    "order {order_id} has {} cents paid, but {booked_cents} cents are booked for it",
                    order.paid_cents
                ));
            }
            let of_order = |sku: &str| books.lines.iter().any(|line| line.order_id == order_id && line.sku == sku);
            if let Some(stock) = books.sku_that_disagrees(of_order) {
                return Some(format!(
                    "payment {txn_id} is booked, but the stock of {} does not show what order {order_id} took",
                    stock.sku
                ));
            }
            continue;
        }
        let refund = |refund: &&super::books::RefundRow<'_>| {
            (refund.provider, refund.txn_id) == (payment.provider, txn_id)
                && refund.amount_cents == payment.amount_cents
        };
        let refunds = books.refunds.iter().filter(refund).count();
        if refunds != 1 {
            return Some(format!("payment {txn_id} is to be refunded, but has {refunds} refund rows of its amount"));
        }
        if order.is_some_and(|order| order.txn_id == txn_id)
            || books.payments.iter().any(|other| other.booked && other.key() == payment.key())
        {
            return Some(format!("payment {txn_id} is to be refunded, and yet it pays order {order_id}"));
        }
    }
    let unpaid = |order: &&super::books::OrderRow<'_>| {
        order.status == "paid" && !books.payments.iter().any(|payment| payment.booked && payment.order_id == order.id)
    };
    books.orders.iter().find(unpaid).map(|order| format!("order {} is paid by no booked payment", order.id))
}

/// `taken_money_is_never_lost`, for the payments that the gateway told of.
pub(crate) fn money_lost(books: &Books<'_>, told: &[&WorldPayment]) -> Option<String> {
    for taken in told {
        let key = (taken.provider.as_str(), taken.txn_id.as_str());
        let rows = || books.payments.iter().filter(|row| (row.provider, row.txn_id) == key);
        let queued = books.reviews.contains(&key);
        let fits = books.order(&taken.order_id).is_some_and(|order| {
            (order.total_cents, order.currency, order.receiver)
                == (taken.amount_cents, taken.currency.as_str(), taken.receiver.as_str())
        });
        if fits && rows().next().is_none() && !queued {
            return Some(format!(
                "payment {} of {} cents for order {} is lost: it is not booked, not to be refunded, not queued for a person",
                taken.txn_id, taken.amount_cents, taken.order_id
            ));
        }
        if !fits && !queued {
            return Some(format!(
                "payment {} does not fit order {}, and no person was told",
                taken.txn_id, taken.order_id
            ));
        }
        if !fits && rows().any(|row| row.booked) {
            return Some(format!("payment {} does not fit order {}, and was booked", taken.txn_id, taken.order_id));
        }
    }
    let never_taken = |row: &&PaymentRow<'_>| {
        !told.iter().any(|taken| (taken.provider.as_str(), taken.txn_id.as_str()) == (row.provider, row.txn_id))
    };
    books.payments.iter().find(never_taken).map(|row| {
        let (txn_id, order_id) = (row.txn_id, row.order_id);
        format!("payment {txn_id} for order {order_id} is in the books, and the gateway never took that money")
    })
}

/// `refunds_never_exceed_payments`
pub(crate) fn refunds_exceed(books: &Books<'_>) -> Option<String> {
    for refund in &books.refunds {
        let key = (refund.provider, refund.txn_id);
        let same = books.refunds.iter().filter(|other| (other.provider, other.txn_id) == key);
        let refunded: i64 = same.map(|other| other.amount_cents).sum();
        let payments = books.payments.iter().filter(|payment| (payment.provider, payment.txn_id) == key);
        let paid = payments.map(|payment| payment.amount_cents).max().unwrap_or(0);
        if refunded > paid {
            return Some(format!("payment {} of {paid} cents has refunds of {refunded} cents", refund.txn_id));
        }
    }
    None
}

/// `the_buyer_is_mailed_once`
pub(crate) fn mailed_wrongly(books: &Books<'_>, mails: &[WorldMail]) -> Option<String> {
    for order in books.orders.iter().filter(|order| order.status == "paid") {
        let mut ids: Vec<&str> =
            books.outbox.iter().filter(|(_, order_id)| *order_id == order.id).map(|(id, _)| *id).collect();
        ids.extend(mails.iter().filter(|mail| mail.order_id == order.id).map(|mail| mail.message_id.as_str()));
        ids.sort_unstable();
        ids.dedup();
        match ids.as_slice() {
            [_] => {}
            [] => return Some(format!("order {} is paid, and its buyer was never mailed", order.id)),
            [first, second, ..] => {
                return Some(format!("the buyer of order {} was mailed twice: {first} and {second}", order.id));
            }
        }
    }
    None
}
