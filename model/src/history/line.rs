//! The form of a history: a head, and then one line for each thing that happened, in the order of time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;
use crate::trace::{Asked, Datum, Told};

/// The version of the format written here. A reader refuses any other.
pub const HISTORY_VERSION: u32 = 1;

/// The committed rows, by table.
pub type Tables = BTreeMap<String, Vec<Vec<Datum>>>;

/// A history's first line: what ran, on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`HISTORY_VERSION`].
    pub version: u32,
    /// The engine by its name: `sqlite/immediate`.
    pub engine: String,
    /// The protocol in the notice role.
    pub protocol: String,
    /// The seed that the round was drawn from.
    pub seed: u64,
    /// The number of the round.
    pub round: u64,
    /// The shop at the start, and every request that may come: a process is one request, under its name.
    pub scenario: Scenario,
}

/// Any other line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// A process is there, and is about to connect.
    Comes {
        /// The request's name: `ipn-1`.
        who: String,
    },
    /// It is about to send this call.
    Asks {
        /// The request's name.
        who: String,
        /// The call, without its SQL.
        call: Asked,
    },
    /// It has the answer to its last call.
    Told {
        /// The request's name.
        who: String,
        /// The answer.
        answer: Told,
    },
    /// Its code has come to its end.
    Ends {
        /// The request's name.
        who: String,
        /// How, in the protocol's word.
        outcome: String,
    },
    /// The driver is about to send it `SIGKILL`.
    Kill {
        /// The request's name.
        who: String,
    },
    /// The operating system says that the process died of it.
    Gone {
        /// The request's name.
        who: String,
    },
    /// The driver is about to send `SIGKILL` to the database's server.
    ServerKill,
    /// The server is there again.
    ServerBack,
    /// The committed rows at the end, by table.
    Rows {
        /// In any order.
        rows: Tables,
    },
}

impl Line {
    /// Whose line it is, if it is a process's.
    pub fn who(&self) -> Option<&str> {
        match self {
            Line::Comes { who }
            | Line::Asks { who, .. }
            | Line::Told { who, .. }
            | Line::Ends { who, .. }
            | Line::Kill { who }
            | Line::Gone { who } => Some(who),
            Line::ServerKill | Line::ServerBack | Line::Rows { .. } => None,
        }
    }
}
