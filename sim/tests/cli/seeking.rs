//! `paidonce seek`: the outcomes of a script that a real engine comes to.

use paidonce_sqlx::server::{Server, Software, all_engines_wanted};

use super::support::Folder;

const SETUP: &str = "\
setup
  CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
  INSERT INTO t (id, n) VALUES (1, 0), (2, 0);

";

/// Any of the two may be the victim.
const DEADLOCK: &str = "\
T1: begin
T2: begin
T1: UPDATE t SET n = 1 WHERE id = 1
T2: UPDATE t SET n = 2 WHERE id = 2
T1: UPDATE t SET n = 1 WHERE id = 2
T2: UPDATE t SET n = 2 WHERE id = 1
";

/// One of two waiters is awake first, and is not overtaken: what the model allows besides is never seen.
const QUEUE: &str = include_str!("../../../specs/scripts/kept/a_new_version_has_a_queue_of_its_own.script");

#[test]
fn what_comes_to_one_outcome_is_not_looked_for() {
    let folder = Folder::new();
    folder.write("one.script", format!("{SETUP}T1: SELECT n FROM t WHERE id = 1\n"));
    let ran = folder.run(&["seek", "one.script"]).expect(0, &["nothing to look for: each script comes to one outcome"]);
    assert!(ran.last_line().ends_with("paidonce seek one.script --rounds 20"), "{ran:?}");
}

#[test]
fn what_cannot_be_looked_for_is_named() {
    let folder = Folder::new();
    folder.write("deadlock.script", format!("{SETUP}{DEADLOCK}"));
    folder.run(&["seek"]).expect(2, &["<FILE>"]);
    folder.run(&["seek", "nowhere.script"]).expect(2, &["cannot read nowhere.script"]);
    folder.run(&["seek", "deadlock.script", "--rounds", "0"]).expect(2, &["--rounds"]);
    let seek = ["seek", "deadlock.script", "--engine", "postgres/read-committed"];
    folder.run_in(&seek, "", &[("PAIDONCE_POSTGRES_URL", "none")]).expect(2, &["postgres is left out"]);
}

#[test]
fn each_outcome_is_told_with_what_led_to_it_and_the_exit_status_says_whether_one_is_missing() {
    match Server::shared(Software::Postgres) {
        Ok(server) if server.is_private() => {}
        Err(error) if all_engines_wanted() => panic!("{error}"),
        _ => return println!("left out: there is no PostgreSQL that can be started here"),
    }
    let folder = Folder::new();
    folder.write("deadlock.script", format!("{SETUP}{DEADLOCK}"));
    folder.write("queue.script", QUEUE);
    let engine = ["--engine", "postgres/read-committed"];
    let deadlock = folder.run(&[&["seek", "deadlock.script"][..], &engine].concat());
    deadlock.expect(0, &["2 of 2 outcomes seen", "with: as it comes"]);
    let queue = folder.run(&[&["seek", "queue.script", "--rounds", "1", "--json"][..], &engine].concat());
    let found = queue.expect(1, &[]).json();
    assert_eq!((&found[0]["allowed"], &found[0]["forbidden"]), (&2.into(), &serde_json::json!([])));
    assert_eq!(found[0]["unseen"].as_array().map(Vec::len), Some(1), "the one that never happens: {found}");
}
