//! Settings, faults, limits, and what is to be checked.

use super::refused;

#[test]
fn settings_are_sound() {
    refused(&[
        ("attempts = 3", "attempts = 0", "27:12: settings.attempts: is 0; expected a number from 1 to 100"),
        ("attempts = 3", "attempts = 101", "27:12: settings.attempts: is 101; expected a number from 1 to 100"),
        (
            "lease_ms = 60000",
            "lease_ms = 0",
            "28:12: settings.lease_ms: is 0; expected a number from 1 to 315360000000",
        ),
        (
            "lease_ms = 60000",
            "lease_ms = 400000000000",
            "28:12: settings.lease_ms: is 400000000000; expected a number from 1 to 315360000000",
        ),
        ("lease_ms = 60000", "poll_ms = 0", "28:11: settings.poll_ms: is 0; expected a number from 1 to 315360000000"),
        ("lease_ms = 60000", "polls = 101", "28:9: settings.polls: is 101; expected a number from 0 to 100"),
        (
            "refused_answer = \"200\"",
            "refused_answer = \"503\"",
            "29:18: settings.refused_answer: there is no answer `503`; expected one of: 200, try again",
        ),
    ]);
}

#[test]
fn faults_and_limits_are_sound() {
    refused(&[
        (
            "deaths = 1",
            "deaths = 17",
            "18:14: actors[0].deliveries: is 3, and faults (deaths 17, lost_replies 1, crashes 0 of 2 at once) can use up 18; expected at least 19: the budget of deliveries exceeds the budget of faults, so that `try again` is followed by a try\n31:10: faults.deaths: is 17; expected a number from 0 to 16",
        ),
        (
            "lost_replies = 1",
            "lost_replies = 17",
            "18:14: actors[0].deliveries: is 3, and faults (deaths 1, lost_replies 17, crashes 0 of 2 at once) can use up 18; expected at least 19: the budget of deliveries exceeds the budget of faults, so that `try again` is followed by a try\n32:16: faults.lost_replies: is 17; expected a number from 0 to 16",
        ),
        (
            "ticks = 2",
            "ticks = 2\ncrashes = 17",
            "18:14: actors[0].deliveries: is 3, and faults (deaths 1, lost_replies 1, crashes 17 of 2 at once) can use up 36; expected at least 37: the budget of deliveries exceeds the budget of faults, so that `try again` is followed by a try\n34:11: faults.crashes: is 17; expected a number from 0 to 16",
        ),
        ("ticks = 2", "ticks = 21", "33:9: faults.ticks: is 21; expected a number from 0 to 20"),
        (
            "ticks = 2",
            "ticks = 2\ndeath_forms = []",
            "34:15: faults.death_forms: is empty; expected some of soft, reset, silent and stop, or no such field for all but stop",
        ),
        (
            "ticks = 2",
            "ticks = 2\ndeath_forms = [\"soft\", \"soft\"]",
            "34:24: faults.death_forms[1]: stands here twice; expected each form once",
        ),
        (
            "idle_limit_ms = 10000",
            "lock_timeout_ms = 0",
            "35:19: limits.lock_timeout_ms: is 0; expected a number from 1 to 315360000000",
        ),
        (
            "idle_limit_ms = 10000",
            "idle_limit_ms = -1",
            "35:17: limits.idle_limit_ms: is -1; expected a number from 1 to 315360000000",
        ),
        (
            "idle_limit_ms = 10000",
            "idle_limit_ms = 60001",
            "36:13: limits.freeze_ms: is 60000; expected at least idle_limit_ms (60001), for which the database itself keeps a dead connection's locks",
        ),
        (
            "freeze_ms = 60000",
            "freeze_ms = 315360000001",
            "36:13: limits.freeze_ms: is 315360000001; expected a number from 1 to 315360000000",
        ),
        (
            "\nfreeze_ms = 60000",
            "0",
            "34:1: limits.freeze_ms: is 60000; expected at least idle_limit_ms (100000), for which the database itself keeps a dead connection's locks",
        ),
        (
            "[[orders]]",
            "assume = [\"nobody_outlives_a_lease\", \"nobody_outlives_a_lease\"]\n[[orders]]",
            "2:38: assume[1]: stands here twice; expected each assumption once",
        ),
    ]);
}

#[test]
fn what_is_checked_is_known() {
    refused(&[
        (
            "\"sqlite/immediate\"",
            "\"sqlite\"",
            "39:12: check[0].engines[0]: there is no engine `sqlite`; expected one of: ENGINES",
        ),
        (
            "\"sqlite/immediate\"",
            "\"sqlite/immediate\", \"sqlite/immediate\"",
            "39:32: check[0].engines[1]: is `sqlite/immediate`, as check[0].engines[0] is; expected each once",
        ),
        (
            "[\"sqlite/immediate\"]",
            "[]",
            "39:11: check[0].engines: is empty; expected at least one of ENGINES; or no such field for all of them",
        ),
        (
            "\"retries_end\"",
            "\"retries_ends\"",
            "40:11: check[0].claims[0]: there is no claim `retries_ends`; expected one of: a_payment_is_booked_at_most_once, stock_is_never_oversold, stock_agrees_with_orders, an_order_is_never_half_settled, taken_money_is_never_lost, refunds_never_exceed_payments, no_update_is_lost, a_lease_has_one_holder, a_request_deletes_only_the_lock_row_it_read, a_release_frees_only_its_own_lock, a_free_lock_is_granted, the_buyer_is_mailed_once, no_order_is_frozen, retries_end",
        ),
        (
            "[\"retries_end\"]",
            "[]",
            "40:10: check[0].claims: is empty; expected at least one claim, or no such field for all of them",
        ),
    ]);
}
