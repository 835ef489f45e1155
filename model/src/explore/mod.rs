//! Exploring a world with stateright.
//!
//! stateright's traps are avoided as follows. A full exploration checks one property that is always true, so that it never
//! stops early and no discovery overwrites another; what it finds is kept in the world. The shortest schedules come from a
//! second exploration, breadth first, on one thread, of single unreduced steps; there each claim's property is false in the
//! first state that shows what is looked for and in no other. States "at rest" are recognised by [`World`], not by `eventually`. Symmetry
//! is canonicalisation in `next_state`, because the checker's own is ignored by its breadth-first search.

#[cfg(test)]
mod alike;
mod page;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use stateright::{Checker, Model, Property};

use crate::claims::Claim;
use crate::unroll::UnrollError;
use crate::world::{Action, EXHAUSTED, Log, Past, Reductions, Source, State, World, WorldError};

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
    /// What is looked for.
    aim: Aim,
    /// The claims that some state or step broke, one bit each.
    broken: AtomicU32,
    /// The claims whose situation some state or step showed, one bit each, and [`EXHAUSTED`].
    arisen: AtomicU32,
    progress: Arc<Progress>,
    most_states: u64,
}

enum Aim {
    /// Every state.
    All,
    /// For each of some claims, the first state that shows something of it.
    First {
        show: Show,
        claims: Vec<Claim>,
        /// Those that no state has shown so far, one bit each.
        sought: AtomicU32,
        /// Those of them that are shown by the state which is visited now.
        here: AtomicU32,
    },
}

/// What a state can show of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// That it is broken: the schedule is a counterexample.
    Broken,
    /// That its situation is there, in which it has something to say: the schedule is a witness.
    Arisen,
}

impl Model for Search {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.world.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if self.world.fault.get().is_none() && !self.world.restart.load(Ordering::Relaxed) && !self.is_satisfied() {
            self.world.enabled(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match self.world.advance(&mut next, action, &mut Log::off()) {
            Ok(false) => None,
            Ok(true) => {
                // What a step showed is noted here and not kept in the state, unless it is what is looked for. That is the
                // same from the beginning to the end: stateright takes the steps of its paths once more.
                let (broken, arisen) = (std::mem::take(&mut next.broken), std::mem::take(&mut next.arisen));
                self.note(broken, arisen);
                if let Aim::First { show, claims, .. } = &self.aim {
                    match show {
                        Show::Broken => next.broken = broken & bits(claims),
                        Show::Arisen => next.arisen = arisen & bits(claims),
                    }
                }
                self.world.normalise(&mut next);
                self.world.canonicalise(&mut next);
                Some(next)
            }
            Err(error) => {
                // Kept for the caller; exploring comes to an end because nothing is possible any more.
                let _ = self.world.fault.set(error);
                None
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let visited = Property::always("every state is visited", |search: &Search, state: &State| {
            search.visit(state);
            true
        });
        let claims = match &self.aim {
            Aim::All => &[][..],
            Aim::First { claims, .. } => claims,
        };
        let stands = |claim: &Claim| Property::always(claim.name(), STANDS[*claim as usize]);
        [visited].into_iter().chain(claims.iter().map(stands)).collect()
    }

    fn within_boundary(&self, _: &State) -> bool {
        !self.progress.stop.load(Ordering::Relaxed) && self.progress.states.load(Ordering::Relaxed) < self.most_states
    }
}

/// A function for each claim, in their order, and one for a flow's own: stateright takes plain functions and no closures.
macro_rules! for_each_claim {
    ($function:ident) => {
        [
            $function::<0>,
            $function::<1>,
            $function::<2>,
            $function::<3>,
            $function::<4>,
            $function::<5>,
            $function::<6>,
            $function::<7>,
            $function::<8>,
            $function::<9>,
            $function::<10>,
            $function::<11>,
            $function::<12>,
            $function::<13>,
            $function::<14>,
        ]
    };
}
use for_each_claim;

/// Whether this is not the first state that shows of the claim what is looked for. stateright asks in the order of the properties, for one state
/// after another.
const STANDS: [fn(&Search, &State) -> bool; Claim::Own as usize + 1] = for_each_claim!(stands);

fn stands<const CLAIM: usize>(search: &Search, _: &State) -> bool {
    match &search.aim {
        Aim::All => true,
        Aim::First { here, sought, .. } => {
            let bit = 1 << CLAIM;
            let shows = here.load(Ordering::Relaxed) & bit != 0;
            !(shows && sought.fetch_and(!bit, Ordering::Relaxed) & bit != 0)
        }
    }
}

impl Aim {
    fn first(show: Show, claims: &[Claim]) -> Self {
        let sought = AtomicU32::new(u32::from(bits(claims)));
        Aim::First { show, claims: claims.to_vec(), sought, here: AtomicU32::new(0) }
    }

    /// Let there be steps again after all was found: stateright takes them once more to read its paths.
    fn reopen(&self) {
        if let Aim::First { sought, .. } = self {
            sought.store(u32::MAX, Ordering::Relaxed);
        }
    }
}

impl Search {
    /// True when nothing is looked for any more.
    fn is_satisfied(&self) -> bool {
        matches!(&self.aim, Aim::First { sought, .. } if sought.load(Ordering::Relaxed) == 0)
    }

    /// Some state or step broke these claims, and showed the situations of those.
    fn note(&self, broken: u16, arisen: u16) {
        add(&self.arisen, arisen);
        if add(&self.broken, broken) && self.world.reductions.forget && self.world.past() != self.needed() {
            self.world.restart.store(true, Ordering::Relaxed);
        }
    }

    /// What of the past there is still something to find out from.
    fn needed(&self) -> Past {
        Past::needed(self.broken.load(Ordering::Relaxed) as u16)
    }

    /// Called once for each distinct state.
    fn visit(&self, state: &State) {
        self.progress.states.fetch_add(1, Ordering::Relaxed);
        if self.is_satisfied() {
            return;
        }
        let judged = self.world.judge(state);
        self.note(judged.broken, judged.arisen);
        if let Aim::First { show, sought, here, .. } = &self.aim {
            let shown = match show {
                Show::Broken => judged.broken,
                Show::Arisen => judged.arisen,
            };
            here.store(u32::from(shown) & sought.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// A set of claims, one bit each.
fn bits(claims: &[Claim]) -> u16 {
    claims.iter().fold(0, |set, claim| set | claim.bit())
}

/// Add claims to a set that all threads share; most of the time they are there already. True when one was not.
fn add(set: &AtomicU32, found: u16) -> bool {
    let found = u32::from(found);
    found & !set.load(Ordering::Relaxed) != 0 && found & !set.fetch_or(found, Ordering::Relaxed) != 0
}

/// How far to explore.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After so many distinct states no further ones are looked for, and the exploration is incomplete. Those that were
    /// found by then are visited still.
    pub most_states: u64,
    /// So many threads visit every state. What is found does not depend on it; how far one has come that is incomplete does.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { most_states: 50_000_000, threads: 2 }
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
pub fn explore(source: &impl Source, limits: Limits, progress: &Arc<Progress>) -> Result<Exploration, ExploreError> {
    let checker = run(source, source.reductions(), limits, progress, None)?;
    let search = checker.model();
    let arisen = search.arisen.load(Ordering::Relaxed);
    let cut_off =
        progress.stop.load(Ordering::Relaxed) || progress.states.load(Ordering::Relaxed) >= limits.most_states;
    Ok(Exploration {
        states: checker.unique_state_count() as u64,
        generated: checker.state_count() as u64,
        broken: Claim::of_bits(search.broken.load(Ordering::Relaxed)).collect(),
        arisen: Claim::of_bits(arisen).collect(),
        complete: !cut_off,
        exhausted: arisen & u32::from(EXHAUSTED) != 0,
    })
}

/// Let stateright explore breadth first: all, or up to the first states that show something of these claims. That is done
/// by one thread, because with more what is found first is not what is nearest. It begins again when something that was
/// taken for granted turns out otherwise.
fn run<S: Source>(
    source: &S,
    asked: Reductions,
    limits: Limits,
    progress: &Arc<Progress>,
    first: Option<(Show, &[Claim])>,
) -> Result<impl Checker<Search> + use<S>, ExploreError> {
    let (mut reductions, mut tells_time, mut broken) = (asked, false, 0);
    loop {
        let mut world = source.world(reductions)?;
        if reductions.forget {
            world.forget_but(Past::needed(broken as u16));
        }
        world.tells_time.fetch_or(tells_time, Ordering::Relaxed);
        progress.states.store(0, Ordering::Relaxed);
        let (aim, threads) = match first {
            None => (Aim::All, limits.threads),
            Some((show, claims)) => (Aim::first(show, claims), 1),
        };
        let search = Search {
            world,
            aim,
            broken: AtomicU32::new(broken),
            arisen: AtomicU32::new(broken),
            progress: Arc::clone(progress),
            most_states: limits.most_states,
        };
        // A panic in the checker's thread comes out of `join` as one.
        let checker = search.checker().threads(threads).spawn_bfs().join();
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
        tells_time |= world.tells_time.load(Ordering::Relaxed);
        broken = checker.model().broken.load(Ordering::Relaxed);
        if reductions.forget && world.past() != checker.model().needed() {
            // What told requests apart may have been what is forgotten now: how many states there are must not hang on which
            // of the two was found first.
            reductions = asked;
        } else {
            reductions.symmetry &= !world.asymmetric.load(Ordering::Relaxed);
        }
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

/// For each of these claims a shortest schedule that shows it broken, or its situation, if there is one within the limits.
///
/// # Errors
/// As [`explore`].
pub fn shortest(
    source: &impl Source,
    show: Show,
    claims: &[Claim],
    limits: Limits,
    progress: &Arc<Progress>,
) -> Result<Vec<(Claim, Schedule)>, ExploreError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let checker = run(source, Reductions::NONE, limits, progress, Some((show, claims)))?;
    checker.model().aim.reopen();
    let mut paths = checker.discoveries();
    let mut schedules = Vec::new();
    for claim in claims {
        if let Some(path) = paths.remove(claim.name()) {
            let world = source.world(Reductions::NONE)?;
            schedules.push((*claim, Schedule { world, actions: path.into_actions(), seed: None }));
        }
    }
    Ok(schedules)
}
