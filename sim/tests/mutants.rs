//! What each guard of the right protocols is good for is as pinned.

use std::process::Command;

#[test]
fn every_mutant_falls_or_stands_as_pinned() {
    let ran = Command::new(env!("CARGO_BIN_EXE_paidonce")).arg("mutants").output().expect("the command runs");
    let printed = String::from_utf8(ran.stdout).expect("it prints text");
    let last = printed.lines().last().unwrap_or_default();
    assert_eq!(ran.status.code(), Some(0), "{printed}");
    assert!(last.starts_with("as pinned: "), "{last}");
}
