//! One process of a round: one request, handled by its protocol on a connection of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use paidonce_model::history::{Head, Line};
use paidonce_model::trace::{Asked, Told};
use paidonce_protocol::shop::{Outcome, Request};
use paidonce_protocol::{Call, Coroutine, Progress, Reply, Session as _, Without};
use paidonce_sqlx::{Connection, Engine, Options, ShopSession};

use super::record::Record;
use super::{StressError, find};

/// What a process says when it is connected, and what it is told when it may begin.
pub(super) const READY: &str = "ready";
pub(super) const GO: &str = "go";

/// How a connection of a round behaves: as a shop's, but that it waits for a lock as long as it takes, so that no answer
/// depends on how fast the machine is.
pub(super) fn options(engine: Engine) -> Options {
    Options { lock_timeout: None, ..Options::shop(engine) }
}

/// Handle the request of this name: connect, wait for the word on standard input, and write each call and each answer to
/// the record as it happens.
///
/// # Errors
/// When the record is none or has no such request, and when the database cannot be connected to.
pub fn deliver(path: &Path, who: &str, database: &str) -> Result<(), StressError> {
    let io = |doing: &'static str| move |source| StressError::Io { doing, source };
    let mut first = String::new();
    let file = std::fs::File::open(path).map_err(io("open the record"))?;
    BufReader::new(file).read_line(&mut first).map_err(io("read the record"))?;
    let head: Head = serde_json::from_str(first.trim_end())?;
    let engine = Engine::find(&head.engine).ok_or_else(|| StressError::Engine { name: head.engine.clone() })?;
    let run = run(&head, who)?;
    let mut record = Record::open(path)?;
    let executor =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("make an executor"))?;
    executor.block_on(async {
        record.write(&Line::Comes { who: who.to_owned() })?;
        let connection = Connection::open(database, options(engine)).await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{READY}").and_then(|()| out.flush()).map_err(io("write to standard output"))?;
        let mut word = String::new();
        std::io::stdin().lock().read_line(&mut word).map_err(io("read standard input"))?;
        // The end of input is the end of the driver.
        if word.trim_end() == GO { handle(who, run, connection, &mut record).await } else { Ok(()) }
    })
}

/// The run of the protocol that handles this request.
fn run(head: &Head, who: &str) -> Result<Coroutine<Outcome>, StressError> {
    let unknown = || StressError::Request { who: who.to_owned() };
    if let Some(invalid) = head.scenario.validate().err().and_then(|all| all.into_iter().next()) {
        return Err(StressError::Scenario { problem: invalid.to_string() });
    }
    let settle = find(&head.protocol)?;
    let spec = head.scenario.requests().into_iter().find(|spec| spec.name == who).ok_or_else(unknown)?;
    let protocol = settle
        .handler(&spec.input, spec.protocol)
        .map_err(|problem| StressError::Scenario { problem: problem.to_string() })?;
    let start = protocol.start_for(&spec.input);
    let settings = head.scenario.settings();
    let request = Request { id: spec.name, input: spec.input, settings, without: Without::NOTHING };
    Ok(Coroutine::new(|port| start(port, request)))
}

async fn handle(
    who: &str,
    mut run: Coroutine<Outcome>,
    connection: Connection,
    record: &mut Record,
) -> Result<(), StressError> {
    let mut session = ShopSession::new(connection);
    let mut progress = run.start()?;
    let outcome = loop {
        let call = match progress {
            Progress::Ends(outcome) => break outcome,
            Progress::Asks(call) => call,
        };
        let answer = match &call {
            Call::Checkpoint { .. } => Ok(Reply::Done),
            call => {
                let asked = Asked { sql: None, ..Asked::from(call) };
                record.write(&Line::Asks { who: who.to_owned(), call: asked })?;
                let answer = match call {
                    // The record is the mail server.
                    Call::Mail(_) => Ok(Reply::Done),
                    call => session.call(call.clone()).await,
                };
                record.write(&Line::Told { who: who.to_owned(), answer: Told::from(&answer) })?;
                answer
            }
        };
        progress = run.resume(answer)?;
    };
    record.write(&Line::Ends { who: who.to_owned(), outcome: outcome.to_string() })?;
    session.into_parts().0.close().await;
    Ok(())
}
