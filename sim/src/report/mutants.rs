//! The published table: guard → claim → scenario → length.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use paidonce_model::trace::Trace;
use paidonce_protocol::Guard;
use serde::Serialize;

use super::Replay;

/// What comes of leaving guards out.
#[derive(Debug)]
pub(crate) enum Fall {
    /// This trace breaks a claim.
    Falls(Box<Trace>),
    /// Nothing falls in any published scenario.
    Stands,
    /// A limit was hit first.
    Undecided,
}

/// One mutant.
#[derive(Debug, Serialize)]
pub(crate) struct MutantRow {
    pub(crate) guard: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) says: &'static str,
    /// The guards left out: the guard itself, and for a second line the first one, too.
    pub(crate) without: Vec<&'static str>,
    /// The claim that has to fall.
    pub(crate) claim: &'static str,
    /// `violated`, `holds` or `undecided`.
    pub(crate) verdict: &'static str,
    pub(crate) scenario: Option<String>,
    pub(crate) engine: Option<String>,
    pub(crate) steps: Option<usize>,
    pub(crate) replay: Option<Replay>,
    /// Whether it came out as the catalogue says: that the claim falls, or that a second line is not needed.
    #[serde(skip)]
    pub(crate) expected: bool,
}

impl MutantRow {
    /// What came of leaving out these guards, where the catalogue says that the claim falls or that nothing does.
    pub(crate) fn of(guard: Guard, without: &[Guard], fall: &Fall, replay: Option<Replay>, has_to_fall: bool) -> Self {
        let trace = match fall {
            Fall::Falls(trace) => Some(trace),
            Fall::Stands | Fall::Undecided => None,
        };
        let broken = trace.and_then(|trace| trace.verdict.claim.clone());
        let expected = match fall {
            Fall::Falls(_) => has_to_fall && broken.as_deref() == Some(guard.claim()),
            Fall::Stands => !has_to_fall,
            Fall::Undecided => false,
        };
        MutantRow {
            guard: guard.name(),
            protocol: guard.protocol(),
            says: guard.says(),
            without: without.iter().map(|guard| guard.name()).collect(),
            claim: guard.claim(),
            verdict: match fall {
                Fall::Falls(_) => "violated",
                Fall::Stands => "holds",
                Fall::Undecided => "undecided",
            },
            scenario: trace.map(|trace| trace.scenario.name.clone()),
            engine: trace.map(|trace| trace.engine.clone()),
            steps: trace.map(|trace| trace.steps.len()),
            replay,
            expected,
        }
    }

    /// As a Markdown table.
    pub(crate) fn drawn(rows: &[MutantRow]) -> String {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(["protocol", "left out", "claim", "falls in", "on", "steps"]);
        for row in rows {
            let found = match (&row.scenario, row.verdict) {
                (Some(scenario), _) => scenario.clone(),
                (None, "undecided") => "undecided".to_owned(),
                (None, _) => "nothing falls: a second line".to_owned(),
            };
            table.add_row([
                row.protocol.to_owned(),
                row.without.join(" + "),
                row.claim.to_owned(),
                found,
                row.engine.clone().unwrap_or_default(),
                row.steps.map(|steps| steps.to_string()).unwrap_or_default(),
            ]);
        }
        table.trim_fmt()
    }
}
