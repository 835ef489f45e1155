//! The last of all test binaries, with a runner of its own: which servers were left out of the tests before it, and why.

use std::process::ExitCode;

use paidonce_sqlx::server::{Server, Software, all_engines_wanted};

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.iter().any(|argument| argument == "--list") {
        // A runner that lists the tests first takes each line for one.
        if !asked.iter().any(|argument| argument == "--ignored") {
            println!("left_out: test");
        }
        return ExitCode::SUCCESS;
    }
    let absent: Vec<String> = Software::ALL
        .into_iter()
        .filter_map(|software| Server::is_here(software).err())
        .map(|error| error.to_string())
        .collect();
    let here = Software::ALL.len() - absent.len();
    println!("\nservers: {here} of {} here", Software::ALL.len());
    for why in &absent {
        println!("left out: {why}");
    }
    let (failed, ignored) = if all_engines_wanted() { (absent.len(), 0) } else { (0, absent.len()) };
    let verdict = if failed > 0 { "FAILED" } else { "ok" };
    println!(
        "\ntest result: {verdict}. {here} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out\n"
    );
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
