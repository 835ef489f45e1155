//! What the tasks of a schedule share: the model database, time, the mail server, and what was found wrong.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use ::shuttle::future::{JoinHandle, yield_now};
use paidonce_model::shared::{Said, Shared};
use paidonce_protocol::shop::Notice;
use paidonce_protocol::{Answer, Call, Error, Mail, Mark, Reply, Session};
use paidonce_sqlx::Sessions;
use paidonce_sqlx::runtime::Runtime;

/// The world of one schedule.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<Inner>>);

struct Inner {
    shared: Shared,
    /// Everybody who waits: for a lock, or for a moment. Whoever is let go on in vain waits again.
    waiting: Vec<Waker>,
    /// The task that moves time, when it has nothing to move to.
    time: Option<Waker>,
    /// The moments that somebody waits for.
    deadlines: Vec<i64>,
    /// At the so many-th moment time passes by so much, whoever is under way. The last one is the first.
    jumps: Vec<(u64, u64)>,
    /// One before each call is made, and one behind its answer.
    moments: u64,
    calls: u64,
    tasks: Vec<JoinHandle<()>>,
    is_over: bool,
    mails: Vec<Mail>,
    told: Vec<Notice>,
    /// Who believes to be alone where.
    sections: Vec<(usize, String)>,
    at_rest: bool,
    lost: bool,
    broken: Option<String>,
}

/// Let anybody take a step.
pub(super) async fn turn() {
    let mut has_passed = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut has_passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl World {
    pub(super) fn new(shared: Shared) -> Self {
        World(Arc::new(Mutex::new(Inner {
            shared,
            waiting: Vec::new(),
            time: None,
            deadlines: Vec::new(),
            jumps: Vec::new(),
            moments: 0,
            calls: 0,
            tasks: Vec::new(),
            is_over: false,
            mails: Vec::new(),
            told: Vec::new(),
            sections: Vec::new(),
            at_rest: false,
            lost: false,
            broken: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Look at the database between two steps.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Shared) -> T) -> T {
        at(&self.lock().shared)
    }

    /// At the so many-th moment, before a call is made or behind its answer, time passes by so many milliseconds, whoever is
    /// under way.
    pub(super) fn jumps(&self, mut jumps: Vec<(u64, u64)>) {
        jumps.sort_unstable_by(|left, right| right.cmp(left));
        self.lock().jumps = jumps;
    }

    /// The task that moves time to the next moment that somebody waits for.
    pub(super) async fn time(self) {
        loop {
            // A step that others come before, where there are priorities: else time and a renewer could go on by themselves.
            yield_now().await;
            let moved = poll_fn(|context| {
                let mut inner = self.lock();
                if inner.is_over {
                    return Poll::Ready(false);
                }
                let (now_ms, timeout_ms) = (inner.shared.now_ms(), inner.shared.next_timeout_ms());
                // Whoever waited for a moment that has come is not under way again yet.
                let ahead =
                    inner.deadlines.iter().copied().chain(timeout_ms).filter(|deadline_ms| *deadline_ms > now_ms);
                match ahead.min() {
                    Some(next_ms) => {
                        inner.shared.pass_to(next_ms);
                        inner.wake();
                        Poll::Ready(true)
                    }
                    None => {
                        inner.time = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            });
            if !moved.await {
                return;
            }
        }
    }

    /// Wait for all that was spawned, and let time end.
    pub(super) async fn finish(&self) {
        loop {
            let task = self.lock().tasks.pop();
            let Some(task) = task else { break };
            if task.await.is_err() {
                self.breaks("a task was ended from outside".to_owned());
            }
        }
    }

    /// Nothing is left to happen in time either.
    pub(super) fn ends(&self) {
        let mut inner = self.lock();
        inner.is_over = true;
        inner.wake();
    }

    /// Keep what is wrong. The first counts.
    pub(super) fn breaks(&self, says: String) {
        self.lock().broken.get_or_insert(says);
    }

    pub(super) fn loses(&self) {
        self.lock().lost = true;
    }

    /// A sender was answered that this is handled.
    pub(super) fn accepted(&self, notice: &Notice) {
        self.lock().told.push(notice.clone());
    }

    /// Judge what is left when nothing is left to happen.
    pub(super) fn judge_rest(&self) {
        let mut inner = self.lock();
        inner.at_rest = true;
        let found = inner.shared.broken_at_rest(&inner.told, &inner.mails).into_iter().next();
        if let Some((claim, says)) = found {
            inner.broken.get_or_insert(format!("{}: {says}", claim.name()));
        }
    }

    pub(super) fn was_at_rest(&self) -> bool {
        self.lock().at_rest
    }

    pub(super) fn has_lost(&self) -> bool {
        self.lock().lost
    }

    pub(super) fn calls(&self) -> u64 {
        self.lock().calls
    }

    pub(super) fn broken(&self) -> Option<String> {
        self.lock().broken.clone()
    }

    /// A session of its own.
    pub(super) fn session(&self) -> Option<ModelSession> {
        let place = self.lock().shared.connect()?;
        Some(ModelSession { world: self.clone(), place, clock_offset_ms: 0, claims: None, answer: None })
    }
}

impl Inner {
    /// A call is about to be made, or was answered. Its task may be paused just now.
    fn passes(&mut self) {
        self.moments += 1;
        while let Some((_, by_ms)) = self.jumps.pop_if(|(moment, _)| self.moments >= *moment) {
            let next_ms = self.shared.now_ms().saturating_add_unsigned(by_ms);
            self.shared.pass_to(next_ms);
            self.wake();
        }
    }

    fn wake(&mut self) {
        self.waiting.drain(..).chain(self.time.take()).for_each(Waker::wake);
    }
}

/// A claim on a job, as a session has seen it taken.
#[derive(Default)]
pub(super) struct Claims {
    asked: Option<(String, i64)>,
    held: Option<(String, i64)>,
}

/// A connection to the model database, and the rest of a request's world.
pub(super) struct ModelSession {
    world: World,
    place: usize,
    /// How far its web server's clock is off.
    pub(super) clock_offset_ms: i64,
    /// Where whoever uses it says that it writes under its claim only, that is looked at.
    pub(super) claims: Option<Claims>,
    pub(super) answer: Option<Answer>,
}

impl Drop for ModelSession {
    fn drop(&mut self) {
        let mut inner = self.world.lock();
        inner.shared.disconnect(self.place);
        inner.sections.retain(|(who, _)| *who != self.place);
        inner.wake();
    }
}

impl ModelSession {
    /// What it is about to write under a claim it writes while the database has that claim, too.
    fn sees_claim(&mut self, call: &Call) {
        let Some(claims) = &mut self.claims else { return };
        let Call::Run(statement, arguments) = call else { return };
        if statement.name == "find_job" {
            claims.held = None;
        }
        if let ("claim_job", [_, _, id, fence]) = (statement.name, &arguments[..])
            && let (paidonce_protocol::Value::Text(id), paidonce_protocol::Value::Int(fence)) = (id, fence)
        {
            claims.asked = Some((id.clone(), fence + 1));
        }
        let Some((id, fence)) = &claims.held else { return };
        let is_held = self.world.look(|shared| {
            let (jobs, now_ms) = (shared.rows("jobs"), shared.now_ms());
            let row = jobs.iter().find(|row| row.text(0) == Ok(id.as_str()));
            row.is_some_and(|row| row.int(11) == Ok(*fence) && row.int(10).is_ok_and(|until_ms| until_ms > now_ms))
        });
        if !is_held {
            let says = format!("{} is asked under a claim on {id} that the database has no more", statement.name);
            self.world.breaks(says);
        }
        if matches!(statement.name, "finish_job" | "give_back_job") {
            claims.held = None;
        }
    }

    /// What was claimed is this session's with the commit.
    fn has_committed(&mut self) {
        if let Some(claims) = &mut self.claims
            && let Some(asked) = claims.asked.take()
        {
            claims.held = Some(asked);
        }
    }

    async fn database(&mut self, call: &Call) -> Result<Reply, Error> {
        let asked = {
            let mut inner = self.world.lock();
            let asked = inner.shared.ask(self.place, call);
            inner.wake();
            asked
        };
        let mut said = asked.unwrap_or_else(|error| panic!("{error}"));
        loop {
            if let Said::Answered(answer) = said {
                let mut inner = self.world.lock();
                if let Some((claim, says)) = inner.shared.broken().into_iter().next() {
                    inner.broken.get_or_insert(format!("{}: {says}", claim.name()));
                }
                return answer;
            }
            let mut has_waited = false;
            said = poll_fn(|context| {
                let mut inner = self.world.lock();
                if !std::mem::replace(&mut has_waited, true) {
                    inner.waiting.push(context.waker().clone());
                    return Poll::Pending;
                }
                let said = inner.shared.go_on(self.place);
                if said != Said::Waits {
                    inner.wake();
                }
                Poll::Ready(said)
            })
            .await;
        }
    }
}

impl Session for ModelSession {
    async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        if let Call::Checkpoint { .. } = call {
            return Ok(Reply::Done);
        }
        // Before anybody else has a turn: what was believed when this was called is true.
        self.sees_claim(&call);
        turn().await;
        {
            let mut inner = self.world.lock();
            inner.calls += 1;
            inner.passes();
        }
        let answer = match &call {
            Call::Run(..) | Call::Begin | Call::Rollback => self.database(&call).await,
            Call::Commit => {
                let answer = self.database(&call).await;
                if answer.is_ok() {
                    self.has_committed();
                }
                answer
            }
            Call::Clock => Ok(Reply::Clock(self.world.look(Shared::now_ms) + self.clock_offset_ms)),
            Call::Wait(wait_ms) => {
                self.world.pause(*wait_ms).await;
                Ok(Reply::Done)
            }
            Call::Mail(mail) => {
                let mut inner = self.world.lock();
                if inner.mails.iter().all(|known| known.message_id != mail.message_id) {
                    inner.mails.push(mail.clone());
                }
                Ok(Reply::Done)
            }
            Call::Answer(answer) => {
                self.answer.get_or_insert(*answer);
                Ok(Reply::Done)
            }
            Call::Cache(_) => Err(Error::Refused),
            Call::Checkpoint { .. } => Ok(Reply::Done),
        };
        self.world.lock().passes();
        answer
    }

    fn mark(&mut self, mark: Mark) {
        let mut inner = self.world.lock();
        match mark {
            Mark::Holds { section, .. } => {
                if inner.sections.iter().any(|(who, known)| *who != self.place && *known == section) {
                    let says = format!("a_lease_has_one_holder: two requests believe to hold {section}");
                    inner.broken.get_or_insert(says);
                }
                inner.sections.push((self.place, section));
            }
            Mark::Ends { section } => inner.sections.retain(|known| *known != (self.place, section.clone())),
            Mark::Refused { .. } | Mark::Exhausted { .. } => {}
        }
    }
}

/// A moment that somebody waits for. Nobody waits for it any more when this is dropped.
struct Deadline<'a>(&'a World, i64);

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        if let Some(place) = inner.deadlines.iter().position(|known| *known == self.1) {
            inner.deadlines.swap_remove(place);
        }
    }
}

impl Runtime for World {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let task = ::shuttle::future::spawn(work);
        self.lock().tasks.push(task);
    }

    async fn pause(&self, pause_ms: u64) {
        let until_ms = self.look(Shared::now_ms).saturating_add_unsigned(pause_ms);
        self.lock().deadlines.push(until_ms);
        let deadline = Deadline(self, until_ms);
        poll_fn(|context| {
            let mut inner = deadline.0.lock();
            if inner.shared.now_ms() >= deadline.1 {
                return Poll::Ready(());
            }
            inner.waiting.push(context.waker().clone());
            // Time may have had nothing to move to.
            inner.time.take().into_iter().for_each(Waker::wake);
            Poll::Pending
        })
        .await;
    }

    fn now_ms(&self) -> u64 {
        self.look(Shared::now_ms).unsigned_abs()
    }
}

impl Sessions for World {
    type Session = ModelSession;

    async fn open(&self) -> Result<ModelSession, Error> {
        turn().await;
        self.session().ok_or(Error::Refused)
    }

    async fn close(&self, session: ModelSession) {
        turn().await;
        drop(session);
    }
}
