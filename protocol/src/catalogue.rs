//! The one place where a protocol is registered.

use crate::protocols::{cancel, cancel_unlocked, fenced_lease, lock_table, queue, row_lock, settle, unlocked, worker};
use crate::shop::{Input, Outcome, Request};
use crate::{Body, Port, Schema, Statement};

/// Who calls a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A notice: the gateway's IPN or the buyer's PDT.
    Notice,
    /// An admin, or the cron job that cancels unpaid orders.
    Admin,
    /// Works through the notices that a protocol keeps in the database.
    Worker,
}

impl Role {
    /// The role's name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Role::Notice => "notice",
            Role::Admin => "admin",
            Role::Worker => "worker",
        }
    }
}

/// How a protocol's run is made from a request.
pub type Start = fn(Port, Request) -> Body<Outcome>;

/// One protocol of the catalogue.
pub struct Protocol {
    /// Its name everywhere: the file's name, too.
    pub name: &'static str,
    /// Its row in the catalogue of mechanisms.
    pub id: &'static str,
    /// Where the mechanism was proposed or published.
    pub source: &'static str,
    /// The schema it was written for.
    pub schema: Schema,
    /// Who calls it.
    pub role: Role,
    /// Which protocol plays the admin beside it, unless a scenario says otherwise.
    pub admin: &'static str,
    /// One line for a list.
    pub summary: &'static str,
    /// Makes a run.
    pub start: Start,
    /// Makes a worker's run, for protocols that keep notices for one.
    pub work: Option<Start>,
    /// Makes the run of its shutdown code, for protocols that have some.
    pub shut_down: Option<Start>,
    /// Every statement that it or a mutant of it may send.
    pub statements: &'static [&'static Statement],
}

/// Where the shops' thread, and with it the mechanisms W, are from.
const THREAD: &str = "the shop platform's locking thread (woocommerce issue 15780)";
/// Where the mechanisms S are from.
const HOSTED_GUIDE: &str = "the audit guide for the hosted platform";
/// Where the mechanisms O are from.
const OURS: &str = "paidonce";

/// Every protocol, wrong ones first, in the order in which the documentation tells them.
pub static PROTOCOLS: [Protocol; 9] = [
    Protocol {
        name: "unlocked",
        id: "W1",
        source: THREAD,
        schema: Schema::AsFound,
        role: Role::Notice,
        admin: "cancel_unlocked",
        summary: "read the status, then write; nothing keeps a second request out",
        start: unlocked::start,
        work: None,
        shut_down: None,
        statements: &unlocked::STATEMENTS,
    },
    Protocol {
        name: "lock_table",
        id: "W3",
        source: THREAD,
        schema: Schema::AsFound,
        role: Role::Notice,
        admin: "cancel_unlocked",
        summary: "a lock as a row that expires by the web servers' clocks",
        start: lock_table::start,
        work: None,
        shut_down: Some(lock_table::shut_down),
        statements: &lock_table::STATEMENTS,
    },
    Protocol {
        name: "row_lock",
        id: "S3",
        source: HOSTED_GUIDE,
        schema: Schema::AsFound,
        role: Role::Notice,
        admin: "cancel",
        summary: "SELECT … FOR UPDATE, check, guarded writes, commit",
        start: row_lock::start,
        work: None,
        shut_down: None,
        statements: &row_lock::STATEMENTS,
    },
    Protocol {
        name: "queue",
        id: "W10",
        source: THREAD,
        schema: Schema::AsFound,
        role: Role::Notice,
        admin: "cancel_unlocked",
        summary: "notices are appended to a table, and claimed by the web servers' clocks",
        start: queue::start,
        work: Some(queue::start_work),
        shut_down: None,
        statements: &queue::STATEMENTS,
    },
    Protocol {
        name: "settle",
        id: "O1",
        source: OURS,
        schema: Schema::Paidonce,
        role: Role::Notice,
        admin: "cancel",
        summary: "one transaction that locks by writing, and has a place for all money",
        start: settle::start,
        work: None,
        shut_down: None,
        statements: &settle::STATEMENTS,
    },
    Protocol {
        name: "fenced_lease",
        id: "O2",
        source: OURS,
        schema: Schema::AsFound,
        role: Role::Notice,
        admin: "cancel",
        summary: "a lease by the database's clock, and a fence checked at the last write",
        start: fenced_lease::start,
        work: None,
        shut_down: None,
        statements: &fenced_lease::STATEMENTS,
    },
    Protocol {
        name: "worker",
        id: "O7",
        source: OURS,
        schema: Schema::Paidonce,
        role: Role::Notice,
        admin: "cancel",
        summary: "notices become jobs, claimed for a while and settled by workers",
        start: worker::start,
        work: Some(worker::start_work),
        shut_down: None,
        statements: &worker::STATEMENTS,
    },
    Protocol {
        name: "cancel_unlocked",
        id: "W12",
        source: THREAD,
        schema: Schema::AsFound,
        role: Role::Admin,
        admin: "cancel_unlocked",
        summary: "read the status, restock, overwrite the status",
        start: cancel_unlocked::start,
        work: None,
        shut_down: None,
        statements: &cancel_unlocked::STATEMENTS,
    },
    Protocol {
        name: "cancel",
        id: "O6",
        source: OURS,
        schema: Schema::Paidonce,
        role: Role::Admin,
        admin: "cancel",
        summary: "one transaction: lock, restock, queue the refund, cancel",
        start: cancel::start,
        work: None,
        shut_down: None,
        statements: &cancel::STATEMENTS,
    },
];

/// The protocol of this name.
pub fn find(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.name == name)
}

/// The protocol of this name, if it can play this role.
///
/// # Errors
/// When there is no protocol of this name, or it plays another role.
pub fn find_for(name: &str, role: Role) -> Result<&'static Protocol, CannotPlay> {
    find(name).filter(|protocol| protocol.role == role).ok_or_else(|| CannotPlay { name: name.to_owned(), role })
}

/// A protocol is not in the catalogue, or plays another role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protocol {name} cannot play the {}; those that can: {}", role.name(), self.known())]
pub struct CannotPlay {
    /// The name given.
    pub name: String,
    /// The role.
    pub role: Role,
}

impl CannotPlay {
    /// The names of those that can.
    fn known(&self) -> String {
        let can = PROTOCOLS.iter().filter(|protocol| match self.role {
            Role::Worker => protocol.work.is_some(),
            role => protocol.role == role,
        });
        can.map(|protocol| protocol.name).collect::<Vec<_>>().join(", ")
    }
}

impl Protocol {
    /// Who handles an input in a shop whose notices this protocol handles: the one that is named for it, or else this one
    /// and the admin's that goes with it.
    ///
    /// # Errors
    /// When the one that is named cannot play the role, or nobody keeps notices for a worker.
    pub fn handler(&'static self, input: &Input, named: Option<&str>) -> Result<&'static Protocol, CannotPlay> {
        match (input, named) {
            (Input::Notice(_), None) => Ok(self),
            (Input::Notice(_), Some(name)) => find_for(name, Role::Notice),
            (Input::Work, name) => {
                let handler = name.map_or(Ok(self), |name| find_for(name, Role::Notice))?;
                match handler.work {
                    Some(_) => Ok(handler),
                    None => Err(CannotPlay { name: handler.name.to_owned(), role: Role::Worker }),
                }
            }
            (Input::Cancel { .. }, name) => find_for(name.unwrap_or(self.admin), Role::Admin),
        }
    }

    /// How its run is made for an input that it handles.
    pub fn start_for(&self, input: &Input) -> Start {
        match (input, self.work) {
            (Input::Work, Some(work)) => work,
            _ => self.start,
        }
    }

    /// The schema that it works on, or a mutant of it.
    pub fn schema_without(&self, without: Without) -> Schema {
        if without.keeps(Guard::UniqueKey) { self.schema } else { Schema::AsFound }
    }
}

macro_rules! guards {
    ($($guard:ident, $protocol:literal, $claim:literal, $second_line:expr, $says:literal;)*) => {
        /// One thing that a right protocol does to stay right. Left out on purpose, it makes a mutant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Guard {
            $(#[doc = $says] $guard,)*
        }

        impl Guard {
            /// Every guard, in the order of the published table.
            pub const ALL: &'static [Guard] = &[$(Guard::$guard,)*];

            /// The guard's name in the published table.
            pub fn name(self) -> &'static str {
                match self { $(Guard::$guard => stringify!($guard),)* }
            }

            /// The protocol it guards.
            pub fn protocol(self) -> &'static str {
                match self { $(Guard::$guard => $protocol,)* }
            }

            /// The claim that falls without it.
            pub fn claim(self) -> &'static str {
                match self { $(Guard::$guard => $claim,)* }
            }

            /// The guard behind which this one is a second line: alone it can be left out and nothing falls; with both left
            /// out, the claim does. Locking first and writing only while the status is the one that was read stand behind
            /// each other: the first keeps a waiter from working in vain, the second still holds where a lock is no mutex
            /// (a snapshot taken before it).
            pub fn second_line_to(self) -> Option<Guard> {
                match self { $(Guard::$guard => $second_line,)* }
            }

            /// What it does, in a sentence.
            pub fn says(self) -> &'static str {
                match self { $(Guard::$guard => $says,)* }
            }
        }
    };
}

guards! {
    UniqueKey, "settle", "an_order_is_never_half_settled", None,
        "A payment has one row and one refund: keys (provider, txn_id, kind) and (provider, txn_id).";
    LocksFirst, "settle", "taken_money_is_never_lost", None,
        "The first statement locks and updates the order's row: whoever then does nothing has written all the same.";
    PaysIfPending, "settle", "no_update_is_lost", Some(Guard::LocksFirst),
        "The order becomes paid only while it is pending.";
    OneTransaction, "settle", "an_order_is_never_half_settled", None,
        "All writes stand in one transaction.";
    StockGuard, "settle", "stock_is_never_oversold", None,
        "Units are taken only where they are on hand.";
    GivesBack, "settle", "stock_agrees_with_orders", None,
        "When a later sku is short, the units already taken are given back in the same transaction.";
    MailInTransaction, "settle", "the_buyer_is_mailed_once", None,
        "The mail is a row of the outbox, written in the transaction.";
    LateNoticeQueued, "settle", "taken_money_is_never_lost", None,
        "A payment for a cancelled order is recorded and queued for refund.";
    SecondPaymentQueued, "settle", "taken_money_is_never_lost", None,
        "A second, different payment for a paid order is recorded and queued for refund.";
    QueuesRefund, "settle", "an_order_is_never_half_settled", None,
        "A payment that is recorded to be refunded has its refund row.";
    ShortStockMarked, "settle", "an_order_is_never_half_settled", None,
        "A payment for which the stock is too short is marked to be refunded.";
    PendingBooksNothing, "settle", "taken_money_is_never_lost", None,
        "A status that says that no money was taken books nothing.";
    StatusChecked, "settle", "taken_money_is_never_lost", None,
        "A status that only a person can book is not taken for a payment.";
    MisfitQueued, "settle", "taken_money_is_never_lost", None,
        "A notice that no machine can book is queued for a person.";
    AmountChecked, "settle", "taken_money_is_never_lost", None,
        "The amount is the order's total.";
    CurrencyChecked, "settle", "taken_money_is_never_lost", None,
        "The currency is the order's.";
    ReceiverChecked, "settle", "taken_money_is_never_lost", None,
        "The account paid is the shop's.";
    AnswersAfterCommit, "settle", "taken_money_is_never_lost", None,
        "200 is answered only after the commit.";
    UnknownIsNotDone, "settle", "taken_money_is_never_lost", None,
        "200 is never answered when the commit's answer was lost.";
    BookedIsDurable, "settle", "taken_money_is_never_lost", None,
        "200 for a payment that is booked already is answered after a commit of a write of one's own.";
    MisfitIsDurable, "settle", "taken_money_is_never_lost", None,
        "200 for a notice that is queued for a person already is answered after a write of one's own.";
    FenceChecked, "fenced_lease", "an_order_is_never_half_settled", None,
        "The first statement of the final write is refused when another has taken the lease over.";
    FenceGrows, "fenced_lease", "an_order_is_never_half_settled", None,
        "Whoever takes a lease has it with a fence that nobody had before.";
    FenceIsOwn, "fenced_lease", "an_order_is_never_half_settled", None,
        "The fence that is read back is the one of this request's own lease.";
    LeaseRunsOut, "fenced_lease", "a_free_lock_is_granted", None,
        "A lease that is over by the database's clock can be taken.";
    DecidesUnderLease, "fenced_lease", "an_order_is_never_half_settled", None,
        "What to do is decided from what was read after the lease was taken.";
    LooksForPayment, "fenced_lease", "an_order_is_never_half_settled", None,
        "A payment that is recorded already is not recorded again.";
    LeasedWritesAtOnce, "fenced_lease", "an_order_is_never_half_settled", None,
        "The final write is one transaction.";
    LeasedPaysIfPending, "fenced_lease", "no_update_is_lost", None,
        "The order becomes paid only while it is pending: an admin takes no lease.";
    LeasedLateNoticeQueued, "fenced_lease", "taken_money_is_never_lost", None,
        "A payment for an order that is not pending any more is recorded and queued for refund.";
    LeasedAnswersAfterCommit, "fenced_lease", "taken_money_is_never_lost", None,
        "200 is answered only after the final write's commit.";
    LeasedUnknownIsNotDone, "fenced_lease", "taken_money_is_never_lost", None,
        "200 is never answered when the answer of the final write's commit was lost.";
    AnswersAfterQueued, "worker", "taken_money_is_never_lost", None,
        "200 is answered only after the notice is in the table.";
    QueuedUnknownIsNotDone, "worker", "taken_money_is_never_lost", None,
        "200 is never answered when nobody knows whether the notice is in the table.";
    QueuedIsDurable, "worker", "taken_money_is_never_lost", None,
        "200 for a notice that is in the table already is answered after a write of one's own.";
    ClaimsRunOut, "worker", "taken_money_is_never_lost", None,
        "A job whose claim is over by the database's clock can be claimed again.";
    FinishesWhatIsSettled, "worker", "taken_money_is_never_lost", None,
        "A job is done only when its notice is settled.";
    CancelLocksFirst, "cancel", "an_order_is_never_half_settled", Some(Guard::CancelIfStill),
        "The first statement of a cancel locks and updates the order's row.";
    CancelIfStill, "cancel", "an_order_is_never_half_settled", Some(Guard::CancelLocksFirst),
        "The order is cancelled only while its status is the one that was read.";
    CancelInOneTransaction, "cancel", "an_order_is_never_half_settled", None,
        "All writes of a cancel stand in one transaction.";
    CancelGivesBack, "cancel", "stock_agrees_with_orders", None,
        "The units of a cancelled order go back on the shelf.";
    CancelQueuesRefund, "cancel", "an_order_is_never_half_settled", None,
        "The money of a cancelled order is queued for refund.";
    CancelMarksToRefund, "cancel", "an_order_is_never_half_settled", None,
        "The payments of a cancelled order are marked to be refunded.";
}

/// Guards left out on purpose: empty in production, one or two for a mutant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Without(u64);

impl Without {
    /// All guards stand.
    pub const NOTHING: Without = Without(0);

    /// This guard left out, too.
    #[must_use]
    pub fn and(self, guard: Guard) -> Self {
        Without(self.0 | 1 << guard as u32)
    }

    /// True when the guard stands.
    pub fn keeps(self, guard: Guard) -> bool {
        self.0 & 1 << guard as u32 == 0
    }

    /// The guards left out.
    pub fn guards(self) -> impl Iterator<Item = Guard> {
        Guard::ALL.iter().copied().filter(move |guard| !self.keeps(*guard))
    }
}
