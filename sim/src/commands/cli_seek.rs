//! The arguments of `seek`, and the help that teaches them.

use clap::Args;
use paidonce_model::Engine;

use super::names;

#[derive(Args, Debug)]
#[command(long_about = "\
Look on a real engine for every outcome that the model allows. `differ` asks whether the model allows what an engine does; \
this asks how much of what the model allows an engine ever does. Each script for which the model allows several transcripts \
is played again and again, and each time something else leads the engine: how its planner comes to rows, which session goes \
on last, which one looks for a deadlock first, which one the machine is slow for. A script that can come to one outcome \
only is not looked for.

What is seldom seen, or never, stands with its reason in specs/scripts/unseen.toml, and in docs/seen.md.

Exit status: 0 when each outcome was seen, 1 when some were not or the model does not allow what was done, 2 when a script \
cannot be played.")]
#[command(after_help = "\
Examples:
  paidonce seek specs/scripts/kept/queue_at_a_row.script --engine postgres/read-committed
  paidonce seek specs/scripts/*/*.script                                every engine, which takes some minutes
  paidonce seek own.script --engine mariadb/serializable --rounds 200   a longer search")]
pub(super) struct Seek {
    /// The files with the scripts: docs/scripts.md has the format
    #[arg(value_name = "FILE", required = true)]
    pub(super) scripts: Vec<String>,
    /// The database with its isolation level; may be given several times [default: all of them]
    #[arg(long = "engine", value_name = "ENGINE", value_parser = names::engine)]
    pub(super) engines: Vec<Engine>,
    /// So many times at most is each way tried
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) rounds: u64,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}
