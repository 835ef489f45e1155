//! The arguments of `stress` and `explain`, and the help that teaches them.

use std::time::Duration;

use clap::Args;
use paidonce_model::Engine;

use super::names;

#[derive(Args, Debug)]
#[command(long_about = "\
Let real processes book and cancel on a real database, with nobody to say who goes first. In each round a small shop is \
made; deliveries of its notices and an admin come at once, each a process of its own with a connection of its own; some \
are killed with SIGKILL, and in some rounds so is a PostgreSQL or MariaDB server that was started for this. Whatever was not \
accepted is delivered again. Then every audit query looks at the books, and the history, all calls and answers in the \
order of time, is held against the model: is there a schedule that makes the same calls, gives the same answers and \
leaves the same rows?

The seed gives the shops, the requests and the moments of death. What happens in between is up to the machine, so the same \
seed does not give the same history twice; one without an explanation is kept in a file.

Exit status: 0 when the books are right and every history is explained, 1 when not, 2 when something is undecided or \
cannot be used.")]
#[command(after_help = "\
Examples:
  paidonce stress                                              twenty rounds of settle and cancel on SQLite
  paidonce stress --engine postgres/read-committed --engine mariadb/repeatable-read --for 10m
  paidonce stress --settle unlocked                            what becomes of books that nothing protects
  paidonce stress --engine sqlite/deferred --keep histories    and keep every history
  paidonce explain histories/history-sqlite-deferred-1-0.jsonl")]
pub(super) struct Stress {
    /// The protocol that handles the notices
    #[arg(long, value_name = "PROTOCOL", default_value = "settle", value_parser = names::settling)]
    pub(super) settle: &'static str,
    /// The protocol by which an admin cancels [default: the one that belongs to it]
    #[arg(long, value_name = "PROTOCOL", value_parser = names::cancelling)]
    pub(super) cancel: Option<&'static str>,
    /// The database with its isolation level; may be given several times
    #[arg(long = "engine", value_name = "ENGINE", default_value = "sqlite/immediate", value_parser = names::engine)]
    pub(super) engines: Vec<Engine>,
    /// The seed that the rounds are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// The number of the first round
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) from: u64,
    /// So many rounds an engine [default: 20; with --for, as many as there is time for]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        default_value_if("time", clap::builder::ArgPredicate::IsPresent, "18446744073709551615"),
        hide_default_value = true
    )]
    pub(super) rounds: u64,
    /// End after this time an engine: 90s, 10m, 2h
    #[arg(long = "for", id = "time", value_name = "DURATION", value_parser = names::duration)]
    pub(super) time: Option<Duration>,
    /// Write the history of every round into this folder [default: of those without an explanation, into this one]
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<String>,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Look for a schedule of the model that explains a history as `paidonce stress` records it: one that makes the same calls, \
gives the same answers, keeps the order of time and leaves the same rows. When there is none, the first answer without an \
explanation is named.

Exit status: 0 when there is one, 1 when there is none, 2 when it is undecided or the file is no history.")]
#[command(after_help = "\
Examples:
  paidonce stress --rounds 1 --keep .
  paidonce explain history-sqlite-immediate-1-0.jsonl
  paidonce explain history-sqlite-immediate-1-0.jsonl --trace-out schedule.json
  paidonce show schedule.json")]
pub(super) struct Explain {
    /// The file with the history, or - for standard input
    #[arg(value_name = "HISTORY")]
    pub(super) history: String,
    /// Write the schedule that explains it as a trace to this file
    #[arg(long, value_name = "FILE")]
    pub(super) trace_out: Option<String>,
    /// Give up after this many distinct states: it is then undecided
    #[arg(long, value_name = "N", default_value_t = crate::stress::MOST_STATES)]
    pub(super) max_states: usize,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Deliver {
    /// The file with the record
    pub(super) record: String,
    /// The request's name
    pub(super) who: String,
    /// The database's URL
    #[arg(long, value_name = "URL")]
    pub(super) database: String,
}
