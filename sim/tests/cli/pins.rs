//! The pins of the bare command and of `paidonce mutants`. What they find is the subject of other tests.

use super::support::Folder;

#[test]
fn pins_that_cannot_be_used_are_refused_before_anything_is_checked() {
    let folder = Folder::new();
    folder.write("damaged.toml", "verdict = [{ scenario = 1 }]");
    for command in [&[][..], &["mutants"]] {
        let run = |file: &str| folder.run(&[command, &["--manifest", file]].concat());
        run("none.toml").expect(2, &["none.toml"]);
        run("damaged.toml").expect(2, &["damaged.toml", "line 1"]);
    }
}
