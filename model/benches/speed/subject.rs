//! What is explored, in either form.

use std::sync::Arc;

use paidonce_protocol::{Without, catalogue};

use crate::scenario::{FILES, Scenario};

/// One exploration.
pub(crate) struct Subject {
    pub(crate) scenario: &'static str,
    pub(crate) protocol: &'static str,
    /// No more distinct states than this, for what would take too long otherwise.
    pub(crate) most_states: u64,
}

/// `lock_table` has millions of states in the default scenario: the first of them will do.
pub(crate) const SUBJECTS: [Subject; 2] = [
    Subject { scenario: "default", protocol: "settle", most_states: ALL },
    Subject { scenario: "default", protocol: "lock_table", most_states: 200_000 },
];

/// Every state.
pub(crate) const ALL: u64 = u64::MAX;

/// The engine of every measurement.
pub(crate) const ENGINE: &str = "sqlite/immediate";

/// How the protocols are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `async fn`s, unrolled.
    Unrolled,
    /// As enums, by hand.
    ByHand,
}

impl Form {
    pub(crate) const BOTH: [Form; 2] = [Form::Unrolled, Form::ByHand];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Form::Unrolled => "unrolled",
            Form::ByHand => "hand-written",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) states: u64,
    pub(crate) generated: u64,
    /// The names of the claims that are broken, and of those whose situation arose.
    pub(crate) broken: Vec<&'static str>,
    pub(crate) arisen: Vec<&'static str>,
    pub(crate) complete: bool,
}

/// Which states are not told apart, for both forms: each has a type of its own for it.
#[derive(Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) merge_unseen: bool,
    pub(crate) symmetry: bool,
    pub(crate) forget: bool,
}

impl Chosen {
    pub(crate) const ALL: Chosen = Chosen { merge_unseen: true, symmetry: true, forget: true };
    pub(crate) const NONE: Chosen = Chosen { merge_unseen: false, symmetry: false, forget: false };
}

/// The same exploration by the model and by its copy around the hand-written machines.
macro_rules! explorer {
    ($name:ident, $explore:path, $setup:path, $limits:path, $progress:path, $engine:path, $reductions:path) => {
        fn $name(scenario: &Scenario, subject: &Subject, chosen: Chosen) -> Found {
            use {
                $engine as Engine, $limits as Limits, $progress as Progress, $reductions as Reductions, $setup as Setup,
            };
            let Chosen { merge_unseen, symmetry, forget } = chosen;
            let setup = Setup {
                scenario,
                protocol: catalogue::find(subject.protocol).expect("a protocol of the catalogue").name,
                engine: Engine::find(ENGINE).expect("an engine of the model"),
                without: Without::NOTHING,
                reductions: Reductions { merge_unseen, symmetry, forget },
            };
            let limits = Limits { most_states: subject.most_states, threads: 1 };
            let found = $explore(&setup, limits, &Arc::new(Progress::default())).expect("explored");
            Found {
                states: found.states,
                generated: found.generated,
                broken: found.broken.iter().map(|claim| claim.name()).collect(),
                arisen: found.arisen.iter().map(|claim| claim.name()).collect(),
                complete: found.complete,
            }
        }
    };
}

explorer!(
    unrolled,
    paidonce_model::explore,
    paidonce_model::Setup,
    paidonce_model::Limits,
    paidonce_model::Progress,
    paidonce_model::Engine,
    paidonce_model::Reductions
);

explorer!(
    by_hand,
    crate::explore::explore,
    crate::world::Setup,
    crate::explore::Limits,
    crate::explore::Progress,
    crate::engine::Engine,
    crate::world::Reductions
);

impl Subject {
    pub(crate) fn explore(&self, form: Form) -> Found {
        self.explore_with(form, Chosen::ALL)
    }

    /// With these reductions.
    pub(crate) fn explore_with(&self, form: Form, reductions: Chosen) -> Found {
        let file = format!("{}.toml", self.scenario);
        let (_, text) = FILES.iter().find(|(known, _)| *known == file).expect("a built-in scenario");
        let scenario = Scenario::from_toml(&file, text).expect("built-in scenarios are valid");
        match form {
            Form::Unrolled => unrolled(&scenario, self, reductions),
            Form::ByHand => by_hand(&scenario, self, reductions),
        }
    }

    pub(crate) fn title(&self) -> String {
        let limit = if self.most_states == ALL {
            String::new()
        } else {
            format!(", the first {} states visited", self.most_states)
        };
        format!("{} in the scenario {}, {ENGINE}{limit}", self.protocol, self.scenario)
    }
}
