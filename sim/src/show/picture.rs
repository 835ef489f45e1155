//! What a drawing shows, before it has a form: lanes, and lines that happen on them from top to bottom.

use paidonce_model::trace::Trace;

use super::drawer::Drawer;
use super::words;

/// One drawing.
pub(super) struct Picture {
    /// Claim, protocol, engine, scenario, bounds, seed.
    pub(super) headline: Vec<String>,
    /// From left to right: senders, actors, the database, the mail server.
    pub(super) lanes: Vec<Lane>,
    /// From top to bottom.
    pub(super) lines: Vec<Line>,
    /// The claim that the last step breaks.
    pub(super) claim: Option<String>,
    /// What went wrong, in the shop's words.
    pub(super) sentence: String,
}

/// One who takes part.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) kind: LaneKind,
}

/// What a lane stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LaneKind {
    /// Who sends requests and is answered: the gateway, the buyer, an admin.
    Sender,
    /// A request in flight.
    Actor,
    Database,
    MailServer,
}

/// One thing that happens.
pub(super) struct Line {
    /// The step's number, from 1. `None` for what a step brings with it: a new delivery, a wait that ends with a tick.
    pub(super) number: Option<usize>,
    pub(super) now_ms: i64,
    /// The actor's lane; `None` for a tick.
    pub(super) lane: Option<usize>,
    pub(super) flow: Flow,
    /// What happens: the call, for most.
    pub(super) label: String,
    /// What comes of it: the answer, for most. May be empty.
    pub(super) told: String,
    /// What the actor says of itself: sections held, ended, refused; its outcome.
    pub(super) remarks: Vec<String>,
    /// Every lane's state after this line.
    pub(super) cells: Vec<Cell>,
    /// True for the step that breaks the claim.
    pub(super) breaks: bool,
}

/// Between whom a line happens. The numbers are lanes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Asked and answered.
    Call(usize),
    /// Asked; the answer has to wait.
    Ask(usize),
    /// What was asked before is answered.
    Tell(usize),
    /// Asked; the answer is lost on its way back.
    Lost(usize),
    /// A request comes again from its sender.
    Deliver(usize),
    /// The database acts on what an actor left behind.
    Server(usize),
    /// Nobody else takes part.
    Own,
    /// Nobody else takes part, and the answer has to wait.
    Pause,
    /// The actor dies.
    Death,
    /// True time moves on.
    Tick,
}

/// The state of a lane.
#[derive(Clone, Copy, Default)]
pub(super) struct Cell {
    pub(super) life: Life,
    /// How many sections the actor believes to hold.
    pub(super) held: usize,
}

/// Where an actor is in its run.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    NotYet,
    Running,
    Waiting,
    Over,
}

impl Line {
    /// What comes of it, with the sign that stands before it.
    pub(super) fn result(&self) -> String {
        match self.flow {
            _ if self.told.is_empty() => String::new(),
            Flow::Call(_) | Flow::Tell(_) | Flow::Own => format!("→ {}", self.told),
            Flow::Ask(_) | Flow::Lost(_) | Flow::Pause => format!("… {}", self.told),
            Flow::Deliver(_) | Flow::Server(_) | Flow::Death | Flow::Tick => self.told.clone(),
        }
    }

    /// What happens and what comes of it, in one.
    pub(super) fn words(&self) -> String {
        let between = if matches!(self.flow, Flow::Server(_) | Flow::Death) { ", " } else { " " };
        let result = self.result();
        if result.is_empty() { self.label.clone() } else { format!("{}{between}{result}", self.label) }
    }
}

impl Picture {
    /// The picture of a trace.
    pub(super) fn of(trace: &Trace) -> Picture {
        let (lanes, mut lines) = Drawer::new(trace).draw(&trace.steps);
        if let (Some(_), Some(last)) = (&trace.verdict.claim, lines.iter_mut().rfind(|line| line.number.is_some())) {
            last.breaks = true;
        }
        Picture {
            headline: words::headline(trace),
            lanes,
            lines,
            claim: trace.verdict.claim.as_deref().map(|claim| words::clip(claim, 2 * words::NAME_WIDTH)),
            sentence: words::paragraph(&trace.verdict.sentence),
        }
    }

    /// The lanes of one kind, with their places.
    pub(super) fn lanes_of(&self, kind: LaneKind) -> impl DoubleEndedIterator<Item = (usize, &Lane)> {
        self.lanes.iter().enumerate().filter(move |(_, lane)| lane.kind == kind)
    }
}
