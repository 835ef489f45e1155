//! What the model finds, a real database finds, too: the same answers, the same rows, and the audit says so.

use paidonce_model::Claim;
use paidonce_protocol::Guard;

use crate::support::{assert_equal, counterexample, counterexamples, engines, replayed, scenario, setup, title};

/// The claims that no query can look for.
const WITHOUT_AUDIT: [&str; 7] = [
    "a_capture_is_taken_at_most_once",
    "no_update_is_lost",
    "a_request_deletes_only_the_lock_row_it_read",
    "a_release_frees_only_its_own_lock",
    "a_free_lock_is_granted",
    "no_order_is_frozen",
    "retries_end",
];

/// Replay every counterexample on both engines: how many there are, and how many of them the audit found.
fn replay_all(file: &str, protocol: &str) -> (usize, usize) {
    let scenario = scenario(file);
    let (mut all, mut found) = (0, 0);
    for engine in engines() {
        for trace in counterexamples(&setup(&scenario, protocol, engine, &[])) {
            let replayed = replayed(&trace);
            assert_equal(&trace, &replayed);
            let claim = trace.verdict.claim.as_deref().unwrap_or_default();
            if WITHOUT_AUDIT.contains(&claim) {
                assert_eq!(replayed.audit.found, None, "{}", title(&trace));
                assert!(replayed.audit.why_none.is_some(), "{}", title(&trace));
            } else {
                assert_eq!(replayed.audit.found, Some(true), "{}: {:?}", title(&trace), replayed.audit);
                assert!(!replayed.audit.violations.is_empty());
                found += 1;
            }
            assert!(replayed.agrees(), "{}", title(&trace));
            all += 1;
        }
    }
    assert!(all > 0, "{file}, {protocol}: nothing falls, so nothing was replayed");
    (all, found)
}

#[test]
fn what_breaks_unlocked_breaks_it_on_a_real_database() {
    for file in ["unlocked_ipn_and_pdt.toml", "unlocked_ipn_twice.toml"] {
        let (_, found) = replay_all(file, "unlocked");
        assert!(found > 0, "{file}");
    }
}

#[test]
fn the_stories_of_the_lock_table_come_true_on_a_real_database() {
    for file in [
        "f1_paused_past_expiry.toml",
        "f2_stolen_delete.toml",
        "f3_late_release.toml",
        "f4_clocks_apart.toml",
        "f5_released_between.toml",
        "f6_crashed_holder.toml",
        "f7_two_requests.toml",
        "f8_not_reentrant.toml",
    ] {
        replay_all(file, "lock_table");
    }
}

#[test]
fn a_protocol_beside_one_without_locks_falls_on_a_real_database() {
    for file in ["mixed_unlocked.toml", "mixed_lock_table.toml", "mixed_cancel_unlocked.toml"] {
        replay_all(file, "settle");
    }
}

#[test]
fn what_breaks_row_lock_breaks_it_on_a_real_database() {
    replay_all("two_payments.toml", "row_lock");
    replay_all("two_skus_second_short.toml", "row_lock");
}

#[test]
fn mutants_of_settle_fall_on_a_real_database() {
    for (file, guard, deaths) in [
        ("unlocked_ipn_twice.toml", Guard::UniqueKey, 0),
        ("unlocked_ipn_twice.toml", Guard::OneTransaction, 1),
        ("unlocked_ipn_twice.toml", Guard::MailInTransaction, 1),
        ("two_skus_second_short.toml", Guard::GivesBack, 0),
        ("last_units.toml", Guard::StockGuard, 0),
        ("two_payments.toml", Guard::SecondPaymentQueued, 0),
        ("late_notice.toml", Guard::LateNoticeQueued, 0),
        ("late_notice.toml", Guard::QueuesRefund, 0),
        ("unknown_order.toml", Guard::MisfitQueued, 0),
        ("wrong_amount.toml", Guard::AmountChecked, 0),
    ] {
        let mut scenario = scenario(file);
        scenario.faults.deaths = deaths;
        scenario.faults.lost_replies = 0;
        // A death uses up a delivery, and another has to follow.
        for actor in scenario.actors.iter_mut().filter(|actor| actor.ipn.is_some()) {
            actor.deliveries = actor.deliveries.max(actor.overlapping + usize::from(deaths));
        }
        for engine in engines() {
            let setup = setup(&scenario, "settle", engine, &[guard]);
            let trace = counterexample(&setup, Claim::find(guard.claim()).unwrap());
            let trace = trace.unwrap_or_else(|| panic!("{file}: nothing falls without {}", guard.name()));
            let replayed = replayed(&trace);
            assert_equal(&trace, &replayed);
            assert!(replayed.agrees() && replayed.audit.found == Some(true), "{}: {:?}", title(&trace), replayed.audit);
        }
    }
}
