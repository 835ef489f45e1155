//! Schedules on a real MariaDB, whose own rules are not modelled yet: those in which nobody waits come out the same there.

use paidonce::replay::{Place, Replayed, replay_blocking};
use paidonce_model::Engine;
use paidonce_model::trace::{Event, Trace};
use paidonce_sqlx::server::{Server, Software, all_engines_wanted};

use crate::support::{assert_equal, counterexamples, sampled, scenario, setup, title};

fn replayed_on_mariadb(mut trace: Trace, level: &str) -> Option<Replayed> {
    match Server::shared(Software::MariaDb) {
        Ok(_) => {}
        Err(error) if all_engines_wanted() => panic!("{error}"),
        Err(error) => {
            println!("left out: {error}");
            return None;
        }
    }
    trace.engine = level.to_owned();
    Some(replay_blocking(&trace, &Place::default()).unwrap_or_else(|error| panic!("{}: {error}", title(&trace))))
}

fn nobody_waits(trace: &Trace) -> bool {
    trace.steps.iter().all(|step| !matches!(step.event, Event::Blocked { .. }))
}

#[test]
fn a_payment_is_booked_twice_on_a_real_mariadb_too() {
    let scenario = scenario("unlocked_ipn_twice.toml");
    let all = counterexamples(&setup(&scenario, "unlocked", Engine::PostgresReadCommitted, &[]));
    let claim = Some("a_payment_is_booked_at_most_once");
    let trace = all.into_iter().find(|trace| trace.verdict.claim.as_deref() == claim).unwrap();
    for level in ["mariadb/read-committed", "mariadb/repeatable-read"] {
        let Some(replayed) = replayed_on_mariadb(trace.clone(), level) else { return };
        assert_equal(&trace, &replayed);
        assert!(replayed.agrees() && replayed.audit.found == Some(true), "{:?}", replayed.audit);
    }
}

#[test]
fn a_schedule_in_which_nobody_waits_comes_out_the_same_on_a_real_mariadb() {
    let scenario = scenario("two_skus_second_short.toml");
    let mut replayed = 0;
    for protocol in ["settle", "row_lock"] {
        let setup = setup(&scenario, protocol, Engine::PostgresReadCommitted, &[]);
        for trace in (0..200).map(|seed| sampled(&setup, seed)).filter(nobody_waits).take(5) {
            let Some(came_out) = replayed_on_mariadb(trace.clone(), "mariadb/read-committed") else { return };
            assert_equal(&trace, &came_out);
            replayed += 1;
        }
    }
    assert!(replayed > 2, "{replayed} schedules in which nobody waits");
}
