//! The scenario files of this repository, built in, so that the command needs no folder beside it.

macro_rules! files {
    ($($name:literal,)*) => {
        /// Every file of `specs/scenarios/` with its text, the default first, the published ones next.
        pub const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../specs/scenarios/", $name))),)*];
    };
}

files! {
    "default.toml",
    "last_units.toml",
    "two_skus_second_short.toml",
    "two_payments.toml",
    "pending_then_completed.toml",
    "completed_then_pending.toml",
    "processed_and_completed.toml",
    "late_notice.toml",
    "wrong_amount.toml",
    "wrong_currency.toml",
    "wrong_receiver.toml",
    "unknown_order.toml",
    "refunded.toml",
    "reversal_cancelled.toml",
    "pending_only.toml",
    "lost_anywhere.toml",
    "server_crash.toml",
    "server_crash_misfit.toml",
    "server_crash_queue.toml",
    "lease_outlived.toml",
    "lease_holder_dies.toml",
    "lease_and_cancel.toml",
    "one_worker.toml",
    "two_workers.toml",
    "worker_dies.toml",
    "worker_and_cancel.toml",
    "f1_paused_past_expiry.toml",
    "f2_stolen_delete.toml",
    "f3_late_release.toml",
    "f4_clocks_apart.toml",
    "f5_released_between.toml",
    "f6_crashed_holder.toml",
    "f7_two_requests.toml",
    "f7_three_requests.toml",
    "f8_not_reentrant.toml",
    "shutdown_release_dead.toml",
    "shutdown_release_works.toml",
    "polls.toml",
    "server_crash_lease.toml",
    "unlocked_ipn_and_pdt.toml",
    "unlocked_ipn_twice.toml",
    "mixed_unlocked.toml",
    "mixed_lock_table.toml",
    "mixed_cancel_unlocked.toml",
}
