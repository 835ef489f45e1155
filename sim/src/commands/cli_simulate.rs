//! The arguments of `simulate`, and the help that teaches them.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use paidonce_model::Engine;
use paidonce_model::simulate::Rates;

use super::names;

#[derive(Args, Debug)]
#[command(long_about = "\
Simulate a whole shop from one seed: thousands of orders, buyers in waves, skus with few units, web servers whose clocks are \
wrong and drift, a gateway that delivers until it is told 200, workers, admins who cancel; the protocols' own code over the \
model database; pauses, crashes, lost replies, duplicates, late notices, restarts of the database. Time is virtual. The \
same seed comes to the same digest on every machine.

When a claim is broken, everything is taken away that is not needed for it. What is left is written as a trace, as a plan \
and as a scenario, replayed on a real database, and looked for in the exhaustive model.

Rates of faults are parts per million: pause, crash, lost_reply and restart of calls; duplicate and late of notices; cancel, \
second_payment and misfit of orders. A plan is a TOML file:

  faults = [\"crash silent at call 17 of ipn-o15-1\", \"pause 5000 at call 4 of pdt-o15-1\",
            \"lose later at call 9 of ipn-o15-2\", \"restart at call 2 of admin-o15-1\"]
  [comes]          # who comes first when, in milliseconds, and nobody else
  ipn-o15 = [0, 4]
  pdt-o15 = [12]
  admin-o15 = [12]
  [clocks]         # how far a server's clock is ahead, in milliseconds; all others are right
  web-2 = 120000

Exit status: 0 when no claim is broken, 1 when one is, or when a real database differs, 2 when something cannot be used.")]
#[command(after_help = "\
Examples:
  paidonce simulate                                            settle and cancel, 200 orders, every fault
  paidonce simulate --settle unlocked --seeds 200              how soon the plainest way to book is found out
  paidonce simulate --settle worker --orders 10000 --servers 8 --for 10m
  paidonce simulate --faults none,crash=5000                   crashes and nothing else
  paidonce simulate --seeds 1000 --shard 1/2 --json > 1.json   half of a campaign, on one machine of two
  paidonce simulate --merge 1.json 2.json
  paidonce simulate --real --engine postgres/read-committed --orders 20 --seeds 5")]
pub(super) struct Simulate {
    /// The protocol that handles the notices
    #[arg(long, value_name = "PROTOCOL", default_value = "settle", value_parser = names::protocol)]
    pub(super) settle: &'static str,
    /// The protocol by which an admin cancels [default: the one that belongs to it]
    #[arg(long, value_name = "PROTOCOL", value_parser = names::cancelling)]
    pub(super) cancel: Option<&'static str>,
    /// The database with its isolation level
    #[arg(long, value_name = "ENGINE", default_value = "postgres/read-committed", value_parser = names::engine)]
    pub(super) engine: Engine,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// So many seeds, one after the other [default: 1; with --for, as many as there is time for]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..),
        default_value_if("time", clap::builder::ArgPredicate::IsPresent, "18446744073709551615"),
        hide_default_value = true
    )]
    pub(super) seeds: u64,
    /// End after the seed that is under way at this time: 90s, 10m, 2h
    #[arg(long = "for", id = "time", value_name = "DURATION", value_parser = names::duration)]
    pub(super) time: Option<Duration>,
    /// Of the seeds, every N-th from the I-th on: the part of one machine of N
    #[arg(long, value_name = "I/N", default_value_t = Shard { part: 1, of: 1 }, hide_default_value = true)]
    pub(super) shard: Shard,
    /// So many orders are placed
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(super) orders: u32,
    /// So many web servers
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(super) servers: u16,
    /// What goes wrong how often, in parts per million: NAME=RATE,… beside the defaults, or beside `none`
    #[arg(long, value_name = "RATES", default_value_t = Rates::default(), hide_default_value = true)]
    pub(super) faults: Rates,
    /// A file that says who comes when, and what goes wrong at which call
    #[arg(long, value_name = "FILE")]
    pub(super) plan: Option<String>,
    /// Drive the same schedule on the real database, step by step, and compare the rows as it goes
    #[arg(long)]
    pub(super) real: bool,
    /// Join the machine's forms of campaigns, and simulate nothing
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["seed", "seeds", "time", "shard", "orders", "servers",
          "faults", "plan", "real", "settle", "cancel", "engine", "trace_out", "rewrite"])]
    pub(super) merge: Vec<String>,
    /// Write the trace of a broken claim to this file, the plan and the scenario beside it [default: broken-PROTOCOL-SEED.json]
    #[arg(long, value_name = "FILE")]
    pub(super) trace_out: Option<String>,
    /// Record what was run, with its seeds, in the pins
    #[arg(long, conflicts_with_all = ["plan", "real", "shard"])]
    pub(super) rewrite: bool,
    /// Record it in this file
    #[arg(long, value_name = "FILE", requires = "rewrite")]
    pub(super) manifest: Option<String>,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

/// `2/4`: the second part of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) part: u64,
    pub(super) of: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected I/N with I from 1 to N, such as 2/4, not `{text}`");
        let (part, of) = text.split_once('/').ok_or_else(expected)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| expected());
        let (part, of) = (number(part)?, number(of)?);
        if part == 0 || part > of { Err(expected()) } else { Ok(Shard { part, of }) }
    }
}

impl Display for Shard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl Simulate {
    /// The shard's first seed, and how many seeds it has.
    pub(super) fn seeds(&self) -> (u64, u64) {
        let Shard { part, of } = self.shard;
        (self.seed.wrapping_add(part - 1), self.seeds.saturating_sub(part - 1).div_ceil(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_part_of_the_seeds() {
        for text in ["", "1", "0/2", "3/2", "1/x", "1/0"] {
            assert!(text.parse::<Shard>().unwrap_err().contains("expected I/N"), "{text}");
        }
        assert_eq!("2/4".parse::<Shard>().map(|shard| shard.to_string()).as_deref(), Ok("2/4"));
    }
}
