//! What was reached how often.

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
