//! What a sender brings, as it would come over the wire.

use paidonce_protocol::shop::{Input, Notice};

use super::drawn::{Again, Sender};

/// The body of an IPN, the answer to a PDT query, the order that an admin cancels: one of them, or nothing for a worker.
pub(super) fn of(sender: &Sender) -> (Option<String>, Option<String>, Option<String>) {
    match &sender.input {
        Input::Notice(notice) if sender.comes_again == Again::Never => {
            (None, Some(format!("SUCCESS\n{}\n", form(notice).join("\n"))), None)
        }
        Input::Notice(notice) => (Some(form(notice).join("&")), None, None),
        Input::Cancel { order_id } => (None, None, Some(order_id.clone())),
        Input::Work => (None, None, None),
    }
}

/// The fields of a notice. All currencies that are drawn have two decimals.
fn form(notice: &Notice) -> [String; 6] {
    let Notice { txn_id, payment_status, order_id, amount_cents, currency, receiver, .. } = notice;
    let (whole, cents) = (amount_cents / 100, amount_cents % 100);
    [
        format!("payment_status={}", payment_status.as_str()),
        format!("mc_gross={whole}.{cents:02}"),
        format!("mc_currency={currency}"),
        format!("txn_id={txn_id}"),
        format!("invoice={order_id}"),
        format!("receiver_email={}", receiver.replace('@', "%40")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::drawn::drawn;
    use crate::simulate::{Options, Rates};

    #[test]
    fn what_is_brought_is_read_as_it_was_drawn() {
        let rates = Rates { misfit: 1_000_000, second_payment: 500_000, ..Rates::default() };
        let drawn = drawn(&Options { rates, ..Options::default() }, true).unwrap();
        for sender in &drawn.senders {
            let read = match of(sender) {
                (Some(ipn), None, None) => Input::Notice(Notice::from_ipn(&ipn).unwrap()),
                (None, Some(pdt), None) => Input::Notice(Notice::from_pdt(&pdt).unwrap()),
                (None, None, Some(order_id)) => Input::Cancel { order_id },
                _ => Input::Work,
            };
            assert_eq!(read, sender.input);
        }
    }
}
