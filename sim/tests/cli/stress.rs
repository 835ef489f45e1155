//! `paidonce stress` and `paidonce explain`

use std::ops::Range;

use paidonce_sqlx::server::{Server, Software, all_engines_wanted};
use serde_json::Value;

use super::support::{Folder, Ran};

/// Run some of the first five rounds of a seed, which have to end with this status: what came of them. In the first two the
/// server is killed, in the next three some processes.
fn stress(numbers: Range<u64>, arguments: &[&str], status: i32) -> Value {
    let rounds = numbers.end - numbers.start;
    let from = numbers.start.to_string();
    let folder = Folder::new();
    let count = rounds.to_string();
    let all = [&["stress", "--json", "--seed", "1", "--from", &from, "--rounds", &count], arguments].concat();
    let ran = folder.run(&all);
    let unexplained = ran.json()[0]["kept"].as_array().map_or(0, Vec::len);
    if unexplained > 0 {
        // It does not come again: here it is.
        let kept = ran.json()[0]["kept"][0].as_str().map(|path| folder.read(path));
        panic!("{ran:?}\n{}", kept.unwrap_or_default());
    }
    let mut json = ran.expect(status, &[]).json();
    let tally = json[0].take();
    // Whoever reads this after a failure needs the seed and the rounds.
    let says = format!("{tally:#}");
    assert_eq!((&tally["rounds"], &tally["explained"]), (&rounds.into(), &rounds.into()), "{says}");
    assert_eq!((&tally["unexplained"], &tally["undecided"]), (&0.into(), &0.into()), "{says}");
    tally
}

/// The default level of each server that is here, and whether the server is ours to be killed.
fn servers() -> Vec<(&'static str, bool)> {
    let all = [(Software::Postgres, "postgres/read-committed"), (Software::MariaDb, "mariadb/repeatable-read")];
    let is_here = |(software, engine): (Software, &'static str)| match Server::is_here(software) {
        Ok(()) => Some((engine, std::env::var_os(software.variable()).is_none_or(|url| url.is_empty()))),
        Err(error) if all_engines_wanted() => panic!("{error}"),
        Err(error) => {
            println!("left out: {error}");
            None
        }
    };
    all.into_iter().filter_map(is_here).collect()
}

#[test]
fn settle_and_cancel_keep_their_books_whoever_is_killed() {
    let engines = [("sqlite/immediate", false)].into_iter().chain(servers());
    for (engine, has_own_server) in engines {
        let tally = stress(0..5, &["--engine", engine], 0);
        assert_eq!((&tally["dirty"], &tally["given_up"]), (&0.into(), &0.into()), "{tally:#}");
        assert!(tally["kills"].as_u64() > Some(0), "nobody was killed: {tally:#}");
        assert_eq!(tally["server_kills"].as_u64() > Some(0), has_own_server, "{tally:#}");
    }
}

#[test]
fn unlocked_leaves_dirty_books_and_the_model_explains_how() {
    let engines = ["sqlite/immediate"].into_iter().chain(servers().into_iter().map(|(engine, _)| engine));
    let finds_a_booking = |tally: &Value| {
        let findings = tally["findings"].as_array().expect("findings are listed");
        findings.iter().any(|found| found.as_str().is_some_and(|says| says.contains("was booked")))
    };
    for engine in engines {
        // What a round comes to is chance: a few more where the machine is busy with something else.
        let mut rounds = (0..10).map(|some| {
            let tally = stress(3 * some..3 * some + 3, &["--settle", "unlocked", "--engine", engine], 1);
            assert!(tally["dirty"].as_u64() > Some(0), "{tally:#}");
            tally
        });
        assert!(rounds.any(|tally| finds_a_booking(&tally)), "thirty rounds on {engine}, and nothing was booked twice");
    }
}

/// A folder with the history of one round, `history.jsonl`.
fn with_history() -> Folder {
    let folder = Folder::new();
    let ran = folder.run(&["stress", "--rounds", "1", "--keep", "."]);
    let history = folder.read("history-sqlite-immediate-1-0.jsonl");
    // One without an explanation does not come again: here it is.
    assert_eq!(ran.status, 0, "{ran:?}\n{history}");
    ran.expect(0, &["1 rounds · books clean · 1 histories explained"]);
    folder.write("history.jsonl", history);
    folder
}

#[test]
fn a_history_is_explained_by_a_schedule_that_can_be_drawn() {
    let folder = with_history();
    let ran = folder.run(&["explain", "history.jsonl", "--trace-out", "schedule.json"]);
    assert!(ran.first_line().starts_with("history · settle · sqlite/immediate · seed 1, round 0 · "), "{ran:?}");
    ran.expect(0, &["explained: by a schedule of"]);
    folder.run(&["show", "schedule.json"]).expect(0, &["lock_order('1')"]);
    let json = folder.run_with(&["explain", "-", "--json"], &folder.read("history.jsonl")).expect(0, &[]).json();
    assert_eq!((&json["explained"], &json["line"]), (&true.into(), &Value::Null));
}

#[test]
fn a_history_with_one_other_answer_is_refused_at_its_line() {
    let folder = with_history();
    let history = folder.read("history.jsonl");
    let mut refused = 0;
    // Of an order that is there: whoever asks it, and whatever others do, is told 1.
    let is_lock = |history: &str, index: usize| {
        let who = history.lines().nth(index).and_then(|line| line.split("\"who\":").nth(1)?.split(',').next());
        let before: Vec<&str> = history.lines().take(index).collect();
        let asks = before.iter().rev().find(|line| who.is_some_and(|who| line.contains(who)));
        asks.is_some_and(|line| line.contains("lock_order"))
    };
    for (index, line) in history.lines().enumerate().filter(|(_, line)| line.contains(r#"{"affected":1}"#)) {
        if !is_lock(&history, index) {
            continue;
        }
        let altered = line.replace(r#"{"affected":1}"#, r#"{"affected":0}"#);
        let lines = history.lines().enumerate().map(|(place, line)| if place == index { &altered } else { line });
        folder.write("altered.jsonl", lines.collect::<Vec<_>>().join("\n"));
        let says = format!("no explanation: line {} is the first without one:", index + 1);
        let ran: Ran = folder.run(&["explain", "altered.jsonl"]).expect(1, &[&says, ": 0 rows matched"]);
        assert!(ran.last_line().ends_with("paidonce explain altered.jsonl"), "{ran:?}");
        refused += 1;
    }
    assert!(refused > 1, "{history}");
}

#[test]
fn what_cannot_be_compared_or_read_is_told() {
    let folder = Folder::new();
    folder.run(&["stress", "--settle", "lock_table"]).expect(2, &["lock_table reads the time of day"]);
    folder.run(&["stress", "--settle", "cancel"]).expect(2, &["it is the admin's"]);
    folder.run(&["stress", "--cancel", "settle"]).expect(2, &["there are cancel_unlocked, cancel"]);
    folder.run(&["explain", "none.jsonl"]).expect(2, &["cannot read none.jsonl"]);
    folder.write("other.jsonl", "{\"version\":7}\n");
    folder.run(&["explain", "other.jsonl"]).expect(2, &["other.jsonl: line 1: the version is 7"]);
    folder.run(&["deliver", "other.jsonl", "ipn-1", "--database", "sqlite:none.db"]).expect(2, &["missing field"]);
}
