//! Exploring a world with stateright.
//!
//! stateright's traps are avoided as follows. A full exploration checks one property that is always true, so that it never
//! stops early and no discovery overwrites another; what it finds is kept in the world. The shortest schedule to one claim
//! comes from a second exploration, breadth first, on one thread and with one property, of single unreduced steps. States
//! "at rest" are recognised by [`World`], not by `eventually`. Symmetry is canonicalisation in `next_state`, because the
//! checker's own is ignored by its breadth-first search.

mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use stateright::{Checker, Model, Property};

use crate::claims::Claim;
use crate::unroll::UnrollError;
use crate::world::{Action, Log, Reductions, Setup, State, World, WorldError};

/// A running exploration's numbers, for whoever shows progress or wants it to stop.
#[derive(Debug, Default)]
pub struct Progress {
    /// Distinct states so far.
    pub states: AtomicU64,
    /// Set to stop.
    pub stop: AtomicBool,
}

/// What a full exploration found.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// Distinct states.
    pub states: u64,
    /// States generated, counted with repetitions.
    pub generated: u64,
    /// The claims that some state breaks.
    pub broken: Vec<Claim>,
    /// The claims whose situation some state shows.
    pub arisen: Vec<Claim>,
    /// True when every state was visited.
    pub complete: bool,
    /// True when a protocol's own bound on the passes of a loop was reached in some state.
    pub exhausted: bool,
}

/// A world with what is looked for in it, as stateright sees it.
struct Search {
    world: World,
    /// Stop at a state that is this, or never.
    goal: Option<Goal>,
    broken: AtomicU32,
    progress: Arc<Progress>,
    most_states: u64,
}

#[derive(Clone, Copy)]
enum Goal {
    /// Break this claim.
    Breaks(Claim),
    /// Show the situation that this claim is about.
    Shows(Claim),
}

impl Model for Search {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.world.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if self.world.fault.get().is_none() && !self.world.restart.load(Ordering::Relaxed) {
            self.world.enabled(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        match self.world.after(state, action, &mut Log::off()) {
            Ok(next) => next.map(|mut next| {
                // What a step broke is noted here and not kept in the state, unless it is what is looked for.
                let broken = std::mem::take(&mut next.broken);
                note(&self.broken, broken);
                if let Some(Goal::Breaks(claim)) = self.goal {
                    next.broken = broken & claim.bit();
                }
                self.world.canonical(self.world.normalised(next))
            }),
            Err(error) => {
                // Kept for the caller; exploring comes to an end because nothing is possible any more.
                let _ = self.world.fault.set(error);
                None
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("the goal is not reached", |search: &Search, state: &State| !search.reached(state))]
    }

    fn within_boundary(&self, _: &State) -> bool {
        !self.progress.stop.load(Ordering::Relaxed) && self.progress.states.load(Ordering::Relaxed) < self.most_states
    }
}

impl Search {
    fn new(world: World, goal: Option<Goal>, progress: &Arc<Progress>, limits: Limits) -> Self {
        let progress = Arc::clone(progress);
        Search { world, goal, broken: AtomicU32::new(0), progress, most_states: limits.most_states }
    }

    /// Visit a state: called once for each distinct one.
    fn reached(&self, state: &State) -> bool {
        self.progress.states.fetch_add(1, Ordering::Relaxed);
        let judged = self.world.judge(state);
        note(&self.broken, judged.broken);
        note(&self.world.arisen, judged.arisen);
        match self.goal {
            None => false,
            Some(Goal::Breaks(claim)) => judged.broken & claim.bit() != 0,
            Some(Goal::Shows(claim)) => self.world.arisen.load(Ordering::Relaxed) & u32::from(claim.bit()) != 0,
        }
    }
}

/// Add claims to a set that all threads share; most of the time they are there already.
fn note(set: &AtomicU32, found: u16) {
    if u32::from(found) & !set.load(Ordering::Relaxed) != 0 {
        set.fetch_or(u32::from(found), Ordering::Relaxed);
    }
}

/// How far to explore.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No more distinct states than this; an exploration that comes to it is incomplete.
    pub most_states: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { most_states: 50_000_000 }
    }
}

pub use page::{PageError, explore_by_hand};

/// Why an exploration has no result.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The world cannot be made.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A protocol did what no protocol may do.
    #[error(transparent)]
    Unroll(#[from] UnrollError),
    /// The checker's thread panicked: a bug of ours.
    #[error("the checker stopped before its end; this is a bug in paidonce")]
    Checker,
}

/// Explore every state.
///
/// # Errors
/// When the world cannot be made, or a protocol breaks a rule of protocols.
pub fn explore(setup: &Setup<'_>, limits: Limits, progress: &Arc<Progress>) -> Result<Exploration, ExploreError> {
    let checker = run(setup, None, limits, progress)?;
    let search = checker.model();
    let cut_off =
        progress.stop.load(Ordering::Relaxed) || progress.states.load(Ordering::Relaxed) >= limits.most_states;
    Ok(Exploration {
        states: checker.unique_state_count() as u64,
        generated: checker.state_count() as u64,
        broken: Claim::of_bits(search.broken.load(Ordering::Relaxed)).collect(),
        arisen: Claim::of_bits(search.world.arisen.load(Ordering::Relaxed)).collect(),
        complete: !cut_off,
        exhausted: search.world.exhausted.load(Ordering::Relaxed),
    })
}

/// Let stateright explore, breadth first and on one thread: with more, what is found first is not what is nearest. It
/// begins again when something that was taken for granted turns out otherwise.
fn run(
    setup: &Setup<'_>,
    goal: Option<Goal>,
    limits: Limits,
    progress: &Arc<Progress>,
) -> Result<impl Checker<Search> + use<>, ExploreError> {
    let (mut reductions, mut tells_time) = (setup.reductions, false);
    loop {
        let world = World::new(&Setup { reductions, ..setup.clone() })?;
        world.tells_time.fetch_or(tells_time, Ordering::Relaxed);
        progress.states.store(0, Ordering::Relaxed);
        // A panic in the checker's thread comes out of `join` as one.
        let checker = Search::new(world, goal, progress, limits)
            .checker()
            .threads(if goal.is_none() { 2 } else { 1 })
            .spawn_bfs()
            .join();
        let world = &checker.model().world;
        if let Some(fault) = world.fault.get() {
            return Err(fault.clone().into());
        }
        if !checker.is_done() {
            return Err(ExploreError::Checker);
        }
        if !world.restart.load(Ordering::Relaxed) {
            return Ok(checker);
        }
        reductions.symmetry &= !world.asymmetric.load(Ordering::Relaxed);
        tells_time |= world.tells_time.load(Ordering::Relaxed);
    }
}

/// A schedule and the world in which it was found.
pub struct Schedule {
    /// The world, without reductions.
    pub world: World,
    /// What happens, step by step.
    pub actions: Vec<Action>,
    /// The seed, for a schedule drawn by chance.
    pub seed: Option<u64>,
}

/// A shortest schedule after which a claim is broken, if there is one within the limits.
///
/// # Errors
/// As [`explore`].
pub fn shortest(
    setup: &Setup<'_>,
    claim: Claim,
    limits: Limits,
    progress: &Arc<Progress>,
) -> Result<Option<Schedule>, ExploreError> {
    search(setup, Goal::Breaks(claim), limits, progress)
}

/// A shortest schedule after which a claim's situation has been reached.
///
/// # Errors
/// As [`explore`].
pub fn witness(
    setup: &Setup<'_>,
    claim: Claim,
    limits: Limits,
    progress: &Arc<Progress>,
) -> Result<Option<Schedule>, ExploreError> {
    search(setup, Goal::Shows(claim), limits, progress)
}

fn search(
    setup: &Setup<'_>,
    goal: Goal,
    limits: Limits,
    progress: &Arc<Progress>,
) -> Result<Option<Schedule>, ExploreError> {
    let setup = Setup { reductions: Reductions::NONE, ..setup.clone() };
    let checker = run(&setup, Some(goal), limits, progress)?;
    let Some(path) = checker.discoveries().into_values().next() else { return Ok(None) };
    Ok(Some(Schedule { world: World::new(&setup)?, actions: path.into_actions(), seed: None }))
}
