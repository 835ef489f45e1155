//! What is left of a simulation that breaks a claim, and simulations by plan.

use paidonce_model::simulate::{Options, Plan, Rates, Shrunk, Simulation, seeds_until_broken, shrink, simulate};
use paidonce_model::trace::Event;

/// The first seed that breaks a claim, shrunk.
fn shrunk(settle: &str, cancel: Option<&str>) -> Shrunk {
    let (settle, cancel) = (settle.to_owned(), cancel.map(str::to_owned));
    let options = Options { settle, cancel, ..Options::default() };
    let (_, report) = seeds_until_broken(&options, 200).expect("a simulation").expect("it is found out");
    let claim = report.found[0].claim;
    shrink(&report.options, claim, 2_000).expect("a simulation").expect("it breaks the claim again")
}

#[test]
fn of_a_wrong_protocol_few_are_left_and_they_break_the_same_claim() {
    let alone = ["unlocked", "lock_table", "row_lock", "queue"].map(|settle| (settle, None));
    for (settle, cancel) in alone.into_iter().chain([("settle", Some("cancel_unlocked"))]) {
        let shrunk = shrunk(settle, cancel);
        let comes = shrunk.options.plan.comes.clone().expect("who comes is given");
        assert!((1..=10).contains(&comes.len()), "{settle}: {comes:?}");
        let claim = shrunk.found.claim;
        let report = simulate(shrunk.options.clone()).expect("a simulation");
        assert!(report.found.iter().any(|found| found.claim == claim), "{settle}: {}", claim.name());
        assert_eq!(shrunk.trace.verdict.claim.as_deref(), Some(claim.name()));
        assert_eq!(shrunk.trace.scenario.validate_played(), Ok(()), "{settle}");
        assert!(shrunk.trace.steps.len() < 200, "{settle}: {} steps", shrunk.trace.steps.len());
    }
}

#[test]
fn what_breaks_nothing_is_not_shrunk() {
    let claim = paidonce_model::Claim::PaymentBookedOnce;
    assert!(shrink(&Options::default(), claim, 10).expect("a simulation").is_none());
}

/// Chance belongs to each request, so that what has happened can be said, and said again.
#[test]
fn a_simulation_by_the_plan_of_what_happened_is_the_same_simulation() {
    let by_rates = Options { settle: "worker".to_owned(), ..Options::default() };
    let report = simulate(by_rates.clone()).expect("a simulation");
    assert!(report.faults.len() > 10, "{:?}", report.faults);
    let rates = Rates { pause: 0, crash: 0, lost_reply: 0, restart: 0, ..Rates::default() };
    let plan = Plan { faults: report.faults.clone(), ..Plan::default() };
    let by_plan = simulate(Options { rates, plan, ..by_rates }).expect("a simulation");
    assert_eq!((by_plan.digest, by_plan.faults), (report.digest, report.faults));
}

#[test]
fn who_is_left_out_does_not_change_what_the_others_draw() {
    let comes = |names: &[&str]| {
        let comes = names.iter().map(|name| ((*name).to_owned(), vec![0])).collect();
        let plan = Plan { comes: Some(comes), ..Plan::default() };
        let mut simulation =
            Simulation::new(Options { plan, ..Options::default() }).expect("the options are as they come");
        simulation.record();
        while !simulation.run(100).expect("no foul").at_rest {}
        let steps = simulation.trace(None).steps;
        let of_first = steps.into_iter().filter(|step| step.actor.as_deref() == Some("ipn-o1-1"));
        of_first.map(|step| step.event).filter(|event| !matches!(event, Event::Ticked { .. })).collect::<Vec<_>>()
    };
    assert_eq!(comes(&["ipn-o1"]), comes(&["ipn-o1", "ipn-o2", "ipn-o3"]));
}
