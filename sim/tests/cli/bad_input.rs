//! Whatever is unknown or damaged is refused with 2, and the answer says what would be right.

use std::process::{Command, Stdio};

use super::support::Folder;

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let folder = Folder::new();
    let check = |arguments: &[&str]| folder.run(&[&["check"], arguments].concat());
    check(&["setle"]).expect(2, &["setle", "unlocked, lock_table, row_lock, queue, settle, fenced_lease, worker"]);
    check(&["--engine", "oracle"]).expect(2, &["sqlite/immediate, sqlite/deferred, postgres/read-committed"]);
    check(&["--claim", "all_is_well"]).expect(2, &["a_payment_is_booked_at_most_once, stock_is_never_oversold"]);
    check(&["--scenario", "nowhere"]).expect(2, &["default, last_units", "unlocked_ipn_twice"]);
    check(&["--actors", "cron=1"]).expect(2, &["its actors are ipn, pdt, admin"]);
    folder.run(&["show", "t.json", "--as", "png"]).expect(2, &["text, mermaid, svg or json"]);
}

#[test]
fn an_admin_s_protocol_is_told_apart_from_an_unknown_one() {
    let ran = Folder::new().run(&["check", "cancel"]);
    ran.expect(
        2,
        &[
            "it is the admin's",
            "(row_lock, settle, fenced_lease, worker)",
            "unlocked, lock_table, row_lock, queue, settle, fenced_lease, worker",
        ],
    );
}

#[test]
fn other_bounds_that_break_a_rule_name_the_field() {
    let folder = Folder::new();
    folder.run(&["check", "--actors", "ipn=2"]).expect(2, &["actors[0].deliveries: is 2", "--actors"]);
    folder.run(&["check", "--faults", "deaths=99"]).expect(2, &["faults.deaths: is 99", "--faults"]);
    folder.run(&["check", "--faults", "pauses=1"]).expect(2, &["deaths=N, lost_replies=N, ticks=N and crashes=N"]);
    folder.run(&["check", "--actors", "ipn"]).expect(2, &["NAME=OVERLAPPING/DELIVERIES"]);
}

#[test]
fn a_trace_that_cannot_be_read_is_told_where() {
    let folder = Folder::new();
    folder.run(&["show", "none.json"]).expect(2, &["none.json"]);
    folder.write("broken.json", "{");
    folder.write("old.json", "{\"version\": 99}");
    folder.write("damaged.json", "{\"version\": 1, \"protocol\": 7}");
    folder.write("latin.json", b"{\"version\": \xe9}");
    for command in ["show", "replay"] {
        folder.run(&[command, "broken.json"]).expect(2, &["broken.json", "not JSON"]);
        folder.run(&[command, "old.json"]).expect(2, &["old.json", "version 99", "version 1"]);
        folder.run(&[command, "damaged.json"]).expect(2, &["damaged.json", "damaged at protocol"]);
        folder.run(&[command, "latin.json"]).expect(2, &["not UTF-8 from byte 12"]);
    }
}

#[test]
fn help_has_an_example_for_every_command() {
    let folder = Folder::new();
    folder.run(&["--help"]).expect(0, &["Examples:", "Exit status", "paidonce mutants"]);
    for command in ["check", "replay", "show", "book", "audit", "mutants"] {
        folder.run(&[command, "--help"]).expect(0, &["Examples:", &format!("paidonce {command}")]);
    }
    folder.run(&["--version"]).expect(0, &["paidonce 0."]);
    folder.run(&["sing"]).expect(2, &["sing"]);
}

#[test]
fn a_reader_who_leaves_ends_the_command_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_paidonce"))
        .args(["check", "unlocked", "--scenario", "unlocked_ipn_twice"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8(done.stderr).unwrap()), (Some(2), String::new()));
}
