//! Whether the order of two keys is that of the ids of two requests that are alike.
//!
//! Such requests may be exchanged for each other in a state as long as only their ids are different. An id in a key has a
//! place among other keys: in which order a statement comes to rows, and which gap a row lies in, changes when two of them
//! are exchanged.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct NameOrder {
    /// What such ids begin with, before their number: `ipn-`.
    stems: OnceLock<Vec<String>>,
    decided: AtomicBool,
}

impl NameOrder {
    /// From now on orders are looked at.
    pub(crate) fn watch(&self, stems: Vec<String>) {
        // A second time there is nothing new.
        let _ = self.stems.set(stems);
    }

    /// True when some order was that of two such ids.
    pub(crate) fn has_decided(&self) -> bool {
        self.decided.load(Ordering::Relaxed)
    }

    /// Two different texts were put in order.
    pub(super) fn note(&self, left: &str, right: &str) {
        let Some(stems) = self.stems.get().filter(|stems| !stems.is_empty()) else { return };
        let alike = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
        let digit = |text: &str| text.as_bytes().get(alike).is_some_and(u8::is_ascii_digit);
        if !digit(left) && !digit(right) {
            return;
        }
        // What is the same in both ends between two letters.
        let stem = left.get(..alike).unwrap_or_default().trim_end_matches(|last: char| last.is_ascii_digit());
        if stems.iter().any(|known| stem.ends_with(known.as_str())) {
            self.decided.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NameOrder;

    #[test]
    fn an_order_by_two_numbers_of_one_name_is_noticed_and_no_other() {
        let decides = |left, right| {
            let order = NameOrder::default();
            order.watch(vec!["ipn-".to_owned()]);
            order.note(left, right);
            order.has_decided()
        };
        assert!(decides("ipn-1", "ipn-2"));
        assert!(decides("mail by ipn-1", "mail by ipn-12"));
        assert!(decides("ipn-2 and more", "ipn-10 and more"));
        assert!(!decides("ipn-1", "pdt-1"));
        assert!(!decides("1", "2"));
        assert!(!decides("t-1 of ipn-1", "t-2 of ipn-1"));
        let unwatched = NameOrder::default();
        unwatched.note("ipn-1", "ipn-2");
        assert!(!unwatched.has_decided());
    }
}
