//! What is no history is told with its line.

use paidonce_model::Engine;
use paidonce_model::history::History;

use crate::support::twice;

/// Line 3 is the first call of the first delivery.
fn text() -> Vec<String> {
    twice(Engine::SqliteImmediate).text().lines().map(str::to_owned).collect()
}

fn refused(lines: &[String]) -> String {
    History::parse(&lines.join("\n")).unwrap_err().to_string()
}

#[test]
fn a_line_that_is_none_is_named() {
    let with = |place: usize, line: &str| {
        let mut lines = text();
        lines[place] = line.to_owned();
        refused(&lines)
    };
    assert_eq!(refused(&[]), "line 1: there is no line at all");
    assert!(with(0, "{}").starts_with("line 1: is no history's head: that says its version"));
    assert!(with(0, r#"{"version":9}"#).contains("the version is 9; this paidonce reads version 1 only"));
    assert!(with(0, r#"{"version":1}"#).contains("missing field `engine`"));
    assert!(with(2, r#"{"event":"asks"}"#).starts_with("line 3: is no line of a history: missing field"));
    assert!(with(2, r#"{"event":"sleeps"}"#).contains("unknown variant `sleeps`"));
    assert!(with(2, "nonsense").starts_with("line 3: is no line of a history"));
    assert!(with(1, r#"{"event":"comes","who":"bob-1"}"#).contains("line 2: there is no request bob-1"));
}

#[test]
fn a_line_that_contradicts_those_before_it_is_named() {
    let mut lines = text();
    lines.remove(2);
    assert_eq!(refused(&lines), "line 3: cannot follow the lines before it");
    let mut lines = text();
    lines.push(lines[2].clone());
    assert_eq!(refused(&lines), format!("line {}: comes after the rows at the end", lines.len()));
    let mut lines = text();
    lines[2] = r#"{"event":"server_back"}"#.to_owned();
    assert_eq!(refused(&lines), "line 3: cannot follow the lines before it");
}

#[test]
fn a_line_that_was_cut_short_was_its_writers_last() {
    let mut lines = text();
    lines.truncate(3);
    let cut = lines[2][..lines[2].len() / 2].to_owned();
    lines.push(cut);
    lines.push(String::new());
    let history = History::parse(&lines.join("\n")).unwrap();
    assert_eq!((history.cut(), history.processes()[0].calls.len()), (1, 1));
}
