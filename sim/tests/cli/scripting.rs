//! `paidonce script`, on scripts as people write them.

use super::support::Folder;

const SCRIPT: &str = "setup
  CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);
  INSERT INTO t (id, n) VALUES (1, 0);

T1: begin
T2: UPDATE t SET n = 1 WHERE id = 1
T1: SELECT n FROM t WHERE id = 1
T1: commit
";

#[test]
fn a_rewrite_keeps_every_step_whatever_ends_the_lines() {
    let folder = Folder::new();
    for text in [SCRIPT.to_owned(), SCRIPT.replace('\n', "\r\n"), SCRIPT.trim_end().to_owned()] {
        folder.write("s.script", &text);
        for _ in 0..2 {
            folder.run(&["script", "s.script", "--engine", "sqlite/deferred", "--rewrite"]).expect(0, &["written"]);
            assert!(folder.read("s.script").starts_with(text.trim_end()), "{}", folder.read("s.script"));
        }
        folder.run(&["script", "s.script", "--engine", "sqlite/deferred"]).expect(0, &["as written in the script"]);
    }
}

#[test]
fn a_session_begins_at_its_own_level_on_a_real_database_too() {
    let folder = Folder::new();
    for (level, engine, comes_to) in
        [("immediate", "sqlite/deferred", "… blocks"), ("deferred", "sqlite/immediate", "1 row")]
    {
        folder.write("s.script", format!("session T1 {level}\n{SCRIPT}"));
        let ran = folder.run(&["script", "s.script", "--engine", engine, "--both"]);
        ran.expect(
            0,
            &[
                &format!("T2: UPDATE t SET n = 1 WHERE id = 1  {comes_to}"),
                "the model allows what the real engine does",
            ],
        );
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_line() {
    let folder = Folder::new();
    for (from, to, says) in [
        (
            "T1: commit\n",
            "T1: commit\n---- oracle/x\n",
            "s.script:9: there is no engine `oracle/x`; the engines are sqlite/immediate",
        ),
        (
            "setup\n",
            "session T1 deferred\nsession T1 immediate\nsetup\n",
            "s.script:2: the level of T1 is said a second time",
        ),
    ] {
        folder.write("s.script", SCRIPT.replace(from, to));
        folder.run(&["script", "s.script", "--engine", "sqlite/deferred"]).expect(2, &[says]);
    }
    let ran = folder.run_with(&["script", "-", "--engine", "sqlite/deferred", "--rewrite"], SCRIPT);
    ran.expect(2, &["--rewrite writes into the script's file, and `-` is none"]);
    assert!(!folder.path("-").exists());
}

#[test]
fn more_ways_than_are_taken_are_undecided_and_never_cut_off_silently() {
    let folder = Folder::new();
    let ids = 1..=6;
    let rows: Vec<String> = ids.clone().map(|id| format!("({id}, 0)")).collect();
    let mut text = format!(
        "setup\n  CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);\n  INSERT INTO t (id, n) VALUES {};\n\n",
        rows.join(", ")
    );
    ids.clone().for_each(|id| text += &format!("H{id}: begin\nH{id}: UPDATE t SET n = {id} WHERE id = {id}\n"));
    (1..=4).for_each(|who| text += &format!("W{who}: UPDATE t SET n = n + 1\n"));
    ids.for_each(|id| text += &format!("H{id}: commit\n"));
    folder.write("s.script", text);
    let asked = ["script", "s.script", "--engine", "postgres/read-committed"];
    folder.run(&asked).expect(2, &["undecided: the model has more than 20000 ways through it"]);
    let ran = folder.run(&[&asked[..], &["--rewrite"]].concat());
    ran.expect(2, &["s.script: the model has more than 20000 ways through it", "take steps away"]);
    assert!(!folder.read("s.script").contains("----"));
}

#[test]
fn what_a_statement_names_wrongly_is_told_with_its_line_and_what_there_is() {
    let folder = Folder::new();
    for (sql, engine, says) in [
        ("SELECT n FROM v", "sqlite/deferred", "s.script:6: there is no table v; the schema has t"),
        ("SELECT m FROM t", "sqlite/deferred", "s.script:6: table t has no column m; it has id, n"),
        (
            "SELECT n FROM t GROUP BY n",
            "sqlite/deferred",
            "is outside the SQL that the model knows; write the statement",
        ),
        (
            "UPDATE t SET n = 2 WHERE id = 1 OR n = 3",
            "mariadb/read-committed",
            "s.script:6: on mariadb/read-committed, what",
        ),
    ] {
        folder.write("s.script", SCRIPT.replace("UPDATE t SET n = 1 WHERE id = 1", sql));
        folder.run(&["script", "s.script", "--engine", engine]).expect(2, &[says]);
    }
}
