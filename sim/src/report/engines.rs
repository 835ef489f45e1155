//! What was found on each engine, and what came of replaying it: a Markdown table.

use std::collections::BTreeSet;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use paidonce_model::Engine;

use super::{Replay, Row};

/// The rows of each engine, in the model's order.
pub(crate) struct Engines<'a>(Vec<(Engine, Vec<&'a Row>)>);

/// The verdicts that are counted.
const VERDICTS: [&str; 4] = ["holds", "violated", "undecided", "not applicable"];

impl<'a> Engines<'a> {
    pub(crate) fn of(rows: &'a [Row]) -> Self {
        let of = |engine: Engine| (engine, rows.iter().filter(|row| row.engine == engine.name()).collect());
        Engines(Engine::ALL.map(of).into_iter().filter(|(_, rows): &(_, Vec<_>)| !rows.is_empty()).collect())
    }

    /// As a Markdown table.
    pub(crate) fn drawn(&self) -> String {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(["engine", "states"].into_iter().chain(VERDICTS).chain(["counterexamples"]));
        for (engine, rows) in &self.0 {
            let counted = VERDICTS.map(|verdict| rows.iter().filter(|row| row.verdict == verdict).count().to_string());
            let cells = [engine.name().to_owned(), states(rows).to_string()].into_iter().chain(counted);
            table.add_row(cells.chain([replays(rows)]));
        }
        for column in table.column_iter_mut().skip(1).take(1 + VERDICTS.len()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.trim_fmt()
    }
}

/// The distinct states of all explorations: each has a row for every claim.
fn states(rows: &[&Row]) -> u64 {
    let explored: BTreeSet<(&str, &str, u64)> =
        rows.iter().map(|row| (row.scenario.as_str(), row.protocol.as_str(), row.states)).collect();
    explored.into_iter().map(|(_, _, states)| states).sum()
}

/// `57 replayed: equal, found by the audit where there is one; 3 not replayed: no server: …`.
fn replays(rows: &[&Row]) -> String {
    let replays: Vec<&Replay> = rows.iter().filter_map(|row| row.replay.as_ref()).collect();
    let compared = replays.iter().filter(|replay| matches!(replay, Replay::Compared { .. })).count();
    let differ = replays.iter().filter(|replay| !replay.agrees()).count();
    let mut parts = Vec::new();
    if compared > 0 {
        let how = if differ == 0 { "all equal".to_owned() } else { format!("{differ} DIFFER") };
        parts.push(format!("{compared} replayed, {how}"));
    }
    let skipped: Vec<&str> = replays
        .iter()
        .filter_map(|replay| match replay {
            Replay::Skipped { skipped } => Some(skipped.as_str()),
            Replay::Compared { .. } => None,
        })
        .collect();
    let no_server = skipped.iter().filter(|why| why.starts_with("no server")).count();
    if no_server > 0 {
        parts.push(format!("{no_server} not replayed: no server"));
    }
    if skipped.len() > no_server {
        parts.push(format!("{} cannot be replayed", skipped.len() - no_server));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::row;
    use super::*;

    #[test]
    fn an_engine_has_one_line_with_its_verdicts_and_replays() {
        let mut rows = vec![row("settle", "retries_end", None), row("settle", "no_update_is_lost", None)];
        rows.extend([row("unlocked", "retries_end", Some(7)), row("unlocked", "no_update_is_lost", Some(5))]);
        rows.extend([row("row_lock", "retries_end", Some(9)), row("row_lock", "no_update_is_lost", Some(4))]);
        rows[3].replay = Some(Replay::Compared {
            engine: "sqlite/immediate".to_owned(),
            rows_equal: true,
            audit_found: None,
            agrees: true,
            difference: None,
        });
        rows[4].replay = Some(Replay::Skipped { skipped: "step 3 cannot be replayed: it is left open".to_owned() });
        let mut server = row("settle", "retries_end", Some(3));
        server.engine = "postgres/serializable".to_owned();
        server.replay = Some(Replay::Skipped { skipped: "no server: postgres is left out".to_owned() });
        rows.push(server);
        let drawn = Engines::of(&rows).drawn();
        let lines: Vec<String> = drawn.lines().map(|line| line.replace(' ', "")).collect();
        assert_eq!(lines[0], "|engine|states|holds|violated|undecided|notapplicable|counterexamples|");
        assert_eq!(
            lines[2],
            "|sqlite/immediate|21|2|4|0|0|1replayed,allequal;2notreplayed:noserver;1cannotbereplayed|"
        );
        assert_eq!(lines[3], "|postgres/serializable|7|0|1|0|0|1notreplayed:noserver|");
        assert_eq!(lines.len(), 4);
    }
}
