//! Histories made from the model's own schedules.

use paidonce_model::history::{Explained, Explanation, HISTORY_VERSION, Head, History, Line, Tables, explain};
use paidonce_model::scenario::{FILES, Faults, Scenario};
use paidonce_model::trace::{Asked, Datum, DeathForm, Event, Told, Trace};
use paidonce_model::{Engine, Reductions, Setup, sample};
use paidonce_protocol::{Without, catalogue};

/// Far more than any history of these tests needs.
const MOST_STATES: usize = 100_000;

/// A built-in scenario in which requests may be killed and nothing else goes wrong.
pub(crate) fn scenario(name: &str, deaths: u8) -> Scenario {
    let file = format!("{name}.toml");
    let (_, text) = FILES.iter().find(|(known, _)| *known == file).expect("a built-in scenario");
    let mut scenario = Scenario::from_toml(&file, text).expect("built-in scenarios are valid");
    scenario.faults = Faults { deaths, death_forms: Some(vec![DeathForm::Reset]), ..Faults::default() };
    scenario
}

/// A schedule of the model, drawn from a seed.
pub(crate) fn drawn(scenario: &Scenario, protocol: &str, engine: Engine, seed: u64) -> Trace {
    let protocol = catalogue::find(protocol).expect("a protocol of the catalogue").name;
    let setup = Setup { scenario, protocol, engine, without: Without::NOTHING, reductions: Reductions::NONE };
    sample(&setup, seed).unwrap().trace(None).unwrap()
}

/// A history, line by line.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) head: Head,
    pub(crate) lines: Vec<Line>,
}

impl Draft {
    /// A history without any line but its head.
    pub(crate) fn new(scenario: Scenario, protocol: &str, engine: &str) -> Self {
        let (protocol, engine) = (protocol.to_owned(), engine.to_owned());
        let head = Head { version: HISTORY_VERSION, engine, protocol, seed: 0, round: 0, scenario };
        Draft { head, lines: Vec::new() }
    }

    /// What the requests of a schedule would have written: a line before each call, and one when it was answered.
    pub(crate) fn of(trace: &Trace) -> Self {
        let mut draft = Self::new(trace.scenario.clone(), &trace.protocol, &trace.engine);
        for step in &trace.steps {
            let who = step.actor.clone().expect("no clock moves in these scenarios");
            match &step.event {
                Event::Answered { call, answer } => draft.asks(&who, call.clone()).told(&who, answer.clone()),
                Event::Blocked { call, .. } => draft.asks(&who, call.clone()),
                Event::Granted { answer } | Event::Deadlock { answer } => draft.told(&who, answer.clone()),
                Event::BlockedAgain { .. } => &mut draft,
                Event::Died { .. } => draft.killed(&who),
                other => panic!("{other:?} does not come in these scenarios"),
            };
            if let Some(outcome) = &step.outcome {
                draft.lines.push(Line::Ends { who, outcome: outcome.clone() });
            }
        }
        draft.lines.push(Line::Rows { rows: trace.rows.clone() });
        draft
    }

    pub(crate) fn asks(&mut self, who: &str, call: Asked) -> &mut Self {
        if self.lines.iter().all(|line| line.who() != Some(who)) {
            self.lines.push(Line::Comes { who: who.to_owned() });
        }
        self.lines.push(Line::Asks { who: who.to_owned(), call: Asked { sql: None, ..call } });
        self
    }

    pub(crate) fn told(&mut self, who: &str, answer: Told) -> &mut Self {
        self.lines.push(Line::Told { who: who.to_owned(), answer });
        self
    }

    pub(crate) fn killed(&mut self, who: &str) -> &mut Self {
        self.lines.extend([Line::Kill { who: who.to_owned() }, Line::Gone { who: who.to_owned() }]);
        self
    }

    /// The place of the answer to the first call of this name that somebody makes.
    pub(crate) fn answer_to(&self, who: &str, call: &str) -> usize {
        let asks = |line: &Line| matches!(line, Line::Asks { who: w, call: c } if w == who && c.name == call);
        let asked = self.lines.iter().position(asks).expect("the call is made");
        let told = |line: &Line| matches!(line, Line::Told { who: w, .. } if w == who);
        asked + self.lines[asked..].iter().position(told).expect("the call is answered")
    }

    /// The number in the file of the line at this place.
    pub(crate) fn number(place: usize) -> usize {
        place + 2
    }

    /// The rows at the end.
    pub(crate) fn rows(&mut self) -> &mut Tables {
        match self.lines.last_mut() {
            Some(Line::Rows { rows }) => rows,
            other => panic!("{other:?} are no rows"),
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string(&self.head).unwrap();
        for line in &self.lines {
            text.push('\n');
            text.push_str(&serde_json::to_string(line).unwrap());
        }
        text
    }

    pub(crate) fn explained(&self) -> Explanation {
        let history = History::parse(&self.text()).unwrap_or_else(|error| panic!("{error}\n{}", self.text()));
        explain(&history, MOST_STATES).unwrap()
    }

    /// Panics unless a schedule explains it.
    #[track_caller]
    pub(crate) fn is_explained(&self) -> usize {
        let explanation = self.explained();
        match explanation.verdict {
            Explained::By(schedule) => {
                // It is a schedule of the model: the model takes it.
                schedule.trace(None).unwrap();
                explanation.states
            }
            Explained::ByNone { line } => panic!("no explanation for line {line:?} of\n{}", self.text()),
            Explained::Undecided => panic!("undecided:\n{}", self.text()),
        }
    }

    /// Panics unless it is the line at this place that has no explanation.
    #[track_caller]
    pub(crate) fn is_refused_at(&self, place: usize) {
        match self.explained().verdict {
            Explained::ByNone { line } => assert_eq!(line, Some(Self::number(place)), "{}", self.text()),
            Explained::By(_) => panic!("it is explained:\n{}", self.text()),
            Explained::Undecided => panic!("undecided:\n{}", self.text()),
        }
    }
}

/// Two deliveries of one notice to `settle`, the second after the first, on an engine.
pub(crate) fn twice(engine: Engine) -> Draft {
    // The seed does not matter when the two deliveries do not overlap.
    let mut scenario = scenario("last_units", 0);
    scenario.actors.truncate(1);
    let mut draft = Draft::of(&drawn(&scenario, "settle", engine, 1));
    let mut again = draft.lines.clone();
    draft.lines.pop();
    for line in &mut again {
        match line {
            Line::Comes { who } | Line::Asks { who, .. } | Line::Told { who, .. } | Line::Ends { who, .. } => {
                *who = "ipn-ada-2".to_owned();
            }
            _ => {}
        }
        if let Line::Asks { call, .. } = line {
            for argument in &mut call.arguments {
                if *argument == Datum::Text("ipn-ada-1".to_owned()) {
                    *argument = Datum::Text("ipn-ada-2".to_owned());
                }
            }
        }
    }
    draft.lines.extend(again);
    draft
}

/// The second delivery reads that the order is paid, and records its payment to refund.
pub(crate) fn reads_paid(draft: &mut Draft) {
    let place = draft.answer_to("ipn-ada-2", "read_order");
    match &mut draft.lines[place] {
        Line::Told { answer: Told::Rows(rows), .. } => rows[0][0] = Datum::Text("paid".to_owned()),
        other => panic!("{other:?} is no read"),
    }
    let place = draft.answer_to("ipn-ada-2", "record_payment_once") - 1;
    match &mut draft.lines[place] {
        Line::Asks { call, .. } => {
            *call.arguments.last_mut().expect("it has a state") = Datum::Text("to refund".to_owned())
        }
        other => panic!("{other:?} is no call"),
    }
}
