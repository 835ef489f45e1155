//! Chance for one request: what it comes to at a call depends on the seed, its sender, which of the deliveries it is and the
//! number of the call, and on nothing that others do. So whoever leaves somebody out of a plan does not draw anew for the rest.

use crate::chance::{SplitMix, mix};

/// What is decided by chance.
#[derive(Clone, Copy, Debug)]
pub(super) enum For {
    /// Which web server it reaches.
    Server,
    /// How long a round trip takes.
    RoundTrip,
    /// What goes wrong before a call.
    Fault,
    /// What becomes of a reply.
    Reply,
    /// What the engine leaves open.
    Way,
    /// What it leaves open when a statement goes on.
    WayOn,
    /// When it is noticed that a statement could go on.
    GoingOn,
    /// When it is delivered again, or a worker looks again.
    Again,
    /// What becomes of a connection that it leaves.
    Left,
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lot(u64);

impl Lot {
    /// The lot of a sender's delivery, counted from 1.
    pub(super) fn of(seed: u64, sender: u32, delivery: u32) -> Self {
        Lot(mix(seed ^ 0x7061_6964_6f6e_6365) ^ mix(u64::from(sender) << 32 | u64::from(delivery)))
    }

    /// Chance at a call, counted from 1; 0 is before the first.
    pub(super) fn at(self, call: u32, decides: For) -> SplitMix {
        SplitMix::new(self.0 ^ mix((u64::from(call) << 8) | (decides as u64 + 1)))
    }
}
