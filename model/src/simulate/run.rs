//! A request: from its coming over each call to its end.

use paidonce_protocol::catalogue::{Protocol, Start};
use paidonce_protocol::shop::{Input, Outcome, Request};
use paidonce_protocol::{Answer, Call, Coroutine, Ended, Error, Mark, Progress, Reply};

use super::drawn::Again;
use super::events::Event;
use super::lot::{For, Lot};
use super::{Simulation, Situation};
use crate::chance::SplitMix;
use crate::unroll::UnrollError;

/// The first redelivery comes after so long, each further one after twice as long as the one before, up to a day
/// (PayPal's IPN guide).
const FIRST_REDELIVERY_MS: i64 = 10_000;
const LONGEST_REDELIVERY_MS: i64 = 24 * 3_600_000;
/// With these the gateway gives up after about four days.
const MOST_DELIVERIES: u16 = 18;

/// A request in flight.
pub(super) struct Running {
    pub(super) sender: u32,
    /// Which of the sender's deliveries it is, counted from 1.
    pub(super) delivery: u32,
    lot: Lot,
    /// The number of the call that it is at, counted from 1.
    pub(super) calls: u32,
    /// Since so many events its statement has been waiting.
    pub(super) waits_since: u64,
    pub(super) came_ms: i64,
    pub(super) server: usize,
    pub(super) protocol: &'static Protocol,
    /// The request's id.
    pub(super) id: String,
    coroutine: Coroutine<Outcome>,
    /// What it asks next.
    pub(super) call: Call,
    pub(super) accepted: bool,
    pub(super) shuts_down: bool,
    /// Its statement waits, and will be looked at again.
    pub(super) is_called: bool,
    /// Its transaction is lost, and it has not been told yet.
    pub(super) is_severed: bool,
    /// It was paused before this call, and is not again.
    pub(super) was_paused: bool,
    pub(super) sections: Vec<String>,
    last_head: Option<&'static str>,
}

impl Simulation {
    /// A delivery comes.
    pub(super) fn delivered(&mut self, sender: u32) -> Result<(), UnrollError> {
        let from = &mut self.senders[sender as usize];
        if from.accepted {
            return Ok(());
        }
        if from.comes_again == Again::Always {
            return self.looks_for_work(sender);
        }
        if from.deliveries > 0 {
            self.tally.reached(Situation::Redelivery);
        }
        from.deliveries += 1;
        if let Some(payment) = from.payment {
            self.ledger.told(payment);
        }
        self.comes(sender)
    }

    /// A request takes a connection of the pool, or waits for one.
    pub(super) fn comes(&mut self, sender: u32) -> Result<(), UnrollError> {
        match self.running.iter().position(Option::is_none) {
            Some(place) => self.begin(place, sender, self.now_ms),
            None => {
                self.tally.reached(Situation::Queued);
                self.queue.push_back((sender, self.now_ms));
                Ok(())
            }
        }
    }

    fn begin(&mut self, place: usize, sender: u32, came_ms: i64) -> Result<(), UnrollError> {
        let from = &mut self.senders[sender as usize];
        from.in_flight += 1;
        from.begun += 1;
        let delivery = from.begun;
        let lot = Lot::of(self.options.seed, sender, delivery);
        let server = lot.at(0, For::Server).below(self.servers.len());
        if self.recorder.is_on() {
            from.reached.push(server as u16);
        }
        if from.in_flight > 1 {
            self.tally.reached(Situation::Duplicate);
        }
        let protocol = match from.input {
            Input::Notice(_) | Input::Work => self.notice,
            Input::Cancel { .. } => self.admin,
        };
        self.tally.requests += 1;
        let request = self.request(sender, delivery);
        let running = Running {
            sender,
            delivery,
            lot,
            calls: 1,
            waits_since: 0,
            came_ms,
            server,
            protocol,
            id: request.id.clone(),
            coroutine: coroutine(protocol.start_for(&request.input), request),
            call: Call::Rollback,
            accepted: false,
            shuts_down: false,
            is_called: false,
            is_severed: false,
            was_paused: false,
            sections: Vec::new(),
            last_head: None,
        };
        self.running[place] = Some(running);
        self.starts(place)
    }

    fn request(&self, sender: u32, delivery: u32) -> Request {
        let from = &self.senders[sender as usize];
        Request {
            id: format!("{}-{delivery}", from.name),
            input: from.input.clone(),
            settings: self.options.settings.clone(),
            without: self.options.without,
        }
    }

    /// A run asks its first thing.
    fn starts(&mut self, place: usize) -> Result<(), UnrollError> {
        let Some(running) = &mut self.running[place] else { return Ok(()) };
        let progress = running.coroutine.start();
        self.goes_on(place, progress, true)
    }

    /// Chance for the request at a place, at the call where it is.
    pub(super) fn chance(&self, place: usize, decides: For) -> SplitMix {
        match &self.running[place] {
            Some(running) => running.lot.at(running.calls, decides),
            None => SplitMix::new(self.options.seed),
        }
    }

    /// The lot of a sender, with the deliveries that it has begun.
    pub(super) fn lot(&self, sender: u32) -> Lot {
        Lot::of(self.options.seed, sender, self.senders[sender as usize].begun)
    }

    /// An exception: what is left to run is the shutdown code, if there is any.
    pub(super) fn shuts_down(&mut self, place: usize) -> Result<bool, UnrollError> {
        let Some(running) = &self.running[place] else { return Ok(false) };
        let Some(start) = running.protocol.shut_down.filter(|_| !running.shuts_down) else { return Ok(false) };
        let request = self.request(running.sender, running.delivery);
        let Some(running) = &mut self.running[place] else { return Ok(false) };
        running.coroutine = coroutine(start, request);
        (running.shuts_down, running.is_severed) = (true, false);
        self.leaves_sections(place);
        self.starts(place)?;
        Ok(true)
    }

    /// A request's call is answered at once.
    pub(super) fn is_told(
        &mut self,
        place: usize,
        is_timed: bool,
        answer: Result<Reply, Error>,
    ) -> Result<(), UnrollError> {
        self.log_answer(place, is_timed, &answer);
        self.told(place, answer)
    }

    /// A request's call is answered.
    pub(super) fn told(&mut self, place: usize, answer: Result<Reply, Error>) -> Result<(), UnrollError> {
        self.tally.calls += 1;
        self.tally.digest.word(match &answer {
            Ok(Reply::Done) => 1,
            Ok(Reply::Rows(rows)) => 2 | (rows.len() as u64) << 8,
            Ok(Reply::Affected(rows)) => 3 | rows << 8,
            Ok(Reply::Clock(ms)) => 4 | ms.unsigned_abs() << 8,
            Err(error) => 6 | (*error as u64) << 8,
        });
        if answer == Err(Error::Conflict) {
            self.tally.reached(Situation::Conflict);
        }
        self.turns[place] += 1;
        let Some(running) = &mut self.running[place] else { return Ok(()) };
        (running.is_called, running.was_paused) = (false, false);
        running.calls += 1;
        let progress = running.coroutine.resume(answer);
        self.goes_on(place, progress, false)
    }

    fn goes_on(
        &mut self,
        place: usize,
        mut progress: Result<Progress<Outcome>, paidonce_protocol::Foul>,
        is_start: bool,
    ) -> Result<(), UnrollError> {
        loop {
            let Some(running) = &mut self.running[place] else { return Ok(()) };
            let protocol = running.protocol.name;
            let marks = running.coroutine.take_marks();
            if !marks.is_empty() {
                // What is remarked before the first call belongs to no step.
                if !is_start {
                    self.recorder.log_mut().told(&marks);
                }
                self.remarks(place, marks);
            }
            match progress.map_err(|foul| UnrollError::Foul { protocol: protocol.to_owned(), foul })? {
                Progress::Asks(Call::Checkpoint { head, .. }) => {
                    let Some(running) = &mut self.running[place] else { return Ok(()) };
                    if running.last_head.replace(head) == Some(head) {
                        self.tally.reached(Situation::Retry);
                    }
                    let Some(running) = &mut self.running[place] else { return Ok(()) };
                    progress = running.coroutine.resume(Ok(Reply::Done));
                }
                Progress::Asks(call) => {
                    let Some(running) = &mut self.running[place] else { return Ok(()) };
                    running.call = call;
                    // A round trip.
                    let after_ms = self.chance(place, For::RoundTrip).between(1, 4);
                    self.events.add(self.now_ms + after_ms, Event::Step(place as u8, self.turns[place]));
                    return Ok(());
                }
                Progress::Ends(outcome) => {
                    if !is_start {
                        self.recorder.log_mut().ended(Ended::Shop(outcome));
                    }
                    return self.ended(place, outcome);
                }
            }
        }
    }

    /// What the code says about being alone.
    fn remarks(&mut self, place: usize, marks: Vec<Mark>) {
        for mark in marks {
            match mark {
                Mark::Holds { section, .. } => {
                    let Some(running) = &mut self.running[place] else { return };
                    if !running.sections.contains(&section) {
                        running.sections.push(section.clone());
                    }
                    let holds =
                        |other: &Option<Running>| other.as_ref().is_some_and(|other| other.sections.contains(&section));
                    if self.running.iter().filter(|other| holds(other)).count() > 1 {
                        self.tally.reached(Situation::TwoHolders);
                        self.ledger.two_holders(&section, &self.tally);
                    }
                }
                Mark::Ends { section } => {
                    let Some(running) = &mut self.running[place] else { return };
                    running.sections.retain(|known| *known != section);
                }
                Mark::Refused { .. } => self.tally.reached(Situation::Refused),
                Mark::Exhausted { .. } => self.tally.reached(Situation::Exhausted),
            }
        }
    }

    fn leaves_sections(&mut self, place: usize) {
        if let Some(running) = &mut self.running[place] {
            running.sections.clear();
        }
    }

    /// The sender is answered.
    pub(super) fn answered(&mut self, place: usize, answer: Answer) {
        let Some(running) = &mut self.running[place] else { return };
        if answer == Answer::Accepted {
            running.accepted = true;
            self.senders[running.sender as usize].accepted = true;
        }
    }

    fn ended(&mut self, place: usize, outcome: Outcome) -> Result<(), UnrollError> {
        if let Some(running) = &self.running[place]
            && !running.shuts_down
            && !self.workers.found(running.sender, outcome)
        {
            self.tally.ended(outcome, self.now_ms - running.came_ms);
            self.tally.digest.word(self.now_ms.unsigned_abs());
            if let Some(situation) = situation(outcome) {
                self.tally.reached(situation);
            }
        }
        self.resets(place);
        self.leaves(place)
    }

    /// A request is over, in whatever way: its place is free, and its sender may try again.
    pub(super) fn leaves(&mut self, place: usize) -> Result<(), UnrollError> {
        self.turns[place] += 1;
        let Some(running) = self.running[place].take() else { return Ok(()) };
        let sender = &mut self.senders[running.sender as usize];
        sender.in_flight -= 1;
        if sender.comes_again == Again::Always {
            self.looks_again(running.sender);
        } else if sender.comes_again == Again::UntilAccepted && !sender.accepted {
            if sender.deliveries >= MOST_DELIVERIES {
                self.tally.reached(Situation::GivenUp);
            } else {
                let doubled = FIRST_REDELIVERY_MS << sender.deliveries.saturating_sub(1).min(20);
                let later_ms = running.lot.at(0, For::Again).between(0, 1_000);
                let after_ms = doubled.min(LONGEST_REDELIVERY_MS) + later_ms;
                self.events.add(self.now_ms + after_ms, Event::Deliver(running.sender));
            }
        }
        match self.queue.pop_front() {
            Some((sender, came_ms)) => self.begin(place, sender, came_ms),
            None => Ok(()),
        }
    }
}

fn coroutine(start: Start, request: Request) -> Coroutine<Outcome> {
    Coroutine::new(|port| start(port, request))
}

fn situation(outcome: Outcome) -> Option<Situation> {
    use paidonce_protocol::shop::Reason;
    Some(match outcome {
        Outcome::ToRefund(Reason::OrderCancelled) => Situation::LateNotice,
        Outcome::ToRefund(Reason::OrderAlreadyPaid) => Situation::SecondPayment,
        Outcome::ToRefund(Reason::StockTooShort) => Situation::ShortStock,
        Outcome::ForReview(_) => Situation::Misfit,
        _ => return None,
    })
}
