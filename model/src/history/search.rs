//! The search for a schedule that explains a history: depth first, over pairs of a state of the world and how far each
//! process is, none of which is looked at twice.
//!
//! Every move is an [`Action`] of the world, so that what is found is a schedule of the model by its making. Only what the
//! history says is tried: a process's next call, when everything that was over before it was sent is over; the end of a
//! killed process; a lost reply where the answer was `unknown` and the server had been killed; and on MariaDB the end of the
//! server itself, with each of the commits that it may undo.

use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use super::order::{Call, Need, Order, Part, is_unknown, sorted};
use crate::db::DbCall;
use crate::trace::{DeathForm, Event, Meaning, Step, Told};
use crate::unroll::{Next, UnrollError};
use crate::world::{Action, Log, Phase, State, World};

/// What the search came to.
pub(super) enum Outcome {
    /// The actions of a schedule.
    Found(Vec<Action>),
    None,
    /// The limit was hit.
    Undecided,
}

/// How many calls of each process are over, and one more when it is dead.
type Far = SmallVec<[u32; 4]>;

/// A place in the search.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    state: State,
    far: Far,
}

/// What led to a place: an action of the world, or nothing when a process died before anybody could have met it.
type Move = (Option<Action>, Place);

pub(super) struct Search<'a> {
    world: &'a World,
    order: &'a Order,
    seen: FxHashSet<Place>,
    most: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(world: &'a World, order: &'a Order, most: usize) -> Self {
        Search { world, order, seen: FxHashSet::default(), most }
    }

    /// How many places were looked at.
    pub(super) fn states(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn run(&mut self) -> Result<Outcome, UnrollError> {
        let first = Place { state: self.world.start(), far: SmallVec::from_elem(0, self.order.parts.len()) };
        let mut path: Vec<Option<Action>> = Vec::new();
        let mut open: Vec<std::vec::IntoIter<Move>> = Vec::new();
        let mut next = Some((None, first));
        loop {
            match next.take() {
                Some((action, place)) => {
                    if self.seen.insert(place.clone()) {
                        path.push(action);
                        if self.is_end(&place) {
                            return Ok(Outcome::Found(path.into_iter().flatten().collect()));
                        }
                        if self.seen.len() >= self.most {
                            return Ok(Outcome::Undecided);
                        }
                        open.push(self.moves(&place)?.into_iter());
                    }
                }
                None => match open.last_mut() {
                    None => return Ok(Outcome::None),
                    Some(moves) => {
                        next = moves.next();
                        if next.is_none() {
                            open.pop();
                            path.pop();
                        }
                    }
                },
            }
        }
    }

    /// True when all that was answered is explained, and so are the rows.
    fn is_end(&self, place: &Place) -> bool {
        let answered = |(part, far): (&Part, &u32)| *far as usize >= part.answered;
        self.order.parts.iter().zip(&place.far).all(answered)
            && self.crashed(place) >= self.order.came_back
            && self.order.rows.as_ref().is_none_or(|(rows, need)| {
                is_met(need, &place.far) && sorted(self.world.rows(place.state.database.committed)) == *rows
            })
    }

    /// What may come next: first what was over first.
    fn moves(&self, place: &Place) -> Result<Vec<Move>, UnrollError> {
        let mut moves: Vec<(usize, Move)> = Vec::new();
        for (index, part) in self.order.parts.iter().enumerate() {
            let far = place.far[index] as usize;
            if let Some(call) = part.calls.get(far) {
                for next in self.of_call(place, index, part, call)? {
                    moves.push((call.by, next));
                }
            }
            if let Some((need, by)) = &part.death
                && far <= part.calls.len()
                && far >= part.answered
                && is_met(need, &place.far)
            {
                moves.push((*by, self.dies(place, index, part)?));
            }
        }
        if let Some((need, by)) = self.order.crashes.get(self.crashed(place))
            && is_met(need, &place.far)
        {
            for kept in 0..=place.state.unwritten.len() {
                moves.extend(self.crashes(place, kept as u8)?.map(|next| (*by, next)));
            }
        }
        moves.sort_by_key(|(by, _)| *by);
        Ok(moves.into_iter().map(|(_, next)| next).collect())
    }

    /// What may become of a process's next call.
    fn of_call(&self, place: &Place, index: usize, part: &Part, call: &Call) -> Result<Vec<Move>, UnrollError> {
        let (world, state) = (self.world, &place.state);
        let is_up = self.crashed(place) >= call.came_back;
        let may_begin = is_up && call.need.as_ref().is_some_and(|need| is_met(need, &place.far));
        let who = part.who as u8;
        let mut moves = Vec::new();
        let over = || {
            let mut far = place.far.clone();
            far[index] += 1;
            far
        };
        let ends = match state.actors[part.who].phase {
            Phase::Written(..) => Some(Action::Commit(who)),
            Phase::Shown(..) => Some(Action::Logged(who)),
            _ => None,
        };
        if let Some(action) = ends {
            if let Some((step, state)) = self.take(state, action)?
                && matches!(&step.event, Event::Granted { answer } if is_answer(call, answer))
                && self.is_told(part, place.far[index], &step)
            {
                moves.push((Some(action), Place { state, far: over() }));
            }
            return Ok(moves);
        }
        // Where its kill is a step, that tells what has become of a call that was done.
        let kill_is_step = world.scenario.faults.crashes > 0;
        if let Some(cut) = &call.cut {
            let done = may_begin && !kill_is_step;
            for (meaning, may) in [(Meaning::NotDone, is_met(cut, &place.far)), (Meaning::Done, done)] {
                if may
                    && let Some((step, state)) = self.take(state, Action::Lose(who, meaning))?
                    && self.is_told(part, place.far[index], &step)
                {
                    moves.push((Some(Action::Lose(who, meaning)), Place { state, far: over() }));
                }
            }
        }
        if call.told.as_ref().is_some_and(is_unknown) && !kill_is_step {
            return Ok(moves);
        }
        let (action, asks): (fn(u8, u8) -> Action, Option<DbCall>) = match state.actors[part.who].phase {
            Phase::Fresh | Phase::Ready(_) if may_begin => {
                let node = state.actors[part.who].phase.node().unwrap_or(world.slots[part.who].root);
                let asks = if let Next::Database(call, _) = world.tree.node(node).next { Some(call) } else { None };
                (Action::Step, asks)
            }
            Phase::Blocked(..) if state.database.can_resume(world.engine, &world.store, part.who) => {
                (Action::Grant, state.database.connections[part.who].wait.as_ref().map(|wait| wait.call))
            }
            Phase::Blocked(..) if state.database.is_deadlocked(world.engine, &world.store, part.who) => {
                (|who, _| Action::Victim(who), None)
            }
            _ => return Ok(moves),
        };
        let ways = if asks.is_some_and(|call| world.engine.leaves_open(&world.store, call)) { u8::MAX } else { 1 };
        for way in 0..ways {
            let action = action(who, way);
            let Some((step, state)) = self.take(state, action)? else { break };
            let far = match &step.event {
                Event::Blocked { call: asked, .. } if is_call(call, asked) => place.far.clone(),
                Event::Shown { call: asked } if is_call(call, asked) => place.far.clone(),
                Event::BlockedAgain { .. } => place.far.clone(),
                Event::Answered { call: asked, answer } if is_call(call, asked) && is_answer(call, answer) => over(),
                Event::Granted { answer } | Event::Deadlock { answer } if is_answer(call, answer) => over(),
                _ => continue,
            };
            if far == place.far || self.is_told(part, place.far[index], &step) {
                moves.push((Some(action), Place { state, far }));
            }
        }
        // What others may have met of a statement on its own before it committed.
        if world.engine.keeps_snapshot() && !matches!(state.actors[part.who].phase, Phase::Blocked(..)) {
            for way in 0..ways {
                let Some((step, state)) = self.take(state, Action::Write(who, way))? else { break };
                if matches!(&step.event, Event::Blocked { call: asked, .. } if is_call(call, asked)) {
                    moves.push((Some(Action::Write(who, way)), Place { state, far: place.far.clone() }));
                }
            }
        }
        Ok(moves)
    }

    /// How often the server has been killed, where that is a step.
    fn crashed(&self, place: &Place) -> usize {
        usize::from(self.world.scenario.faults.crashes - place.state.crashes_left)
    }

    /// The server is killed and comes back with so many of the commits that may be undone. Whose call was under way was told
    /// `unknown`, or nothing any more.
    fn crashes(&self, place: &Place, kept: u8) -> Result<Option<Move>, UnrollError> {
        let action = Action::Crash(kept);
        let Some((step, state)) = self.take(&place.state, action)? else { return Ok(None) };
        let Event::Crashed { woken, .. } = &step.event else { return Ok(None) };
        let mut far = place.far.clone();
        for woken in woken {
            let is_it = |part: &&Part| self.world.slots.get(part.who).is_some_and(|slot| slot.name == woken.actor);
            let Some(index) = self.order.parts.iter().position(|part| is_it(&part)) else { return Ok(None) };
            let part = &self.order.parts[index];
            let Some(call) = part.calls.get(far[index] as usize) else { continue };
            match &call.told {
                Some(told) if !is_unknown(told) || !self.goes_on(part, far[index], woken.outcome.as_ref()) => {
                    return Ok(None);
                }
                Some(_) => far[index] += 1,
                None => {}
            }
        }
        Ok(Some((Some(action), Place { state, far })))
    }

    /// A process that was killed is gone, and its transaction with it.
    fn dies(&self, place: &Place, index: usize, part: &Part) -> Result<Move, UnrollError> {
        let mut far = place.far.clone();
        far[index] = (part.calls.len() + 1) as u32;
        // Who has not come, or has already ended, dies without a trace.
        if place.state.actors[part.who].phase.node().is_some() {
            let action = Action::Die(part.who as u8, DeathForm::Reset);
            if let Some((_, state)) = self.take(&place.state, action)? {
                return Ok((Some(action), Place { state, far }));
            }
        }
        Ok((None, Place { state: place.state.clone(), far }))
    }

    /// Take an action: the step that it makes, and the state after it, without what only claims look at.
    fn take(&self, state: &State, action: Action) -> Result<Option<(Step, State)>, UnrollError> {
        let mut log = Log::on();
        let Some(mut state) = self.world.after(state, action, &mut log)? else { return Ok(None) };
        state.broken = 0;
        for actor in &mut state.actors {
            (actor.shown, actor.outdated, actor.returns) = (0, 0, 0);
        }
        Ok(log.into_steps().pop().map(|step| (step, state)))
    }

    /// True when a process that has been answered goes on as it did: to its next call, or to the same end.
    fn is_told(&self, part: &Part, far: u32, step: &Step) -> bool {
        self.goes_on(part, far, step.outcome.as_ref())
    }

    /// The same, of how its code has ended with that.
    fn goes_on(&self, part: &Part, far: u32, outcome: Option<&String>) -> bool {
        let was_last = far as usize + 1 >= part.sent;
        match (outcome, &part.outcome) {
            (Some(outcome), Some(told)) => was_last && outcome == told,
            (None, Some(_)) => !was_last,
            // Nobody knows yet how it ended, or it was killed before it could say so.
            (Some(_), None) => was_last,
            (None, None) => true,
        }
    }
}

fn is_met(need: &Need, far: &Far) -> bool {
    need.iter().zip(far).all(|(need, far)| *far as usize >= *need)
}

fn is_call(call: &Call, asked: &crate::trace::Asked) -> bool {
    call.asked.name == asked.name && call.asked.arguments == asked.arguments
}

/// The same answer, or any where none was told.
fn is_answer(call: &Call, answer: &Told) -> bool {
    call.told.as_ref().is_none_or(|told| told == answer)
}
