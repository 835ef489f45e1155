//! The bounds of a scenario in few words: they stand beside every verdict.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::{Assume, Limits, LostOn, Scenario};
use crate::trace::DeathForm;

/// What a scenario lets happen, without what it is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bounds {
    /// Who comes, by entry.
    pub actors: BTreeMap<String, ActorBounds>,
    /// How far each web server's clock is ahead of true time, in milliseconds.
    pub servers: BTreeMap<String, i64>,
    /// What may go wrong, and how often.
    pub faults: FaultBounds,
    /// How often a transaction is tried in all.
    pub attempts: u64,
    /// How often a refused lock is asked for again.
    pub polls: u64,
    /// How long a lease lasts, in milliseconds.
    pub lease_ms: u64,
    /// What was pruned.
    pub assume: Vec<Assume>,
    /// The time limits.
    pub limits: Limits,
}

/// How often one entry comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActorBounds {
    /// How many deliveries may be under way at once from the start.
    pub overlapping: usize,
    /// How many there are in all.
    pub deliveries: usize,
    /// The entry that comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The protocol that handles it, when it is not the role's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// The budget of faults. What cannot happen is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultBounds {
    /// How many actors may die.
    pub deaths: u8,
    /// In which forms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub death_forms: Vec<DeathForm>,
    /// How many replies may be lost.
    pub lost_replies: u8,
    /// Which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_on: Option<LostOn>,
    /// How often true time may move on.
    pub ticks: u8,
    /// How often the database's server may be killed.
    pub crashes: u8,
}

impl Scenario {
    /// The bounds, for the line above a verdict and for the machine's form of it.
    pub fn bounds(&self) -> Bounds {
        let actors = self.actors.iter().map(|actor| {
            let bounds = ActorBounds {
                overlapping: actor.overlapping,
                deliveries: actor.deliveries,
                after: actor.after.clone(),
                protocol: actor.protocol.clone(),
            };
            (actor.name.clone(), bounds)
        });
        let faults = &self.faults;
        Bounds {
            actors: actors.collect(),
            servers: self.servers.iter().map(|server| (server.name.clone(), server.clock_offset_ms)).collect(),
            faults: FaultBounds {
                deaths: faults.deaths,
                death_forms: if faults.deaths > 0 { faults.forms() } else { Vec::new() },
                lost_replies: faults.lost_replies,
                lost_on: (faults.lost_replies > 0).then_some(faults.lost_on),
                ticks: faults.ticks,
                crashes: faults.crashes,
            },
            attempts: self.settings.attempts,
            polls: self.settings.polls,
            lease_ms: self.settings.lease_ms,
            assume: self.assume.clone(),
            limits: self.limits.clone(),
        }
    }
}

/// One line: `admin, ipn x4 (2 at once); web-1, web-2 +120000 ms; 1 death (soft, reset, silent), 2 ticks; 5 attempts`.
impl Display for Bounds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let actors = self.actors.iter().map(|(name, actor)| {
            let times = if actor.deliveries > 1 { format!(" x{}", actor.deliveries) } else { String::new() };
            let at_once = match actor.overlapping {
                1 => String::new(),
                all if all == actor.deliveries => " (at once)".to_owned(),
                some => format!(" ({some} at once)"),
            };
            let protocol = actor.protocol.as_ref().map(|protocol| format!(" by {protocol}")).unwrap_or_default();
            let after = actor.after.as_ref().map(|first| format!(" after {first}")).unwrap_or_default();
            format!("{name}{times}{at_once}{protocol}{after}")
        });
        let servers = self.servers.iter().map(|(name, offset_ms)| match offset_ms {
            0 => name.clone(),
            _ => format!("{name} {offset_ms:+} ms"),
        });
        write!(f, "{}; {}; {}", listed(actors), listed(servers), self.faults)?;
        if self.attempts > 0 {
            write!(f, "; {}", counted(self.attempts, "attempt"))?;
        }
        if self.polls > 0 {
            write!(f, ", {}", counted(self.polls, "poll"))?;
        }
        for assume in &self.assume {
            match assume {
                Assume::NobodyOutlivesALease => write!(f, "; assuming nobody_outlives_a_lease")?,
            }
        }
        Ok(())
    }
}

impl Display for FaultBounds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let forms = listed(self.death_forms.iter().map(|form| {
            match form {
                DeathForm::Soft => "soft",
                DeathForm::Reset => "reset",
                DeathForm::Silent => "silent",
                DeathForm::Stop => "stop",
            }
            .to_owned()
        }));
        let mut parts = Vec::new();
        if self.deaths > 0 {
            parts.push(format!("{} ({forms})", counted(self.deaths.into(), "death")));
        }
        if self.lost_replies > 0 {
            let of = match self.lost_on {
                Some(LostOn::Any) => "of any call",
                Some(LostOn::Commit) | None => "of a commit",
            };
            let replies = if self.lost_replies == 1 { "reply" } else { "replies" };
            parts.push(format!("{} lost {replies} {of}", self.lost_replies));
        }
        if self.ticks > 0 {
            parts.push(counted(self.ticks.into(), "tick"));
        }
        if self.crashes > 0 {
            let crashes = if self.crashes == 1 { "crash" } else { "crashes" };
            parts.push(format!("{} {crashes} of the database", self.crashes));
        }
        if parts.is_empty() { f.write_str("no faults") } else { f.write_str(&parts.join(", ")) }
    }
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
