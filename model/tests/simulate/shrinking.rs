//! What is left of a simulation that breaks a claim.

use paidonce_model::simulate::{Options, Shrunk, seeds_until_broken, shrink, simulate};

/// The first seed that breaks a claim, shrunk.
fn shrunk(settle: &str, cancel: Option<&str>) -> Shrunk {
    let (settle, cancel) = (settle.to_owned(), cancel.map(str::to_owned));
    let options = Options { settle, cancel, ..Options::default() };
    let (_, report) = seeds_until_broken(&options, 200).expect("a simulation").expect("it is found out");
    let claim = report.found[0].claim;
    shrink(&report.options, claim, 2_000).expect("a simulation").expect("it breaks the claim again")
}

#[test]
fn a_wrong_protocol_is_left_with_few_who_come_and_what_they_break_is_the_same() {
    for settle in ["unlocked", "lock_table", "row_lock", "queue"] {
        let shrunk = shrunk(settle, None);
        let comes = shrunk.options.plan.comes.clone().expect("who comes is given");
        println!(
            "{settle}: {} by {comes:?} and {:?}, {} steps, {} runs, untold {:?}",
            shrunk.found.claim.name(),
            shrunk.options.plan.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            shrunk.trace.steps.len(),
            shrunk.runs,
            shrunk.untold
        );
        assert!(comes.len() <= 5, "{settle}: {comes:?}");
        let report = simulate(shrunk.options.clone()).expect("a simulation");
        assert!(report.found.iter().any(|found| found.claim == shrunk.found.claim), "{settle}");
    }
}
