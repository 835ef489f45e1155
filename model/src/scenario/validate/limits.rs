//! Rules for numbers: clocks, settings, faults and time limits.

use super::{Rules, TEN_YEARS_MS};
use crate::scenario::names::REFUSED_ANSWERS;

/// The most servers, the most faults of a kind and the most ticks: far beyond what can be explored to the end.
const MOST_SERVERS: usize = 16;
const MOST_FAULTS: u8 = 16;
const MOST_TICKS: u8 = 20;
/// The most tries of a transaction, and of a lock.
const MOST_TRIES: u64 = 100;

impl Rules<'_> {
    pub(super) fn servers(&mut self) {
        let servers = &self.scenario.servers;
        self.expect(!servers.is_empty(), "servers", || "is empty; expected at least one server".to_owned());
        self.expect(!self.is_explored || servers.len() <= MOST_SERVERS, "servers", || {
            format!("has {} servers; expected at most {MOST_SERVERS}", servers.len())
        });
        self.each_once("servers", ".name", servers.iter().map(|server| &server.name));
        for (index, server) in servers.iter().enumerate() {
            self.plain_name(&format!("servers[{index}].name"), &server.name);
            let offset = format!("servers[{index}].clock_offset_ms");
            self.within(offset, server.clock_offset_ms, -TEN_YEARS_MS..=TEN_YEARS_MS);
        }
    }

    pub(super) fn limits(&mut self) {
        let settings = &self.scenario.settings;
        self.within("settings.attempts", settings.attempts, 1..=MOST_TRIES);
        self.within("settings.polls", settings.polls, 0..=MOST_TRIES);
        self.within("settings.lease_ms", settings.lease_ms, 1..=TEN_YEARS_MS.unsigned_abs());
        self.within("settings.poll_ms", settings.poll_ms, 1..=TEN_YEARS_MS.unsigned_abs());
        self.within("settings.work_ms", settings.work_ms, 0..=TEN_YEARS_MS.unsigned_abs());
        self.known("settings.refused_answer", "answer", &settings.refused_answer, REFUSED_ANSWERS);

        let limits = &self.scenario.limits;
        self.within("limits.lock_timeout_ms", limits.lock_timeout_ms, 1..=TEN_YEARS_MS);
        self.within("limits.idle_limit_ms", limits.idle_limit_ms, 1..=TEN_YEARS_MS);
        self.within("limits.freeze_ms", limits.freeze_ms, 1..=TEN_YEARS_MS);
        self.expect(limits.freeze_ms >= limits.idle_limit_ms, "limits.freeze_ms", || {
            format!(
                "is {}; expected at least idle_limit_ms ({}), for which the database itself keeps a dead connection's \
                 locks",
                limits.freeze_ms, limits.idle_limit_ms
            )
        });
        self.faults();
        self.assumptions();
    }

    fn faults(&mut self) {
        let faults = &self.scenario.faults;
        if self.is_explored {
            self.within("faults.deaths", faults.deaths, 0..=MOST_FAULTS);
            self.within("faults.lost_replies", faults.lost_replies, 0..=MOST_FAULTS);
            self.within("faults.ticks", faults.ticks, 0..=MOST_TICKS);
            self.within("faults.crashes", faults.crashes, 0..=MOST_FAULTS);
        }
        let Some(forms) = &faults.death_forms else { return };
        self.expect(!forms.is_empty(), "faults.death_forms", || {
            "is empty; expected some of soft, reset, silent and stop, or no such field for all but stop".to_owned()
        });
        for (index, form) in forms.iter().enumerate() {
            self.expect(!forms[..index].contains(form), format!("faults.death_forms[{index}]"), || {
                "stands here twice; expected each form once".to_owned()
            });
        }
    }

    fn assumptions(&mut self) {
        for (index, assume) in self.scenario.assume.iter().enumerate() {
            self.expect(!self.scenario.assume[..index].contains(assume), format!("assume[{index}]"), || {
                "stands here twice; expected each assumption once".to_owned()
            });
        }
    }
}
