use paidonce_model::history::{HISTORY_VERSION, Head, History, Line, explain};
use paidonce_model::trace::{Event, Trace};

use crate::edits::{each_text, is_line_of};
use crate::traces::traces;

/// What the requests of a schedule would have written, as far as nothing went wrong.
fn history(trace: &Trace) -> String {
    let (engine, protocol, scenario) = (trace.engine.clone(), trace.protocol.clone(), trace.scenario.clone());
    let head = Head { version: HISTORY_VERSION, engine, protocol, seed: 0, round: 0, scenario };
    let mut lines = vec![serde_json::to_string(&head).unwrap()];
    let mut known: Vec<&str> = Vec::new();
    for step in &trace.steps {
        let (Some(name), Event::Answered { call, answer }) = (step.actor.as_deref(), &step.event) else { break };
        let who = || name.to_owned();
        let mut line = |line: Line| lines.push(serde_json::to_string(&line).unwrap());
        if !known.contains(&name) {
            known.push(name);
            line(Line::Comes { who: who() });
        }
        line(Line::Asks { who: who(), call: call.clone() });
        line(Line::Told { who: who(), answer: answer.clone() });
        if let Some(outcome) = &step.outcome {
            line(Line::Ends { who: who(), outcome: outcome.clone() });
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_history_is_read_and_can_be_explained_or_its_line_is_named() {
    let samples = traces().iter().map(history).collect();
    each_text(samples, 1_000, |text| match History::parse(text) {
        Ok(history) => {
            history.crashes();
            // Of a protocol or an engine that there is not, or without an explanation: all are answers.
            let _ = explain(&history, 300);
            Ok(())
        }
        Err(error) => is_line_of(error.line, text, &error),
    });
}
