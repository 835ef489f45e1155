use paidonce::report::Manifest;

use crate::edits::each_text;

#[test]
fn pins_are_read_or_their_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pins.toml");
    let path = path.to_str().unwrap();
    let whole = Manifest::read(None).unwrap();
    let some = Manifest {
        verdict: whole.verdict.into_iter().take(3).collect(),
        mutant: whole.mutant.into_iter().take(3).collect(),
        drawn: whole.drawn.into_iter().take(3).collect(),
        simulated: whole.simulated.into_iter().take(3).collect(),
    };
    each_text(vec![some.text()], 1_000, |text| {
        std::fs::write(path, text).unwrap();
        match Manifest::read(Some(path)) {
            // What is read can be written, and continued.
            Ok(mut pins) => {
                let drawn = pins.drawn.clone();
                drawn.into_iter().for_each(|run| pins.record(run));
                pins.text();
                Ok(())
            }
            Err(error) if error.to_string().contains(" line ") => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
}
