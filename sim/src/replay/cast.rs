//! Who takes part in a trace, and on which tables.

use paidonce_model::flow::Flow;
use paidonce_model::trace::Trace;
use paidonce_protocol::catalogue::{self, Role};
use paidonce_protocol::shop::Request;
use paidonce_protocol::{Code, Guard, Schema, Value, Without};

use super::ReplayError;

/// Everybody who may come, the tables, and the rows that are there at the start.
pub(super) struct Cast {
    pub(super) tables: Tables,
    pub(super) rows: Vec<(String, Vec<Value>)>,
    pub(super) parts: Vec<Part>,
}

/// Which tables there are.
pub(super) enum Tables {
    /// The shop's.
    Shop(Schema),
    /// Those of a flow, by their `CREATE TABLE` statements.
    Own(String),
}

/// Somebody who may come.
pub(super) struct Part {
    /// The actor's name.
    pub(super) name: String,
    /// How far its web server's clock is ahead of true time.
    pub(super) clock_offset_ms: i64,
    /// What it does.
    pub(super) code: Code,
    /// What it does when it dies of an exception.
    pub(super) shut_down: Option<Code>,
}

/// The cast of a flow's trace.
pub(super) fn of_flow(flow: &Flow, trace: &Trace) -> Result<Cast, ReplayError> {
    let name = flow.name();
    if trace.protocol != name {
        return Err(ReplayError::OtherFlow { trace: trace.protocol.clone(), flow: name.to_owned() });
    }
    let part = |(name, code): (&str, Code)| Part { name: name.to_owned(), clock_offset_ms: 0, code, shut_down: None };
    let (tables, rows) = (Tables::Own(flow.schema().to_owned()), flow.rows().to_vec());
    Ok(Cast { tables, rows, parts: flow.actors().map(part).collect() })
}

/// The cast of a trace, as the model has it: see `World::new` in paidonce-model.
pub(super) fn of(trace: &Trace) -> Result<Cast, ReplayError> {
    let scenario = &trace.scenario;
    let notice = catalogue::find_for(&trace.protocol, Role::Notice)?;
    if let Some(invalid) = scenario.validate_played().err().and_then(|all| all.into_iter().next()) {
        return Err(ReplayError::Scenario { scenario: scenario.name.clone(), problem: invalid.to_string() });
    }
    let without = without(trace)?;
    let mut parts = Vec::new();
    for spec in scenario.requests() {
        let protocol = notice.handler(&spec.input, spec.protocol)?;
        let start = protocol.start_for(&spec.input);
        let name = spec.name.clone();
        let request = Request { id: spec.name, input: spec.input, settings: scenario.settings(), without };
        let code = |start| Code::Shop(start, Box::new(request.clone()));
        parts.push(Part {
            name,
            clock_offset_ms: scenario.servers.get(spec.server).map_or(0, |server| server.clock_offset_ms),
            code: code(start),
            shut_down: protocol.shut_down.map(code),
        });
    }
    let schema = notice.schema_without(without);
    let rows = scenario.initial_rows().into_iter().map(|(table, row)| (table.to_owned(), row)).collect();
    Ok(Cast { tables: Tables::Shop(schema), rows, parts })
}

fn without(trace: &Trace) -> Result<Without, ReplayError> {
    let mut without = Without::NOTHING;
    for name in &trace.without {
        let Some(guard) = Guard::ALL.iter().find(|guard| guard.name() == name) else {
            return Err(ReplayError::Guard { name: name.clone() });
        };
        without = without.and(*guard);
    }
    Ok(without)
}
