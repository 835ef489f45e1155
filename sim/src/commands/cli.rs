//! The arguments, and the help that teaches them.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use paidonce_model::scenario::Scenario;
use paidonce_model::{Claim, Engine};

use super::cli_seek::Seek;
use super::cli_simulate::Simulate;
use super::cli_stress::{Deliver, Explain, Stress};
use super::{names, overrides};

/// The database of `book`, `work` and `audit` when none is named.
const SHOP: &str = "sqlite:shop.db";

const ABOUT: &str = "\
A shop is told about one payment many times, by many processes, at once. It must book it once.

Without a command, paidonce checks every protocol of its catalogue in every built-in scenario, step by step in every \
order that a database allows; replays each counterexample on a real database; prints the matrix of protocols \
and claims; and compares every verdict with its pin in specs/manifest.toml.

Exit status: 0 when every verdict is as pinned, 1 when one is not, 2 when something is undecided or cannot be used.";

const EXAMPLES: &str = "\
Examples:
  paidonce                                          check everything, replay the counterexamples, print the matrix
  paidonce check unlocked                           how the plainest way to book a payment fails
  paidonce check lock_table --scenario f4_clocks_apart --trace-out f4.json
  paidonce show f4.json --as mermaid                draw the counterexample
  paidonce replay f4.json                           let a real database say whether it is one
  paidonce book --create-demo-shop                  make a shop to try it on: shop.db
  paidonce book specs/samples/ipn.txt               book a payment there, once
  paidonce work                                     settle what was kept for later
  paidonce audit                                    see that its books are right
  paidonce mutants                                  what each guard of a right protocol is good for
  paidonce simulate                                 a whole shop from one seed, with every fault
  paidonce stress                                   real processes, killed at any moment: are the books right?";

const MUTANTS: &str = "\
Leave out each guard of the right protocols and look for the claim that falls without it, in the published scenarios. A \
guard that is a second line is left out alone, where nothing may fall, and together with the first. Every counterexample \
is replayed on a real database, and the table is compared with its pins in specs/manifest.toml.

Exit status: 0 when everything is as pinned, 1 when something is not, 2 when something is undecided or cannot be used.";

const MUTANTS_EXAMPLES: &str = "\
Examples:
  paidonce mutants
  paidonce mutants --json";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "paidonce", version, about = "Books a payment once: checked, replayed, explained", long_about = ABOUT)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, infer_subcommands = false)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) all: Pinned,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check protocols in one scenario, within bounds of your own
    Check(Box<Check>),
    /// Replay a trace on a real database, statement by statement
    Replay(Replay),
    /// Play a script of SQL steps on the model, on the real engine, or on both
    Script(Scripted),
    /// Draw scripts from a seed, and compare what a real engine does with what the model allows
    Differ(Differing),
    /// Look on a real engine for every outcome of a script that the model allows
    Seek(Seek),
    /// Simulate whole shops from seeds: thousands of orders, every fault, in virtual time
    Simulate(Box<Simulate>),
    /// Let real processes book and cancel, kill them and the server, audit the books, and explain each history
    Stress(Stress),
    /// Look for a schedule of the model that explains a history
    Explain(Explain),
    /// One process of a round of `stress`: handle one request, and record what is asked and answered
    #[command(hide = true)]
    Deliver(Deliver),
    /// Draw a trace
    Show(Show),
    /// Settle a real notice on a shop's database
    Book(Book),
    /// Settle the notices that wait in a shop's database
    Work(Work),
    /// Run every claim's audit query on a live database
    Audit(Audit),
    /// Leave out each guard of the right protocols, and see which claim falls
    #[command(long_about = MUTANTS, after_help = MUTANTS_EXAMPLES)]
    Mutants(Pinned),
}

/// What the commands with pinned results take.
#[derive(Args, Debug)]
pub(super) struct Pinned {
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
    /// Pin what is found now, in place of comparing it
    #[arg(long)]
    pub(super) rewrite: bool,
    /// The file with the pins [default: the built-in copy of specs/manifest.toml; with --rewrite, that file]
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<String>,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Check protocols in one scenario: in every order of steps that the engine allows, with every fault of the scenario's \
budget. A claim holds within the printed bounds, or a shortest schedule that breaks it is shown, and that \
schedule is replayed on a real database.

Exit status: 0 when no claim is broken, 1 when one is, 2 when something is undecided or cannot be used.")]
#[command(after_help = "\
Examples:
  paidonce check                                        all protocols in the default scenario
  paidonce check settle --engine postgres/read-committed
  paidonce check unlocked --claim the_buyer_is_mailed_once --trace-out mailed-twice.json
  paidonce check settle --actors ipn=2/3,pdt=1,admin=0 --faults deaths=1,lost_replies=1,ticks=1
  paidonce check lock_table --scenario my-shop.toml     a scenario of your own, in the form of specs/scenarios/*.toml
  paidonce check --all                                  the published scenarios on every engine
  paidonce check lock_table --explore                   take the steps by hand, at http://127.0.0.1:3000")]
pub(super) struct Check {
    /// The protocols in the notice role [default: all of them]
    #[arg(value_name = "PROTOCOL", value_parser = names::protocol)]
    pub(super) protocols: Vec<&'static str>,
    /// All published scenarios on every engine, in place of one scenario on one engine; takes some minutes
    #[arg(long, conflicts_with_all = ["scenario", "engine", "actors", "faults", "trace_out", "explore"])]
    pub(super) all: bool,
    /// A built-in scenario by its name, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "default", value_parser = Chosen::parse)]
    pub(super) scenario: Chosen,
    /// The database with its isolation level
    #[arg(long, default_value = "sqlite/immediate", value_parser = names::engine)]
    pub(super) engine: Engine,
    /// Report this claim only; may be given several times [default: all claims]
    #[arg(long = "claim", value_name = "CLAIM", value_parser = names::claim)]
    pub(super) claims: Vec<Claim>,
    /// Other numbers of requests: NAME=OVERLAPPING/DELIVERIES,… (`ipn=2/4,pdt=1,admin=0`; 0 leaves an entry out)
    #[arg(long, value_name = "ACTORS")]
    pub(super) actors: Option<overrides::Actors>,
    /// Another budget of faults: deaths=N,lost_replies=N,ticks=N,crashes=N
    #[arg(long, value_name = "FAULTS")]
    pub(super) faults: Option<overrides::Faults>,
    /// Write the trace that is shown first as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(super) trace_out: Option<String>,
    /// Give up after this many distinct states: the verdict is then undecided
    #[arg(long, value_name = "N", default_value_t = paidonce_model::Limits::default().most_states)]
    pub(super) max_states: u64,
    /// Take the steps by hand, on a page in a browser, in place of checking: one protocol
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:3000",
          conflicts_with_all = ["json", "trace_out", "claims", "max_states"])]
    pub(super) explore: Option<SocketAddr>,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Replay a trace on a real database of its engine: SQLite, or a private PostgreSQL or MariaDB that is gone afterwards. Each actor is the protocol's own code on a connection of its own; one step is \
let go at a time, and every answer is compared with the trace's. At the end the rows are compared, and the claim's audit \
query looks for what the trace says is broken.

Exit status: 0 when everything is equal and the audit agrees, 1 when not, 2 when the trace cannot be replayed.")]
#[command(after_help = "\
Examples:
  paidonce check unlocked --trace-out twice.json
  paidonce replay twice.json
  paidonce replay twice.json --engine postgres/read-committed --database postgres://postgres@localhost/wrong
  paidonce replay twice.json --database sqlite:wrong.db     and keep the database that the schedule leaves
  paidonce audit --database sqlite:wrong.db                 which then names the violation")]
pub(super) struct Replay {
    /// The file with the trace, or - for standard input
    #[arg(value_name = "TRACE")]
    pub(super) trace: String,
    /// Refuse unless the trace is of this engine
    #[arg(long, value_parser = names::engine)]
    pub(super) engine: Option<Engine>,
    /// Where to leave the database: a place where there is nothing yet [default: a temporary one]
    #[arg(long, value_name = "URL")]
    pub(super) database: Option<String>,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Play a script: sessions that send SQL statements in a given order, one at a time, or in every order. On the model every \
transcript is printed that the engine may come to; on the real engine the one that it did come to.

Exit status: 0 when all is well; 1 with --both when the model does not allow what the real engine did, and when the \
transcript is not the one that the script has for the engine; 2 when the script cannot be played.")]
#[command(after_help = "\
Examples:
  paidonce script specs/scripts/hermitage/p4.script --engine postgres/read-committed
  paidonce script p4.script --engine postgres/repeatable-read --both     and compare with a real PostgreSQL
  paidonce script p4.script --engine sqlite/deferred --rewrite           and keep the transcript in the script")]
pub(super) struct Scripted {
    /// The file with the script: docs/scripts.md has the format
    #[arg(value_name = "FILE")]
    pub(super) script: String,
    /// The database with its isolation level
    #[arg(long, default_value = "sqlite/immediate", value_parser = names::engine)]
    pub(super) engine: Engine,
    /// Play it on the real engine, and not on the model
    #[arg(long, conflicts_with = "both")]
    pub(super) real: bool,
    /// Play it on the model and on the real engine, and compare
    #[arg(long)]
    pub(super) both: bool,
    /// Keep the model's transcript in the script, in place of comparing it
    #[arg(long)]
    pub(super) rewrite: bool,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Draw scripts from a seed: two to four sessions whose statements collide. Each is played on the model, in every way that \
the engine leaves open, and on the real engine; what the real one does has to be among what the model allows. A \
disagreement is made smaller and printed as a script. Script number N of a seed is the same on every machine.

Exit status: 0 when the model allows everything that was done, 1 when not, 2 when something is undecided or cannot be used.")]
#[command(after_help = "\
Examples:
  paidonce differ                                             a thousand scripts on every engine
  paidonce differ --engine postgres/read-committed --for 10m
  paidonce differ --engine sqlite/deferred --seed 7 --from 20000 --count 20000     and go on where another run ended
  paidonce differ --engine sqlite/deferred --seed 7 --from 31 --count 1            one script once more")]
pub(super) struct Differing {
    /// The database with its isolation level; may be given several times [default: all of them]
    #[arg(long = "engine", value_name = "ENGINE", value_parser = names::engine)]
    pub(super) engines: Vec<Engine>,
    /// The seed that the scripts are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// The number of the first script
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 62))]
    pub(super) from: u64,
    /// So many scripts an engine [default: 1000; with --for, as many as there is time for]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000,
        default_value_if("time", clap::builder::ArgPredicate::IsPresent, "4611686018427387903"),
        hide_default_value = true,
        value_parser = clap::value_parser!(u64).range(1..1 << 62)
    )]
    pub(super) count: u64,
    /// Draw locks by name: pg_advisory_lock, GET_LOCK
    #[arg(long, conflicts_with = "rewrite")]
    pub(super) names: bool,
    /// End after this time an engine: 90s, 10m, 2h
    #[arg(long = "for", id = "time", value_name = "DURATION", value_parser = names::duration)]
    pub(super) time: Option<Duration>,
    /// End after so many disagreements
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = names::at_least_one)]
    pub(super) most: usize,
    /// Record the runs, with their seeds, in the pins
    #[arg(long)]
    pub(super) rewrite: bool,
    /// Record them in this file
    #[arg(long, value_name = "FILE", requires = "rewrite")]
    pub(super) manifest: Option<String>,
    /// Write each disagreement as a script into this folder
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<String>,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Draw a trace: as numbered lines for a terminal, as a Mermaid sequence diagram for a code host, as an SVG image, or as \
the JSON that it is.")]
#[command(after_help = "\
Examples:
  paidonce show twice.json
  paidonce show twice.json --as mermaid
  paidonce show twice.json --as svg > twice.svg")]
pub(super) struct Show {
    /// The file with the trace, or - for standard input
    #[arg(value_name = "TRACE")]
    pub(super) trace: String,
    /// The form: text, mermaid, svg or json
    #[arg(long = "as", value_name = "FORM", default_value_t)]
    pub(super) format: crate::show::Format,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Settle a notice on a shop's database: read the body as the gateway posts it (an IPN, or the answer to a PDT query), check \
it against its order, and book it, with the same code that is checked here. The same body again changes nothing. A \
notice that does not fit its order is kept for a person, money that cannot be booked is queued for refund, and the answer \
says so.

Whether the gateway really sent the notice is not checked here.

With --later it is only kept, and `paidonce work` settles it.

Exit status: 0 when the payment is booked or kept, now or before, or there is nothing to book; 1 when it is queued for \
refund or for a person; 2 when the notice is malformed, the database cannot be used, or the notice has to come again.")]
#[command(after_help = "\
Examples:
  paidonce book --create-demo-shop                            make shop.db with three orders to try it on
  paidonce book specs/samples/ipn.txt                         book the payment of order 1
  paidonce book specs/samples/ipn.txt                         already booked
  paidonce book specs/samples/ipn-wrong-amount.txt            queued for a person
  paidonce book --later specs/samples/ipn.txt                 keep it for `paidonce work`
  curl … | paidonce book - --database postgres://shop@localhost/shop")]
pub(super) struct Book {
    /// The file with the notice's body, or - for standard input
    #[arg(value_name = "NOTICE", required_unless_present = "create_demo_shop")]
    pub(super) notice: Option<String>,
    /// The shop's database: sqlite:PATH, postgres://USER@HOST/NAME or mariadb://USER@HOST/NAME
    #[arg(long, value_name = "URL", default_value = SHOP)]
    pub(super) database: String,
    /// Make a new shop with three orders at --database first
    #[arg(long)]
    pub(super) create_demo_shop: bool,
    /// Keep the notice in the table `jobs`, for `paidonce work` to settle it
    #[arg(long, requires = "notice")]
    pub(super) later: bool,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Settle the notices that `paidonce book --later` keeps in a shop's database, one after the other, and end when none waits \
any more. Any number of these processes may work at once. Each claims a notice before it settles it; the claim is renewed \
while that takes long, and runs out when its process is gone: then another has it. What others have claimed is waited for.

Ctrl-C ends it with the notice that it is at; a second one ends it at once.

Exit status: 0 when every notice was booked or there was nothing to book; 1 when one was queued for refund or for a \
person; 2 when the database cannot be used, or the runs came to nothing again and again. To be stopped is no failure.")]
#[command(after_help = "\
Examples:
  paidonce work                                           settle what waits in shop.db
  paidonce work --database postgres://shop@localhost/shop
  paidonce work --lease 5                                 a dead worker's notice is free again after 5 seconds")]
pub(super) struct Work {
    /// The shop's database: sqlite:PATH, postgres://USER@HOST/NAME or mariadb://USER@HOST/NAME
    #[arg(long, value_name = "URL", default_value = SHOP)]
    pub(super) database: String,
    /// For how many seconds a notice stays claimed when its worker is gone
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) lease: u64,
    /// Print the machine's form, at the end
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(long_about = "\
Run every claim's audit query (specs/audit/*.sql) on a live database. Nothing is changed there. What a database alone \
cannot show is counted as skipped, with the reason: that is not clean.

Exit status: 0 when no query finds anything, 1 when one does, 2 when the database is no shop.")]
#[command(after_help = "\
Examples:
  paidonce audit
  paidonce audit --database mariadb://shop@localhost/shop --json")]
pub(super) struct Audit {
    /// The shop's database: sqlite:PATH, postgres://USER@HOST/NAME or mariadb://USER@HOST/NAME
    #[arg(long, value_name = "URL", default_value = SHOP)]
    pub(super) database: String,
    /// Print the machine's form
    #[arg(long)]
    pub(super) json: bool,
}

/// A scenario with the name by which it was chosen.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) given: String,
    pub(super) scenario: Scenario,
}

impl Chosen {
    fn parse(given: &str) -> Result<Self, String> {
        Ok(Chosen { given: given.to_owned(), scenario: names::scenario(given)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_has_no_contradiction() {
        Cli::command().debug_assert();
    }
}
