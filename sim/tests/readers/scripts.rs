use std::path::Path;

use paidonce_model::Engine;
use paidonce_model::script::{Prepared, Script};

use crate::edits::{each_text, is_line_of};

/// So many ways through a script are taken here.
const WAYS: usize = 20;

fn samples() -> Vec<String> {
    let mut samples = Vec::new();
    for folder in ["hermitage", "kept"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/scripts").join(folder);
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        samples.extend(paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()));
    }
    samples
}

#[test]
fn a_script_is_read_and_can_be_played_or_its_line_is_named() {
    each_text(samples(), 2_000, |text| {
        let wrong = |error: paidonce_model::script::ScriptError| is_line_of(error.line, text, &error);
        let script = match Script::parse("edited.script", text) {
            Ok(script) => script,
            Err(error) => return wrong(error),
        };
        let engine = Engine::ALL[text.len() % Engine::ALL.len()];
        let played = Prepared::new(&script, "edited.script", engine).and_then(|prepared| {
            for order in prepared.orders()?.iter().take(2) {
                for transcript in prepared.transcripts_within(order, WAYS).0 {
                    script.shows_anomaly(&transcript);
                    prepared.follow(order, &transcript, WAYS);
                }
            }
            Ok(())
        });
        played.or_else(wrong)
    });
}
