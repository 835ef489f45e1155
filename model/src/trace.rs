//! A trace: one schedule with its calls and answers, as data.
//!
//! Published as JSON; the schema is `specs/trace.schema.json`. Drawing and replaying are functions of this data alone.

use std::collections::BTreeMap;

use paidonce_protocol::{CacheCall, Call, Mark, Reply, Value};
use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;

/// The version of the format written here. A reader refuses any other.
pub const TRACE_VERSION: u32 = 1;

/// One schedule with its calls and answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// [`TRACE_VERSION`].
    pub version: u32,
    /// The protocol in the notice role.
    pub protocol: String,
    /// The engine by its name: `sqlite/immediate`.
    pub engine: String,
    /// The guards left out, by name: empty but for a mutant.
    pub without: Vec<String>,
    /// The scenario that the schedule belongs to, whole, so that the trace stands alone. Its faults, settings and limits
    /// are the bounds.
    pub scenario: Scenario,
    /// The seed, for a schedule that was drawn by chance.
    pub seed: Option<u64>,
    /// What was found.
    pub verdict: TraceVerdict,
    /// The steps, unreduced, in their order.
    pub steps: Vec<Step>,
    /// The committed rows at the end, by table, each table's rows in the order of their primary key.
    pub rows: BTreeMap<String, Vec<Vec<Datum>>>,
    /// What happened outside the database, for the `world_…` tables of the audit.
    pub world: Outside,
}

/// What a trace shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceVerdict {
    /// The claim that the schedule breaks, or `None` for a schedule that breaks none.
    pub claim: Option<String>,
    /// What went wrong, in the shop's words; for a clean schedule, that nothing did.
    pub sentence: String,
}

/// One step: who, what, when, and what the actor said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The actor's name: `ipn-1`. `None` for a tick and a crash of the server.
    pub actor: Option<String>,
    /// True time when the step was taken, in milliseconds since the start of the schedule.
    pub now_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// What the actor remarked when it was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Remark>,
    /// How the actor's run ended, if it ended with this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// What happened in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The actor asked and was answered at once.
    Answered {
        /// What was asked.
        call: Asked,
        /// The answer.
        answer: Told,
    },
    /// The actor asked and has to wait for others.
    Blocked {
        /// What was asked.
        call: Asked,
        /// The actors it waits for.
        by: Vec<String>,
    },
    /// What the actor asked is committed, and others see it; the answer comes once the log is written.
    Shown {
        /// What was asked.
        call: Asked,
    },
    /// The wait is over: what was asked before is answered now.
    Granted {
        /// The answer.
        answer: Told,
    },
    /// The statement went on and has to wait again, for others.
    BlockedAgain {
        /// The actors it waits for now.
        by: Vec<String>,
    },
    /// The waiting statement was chosen as a deadlock's victim.
    Deadlock {
        /// The answer: a conflict.
        answer: Told,
    },
    /// The actor asked, and the answer was lost: it is told `unknown`.
    ReplyLost {
        /// What was asked.
        call: Asked,
        /// What became of it.
        meaning: Meaning,
    },
    /// The actor died.
    Died {
        /// How.
        form: DeathForm,
    },
    /// What a lost connection had in flight took effect now.
    Landed,
    /// The server noticed that a connection is dead and rolled it back.
    Reaped,
    /// The database's server was killed and came back: no connection is left.
    Crashed {
        /// How many commits are undone: the latest that nobody had been told of.
        lost: usize,
        /// Whose call was under way, with what each was told: `unknown`.
        woken: Vec<Woken>,
    },
    /// True time moved on.
    Ticked {
        /// To this moment, in milliseconds since the start of the schedule.
        to_ms: i64,
        /// Whose wait or time-out ended with it, with what each was told.
        woken: Vec<Woken>,
    },
}

/// An actor whose wait ended with a tick, or with the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Woken {
    /// Its name.
    pub actor: String,
    /// What it was told: done for a wait, a conflict for a lock time-out, `unknown` when the server was killed.
    pub answer: Told,
    /// What it remarked when it was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Remark>,
    /// How its run ended, if it ended with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// The three meanings of `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// It was done; only the answer is missing.
    Done,
    /// It was not done.
    NotDone,
    /// It is still under way, and will be done at some later step.
    Later,
}

impl Meaning {
    /// All three.
    pub const ALL: [Meaning; 3] = [Meaning::Done, Meaning::NotDone, Meaning::Later];
}

/// How an actor dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeathForm {
    /// An exception: the transaction is rolled back and the shutdown code runs.
    Soft,
    /// The process is gone and its connection is seen to die: the transaction is rolled back.
    Reset,
    /// The process is gone and the server does not know: locks, and the statement in flight, stay.
    Silent,
    /// The process lives but never does anything again; its connection stays open.
    Stop,
}

/// A call as it stands in a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The step's name: the statement's name, `begin`, `commit`, `clock`, `answer`, …
    pub name: String,
    /// The statement's canonical SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// The statement's arguments; for other calls what they carry: the answer given, the wait, the mail's id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Datum>,
}

impl From<&Call> for Asked {
    fn from(call: &Call) -> Self {
        let (sql, arguments) = match call {
            Call::Run(statement, arguments) => {
                (Some(statement.sql.to_owned()), arguments.iter().map(Datum::from).collect())
            }
            Call::Wait(wait_ms) => (None, vec![Datum::Int(i64::try_from(*wait_ms).unwrap_or(i64::MAX))]),
            Call::Mail(mail) => (None, vec![Datum::Text(mail.message_id.clone())]),
            Call::Cache(call) => (None, of_cache(call)),
            Call::Answer(answer) => (None, vec![Datum::Text(answer.name().to_owned())]),
            Call::Begin | Call::Commit | Call::Rollback | Call::Clock | Call::Checkpoint { .. } => (None, Vec::new()),
        };
        Asked { name: call.name().to_owned(), sql, arguments }
    }
}

fn of_cache(call: &CacheCall) -> Vec<Datum> {
    let key = Datum::Text(call.key().to_owned());
    match call {
        CacheCall::Add { value, lifetime_ms, .. } => {
            vec![key, Datum::Text(value.clone()), Datum::Int(i64::try_from(*lifetime_ms).unwrap_or(i64::MAX))]
        }
        CacheCall::CompareAndDelete { value, .. } => vec![key, Datum::Text(value.clone())],
        CacheCall::Get { .. } | CacheCall::Delete { .. } => vec![key],
    }
}

/// An answer as it stands in a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Done, with nothing to tell.
    Done,
    /// The rows of a read.
    Rows(Vec<Vec<Datum>>),
    /// How many rows a write matched.
    Affected(u64),
    /// A web server's clock, in milliseconds.
    Clock(i64),
    /// An error, by the name of its kind.
    Error(String),
}

impl From<&Result<Reply, paidonce_protocol::Error>> for Told {
    fn from(answer: &Result<Reply, paidonce_protocol::Error>) -> Self {
        match answer {
            Ok(Reply::Done) => Told::Done,
            Ok(Reply::Rows(rows)) => {
                Told::Rows(rows.iter().map(|row| row.0.iter().map(Datum::from).collect()).collect())
            }
            Ok(Reply::Affected(rows)) => Told::Affected(*rows),
            Ok(Reply::Clock(now_ms)) => Told::Clock(*now_ms),
            Err(error) => Told::Error(error.name().to_owned()),
        }
    }
}

/// One value in a trace. A moment is the number that a database keeps for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, expecting = "null, an integer or text")]
pub enum Datum {
    /// SQL `NULL`.
    Null,
    /// An integer.
    Int(i64),
    /// Text.
    Text(String),
}

impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Datum::Null,
            Value::Int(n) | Value::Instant(n) => Datum::Int(*n),
            Value::Text(text) => Datum::Text(text.clone()),
        }
    }
}

impl std::fmt::Display for Datum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Datum::Null => f.write_str("NULL"),
            Datum::Int(n) => write!(f, "{n}"),
            Datum::Text(text) => write!(f, "'{text}'"),
        }
    }
}

/// A mark as it stands in a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// The actor believes itself alone in this section.
    Holds(String),
    /// It no longer does.
    Ends(String),
    /// It was refused the section.
    Refused(String),
    /// Its loop of this name ended because the bound on its passes was reached.
    Exhausted(String),
}

impl From<&Mark> for Remark {
    fn from(mark: &Mark) -> Self {
        match mark {
            Mark::Holds { section, .. } => Remark::Holds(section.clone()),
            Mark::Ends { section } => Remark::Ends(section.clone()),
            Mark::Refused { section } => Remark::Refused(section.clone()),
            Mark::Exhausted { head } => Remark::Exhausted(head.clone()),
        }
    }
}

/// What happened outside the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// The mails that the mail server has, by order and message id.
    pub mails: Vec<WorldMail>,
    /// The money that the gateway took and told the shop of.
    pub taken: Vec<WorldPayment>,
    /// Who believed to hold which section, from which step to which (counted from 1; `None`: to the end).
    pub holds: Vec<WorldHold>,
    /// True when nothing was left to happen.
    pub at_rest: bool,
}

/// A mail at the mail server: a row of `world_mails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldMail {
    /// Its id.
    pub message_id: String,
    /// The order it is about.
    pub order_id: String,
}

/// Money that the gateway took: a row of `world_taken`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldPayment {
    /// The gateway's name.
    pub provider: String,
    /// The gateway's name for the payment.
    pub txn_id: String,
    /// The order that the notice named.
    pub order_id: String,
    /// In minor units.
    pub amount_cents: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The account paid.
    pub receiver: String,
}

/// One stay in a protected section: a row of `world_holds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldHold {
    /// The section's name.
    pub section: String,
    /// Who.
    pub actor: String,
    /// The step that began it, counted from 1.
    pub from_step: usize,
    /// The step that ended it, or `None` when it lasted to the end.
    pub to_step: Option<usize>,
}
