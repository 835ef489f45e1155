//! Many scripts, several at a time: each processor has a lane, with a database of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use paidonce_model::{Engine, Family};
use paidonce_sqlx::processor::{Processor, processors};
use paidonce_sqlx::server::{Durability, Server, ServerError, Software};

use super::{Differ, DifferError, Disagreement, Drafts, Tally};
use crate::script::RealError;

/// What is to be played, and how long.
pub struct Work<'a> {
    /// On which engine.
    pub engine: Engine,
    /// The seed that the scripts are drawn from.
    pub seed: u64,
    /// Whether locks by name are drawn.
    pub names: bool,
    /// The number of the first script.
    pub from: u64,
    /// How many there are.
    pub count: u64,
    /// So many disagreements are enough.
    pub most: usize,
    /// Told of each script that has been played.
    pub one_more: &'a (dyn Fn() + Sync),
    /// True when no further one is wanted.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
}

/// What became of it: the same however many lanes there were. What one of them has played beyond the last script that
/// counts does not count.
#[derive(Debug, Default)]
pub struct Run {
    /// What the scripts came to, from the first on without a gap.
    pub tally: Tally,
    /// The disagreements, with their scripts' numbers.
    pub found: Vec<(u64, Disagreement)>,
    /// Why a script could not be played, with its number, or why none could.
    pub failed: Option<(u64, LaneError)>,
}

/// Why a lane came to an end.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// There is no executor.
    #[error("no executor could be started: {0}")]
    Executor(#[from] std::io::Error),
    /// There is no such engine here.
    #[error(transparent)]
    Real(#[from] RealError),
    /// No script could be drawn: a bug of ours.
    #[error("{0}")]
    Draw(String),
    /// A script could not be compared.
    #[error(transparent)]
    Script(#[from] DifferError),
}

/// A script that was played.
struct Played {
    n: u64,
    tally: Tally,
    found: Option<Disagreement>,
}

/// What the lanes tell each other.
struct Desk {
    next: AtomicU64,
    found: AtomicUsize,
    is_over: AtomicBool,
}

/// What plays scripts, one at a time. Its servers are there for one engine after the other.
#[derive(Default)]
struct Lane {
    processor: Option<Processor>,
    servers: Vec<Server>,
}

/// A lane for each processor. On a server that the user has named there is one only: two databases of one server are not
/// quite apart. (PostgreSQL's serializable transactions count as concurrent with more than they would otherwise.)
pub struct Lanes(Vec<Lane>);

impl Lanes {
    /// As many as there are processors.
    pub fn open() -> Self {
        let lanes: Vec<Lane> = processors()
            .into_iter()
            .map(|processor| Lane { processor: Some(processor), servers: Vec::new() })
            .collect();
        Lanes(if lanes.is_empty() { vec![Lane::default()] } else { lanes })
    }

    /// Start what servers the engine takes, unless they are there.
    ///
    /// # Errors
    /// When there are none.
    pub fn start(&mut self, engine: Engine) -> Result<(), LaneError> {
        self.each(usize::MAX, |_, lane| Ok(lane.server(engine).map(drop)?)).into_iter().collect()
    }

    /// Play scripts until there are no more, or no more are wanted.
    pub fn run(&mut self, work: &Work<'_>) -> Run {
        let desk = Desk { next: work.from.into(), found: 0.into(), is_over: false.into() };
        let wanted = usize::try_from(work.count).unwrap_or(usize::MAX);
        let ended = self.each(wanted, |is_first, lane| Ok(lane.run(is_first, work, &desk)));
        let none = |error: LaneError| (Vec::new(), Some((work.from, error)));
        merged(ended.into_iter().map(|ended| ended.unwrap_or_else(none)).collect(), work.most)
    }

    /// Do something in so many lanes, at the same time.
    fn each<T: Send>(
        &mut self,
        at_most: usize,
        does: impl Fn(bool, &mut Lane) -> Result<T, LaneError> + Sync,
    ) -> Vec<Result<T, LaneError>> {
        let does = &does;
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for (place, lane) in self.0.iter_mut().take(at_most).enumerate() {
                threads.push(thread::Builder::new().spawn_scoped(scope, move || {
                    // Where it cannot be kept there it is slower.
                    let _ = lane.processor.map(Processor::keep_thread);
                    does(place == 0, lane)
                }));
            }
            let ended = |thread: std::io::Result<thread::ScopedJoinHandle<'_, _>>| {
                thread?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(ended).collect()
        })
    }
}

/// What a lane has played, and why it came to an end before its time, with the number of the script.
type Ended = (Vec<Played>, Option<(u64, LaneError)>);

/// What counts of that which the lanes have played.
fn merged(lanes: Vec<Ended>, most: usize) -> Run {
    let (mut all, mut run) = (Vec::new(), Run::default());
    for (played, failed) in lanes {
        all.extend(played);
        if let Some(failed) = failed.filter(|(n, _)| run.failed.as_ref().is_none_or(|(first, _)| n < first)) {
            run.failed = Some(failed);
        }
    }
    all.sort_by_key(|played| played.n);
    for Played { n, tally, found } in all {
        if run.failed.as_ref().is_some_and(|(first, _)| *first <= n) {
            break;
        }
        run.tally += tally;
        run.found.extend(found.map(|found| (n, found)));
        if run.found.len() >= most {
            run.failed = None;
            break;
        }
    }
    run
}

impl Lane {
    fn run(&mut self, is_first: bool, work: &Work<'_>, desk: &Desk) -> Ended {
        let mut played = Vec::new();
        let executor = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(executor) => executor,
            Err(error) => return (played, Some((work.from, error.into()))),
        };
        let mut at = work.from;
        let ended = executor.block_on(self.play(is_first, work, desk, &mut at, &mut played));
        if ended.is_err() {
            desk.is_over.store(true, Ordering::Relaxed);
        }
        (played, ended.err().map(|error| (at, error)))
    }

    async fn play(
        &mut self,
        is_first: bool,
        work: &Work<'_>,
        desk: &Desk,
        at: &mut u64,
        played: &mut Vec<Played>,
    ) -> Result<(), LaneError> {
        let server = self.server(work.engine)?;
        if server.is_some_and(|server| !server.is_private()) && !is_first {
            return Ok(());
        }
        let drafts = match work.names {
            true => Drafts::with_names(work.seed, work.engine.family()),
            false => Drafts::of_seed(work.seed),
        };
        let mut differ = Differ::open_on(work.engine, server).await?;
        while !desk.is_over.load(Ordering::Relaxed) {
            *at = desk.next.fetch_add(1, Ordering::Relaxed);
            if *at - work.from >= work.count {
                break;
            }
            let draw = drafts.draw(*at).map_err(LaneError::Draw)?;
            let compared = differ.compare(&draw.text()).await?;
            let (tally, mut found) = (Tally::of(&compared), None);
            if compared.agrees() == Some(false) {
                if desk.found.fetch_add(1, Ordering::Relaxed) + 1 >= work.most {
                    desk.is_over.store(true, Ordering::Relaxed);
                }
                found = Some(differ.shrink(draw, compared).await?);
            }
            played.push(Played { n: *at, tally, found });
            (work.one_more)();
            if (work.is_over)() {
                desk.is_over.store(true, Ordering::Relaxed);
            }
        }
        differ.close().await;
        Ok(())
    }

    /// The server of an engine, which this lane may have already; SQLite has none.
    fn server(&mut self, engine: Engine) -> Result<Option<&Server>, RealError> {
        let software = match engine.family() {
            Family::Sqlite => return Ok(None),
            Family::Postgres => Software::Postgres,
            Family::MariaDb => Software::MariaDb,
        };
        if !self.servers.iter().any(|server| server.software() == software) {
            let none = |error: ServerError| RealError::NoServer(error.to_string());
            self.servers.push(Server::find(software, Durability::MeaningOnly).map_err(none)?);
        }
        Ok(self.servers.iter().find(|server| server.software() == software))
    }
}

#[cfg(test)]
mod tests {
    use paidonce_model::Engine;

    use super::*;

    fn played(n: u64) -> Played {
        Played { n, tally: Tally { scripts: 1, ..Tally::default() }, found: None }
    }

    fn failed(n: u64) -> Option<(u64, LaneError)> {
        Some((n, LaneError::Draw("no".to_owned())))
    }

    #[test]
    fn what_counts_has_no_gap() {
        let run = merged(vec![(vec![played(1), played(2), played(5)], None), (vec![played(3)], failed(4))], 1);
        assert_eq!((run.tally.scripts, run.failed.map(|(n, _)| n)), (3, Some(4)));
        let run = merged(vec![(vec![], failed(4)), (vec![played(1), played(2)], failed(3))], 1);
        assert_eq!((run.tally.scripts, run.failed.map(|(n, _)| n)), (2, Some(3)));
    }

    #[test]
    fn several_lanes_come_to_what_one_comes_to() {
        let run = |lanes: usize| {
            let work = Work {
                engine: Engine::SqliteDeferred,
                seed: 5,
                names: false,
                from: 3,
                count: 40,
                most: 1,
                one_more: &|| {},
                is_over: &|| false,
            };
            Lanes((0..lanes).map(|_| Lane::default()).collect()).run(&work)
        };
        let (one, three) = (run(1), run(3));
        assert!(one.failed.is_none() && one.tally.scripts == 40, "{one:?}");
        assert_eq!(one.tally, three.tally);
    }
}
