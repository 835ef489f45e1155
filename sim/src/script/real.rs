//! The steps of a script on a real database, one at a time.

use std::borrow::Cow;
use std::time::Duration;

use paidonce_model::script::{Action, Board, Prepared, Said, Script, ScriptError, Session, Transcript};
use paidonce_protocol::{Dialect, Error, Reply, Statement, Underivable};
use paidonce_sqlx::lockstep::{Lockstep, LockstepError, SessionId, Standing};
use paidonce_sqlx::server::{OwnDatabase, Server, ServerError, Software, scratch};
use paidonce_sqlx::{BeginMode, Connection, DbError, Engine, OpenError, Options};
use tempfile::TempDir;

use super::Direction;

/// How long a statement waits for a lock where a script has it time out: MariaDB counts whole seconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// A timer of the engine's that has not run out after this does not run.
const PATIENCE: Duration = Duration::from_secs(30);

/// On MariaDB whoever could still read removed rows keeps InnoDB from taking their records out of the indexes, which it
/// otherwise does some time later (docs/decisions/0015-removed-records-stay.md). Whoever does not see the first rows either
/// keeps it from forgetting who has put them in.
const KEEP_REMOVED: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

/// The rows of a script need not outlive the machine: setting them takes as long as playing it where they do.
const NOT_DURABLE: &str = "PRAGMA synchronous = OFF";

/// Why a script has no transcript from a real database.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// There is no such engine.
    #[error("there is no engine `{0}`")]
    Engine(String),
    /// There is no server of it here.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// There is no server of it here, and was none before.
    #[error("{0}")]
    NoServer(String),
    /// No directory for an embedded database could be made.
    #[error("cannot make a temporary directory: {0}")]
    Temporary(#[source] std::io::Error),
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What the model allows cannot be told.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The setup was refused.
    #[error("line {line}: the setup fails: {source}")]
    Setup {
        /// The script's line.
        line: usize,
        /// What the database said.
        source: DbError,
    },
    /// A statement has no form for this database.
    #[error(transparent)]
    Underivable(#[from] Underivable),
    /// A step could not be taken.
    #[error("line {line}: {source}")]
    Step {
        /// The script's line.
        line: usize,
        /// Why.
        source: LockstepError,
    },
    /// An engine's timer was waited for, and did not run out.
    #[error("line {line}: the engine's own timer did not run out in {} s", PATIENCE.as_secs())]
    Timer {
        /// The script's line.
        line: usize,
    },
    /// Between two scripts.
    #[error(transparent)]
    Lockstep(#[from] LockstepError),
    /// The rows of one script could not be taken away.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A database of one engine, for one script after the other.
pub struct Real {
    engine: Engine,
    lockstep: Lockstep,
    sessions: Vec<SessionId>,
    /// The schema whose tables are there.
    tables_of: String,
    tables: Vec<String>,
    /// Who could still read removed rows, on MariaDB.
    keeper: Option<Connection>,
    _home: Home,
}

/// Where the database is; it goes with this.
enum Home {
    Embedded(#[expect(dead_code, reason = "held for its end")] TempDir),
    Server(#[expect(dead_code, reason = "held for its end")] OwnDatabase),
}

impl Real {
    /// An empty database for an engine, on a private server or on the one that the user named.
    ///
    /// # Errors
    /// When there is none.
    pub async fn open(engine: &str) -> Result<Self, RealError> {
        let found = Engine::find(engine).ok_or_else(|| RealError::Engine(engine.to_owned()))?;
        let shared = |software| Server::shared(software).map_err(|error| RealError::NoServer(error.to_string()));
        let server = Software::of_dialect(found.dialect()).map(shared).transpose()?;
        Self::open_on(engine, server).await
    }

    /// An empty database for an engine on this server; without one in a file, for SQLite.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub async fn open_on(engine: &str, server: Option<&Server>) -> Result<Self, RealError> {
        let engine = Engine::find(engine).ok_or_else(|| RealError::Engine(engine.to_owned()))?;
        let (url, home) = match server {
            None => {
                let directory = scratch().map_err(RealError::Temporary)?;
                let url = format!("sqlite:{}", directory.path().join("script.db").display());
                let mut made = Connection::create_empty(&url, Options::lockstep(engine)).await?;
                made.close().await;
                (url, Home::Embedded(directory))
            }
            Some(server) => {
                let database = server.own_database().await?;
                (database.url().to_owned(), Home::Server(database))
            }
        };
        let mut lockstep = Lockstep::open(&url, engine).await?;
        if let Some(server) = server {
            lockstep.is_on(server);
        }
        if engine.dialect() == Dialect::Sqlite {
            lockstep.aside().send_sql(NOT_DURABLE).await?;
        }
        let keeper = match engine.dialect() {
            Dialect::MariaDb => Some(Connection::open(&url, Options::shop(Engine::of_shop(Dialect::MariaDb))).await?),
            Dialect::Sqlite | Dialect::Postgres => None,
        };
        let (sessions, tables, tables_of) = (Vec::new(), Vec::new(), String::new());
        Ok(Real { engine, lockstep, sessions, tables_of, tables, keeper, _home: home })
    }

    /// Play a script: its tables and rows, its steps in this order.
    ///
    /// # Errors
    /// When the setup fails or a step cannot be taken. That the database says no is no error but an answer.
    pub async fn play(&mut self, prepared: &Prepared<'_>, order: &[usize]) -> Result<Transcript, RealError> {
        self.play_directed(prepared, order, &Direction::default()).await
    }

    /// The same, with what leads the engine to one of several outcomes.
    ///
    /// # Errors
    /// As [`Real::play`].
    pub async fn play_directed(
        &mut self,
        prepared: &Prepared<'_>,
        order: &[usize],
        direction: &Direction,
    ) -> Result<Transcript, RealError> {
        if direction.is_plain() {
            return self.play_set(prepared, order, direction).await;
        }
        // What a connection is told stays with it.
        self.lockstep.close_all().await?;
        let played = self.play_set(prepared, order, direction).await;
        if direction.slow.is_some() {
            self.lockstep.alike().await?;
        }
        self.lockstep.close_all().await?;
        played
    }

    async fn play_set(
        &mut self,
        prepared: &Prepared<'_>,
        order: &[usize],
        direction: &Direction,
    ) -> Result<Transcript, RealError> {
        self.set(prepared, direction).await?;
        let mut playing = Playing { board: Board::new(prepared.script()), real: self, prepared, direction };
        for step in order {
            playing.board.turn(*step);
            while let Some(next) = playing.board.next_to_send() {
                let line = prepared.script().steps[next].line;
                playing.take(next).await.map_err(|error| match error {
                    RealError::Lockstep(source) => RealError::Step { line, source },
                    other => other,
                })?;
            }
        }
        let transcript = playing.board.into_transcript();
        self.lockstep.rest().await?;
        Ok(transcript)
    }

    /// End every connection.
    pub async fn close(self) {
        if let Some(mut keeper) = self.keeper {
            keeper.close().await;
        }
        self.lockstep.end().await;
    }

    /// Make the tables, unless they are there, and put the rows into them.
    async fn set(&mut self, prepared: &Prepared<'_>, direction: &Direction) -> Result<(), RealError> {
        let script = prepared.script();
        let dialect = self.engine.dialect();
        if let Some(keeper) = &mut self.keeper {
            keeper.send_sql("COMMIT").await?;
        }
        let aside = self.lockstep.aside();
        if self.tables_of == script.schema {
            // What is left of removed rows could still be come to on PostgreSQL, and be locked on MariaDB.
            let each =
                |word: &str| prepared.tables().map(|table| format!("{word} {table}")).collect::<Vec<_>>().join("; ");
            let sql = match dialect {
                Dialect::Sqlite => each("DELETE FROM"),
                Dialect::Postgres => format!("TRUNCATE {}", prepared.tables().collect::<Vec<_>>().join(", ")),
                Dialect::MariaDb => each("TRUNCATE"),
            };
            if !self.tables.is_empty() {
                aside.send_sql(&sql).await?;
            }
        } else {
            for table in self.tables.drain(..) {
                aside.send_sql(&format!("DROP TABLE {table}")).await?;
            }
            for sql in script.schema.split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
                aside.send_sql(sql).await.map_err(|source| RealError::Setup { line: 1, source })?;
            }
            self.tables = prepared.tables().map(str::to_owned).collect();
            self.tables_of.clone_from(&script.schema);
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.send_sql(KEEP_REMOVED).await?;
        }
        self.fill(prepared).await?;
        if direction.room {
            self.make_room(prepared).await?;
        }
        self.set_sessions(script, direction).await?;
        self.direct(script, direction).await
    }

    /// Put the rows into the tables.
    async fn fill(&mut self, prepared: &Prepared<'_>) -> Result<(), RealError> {
        for (line, statement) in prepared.setup() {
            let sql = rendered(statement, self.engine.dialect())?;
            let sent = self.lockstep.aside().send_sql(&sql).await;
            sent.map_err(|source| RealError::Setup { line: *line, source })?;
        }
        Ok(())
    }

    /// Put the rows behind those that are there, and take these away.
    async fn make_room(&mut self, prepared: &Prepared<'_>) -> Result<(), RealError> {
        for table in prepared.tables() {
            self.lockstep.aside().send_sql(&format!("DELETE FROM {table}")).await?;
        }
        self.fill(prepared).await?;
        for table in prepared.tables() {
            self.lockstep.aside().send_sql(&format!("VACUUM {table}")).await?;
        }
        Ok(())
    }

    /// Tell the sessions what leads the engine.
    async fn direct(&mut self, script: &Script, direction: &Direction) -> Result<(), RealError> {
        for who in self.sessions.iter().take(script.sessions.len()).copied() {
            if let Some(setting) = direction.setting
                && let Standing::Answered(answer) = self.lockstep.send_sql(who, setting).await?
            {
                answer?;
            }
            if direction.slow.is_some() {
                self.lockstep.connect(who).await?;
            }
        }
        if let Some(slow) = direction.slow.and_then(|slow| self.sessions.get(slow)) {
            self.lockstep.slow(*slow).await?;
        }
        Ok(())
    }

    /// The engine at the level of a session.
    fn engine_of(&self, session: &Session) -> Result<Engine, RealError> {
        let Some(level) = &session.level else { return Ok(self.engine) };
        let family = self.engine.name().split('/').next().unwrap_or_default();
        let name = format!("{family}/{level}");
        Engine::find(&name).ok_or(RealError::Engine(name))
    }

    async fn set_sessions(&mut self, script: &Script, direction: &Direction) -> Result<(), RealError> {
        for (place, session) in script.sessions.iter().enumerate() {
            let engine = self.engine_of(session)?;
            let times_out = script.steps.iter().any(|step| step.session == place && step.action == Action::TimeOut);
            let deadlock_timeout = Some(direction.deadlock_timeout(place));
            let mut options = Options { deadlock_timeout, meaning_only: true, ..Options::lockstep(engine) };
            if times_out && !matches!(engine, Engine::Sqlite(_)) {
                options.lock_timeout = Some(LOCK_TIMEOUT);
            }
            match self.sessions.get(place) {
                Some(known) => self.lockstep.set_options(*known, options).await?,
                None => self.sessions.push(self.lockstep.session(options)),
            }
        }
        Ok(())
    }
}

/// A statement's text for this database. In a script the engine's clock stands at 0.
fn rendered(statement: &'static Statement, dialect: Dialect) -> Result<Cow<'static, str>, RealError> {
    Ok(statement.render_at(dialect, 0)?.sql)
}

/// A script while it is played.
struct Playing<'a> {
    real: &'a mut Real,
    prepared: &'a Prepared<'a>,
    board: Board<'a>,
    direction: &'a Direction,
}

impl Playing<'_> {
    async fn take(&mut self, number: usize) -> Result<(), RealError> {
        let step = &self.prepared.script().steps[number];
        let session = step.session;
        let who = self.real.sessions[session];
        let held = self.hold();
        let own = match (&step.action, self.prepared.statement(number)) {
            (Action::Kill, _) => {
                self.board.ends(session);
                self.real.lockstep.kill(who).await?;
                Said::Died
            }
            (Action::TimeOut, _) => match self.board.waiting(session) {
                None => Said::Nothing,
                Some(waiting) if self.real.engine.dialect() == Dialect::Sqlite => {
                    let answer = self.real.lockstep.time_out(who).await?;
                    self.board.goes_on(session, self.said(waiting, answer));
                    Said::Done
                }
                Some(waiting) => {
                    let answered = self.real.lockstep.outwait(&[who], PATIENCE).await?;
                    let (_, answer) = answered.ok_or(RealError::Timer { line: step.line })?;
                    self.board.goes_on(session, self.said(waiting, answer));
                    Said::Done
                }
            },
            (action, statement) => {
                let engine = self.real.engine_of(&self.prepared.script().sessions[session])?;
                let sql = match (action, statement) {
                    (_, Some(statement)) => rendered(statement, engine.dialect())?,
                    (Action::Begin, _) if engine == Engine::Sqlite(BeginMode::Immediate) => "BEGIN IMMEDIATE".into(),
                    (other, None) => other.to_string().to_uppercase().into(),
                };
                match self.real.lockstep.send_sql(who, &sql).await? {
                    Standing::Answered(answer) => self.said(number, answer),
                    Standing::Blocked { .. } => {
                        self.board.blocks(number);
                        Said::Blocks
                    }
                }
            }
        };
        self.settle(step.line, held).await?;
        self.board.came_to(number, own);
        Ok(())
    }

    /// Hold whoever is to go on last, when it waits.
    fn hold(&mut self) -> Option<SessionId> {
        let last = self.direction.last.filter(|last| self.board.waiting(*last).is_some())?;
        let who = *self.real.sessions.get(last)?;
        self.real.lockstep.hold(who).then_some(who)
    }

    /// See who goes on, until nobody does any more; where sessions wait in a circle, the engine breaks it.
    async fn settle(&mut self, line: usize, mut held: Option<SessionId>) -> Result<(), RealError> {
        while self.board.waiting_count() > 0 {
            for (who, standing) in self.real.lockstep.look_at_all().await? {
                if let Standing::Answered(answer) = standing {
                    self.goes_on(who, answer);
                }
            }
            if let Some(who) = held.take().filter(|who| self.real.lockstep.is_unanswered(*who)) {
                if let Standing::Answered(answer) = self.real.lockstep.look(who).await? {
                    self.goes_on(who, answer);
                }
                continue;
            }
            if self.board.waiting_count() < 2 || self.real.engine.dialect() != Dialect::Postgres {
                break;
            }
            let circle = self.real.lockstep.circle().await?;
            if circle.is_empty() {
                if self.real.lockstep.has_answers() {
                    continue;
                }
                break;
            }
            let broken = self.real.lockstep.outwait(&circle, PATIENCE).await?;
            let (who, answer) = broken.ok_or(RealError::Timer { line })?;
            self.goes_on(who, answer);
        }
        Ok(())
    }

    fn goes_on(&mut self, who: SessionId, answer: Result<Reply, DbError>) {
        let session = self.real.sessions.iter().position(|known| *known == who);
        let waiting = session.and_then(|session| Some((session, self.board.waiting(session)?)));
        if let Some((session, step)) = waiting {
            self.board.goes_on(session, self.said(step, answer));
        }
    }

    fn said(&self, step: usize, answer: Result<Reply, DbError>) -> Said {
        match answer {
            Ok(Reply::Done | Reply::Clock(_)) => Said::Done,
            Ok(Reply::Affected(rows)) => Said::Affected(rows),
            Ok(Reply::Rows(rows)) => {
                Said::rows(rows.iter().map(|row| row.0.as_slice()), self.prepared.is_ordered(step))
            }
            Err(error) => Said::failed(error.kind(), code(self.real.engine, &error)),
        }
    }
}

/// The engine's code as the model has it: of SQLite's codes the primary one, save for a snapshot that is too old; none for
/// a statement that should not have been sent.
fn code(engine: Engine, error: &DbError) -> Option<String> {
    let code = error.code()?;
    match (engine.dialect(), error.kind(), code) {
        (Dialect::Postgres, Error::Misuse, "25P02") => Some(code.to_owned()),
        (_, Error::Misuse, _) => None,
        (Dialect::Sqlite, _, "517") => Some(code.to_owned()),
        (Dialect::Sqlite, _, code) => code.parse::<i32>().ok().map(|code| (code & 0xff).to_string()),
        _ => Some(code.to_owned()),
    }
}
