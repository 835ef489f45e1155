//! What the README shows is what the program prints, and what it prints is as pinned.

use std::process::Command;

use paidonce_sqlx::server::{Server, Software, all_engines_wanted};

const FROM: &str = "<!-- printed by paidonce -->\n";
const TO: &str = "<!-- end -->";

#[test]
fn the_readme_shows_what_the_bare_command_prints_and_every_verdict_is_as_pinned() {
    let ran = Command::new(env!("CARGO_BIN_EXE_paidonce")).output().expect("the command runs");
    let printed = String::from_utf8(ran.stdout).expect("it prints text");
    let last = printed.lines().last().unwrap_or_default();
    assert_eq!(ran.status.code(), Some(0), "{last}");
    assert!(last.starts_with("as pinned: "), "{last}");

    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("the README");
    // The end of a run counts the replays, of which there are fewer where a server is absent.
    let all_here = match Server::shared(Software::Postgres) {
        Ok(_) => true,
        Err(error) if all_engines_wanted() => panic!("{error}"),
        Err(error) => {
            println!("left out: the end of a run: {error}");
            false
        }
    };
    let mut shown = 0;
    for part in readme.split(FROM).skip(1) {
        let part = part.split(TO).next().unwrap_or_default();
        let text: Vec<&str> = part.lines().filter(|line| !line.starts_with("```")).collect();
        let text = text.join("\n");
        let counts = text.contains("counterexamples: ") && !all_here;
        assert!(counts || printed.contains(text.trim()), "the README shows what is not printed:\n{}", text.trim());
        shown += 1;
    }
    assert_eq!(shown, 3, "the README shows a picture, the matrix and the end of a run");
}
