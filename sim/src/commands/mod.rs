//! The command line: what is asked for, what is said, and the exit status.
//!
//! | file | does |
//! |---|---|
//! | `cli`, `cli_seek`, `cli_simulate`, `cli_stress`, `names`, `overrides` | read the arguments; whatever is unknown is refused with the list of what is known |
//! | `all`, `check`, `published`, `mutants` | the checks, with their `jobs` on the threads of `work`, watched by `meter` |
//! | `replay`, `show` | one trace |
//! | `script`, `differ`, `seek` | a schedule of SQL steps; schedules drawn from a seed; all that one may come to |
//! | `book`, `audit` | a shop's database |
//! | `simulate`, `simulate_words` | whole shops from seeds, and what is printed of them |
//! | `stress`, `explain` | free-running processes; the history that they leave |
//! | `replaying` | the one place that calls [`crate::replay`] for a check |
//!
//! Every command writes to one writer and returns an `Exit` or a `Failure`; only `main` touches the process.

mod all;
mod audit;
mod book;
mod check;
mod cli;
mod cli_seek;
mod cli_simulate;
mod cli_stress;
mod differ;
mod explain;
mod failure;
mod interrupt;
mod jobs;
mod meter;
mod mutants;
mod names;
mod overrides;
mod published;
mod replay;
mod replaying;
mod script;
mod seek;
mod show;
mod simulate;
mod simulate_words;
mod stress;
mod work;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use failure::Failure;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// 0: clean, as pinned, equal.
    Clean,
    /// 1: a violation, a difference, or a notice that could not be booked.
    Found,
    /// 2: undecided.
    Undecided,
}

/// Run the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Also the way that `--help` takes. Nobody is left to tell when this cannot be written.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = io::stdout().lock();
    let done = run(cli, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    match done {
        Ok(Exit::Clean) => ExitCode::SUCCESS,
        Ok(Exit::Found) => ExitCode::from(1),
        Ok(Exit::Undecided) => ExitCode::from(2),
        Err(failure) => {
            // Whoever closed the pipe does not want to hear more; no verdict was given.
            if !failure.is_closed_pipe() {
                let _ = writeln!(io::stderr(), "paidonce: {failure}");
            }
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli, out: &mut dyn Write) -> Result<Exit, Failure> {
    match cli.command {
        None => all::run(&cli.all, out),
        Some(Command::Check(asked)) => check::run(&asked, out),
        Some(Command::Replay(asked)) => replay::run(&asked, out),
        Some(Command::Script(asked)) => script::run(&asked, out),
        Some(Command::Differ(asked)) => differ::run(&asked, out),
        Some(Command::Seek(asked)) => seek::run(&asked, out),
        Some(Command::Show(asked)) => show::run(&asked, out),
        Some(Command::Book(asked)) => book::run(&asked, out),
        Some(Command::Audit(asked)) => audit::run(&asked, out),
        Some(Command::Mutants(asked)) => mutants::run(&asked, out),
        Some(Command::Simulate(asked)) => simulate::run(&asked, out),
        Some(Command::Stress(asked)) => stress::run(&asked, out),
        Some(Command::Explain(asked)) => explain::run(&asked, out),
        Some(Command::Deliver(asked)) => stress::deliver(&asked),
    }
}

/// Print a machine's form, with a newline at its end.
fn print_json(out: &mut dyn Write, value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::Json)?;
    text.push('\n');
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// A paragraph as wide as a trace: what its first line begins with, and its other lines.
fn folded(first: &str, others: &str, text: &str) -> String {
    textwrap::fill(text, textwrap::Options::new(110).initial_indent(first).subsequent_indent(others))
}

/// A file's text, or that of standard input for `-`.
fn read_text(path: &str, most_bytes: u64) -> Result<String, Failure> {
    let unreadable = |source| Failure::Read { path: path.to_owned(), source };
    let from: Box<dyn io::Read> = match path {
        "-" => Box::new(io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(unreadable)?),
    };
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(from, most_bytes + 1), &mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most_bytes {
        return Err(Failure::TooLong { path: path.to_owned(), most_bytes });
    }
    String::from_utf8(bytes)
        .map_err(|error| Failure::NotText { path: path.to_owned(), place: error.utf8_error().valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_is_quoted() {
        assert_eq!(quoted("sqlite:shop.db"), "sqlite:shop.db");
        assert_eq!(quoted("my trace.json"), "'my trace.json'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
