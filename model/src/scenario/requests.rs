//! What the world takes from a scenario: the requests that come, the rows that are there, the money that was taken.

use paidonce_protocol::shop::{Input, Money, Notice, NoticeError, Settings};
use paidonce_protocol::{Answer, Value};

use super::{Actor, Lock, Order, Scenario, Stock};
use crate::trace::WorldPayment;

/// One delivery of one actor entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSpec<'a> {
    /// Its name: `ipn-1` for the first delivery of the entry `ipn`.
    pub name: String,
    /// The index of its entry in [`Scenario::actors`]: requests of one group differ in nothing but name and server.
    pub group: usize,
    /// Which of the entry's deliveries it is, counted from 0.
    pub delivery: usize,
    /// The index in [`Scenario::servers`] of the web server that it reaches.
    pub server: usize,
    /// What it is about.
    pub input: Input,
    /// The protocol that handles it, when it is not the role's.
    pub protocol: Option<&'a str>,
}

impl Actor {
    /// The notice that this entry delivers, or `None` when it is no notice.
    ///
    /// # Errors
    /// The notice's own field error.
    pub fn notice(&self) -> Result<Option<Notice>, NoticeError> {
        match (&self.ipn, &self.pdt) {
            (Some(body), _) => Notice::from_ipn(body).map(Some),
            (None, Some(answer)) => Notice::from_pdt(answer).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn input(&self) -> Option<Input> {
        if self.work {
            return Some(Input::Work);
        }
        match self.notice().ok()? {
            Some(notice) => Some(Input::Notice(notice)),
            None => Some(Input::Cancel { order_id: self.cancel.clone()? }),
        }
    }
}

impl Scenario {
    /// Every request that may come, entry by entry, delivery by delivery.
    ///
    /// # Panics
    /// When the scenario was neither loaded by [`Scenario::from_toml`] nor passed by [`Scenario::validate`], and breaks
    /// one of its rules.
    pub fn requests(&self) -> Vec<RequestSpec<'_>> {
        let mut requests = Vec::new();
        for (group, actor) in self.actors.iter().enumerate() {
            let input = actor.input().expect("`validate` refuses an actor without exactly one readable input");
            for delivery in 0..actor.deliveries {
                let reached = &actor.servers[delivery % actor.servers.len()];
                let server = self.servers.iter().position(|server| server.name == *reached);
                requests.push(RequestSpec {
                    name: format!("{}-{}", actor.name, delivery + 1),
                    group,
                    delivery,
                    server: server.expect("`validate` refuses an unknown server"),
                    input: input.clone(),
                    protocol: actor.protocol.as_deref(),
                });
            }
        }
        requests
    }

    /// The values that protocols take from their configuration.
    pub fn settings(&self) -> Settings {
        let settings = &self.settings;
        Settings {
            attempts: settings.attempts,
            lease_ms: settings.lease_ms,
            poll_ms: settings.poll_ms,
            polls: settings.polls,
            work_ms: settings.work_ms,
            refused_answer: match settings.refused_answer.as_str() {
                "200" => Answer::Accepted,
                _ => Answer::TryAgain,
            },
            shutdown_release: settings.shutdown_release,
            hook_inside: settings.hook_inside,
        }
    }

    /// The rows that are there at the start, each with its table, its values in the order of the schema's columns.
    pub fn initial_rows(&self) -> Vec<(&'static str, Vec<Value>)> {
        rows_of(&self.orders, &self.stock, &self.locks)
    }

    /// The money that the gateway took and that a notice of this scenario tells of: each payment once, in the order of
    /// the actors. A notice that cannot be read tells of nothing; [`Scenario::validate`] refuses it.
    pub fn taken(&self) -> Vec<WorldPayment> {
        let mut taken: Vec<WorldPayment> = Vec::new();
        for notice in self.actors.iter().filter_map(|actor| actor.notice().ok().flatten()) {
            let known = taken.iter().any(|paid| paid.provider == notice.provider && paid.txn_id == notice.txn_id);
            if notice.payment_status.money() == Money::Taken && !known {
                taken.push(WorldPayment {
                    provider: notice.provider,
                    txn_id: notice.txn_id,
                    order_id: notice.order_id,
                    amount_cents: notice.amount_cents,
                    currency: notice.currency,
                    receiver: notice.receiver,
                });
            }
        }
        taken
    }
}

/// The rows of these orders with their lines, of the stock and of the locks, as they are at the start.
pub(crate) fn rows_of(orders: &[Order], stock: &[Stock], locks: &[Lock]) -> Vec<(&'static str, Vec<Value>)> {
    let mut rows = Vec::new();
    for order in orders {
        let order_row = vec![
            (&order.id).into(),
            (&order.status).into(),
            order.total_cents.into(),
            (&order.currency).into(),
            (&order.receiver).into(),
            0.into(),
            "".into(),
            0.into(),
        ];
        rows.push(("orders", order_row));
    }
    for order in orders {
        for line in &order.lines {
            rows.push(("order_lines", vec![(&order.id).into(), (&line.sku).into(), line.units.into()]));
        }
    }
    for stock in stock {
        rows.push(("stock", vec![(&stock.sku).into(), stock.on_hand.into(), stock.on_hand.into()]));
    }
    for lock in locks {
        let lock_row = vec![(&lock.name).into(), (&lock.request_id).into(), Value::Instant(lock.expires_ms)];
        rows.push(("locks", lock_row));
    }
    rows
}
