//! What came of a request, for whoever has to say so.

/// How one run of a protocol ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The payment was booked and the order is paid.
    Booked,
    /// The payment was already in the books: nothing was changed but the order's version.
    AlreadyBooked,
    /// The order was not waiting for a payment, and nothing was recorded.
    AlreadyHandled,
    /// The payment was recorded and queued for refund.
    ToRefund(Reason),
    /// The notice was recorded and queued for a person.
    ForReview(Reason),
    /// The same notice was queued for a person before: it was counted.
    AlreadyForReview(Reason),
    /// The notice says that no money was taken: there was nothing to book.
    NothingToBook,
    /// The notice waits for a worker now.
    Queued,
    /// The same notice waits for a worker, or was handled by one: it was counted.
    AlreadyQueued,
    /// No notice waits for a worker.
    NothingToDo,
    /// The order is cancelled now.
    Cancelled,
    /// The order was cancelled before.
    AlreadyCancelled,
    /// There is no such order.
    NoSuchOrder,
    /// Not handled: the sender has to try again.
    TryAgain,
}

/// Why a payment could not be booked as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The order is cancelled.
    OrderCancelled,
    /// The order was paid by another payment.
    OrderAlreadyPaid,
    /// The stock is too short for the order.
    StockTooShort,
    /// There is no such order.
    UnknownOrder,
    /// The amount is not the order's total.
    WrongAmount,
    /// The currency is not the order's.
    WrongCurrency,
    /// The account paid is not the shop's.
    WrongReceiver,
    /// The status is one that only a person can book: a refund, a reversal.
    StatusForAPerson,
}

impl Reason {
    /// The reason as it stands in the column `reason` of the table `reviews`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::OrderCancelled => "order cancelled",
            Reason::OrderAlreadyPaid => "order already paid",
            Reason::StockTooShort => "stock too short",
            Reason::UnknownOrder => "unknown order",
            Reason::WrongAmount => "wrong amount",
            Reason::WrongCurrency => "wrong currency",
            Reason::WrongReceiver => "wrong receiver",
            Reason::StatusForAPerson => "status for a person",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Booked => f.write_str("booked"),
            Outcome::AlreadyBooked => f.write_str("already booked"),
            Outcome::AlreadyHandled => f.write_str("already handled"),
            Outcome::ToRefund(reason) => write!(f, "queued for refund: {}", reason.name()),
            Outcome::ForReview(reason) => write!(f, "queued for a person: {}", reason.name()),
            Outcome::AlreadyForReview(reason) => write!(f, "already queued for a person: {}", reason.name()),
            Outcome::NothingToBook => f.write_str("nothing to book"),
            Outcome::Queued => f.write_str("queued for a worker"),
            Outcome::AlreadyQueued => f.write_str("already queued for a worker"),
            Outcome::NothingToDo => f.write_str("nothing to do"),
            Outcome::Cancelled => f.write_str("cancelled"),
            Outcome::AlreadyCancelled => f.write_str("already cancelled"),
            Outcome::NoSuchOrder => f.write_str("no such order"),
            Outcome::TryAgain => f.write_str("try again"),
        }
    }
}
