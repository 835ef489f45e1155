//! From steps to lines: goes through a trace in its order and knows what each actor is in the middle of.

use paidonce_model::trace::{Asked, Event, Remark, Step, Trace, Woken};

use super::cast::{self, Cast};
use super::picture::{Cell, Flow, Lane, Life, Line};
use super::words;

/// Where the drawing stands.
pub(super) struct Drawer<'a> {
    cast: Cast<'a>,
    /// What the actor of each lane asked and waits for.
    asked: Vec<Option<&'a Asked>>,
    /// What each lane's lost connection has in flight.
    in_flight: Vec<Option<&'a Asked>>,
    /// The sections that the actor of each lane believes to hold.
    held: Vec<Vec<&'a str>>,
    life: Vec<Life>,
    lines: Vec<Line>,
}

/// What a step comes down to.
struct Told {
    flow: Flow,
    label: String,
    told: String,
}

impl<'a> Drawer<'a> {
    /// Nothing has happened yet.
    pub(super) fn new(trace: &'a Trace) -> Self {
        let cast = Cast::of(trace);
        let lanes = cast.lanes.len();
        Drawer {
            cast,
            asked: vec![None; lanes],
            in_flight: vec![None; lanes],
            held: vec![Vec::new(); lanes],
            life: vec![Life::NotYet; lanes],
            lines: Vec::new(),
        }
    }

    /// Everything that happens, and between whom.
    pub(super) fn draw(mut self, steps: &'a [Step]) -> (Vec<Lane>, Vec<Line>) {
        for (place, step) in steps.iter().enumerate() {
            self.step(place + 1, step);
        }
        (self.cast.lanes, self.lines)
    }

    fn step(&mut self, number: usize, step: &'a Step) {
        let of_all = match &step.event {
            Event::Ticked { to_ms, woken } => {
                Some((format!("time moves on to {}", words::moment(*to_ms)), *to_ms, woken, "has waited too long"))
            }
            Event::Crashed { lost, woken } => Some((words::crash(*lost), step.now_ms, woken, "is cut off")),
            _ => None,
        };
        if let Some((label, to_ms, woken, over)) = of_all {
            let told = Told { flow: Flow::Tick, label, told: String::new() };
            self.line(Some(number), step.now_ms, None, told, Vec::new());
            for woken in woken {
                self.woken(to_ms, woken, over);
            }
            return;
        }
        let name = cast::actor_of(step);
        let Some(lane) = self.cast.actor(name) else { return };
        self.arrive(step.now_ms, lane, name);
        let told = self.told(lane, name, &step.event);
        let remarks = self.remarks(lane, &step.marks, step.outcome.as_deref());
        self.line(Some(number), step.now_ms, Some(lane), told, remarks);
    }

    /// A request that is sent once more is seen to come.
    fn arrive(&mut self, now_ms: i64, lane: usize, name: &str) {
        if self.life[lane] != Life::NotYet {
            return;
        }
        self.life[lane] = Life::Running;
        if let Some((sender, from)) = self.cast.comes_again(name) {
            let label = sender.comes_again().to_owned();
            self.line(
                None,
                now_ms,
                Some(lane),
                Told { flow: Flow::Deliver(from), label, told: String::new() },
                Vec::new(),
            );
        }
    }

    fn told(&mut self, lane: usize, name: &str, event: &'a Event) -> Told {
        let database = self.cast.database;
        let pending = self.asked[lane].take();
        let before = name_of(pending);
        let life = std::mem::replace(&mut self.life[lane], Life::Running);
        match event {
            Event::Answered { call, answer } => {
                let flow = self.cast.target(name, call).map_or(Flow::Own, Flow::Call);
                Told { flow, label: words::call(call), told: words::answer(answer) }
            }
            Event::Blocked { call, by } => {
                let target = self.cast.target(name, call);
                let verb = if target.is_some() { "blocks" } else { "waits" };
                self.wait(lane, Some(call));
                let told = format!("{verb}{}", words::waits_for(by));
                Told { flow: target.map_or(Flow::Pause, Flow::Ask), label: words::call(call), told }
            }
            Event::Shown { call } => {
                self.wait(lane, Some(call));
                let flow = self.cast.target(name, call).map_or(Flow::Pause, Flow::Ask);
                Told { flow, label: words::call(call), told: "seen by others, and not in the log yet".to_owned() }
            }
            Event::BlockedAgain { by } => {
                self.wait(lane, pending);
                let told = format!("blocks again{}", words::waits_for(by));
                Told { flow: Flow::Pause, label: format!("{before} goes on"), told }
            }
            Event::Granted { answer } => {
                let label = format!("{before} granted");
                Told { flow: Flow::Tell(database), label, told: words::answer(answer) }
            }
            Event::Deadlock { answer } => {
                let label = format!("{before}: deadlock, chosen as victim");
                Told { flow: Flow::Tell(database), label, told: words::answer(answer) }
            }
            Event::ReplyLost { call, meaning } => {
                self.in_flight[lane] = Some(call);
                let flow = self.cast.target(name, call).map_or(Flow::Pause, Flow::Lost);
                let told = format!("reply lost ({})", words::meaning(*meaning));
                Told { flow, label: words::call(call), told }
            }
            Event::Died { form } => {
                self.in_flight[lane] = pending.or(self.in_flight[lane]);
                self.held[lane].clear();
                self.life[lane] = Life::Over;
                let (label, told) = words::death(*form);
                Told { flow: Flow::Death, label, told: told.to_owned() }
            }
            Event::Landed => {
                (self.asked[lane], self.life[lane]) = (pending, life);
                let label = format!("{} of {}", name_of(self.in_flight[lane].take()), self.cast.lanes[lane].name);
                Told { flow: Flow::Server(database), label, told: "is done only now".to_owned() }
            }
            Event::Reaped => {
                self.life[lane] = life;
                let label = format!("the connection of {} is dead", self.cast.lanes[lane].name);
                Told { flow: Flow::Server(database), label, told: "rolled back".to_owned() }
            }
            // Drawn before an actor is looked for, since they have none.
            Event::Ticked { .. } | Event::Crashed { .. } => {
                Told { flow: Flow::Tick, label: String::new(), told: String::new() }
            }
        }
    }

    /// A wait that ended with a tick or with the server, and how.
    fn woken(&mut self, now_ms: i64, woken: &'a Woken, how: &str) {
        let Some(lane) = self.cast.actor(&woken.actor) else { return };
        self.arrive(now_ms, lane, &woken.actor);
        let pending = self.asked[lane].take();
        let own = pending.is_some_and(|call| self.cast.target(&woken.actor, call).is_none());
        let (flow, over) = if own { (Flow::Own, "is over") } else { (Flow::Tell(self.cast.database), how) };
        self.life[lane] = Life::Running;
        let told = Told { flow, label: format!("{} {over}", name_of(pending)), told: words::answer(&woken.answer) };
        let remarks = self.remarks(lane, &woken.marks, woken.outcome.as_deref());
        self.line(None, now_ms, Some(lane), told, remarks);
    }

    fn wait(&mut self, lane: usize, call: Option<&'a Asked>) {
        self.asked[lane] = call;
        self.life[lane] = Life::Waiting;
    }

    /// Keeps the sections and the end of the run, and says them.
    fn remarks(&mut self, lane: usize, marks: &'a [Remark], outcome: Option<&str>) -> Vec<String> {
        let held = &mut self.held[lane];
        for mark in marks {
            match mark {
                Remark::Holds(section) => held.push(section),
                Remark::Ends(section) => held.retain(|other| *other != section.as_str()),
                Remark::Refused(_) | Remark::Exhausted(_) => {}
            }
        }
        let mut remarks: Vec<String> = marks.iter().map(words::remark).collect();
        if let Some(outcome) = outcome {
            self.life[lane] = Life::Over;
            remarks.push(format!("outcome: {}", words::clip(outcome, words::NAME_WIDTH)));
        }
        remarks
    }

    fn line(&mut self, number: Option<usize>, now_ms: i64, lane: Option<usize>, told: Told, remarks: Vec<String>) {
        let Told { flow, label, told } = told;
        let cells = self.life.iter().zip(&self.held).map(|(&life, held)| Cell { life, held: held.len() }).collect();
        self.lines.push(Line { number, now_ms, lane, flow, label, told, remarks, cells, breaks: false });
    }
}

fn name_of(call: Option<&Asked>) -> String {
    call.map_or_else(|| "the call".to_owned(), |call| words::clip(&call.name, words::NAME_WIDTH))
}
