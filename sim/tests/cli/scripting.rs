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
