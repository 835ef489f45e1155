//! Rules for what is in the shop: orders, stock, locks.

use iso_currency::Currency;

use super::{MOST_CENTS, MOST_UNITS, Rules, TEN_YEARS_MS, listed, shown};
use crate::scenario::Order;
use crate::scenario::names::STATUSES;

impl Rules<'_> {
    pub(super) fn shop(&mut self) {
        let scenario = self.scenario;
        let orders = self.rows("orders", &scenario.orders);
        self.each_once("orders", ".id", orders.iter().map(|order| &order.id));
        for (index, order) in orders.iter().enumerate() {
            self.order(&format!("orders[{index}]"), order);
        }
        let stock = self.rows("stock", &scenario.stock);
        self.each_once("stock", ".sku", stock.iter().map(|stock| &stock.sku));
        for (index, stock) in stock.iter().enumerate() {
            self.text(format!("stock[{index}].sku"), &stock.sku, 64);
            self.within(format!("stock[{index}].on_hand"), stock.on_hand, 0..=MOST_UNITS);
        }
        let locks = self.rows("locks", &scenario.locks);
        self.each_once("locks", ".name", locks.iter().map(|lock| &lock.name));
        for (index, lock) in locks.iter().enumerate() {
            self.text(format!("locks[{index}].name"), &lock.name, 191);
            self.text(format!("locks[{index}].request_id"), &lock.request_id, 64);
            self.within(format!("locks[{index}].expires_ms"), lock.expires_ms, -TEN_YEARS_MS..=TEN_YEARS_MS);
        }
    }

    fn order(&mut self, path: &str, order: &Order) {
        self.text(format!("{path}.id"), &order.id, 127);
        self.within(format!("{path}.total_cents"), order.total_cents, 0..=MOST_CENTS);
        self.expect(Currency::from_code(&order.currency).is_some(), format!("{path}.currency"), || {
            format!("is `{}`; expected an ISO 4217 currency code such as EUR", shown(&order.currency))
        });
        self.text(format!("{path}.receiver"), &order.receiver, 127);
        let status = format!("{path}.status");
        if self.known(&status, "status", &order.status, STATUSES) {
            self.expect(order.status != "paid", status, || {
                "is `paid`, which has no meaning without the row of its payment; expected one of: pending, cancelled"
                    .to_owned()
            });
        }
        self.expect(!order.lines.is_empty(), format!("{path}.lines"), || {
            "is empty; expected at least one line with a sku and its units".to_owned()
        });
        let lines = self.rows(format!("{path}.lines"), &order.lines);
        self.each_once(&format!("{path}.lines"), ".sku", lines.iter().map(|line| &line.sku));
        let stocked: Vec<&str> = self.scenario.stock.iter().map(|stock| stock.sku.as_str()).collect();
        for (index, line) in lines.iter().enumerate() {
            self.expect(stocked.contains(&line.sku.as_str()), format!("{path}.lines[{index}].sku"), || {
                format!("`{}` is not in stock; expected one of: {}", shown(&line.sku), listed(&stocked))
            });
            self.within(format!("{path}.lines[{index}].units"), line.units, 1..=MOST_UNITS);
        }
    }
}
