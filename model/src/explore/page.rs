//! stateright's Explorer: a page on which a person takes the steps.
//!
//! Its steps are single and unreduced, each claim is one of its properties, and each way so far is drawn.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use stateright::{Model, Path, Property};

use super::{ExploreError, for_each_claim};
use crate::claims::Claim;
use crate::trace::{DeathForm, Meaning, Trace};
use crate::world::{Action, Log, Phase, Reductions, Setup, State, World};

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The world cannot be made.
    #[error(transparent)]
    World(#[from] ExploreError),
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The page's thread panicked: stateright's server does so when a browser goes away while it is answered.
    #[error("the page's server stopped; start it again")]
    Stopped,
}

/// Serve the page at `address` until the process ends. `draw` makes an SVG image of a schedule.
///
/// # Errors
/// When the world cannot be made or nobody can listen at the address.
pub fn explore_by_hand(setup: &Setup<'_>, address: SocketAddr, draw: fn(&Trace) -> String) -> Result<(), PageError> {
    let world = World::new(&Setup { reductions: Reductions::NONE, ..setup.clone() }).map_err(ExploreError::from)?;
    // Taken for granted from the start, so that nothing has to begin again.
    world.tells_time.store(true, Ordering::Relaxed);
    // stateright's server would panic.
    drop(TcpListener::bind(address).map_err(|source| PageError::Address { address, source })?);
    let page = Page { world: Arc::new(world), draw };
    let served = std::thread::spawn(move || drop(page.checker().serve(address)));
    served.join().map_err(|_| PageError::Stopped)
}

struct Page {
    world: Arc<World>,
    draw: fn(&Trace) -> String,
}

/// A state with the world that can tell what is in it.
#[derive(Clone)]
struct Shown {
    world: Arc<World>,
    state: State,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Hash for Shown {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state.hash(hasher);
    }
}

/// What the page shows of a state: where everybody is, and the committed rows.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { world, state } = self;
        let broken: Vec<&str> = Claim::of_bits(world.judge(state).broken.into()).map(Claim::name).collect();
        writeln!(f, "{} ms", state.now_ms)?;
        for name in broken {
            writeln!(f, "broken: {name}")?;
        }
        for (slot, actor) in world.slots.iter().zip(&state.actors) {
            let call = || {
                let node = actor.phase.node().map(|node| world.tree.node(node));
                node.and_then(|node| node.call.as_ref()).map_or("end", |call| call.name())
            };
            let told = match actor.phase {
                Phase::Fresh => "has not come".to_owned(),
                Phase::Ready(_) => format!("is about to {}", call()),
                Phase::Waiting(_, until) => format!("waits until {until} ms"),
                Phase::Blocked(_, until) => format!("waits in {}, until {until} ms", call()),
                Phase::Written(..) => format!("has not committed its {} yet", call()),
                Phase::Shown(..) => format!("has not been told yet what became of its {}", call()),
                Phase::Ended => "is over".to_owned(),
                Phase::Dead(at) => format!("is dead since {at} ms"),
            };
            writeln!(f, "{} {told}", slot.name)?;
        }
        for (table, rows) in world.rows(state.database.committed) {
            for row in rows {
                let row: Vec<String> = row.iter().map(|datum| datum.to_string()).collect();
                writeln!(f, "{table}: {}", row.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Model for Page {
    type State = Shown;
    type Action = Action;

    fn init_states(&self) -> Vec<Shown> {
        vec![Shown { world: Arc::clone(&self.world), state: self.world.start() }]
    }

    fn actions(&self, shown: &Shown, actions: &mut Vec<Action>) {
        self.world.enabled(&shown.state, actions);
    }

    fn next_state(&self, shown: &Shown, action: Action) -> Option<Shown> {
        // A foul of the protocol ends the way: the check without the page tells which.
        let mut next = self.world.after(&shown.state, action, &mut Log::off()).ok()??;
        next.arisen = 0;
        self.world.normalise(&mut next);
        Some(Shown { world: Arc::clone(&self.world), state: next })
    }

    fn format_action(&self, action: &Action) -> String {
        let name = |who: u8| self.world.slots[usize::from(who)].name.as_str();
        match action {
            Action::Step(who, _) => format!("{} makes its next call", name(*who)),
            Action::Grant(who, _) => format!("{} need not wait any longer", name(*who)),
            Action::Write(who, _) => format!("{} writes and does not commit yet", name(*who)),
            Action::Commit(who) => format!("{} commits what it wrote", name(*who)),
            Action::Victim(who) => format!("{} is the victim of the deadlock", name(*who)),
            Action::Lose(who, meaning) => {
                let meaning = match meaning {
                    Meaning::Done => "it was done",
                    Meaning::NotDone => "it was not done",
                    Meaning::Later => "it is still on its way",
                };
                format!("{} makes its next call and loses the reply: {meaning}", name(*who))
            }
            Action::Die(who, form) => {
                let form = match form {
                    DeathForm::Soft => "an exception",
                    DeathForm::Reset => "the database sees it go",
                    DeathForm::Silent => "the database does not see it go",
                    DeathForm::Stop => "it stops for ever",
                };
                format!("{} dies: {form}", name(*who))
            }
            Action::Land(..) => "what was on its way arrives".to_owned(),
            Action::Reap(_) => "the server notices a dead connection".to_owned(),
            Action::Logged(who) => format!("the log is written, and {} is told", name(*who)),
            Action::Crash(kept) => format!("the server is killed and comes back with {kept} of the latest commits"),
            Action::Tick => "time passes".to_owned(),
        }
    }

    fn as_svg(&self, path: Path<Shown, Action>) -> Option<String> {
        self.world.trace(&path.into_actions(), None, None).ok().map(|trace| (self.draw)(&trace))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn stands<const CLAIM: usize>(page: &Page, shown: &Shown) -> bool {
            Claim::ALL.get(CLAIM).is_none_or(|claim| !page.world.breaks(&shown.state, *claim))
        }
        // The page is of the shop's claims only.
        let all: [fn(&Page, &Shown) -> bool; Claim::Own as usize + 1] = for_each_claim!(stands);
        all.into_iter().zip(Claim::ALL).map(|(stands, claim)| Property::always(claim.name(), stands)).collect()
    }
}
