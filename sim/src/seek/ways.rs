//! What may lead an engine to another outcome than the one it has come to.

use std::collections::BTreeSet;

use paidonce_model::script::{Said, Script, Transcript};
use paidonce_model::{Engine, Family};

use crate::script::Direction;

/// How PostgreSQL comes to rows is up to its planner, whose choices can be made costly
/// (postgresql.org/docs/current/runtime-config-query.html).
const POSTGRES_SETTINGS: [&str; 5] = [
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_nestloop = off; SET enable_hashjoin = off",
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off",
    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off",
];

/// What MariaDB's optimizer may do with a sub-select (mariadb.com/kb/en/optimizer-switch).
const MARIADB_SETTINGS: [&str; 4] = [
    "SET optimizer_switch = 'semijoin=off'",
    "SET optimizer_switch = 'semijoin=off,materialization=off'",
    "SET optimizer_switch = 'materialization=off,firstmatch=off,loosescan=off'",
    "SET use_stat_tables = never, optimizer_use_condition_selectivity = 1, join_cache_level = 0",
];

/// A deadlock's victim on PostgreSQL.
const DEADLOCK: &str = "40P01";

/// The directions that are worth trying, the plain one first.
pub fn ways(script: &Script, engine: Engine, allowed: &BTreeSet<Transcript>) -> Vec<Direction> {
    let mut ways = vec![Direction::default()];
    let settings: &[&'static str] = match engine.family() {
        // What it tells to wait asks again in an order that is the script's.
        Family::Sqlite => return ways,
        Family::Postgres => &POSTGRES_SETTINGS,
        Family::MariaDb => &MARIADB_SETTINGS,
    };
    let sessions = 0..script.sessions.len();
    let lines = || allowed.iter().flat_map(|transcript| &transcript.lines);
    let waits = |session: &usize| {
        lines().any(|line| line.said == Said::Blocks && line.session == script.sessions[*session].name)
            || lines().any(|line| line.does.is_none() && line.session == script.sessions[*session].name)
            || lines().any(|line| is_victim(&line.said) && line.session == script.sessions[*session].name)
    };
    let waiting: Vec<usize> = sessions.clone().filter(waits).collect();
    if !waiting.is_empty() {
        ways.extend(sessions.map(|slow| Direction { slow: Some(slow), ..Direction::default() }));
    }
    if engine.family() == Family::Postgres {
        if waiting.len() > 1 {
            ways.extend(waiting.iter().map(|last| Direction { last: Some(*last), ..Direction::default() }));
        }
        if lines().any(|line| is_victim(&line.said)) {
            ways.extend(orders(&waiting).into_iter().map(|timers| Direction { timers, ..Direction::default() }));
        }
    }
    ways.extend(settings.iter().map(|setting| Direction { setting: Some(setting), ..Direction::default() }));
    if engine.family() == Family::Postgres {
        ways.push(Direction { room: true, ..Direction::default() });
    }
    ways
}

fn is_victim(said: &Said) -> bool {
    matches!(said, Said::Failed { code: Some(code), .. } if code == DEADLOCK)
}

/// Every order of these.
fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, first) in of.iter().enumerate() {
        let mut rest = of.to_vec();
        rest.remove(place);
        all.extend(orders(&rest).into_iter().map(|rest| [&[*first][..], &rest].concat()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::orders;

    #[test]
    fn every_order_is_there_once() {
        assert_eq!(orders(&[1, 2]), [[1, 2], [2, 1]]);
        assert_eq!(orders(&[0, 1, 2]).len(), 6);
    }
}
