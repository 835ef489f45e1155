//! Requests that differ only in their own id share one unrolled protocol: the id is filled in when a call is made, and so is
//! the moment at which it is made, for a statement that looks at the engine's clock.

use paidonce_protocol::shop::REQUEST_PLACEHOLDER;

use super::store::{RequestId, Store};
use super::value::{Symbol, Val};

impl Store {
    /// True when an argument of the request holds the placeholder for the request's own id.
    pub(crate) fn names_itself(&self, request: RequestId) -> bool {
        let (_, arguments) = self.requests.get(request);
        arguments.iter().any(|val| matches!(val, Val::Text(symbol) if self.is_placeholder(*symbol)))
    }

    fn is_placeholder(&self, symbol: Symbol) -> bool {
        self.symbols.get(symbol).contains(REQUEST_PLACEHOLDER)
    }

    /// A text with the placeholder filled in.
    pub(crate) fn fill_in(&self, symbol: Symbol, name: &str) -> Symbol {
        let text = self.symbols.get(symbol);
        if text.contains(REQUEST_PLACEHOLDER) {
            self.symbols.id(&text.replace(REQUEST_PLACEHOLDER, name))
        } else {
            symbol
        }
    }

    /// A request with the placeholder filled in.
    pub(crate) fn fill_in_request(&self, request: RequestId, name: &str) -> RequestId {
        let (plan, arguments) = self.requests.get(request);
        let fill = |val: &Val| match val {
            Val::Text(symbol) => Val::Text(self.fill_in(*symbol, name)),
            other => *other,
        };
        self.requests.id(&(*plan, arguments.iter().map(fill).collect()))
    }

    /// The same request at this moment.
    pub(crate) fn at(&self, request: RequestId, now_ms: i64) -> RequestId {
        let (plan, arguments) = self.requests.get(request);
        let mut arguments = arguments.clone();
        if let Some(moment) = arguments.last_mut() {
            *moment = Val::Instant(now_ms);
        }
        self.requests.id(&(*plan, arguments))
    }
}
