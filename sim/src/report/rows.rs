//! One verdict with what was replayed of it. The machine's form is the issue's: no field more, no field less.

use paidonce_model::scenario::Bounds;
use paidonce_model::trace::Trace;
use serde::Serialize;

/// The machine's form of a check.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    /// Whether every verdict is as pinned; `None` for bounds that are not pinned.
    pub(crate) as_pinned: Option<bool>,
    pub(crate) rows: &'a [Row],
}

/// The verdict about one claim in one setup.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) protocol: String,
    pub(crate) engine: String,
    pub(crate) scenario: String,
    pub(crate) claim: &'static str,
    /// `holds`, `violated`, `undecided` or `not applicable`.
    pub(crate) verdict: &'static str,
    pub(crate) bounds: Bounds,
    /// Distinct states of the full exploration.
    pub(crate) states: u64,
    /// The length of the shortest schedule that breaks the claim.
    pub(crate) steps: Option<usize>,
    /// What came of replaying that schedule.
    pub(crate) replay: Option<Replay>,
    /// The schedule itself.
    #[serde(skip)]
    pub(crate) trace: Option<Box<Trace>>,
}

/// A replay in few words.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Replay {
    /// It was compared with a real database.
    Compared {
        engine: String,
        rows_equal: bool,
        audit_found: Option<bool>,
        /// Whether everything is equal and the audit agrees.
        #[serde(skip)]
        agrees: bool,
        /// What does not agree, in words.
        #[serde(skip)]
        difference: Option<String>,
    },
    /// It was not replayed.
    Skipped { skipped: String },
}

/// A schedule drawn by chance in which nothing is broken, with its replay.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) protocol: String,
    pub(crate) engine: String,
    pub(crate) scenario: String,
    pub(crate) seed: u64,
    pub(crate) steps: usize,
    pub(crate) replay: Replay,
}

impl Row {
    /// True when a schedule breaks the claim.
    pub(crate) fn is_violated(&self) -> bool {
        self.verdict == "violated"
    }

    /// True when a limit was hit.
    pub(crate) fn is_undecided(&self) -> bool {
        self.verdict == "undecided"
    }

    /// The verdict in words: `violated in 4 steps`.
    pub(crate) fn told(&self) -> String {
        self.steps.map_or_else(|| self.verdict.to_owned(), |steps| format!("{} in {steps} steps", self.verdict))
    }

    /// The command that gives this verdict again.
    pub(crate) fn command(&self) -> String {
        let Row { protocol, engine, scenario, claim, .. } = self;
        format!("paidonce check {protocol} --scenario {scenario} --engine {engine} --claim {claim}")
    }
}

impl Replay {
    /// True unless a real database disagreed.
    pub(crate) fn agrees(&self) -> bool {
        match self {
            Replay::Compared { agrees, .. } => *agrees,
            Replay::Skipped { .. } => true,
        }
    }

    /// What came of it, in words.
    pub(crate) fn told(&self) -> String {
        match self {
            Replay::Skipped { skipped } => format!("not replayed: {skipped}"),
            Replay::Compared { difference: Some(difference), .. } => format!("REPLAY DIFFERS: {difference}"),
            Replay::Compared { engine, audit_found, .. } => {
                let audit = match audit_found {
                    Some(true) => "the audit finds it",
                    Some(false) => "the audits find nothing",
                    None => "no audit can find it",
                };
                format!("replayed on {engine}: all answers and rows equal, {audit}")
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A row of the default scenario.
    pub(crate) fn row(protocol: &str, claim: &'static str, steps: Option<usize>) -> Row {
        let text = paidonce_model::scenario::FILES[0].1;
        let scenario = paidonce_model::scenario::Scenario::from_toml("default.toml", text).unwrap();
        Row {
            protocol: protocol.to_owned(),
            engine: "sqlite/immediate".to_owned(),
            scenario: "default".to_owned(),
            claim,
            verdict: if steps.is_some() { "violated" } else { "holds" },
            bounds: scenario.bounds(),
            states: 7,
            steps,
            replay: steps.map(|_| Replay::Skipped { skipped: "no server".to_owned() }),
            trace: None,
        }
    }

    #[test]
    fn the_machine_s_form_has_the_fields_of_the_issue() {
        let row = row("unlocked", "the_buyer_is_mailed_once", Some(7));
        let json = serde_json::to_value(Document { as_pinned: None, rows: &[row] }).unwrap();
        assert_eq!(json["as_pinned"], serde_json::Value::Null);
        let keys: Vec<&String> = json["rows"][0].as_object().unwrap().keys().collect();
        let expected = ["bounds", "claim", "engine", "protocol", "replay", "scenario", "states", "steps", "verdict"];
        assert_eq!(keys, expected);
        assert_eq!(json["rows"][0]["replay"], serde_json::json!({"skipped": "no server"}));
        let compared = Replay::Compared {
            engine: "sqlite/immediate".to_owned(),
            rows_equal: true,
            audit_found: None,
            agrees: true,
            difference: None,
        };
        let expected = serde_json::json!({"engine": "sqlite/immediate", "rows_equal": true, "audit_found": null});
        assert_eq!(serde_json::to_value(compared).unwrap(), expected);
    }
}
