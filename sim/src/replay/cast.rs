//! Who takes part in a trace, and on which schema.

use paidonce_model::trace::Trace;
use paidonce_protocol::catalogue::{self, Protocol, Role};
use paidonce_protocol::shop::{Input, Request};
use paidonce_protocol::{Guard, Schema, Without};

use super::ReplayError;

/// Everybody who may come, and the shop's schema.
pub(super) struct Cast {
    pub(super) schema: Schema,
    pub(super) parts: Vec<Part>,
}

/// One request that may come.
pub(super) struct Part {
    /// How far its web server's clock is ahead of true time.
    pub(super) clock_offset_ms: i64,
    /// Its protocol.
    pub(super) protocol: &'static Protocol,
    /// What it is about. Its id is the actor's name.
    pub(super) request: Request,
}

/// The cast of a trace, as the model has it: see `World::new` in paidonce-model.
pub(super) fn of(trace: &Trace) -> Result<Cast, ReplayError> {
    let scenario = &trace.scenario;
    if let Some(invalid) = scenario.validate().err().and_then(|all| all.into_iter().next()) {
        return Err(ReplayError::Scenario { scenario: scenario.name.clone(), problem: invalid.to_string() });
    }
    let without = without(trace)?;
    let notice = protocol(&trace.protocol, Role::Notice)?;
    let mut parts = Vec::new();
    for spec in scenario.requests() {
        let protocol = match (&spec.input, spec.protocol) {
            (Input::Notice(_), None) => notice,
            (Input::Notice(_), Some(name)) => protocol(name, Role::Notice)?,
            (Input::Cancel { .. }, name) => protocol(name.unwrap_or(notice.admin), Role::Admin)?,
        };
        parts.push(Part {
            clock_offset_ms: scenario.servers.get(spec.server).map_or(0, |server| server.clock_offset_ms),
            protocol,
            request: Request { id: spec.name, input: spec.input, settings: scenario.settings(), without },
        });
    }
    let schema = if without.keeps(Guard::UniqueKey) { notice.schema } else { Schema::AsFound };
    Ok(Cast { schema, parts })
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

fn protocol(name: &str, role: Role) -> Result<&'static Protocol, ReplayError> {
    catalogue::find(name).filter(|protocol| protocol.role == role).ok_or_else(|| {
        let can = catalogue::PROTOCOLS.iter().filter(|protocol| protocol.role == role);
        let known: Vec<&str> = can.map(|protocol| protocol.name).collect();
        ReplayError::Protocol { name: name.to_owned(), role: role.name(), known: known.join(", ") }
    })
}
