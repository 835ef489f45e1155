//! The claims about a shop, each a sentence, and how a state is judged by them.

mod at_step;
mod books;
mod judge;
mod own;
pub(crate) mod sentence;

pub(crate) use at_step::at_step;
pub(crate) use books::{Books, Shop};
pub(crate) use judge::{Judge, Memo};
pub use own::{ClaimError, Rows};
pub(crate) use own::{Own, Test};

macro_rules! claims {
    ($($claim:ident, $name:literal, $when:ident, $says:literal;)*) => {
        /// A property of the shop, named as a sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Claim {
            $(#[doc = $says] $claim,)*
            /// The claim of somebody's own flow, whose name and meaning stand there: see [`crate::flow`].
            Own,
        }

        impl Claim {
            /// Every claim about the shop, in the order of the matrix.
            pub const ALL: &'static [Claim] = &[$(Claim::$claim,)*];

            /// The claim's name.
            pub fn name(self) -> &'static str {
                match self { $(Claim::$claim => $name,)* Claim::Own => "own" }
            }

            /// What it says.
            pub fn says(self) -> &'static str {
                match self { $(Claim::$claim => $says,)* Claim::Own => "What the flow claims." }
            }

            /// When it has to be true; for a flow's own, when that is looked at at the latest.
            pub fn when(self) -> When {
                match self { $(Claim::$claim => When::$when,)* Claim::Own => When::AtRest }
            }
        }
    };
}

/// When a claim has to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In every state.
    Always,
    /// In every state in which nothing is left to happen.
    AtRest,
    /// At every step.
    EachStep,
}

claims! {
    PaymentBookedOnce, "a_payment_is_booked_at_most_once", Always,
        "No gateway payment has two booked rows, and no order's paid amount counts one twice.";
    StockNotOversold, "stock_is_never_oversold", Always,
        "Units on hand never fall below zero, and units promised never exceed units owned.";
    StockAgrees, "stock_agrees_with_orders", AtRest,
        "The units gone are the units of paid orders.";
    NotHalfSettled, "an_order_is_never_half_settled", AtRest,
        "A payment row is booked, and amount, gateway id, status and stock agree; or it is to refund, with one refund row.";
    MoneyNotLost, "taken_money_is_never_lost", AtRest,
        "Money that the gateway took and told of is booked, to refund, or with a person; nothing it did not take is booked.";
    RefundsBounded, "refunds_never_exceed_payments", Always,
        "The refunds of a payment sum up to no more than the payment.";
    NoLostUpdate, "no_update_is_lost", EachStep,
        "No statement overwrites a row newer than the one its actor was shown, unless its WHERE tests for that.";
    OneHolder, "a_lease_has_one_holder", Always,
        "Never are two actors inside the same protected section.";
    DeletesOnlyReadLock, "a_request_deletes_only_the_lock_row_it_read", EachStep,
        "Taking over an expired lock never removes a live one.";
    ReleasesOnlyOwnLock, "a_release_frees_only_its_own_lock", EachStep,
        "A release never removes a successor's lock.";
    FreeLockGranted, "a_free_lock_is_granted", EachStep,
        "A request that finds no live lock of another request is not refused.";
    MailedOnce, "the_buyer_is_mailed_once", AtRest,
        "A settled order has exactly one message id in the outbox or at the mail server.";
    NoOrderIsFrozen, "no_order_is_frozen", EachStep,
        "Nobody is refused or kept waiting because of a dead or stopped holder for longer than `freeze_ms`.";
    RetriesEnd, "retries_end", EachStep,
        "No loop comes back to its head in the state it left it in more than once: its passes do not grow with the number of \
         other requests.";
}

impl Claim {
    /// The claim's bit in a set of claims.
    pub(crate) fn bit(self) -> u16 {
        1 << self as u16
    }

    /// The claims of such a set, in their order.
    pub(crate) fn of_bits(set: u32) -> impl Iterator<Item = Claim> {
        Self::ALL.iter().copied().chain([Claim::Own]).filter(move |claim| set & u32::from(claim.bit()) != 0)
    }

    /// The shop's claim of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|claim| claim.name() == name)
    }
}
