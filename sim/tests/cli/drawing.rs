//! `paidonce differ`: what is told of a run that does not come to its end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use paidonce::report::Manifest;
use rustix::process::{Pid, Signal, kill_process};

use super::support::Folder;

#[test]
fn an_interrupted_run_tells_what_it_has_found_and_how_it_goes_on() {
    let folder = Folder::new();
    let pins = folder.path("pins.toml");
    folder.write("pins.toml", Manifest::default().text());
    let endless = ["differ", "--engine", "sqlite/immediate", "--seed", "5", "--from", "7", "--count", "100000000"];
    let mut differ = Command::new(env!("CARGO_BIN_EXE_paidonce"))
        .args(endless)
        .args(["--rewrite", "--manifest"])
        .arg(&pins)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(differ.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert_eq!(first, "drawn scripts · sqlite/immediate · seed 5, from 7\n");
    let id = Pid::from_raw(i32::try_from(differ.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(differ.wait().unwrap().success(), "{rest}");

    let pins = Manifest::read(Some(pins.to_str().unwrap())).unwrap();
    let [run] = &pins.drawn[..] else { panic!("{pins:?}") };
    assert!(run.from == 7 && run.scripts > 0 && run.disagreements == 0, "{run:?}");
    let next =
        format!("the next script: paidonce differ --engine sqlite/immediate --seed 5 --from {}", 7 + run.scripts);
    assert!(rest.contains(&format!("{} scripts · 0 disagreements", run.scripts)) && rest.contains(&next), "{rest}");
}

#[test]
fn a_run_of_no_scripts_is_refused_and_not_a_success() {
    let folder = Folder::new();
    for (option, number, says) in [
        ("--count", "0", "0 is not in 1.."),
        ("--count", "99999999999999999999", "number too large"),
        ("--from", "18446744073709551615", "is not in 0.."),
        ("--most", "0", "at least 1 is needed"),
    ] {
        folder.run(&["differ", "--engine", "sqlite/immediate", option, number]).expect(2, &[option, says]);
    }
}
