//! What was reached how often.

use super::Options;

macro_rules! situations {
    ($($situation:ident $says:literal,)*) => {
        /// Something worth counting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Situation {
            $(#[doc = $says] $situation,)*
        }

        impl Situation {
            /// All of them.
            pub const ALL: &'static [Situation] = &[$(Situation::$situation,)*];

            /// In a few words.
            pub fn says(self) -> &'static str {
                match self { $(Situation::$situation => $says,)* }
            }
        }
    };
}

impl Situation {
    /// True for what a long simulation with these options is expected to come to. The rest is left out by the rates, is
    /// nothing that this engine knows, or is what only some protocols come to.
    pub fn is_expected(self, options: &Options) -> bool {
        let rates = &options.rates;
        let rate = match self {
            Situation::Pause => rates.pause,
            Situation::Soft | Situation::Reset | Situation::Silent | Situation::Stop => rates.crash,
            Situation::LostDone | Situation::LostNotDone | Situation::LostLater | Situation::Landed => rates.lost_reply,
            Situation::Restart | Situation::Severed => rates.restart,
            Situation::Redelivery => rates.crash.max(rates.lost_reply).max(rates.duplicate),
            Situation::Duplicate => rates.duplicate,
            Situation::LateNotice | Situation::CancelOfPaid => rates.cancel,
            Situation::SecondPayment => rates.second_payment,
            Situation::Misfit => rates.misfit,
            Situation::TimedOut | Situation::Reaped => rates.crash.max(rates.pause),
            Situation::Retry | Situation::Conflict | Situation::Exhausted => rates.crash.max(rates.pause),
            Situation::Refused | Situation::TwoHolders | Situation::Deadlock | Situation::GivenUp => 0,
            Situation::Queued | Situation::Wait | Situation::ShortStock => 1,
        };
        rate > 0
    }
}

situations! {
    Redelivery "a notice delivered again",
    GivenUp "a notice that was given up",
    Duplicate "two deliveries of one notice at once",
    Queued "a request that waited for a connection",
    Pause "a request that was paused",
    Soft "a request that died of an exception",
    Reset "a request that died, and its connection was seen to",
    Silent "a request that died, and nobody knew",
    Stop "a request that stopped for ever",
    LostDone "a lost reply of what was done",
    LostNotDone "a lost reply of what was not done",
    LostLater "a lost reply of what was done later",
    Landed "a call that took effect after its request was told that nobody knows",
    Restart "a restart of the database",
    Severed "a transaction lost with a restart",
    Wait "a statement that waited",
    TimedOut "a statement that waited for too long",
    Deadlock "a victim of a deadlock",
    Conflict "a conflict",
    Retry "a transaction tried again",
    Exhausted "a request that has tried too often",
    Reaped "a dead connection noticed by the server",
    Refused "a request that was refused a lock",
    TwoHolders "two requests in one section at once",
    LateNotice "a notice for a cancelled order",
    SecondPayment "a second payment for a paid order",
    ShortStock "a payment for which the stock was too short",
    Misfit "a notice for a person",
    CancelOfPaid "a cancel of a paid order",
}
