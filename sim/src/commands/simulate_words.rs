//! What `simulate` prints: for people, and for machines.

use std::io::Write;
use std::time::Duration;

use paidonce_model::simulate::{Options, Situation, Summary};
use serde_json::{Value, json};

use super::cli_simulate::Simulate;
use super::failure::Failure;
use super::simulate::{Told, differs, head};
use super::{folded, quoted};
use crate::show;
use crate::simulate::{Campaign, Explored, Real};

/// So many findings of a joined campaign are printed.
const MOST_SHOWN: usize = 5;
/// The virtual latencies that are printed.
const PERCENTS: [u64; 4] = [50, 90, 99, 100];

/// All that is printed.
pub(super) struct Shown<'a> {
    pub(super) asked: &'a Simulate,
    pub(super) campaign: &'a Campaign,
    pub(super) options: &'a Options,
    pub(super) took: Duration,
    pub(super) told: Option<&'a Told>,
    pub(super) real: &'a [(u64, Real)],
    pub(super) schedule: Option<&'a str>,
    pub(super) interrupted: bool,
    pub(super) command: String,
}

/// `1 204`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// So many in a second, when it took so long.
pub(super) fn a_second(calls: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(calls) * 1_000 / took.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// `seed 1`, `seeds 1 to 100`.
pub(super) fn seeds(first: u64, count: u64, every: u64, time: Option<Duration>) -> String {
    let every = if every > 1 { format!(", every {every}th") } else { String::new() };
    match (time, count) {
        // As many as there is time for.
        (Some(time), count) if count > 1_000_000_000 => {
            format!("seeds from {first} on{every}, for {} s", time.as_secs())
        }
        (_, 1) => format!("seed {first}"),
        (_, count) => format!("{count} seeds from {first} on{every}"),
    }
}

impl Shown<'_> {
    fn summary(&self) -> &Summary {
        &self.campaign.summary
    }

    fn never_reached(&self) -> Vec<&'static str> {
        let expected = Situation::ALL.iter().filter(|situation| situation.is_expected(self.options));
        expected
            .filter(|situation| self.summary().reached(**situation) == 0)
            .map(|situation| situation.says())
            .collect()
    }

    fn a_second(&self) -> Option<u64> {
        (!self.took.is_zero()).then(|| a_second(self.summary().calls, self.took))
    }

    /// For people.
    pub(super) fn tell(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let summary = self.summary();
        let counted = |count: &u64, what: &str| format!("{:>12}  {what}", grouped(*count));
        writeln!(out, "how requests ended")?;
        for (outcome, count) in &summary.outcomes {
            writeln!(out, "{}", counted(count, outcome))?;
        }
        writeln!(out, "what was reached")?;
        for situation in Situation::ALL.iter().filter(|situation| summary.reached(**situation) > 0) {
            writeln!(out, "{}", counted(&summary.reached(*situation), situation.says()))?;
        }
        let percentiles =
            PERCENTS.map(|percent| format!("{percent} % {} ms", grouped(summary.latency.percentile(percent))));
        writeln!(out, "virtual latency: {}", percentiles.join(", "))?;
        let never = self.never_reached();
        if !never.is_empty() {
            writeln!(out, "{}", folded("warning: ", "  ", &format!("never reached: {}", never.join("; "))))?;
        }
        self.tell_real(out)?;
        writeln!(out)?;
        if let Some(told) = self.told {
            self.tell_broken(told, out)?;
        } else {
            for broken in summary.violations.iter().take(MOST_SHOWN) {
                let says = format!("seed {}: {} is broken: {}", broken.seed, broken.claim, broken.sentence);
                writeln!(out, "{}", folded("", "  ", &says))?;
            }
        }
        if self.interrupted {
            let next = self.asked.seed.wrapping_add(self.summary().count().wrapping_mul(self.asked.shard.of));
            writeln!(out, "ended early; the next seed: {} --seed {next}", head(self.asked))?;
        }
        writeln!(out, "{} · {}", self.verdict(), self.command)?;
        Ok(())
    }

    fn tell_real(&self, out: &mut dyn Write) -> Result<(), Failure> {
        for (seed, real) in self.real {
            let says = match real {
                Real::Followed { replayed, steps, compared, .. } if replayed.agrees() => {
                    format!(
                        "seed {seed}: all {} answers equal, rows equal {compared} times on the way and at the end, audits agree",
                        grouped(*steps as u64)
                    )
                }
                Real::Followed { replayed, .. } => match &replayed.difference {
                    Some(difference) => format!("seed {seed}: DIFFERS: {difference}"),
                    None => format!("seed {seed}: DIFFERS: the audits say: {}", replayed.audit.violations.join("; ")),
                },
                Real::CutOff { step, steps, says } => {
                    format!("seed {seed}: equal up to step {step} of {steps}: {says}")
                }
            };
            writeln!(out, "{}", folded("on the real database: ", "  ", &says))?;
        }
        if let Some(path) = self.schedule {
            writeln!(out, "the schedule: paidonce replay {}", quoted(path))?;
        }
        Ok(())
    }

    fn tell_broken(&self, told: &Told, out: &mut dyn Write) -> Result<(), Failure> {
        let Told { report, broken, replay, files } = told;
        let shrunk = &broken.shrunk;
        let seed = report.options.seed;
        for found in &report.found {
            let says = format!("seed {seed}: {} is broken: {}", found.claim.name(), found.sentence);
            writeln!(out, "{}", folded("", "  ", &says))?;
        }
        let at_rest = shrunk.deliveries < shrunk.of_deliveries;
        let found = report.found.first();
        let prefix = match found.filter(|_| !at_rest) {
            Some(found) => format!("{} of {} events", grouped(found.events), grouped(report.events)),
            None => format!("the first {} of {} who come, and rest", shrunk.deliveries, shrunk.of_deliveries),
        };
        writeln!(out, "shortest prefix that breaks it: {prefix}")?;
        let come: Vec<&str> = shrunk.options.plan.comes.iter().flatten().map(|(name, _)| name.as_str()).collect();
        let faults: Vec<String> = shrunk.options.plan.faults.iter().map(ToString::to_string).collect();
        let faults = if faults.is_empty() { "no fault".to_owned() } else { faults.join(", ") };
        let left = format!("what is left after {} smaller simulations: {}; {faults}", shrunk.runs, come.join(", "));
        writeln!(out, "{}\n", folded("", "  ", &left))?;
        writeln!(out, "{}", show::text(&shrunk.trace))?;
        for untold in &shrunk.untold {
            writeln!(out, "the trace does not say that {}; the plan does", untold.says())?;
        }
        writeln!(out, "{}", folded("", "  ", &replay.told()))?;
        writeln!(out, "{}\n", folded("", "  ", &self.exhaustively(told)))?;
        let engine = quoted(self.asked.engine.name());
        let claim = shrunk.found.claim.name();
        let rates = &shrunk.options.rates;
        writeln!(out, "draw it                      paidonce show {}", quoted(&files.trace))?;
        writeln!(out, "on a real database           paidonce replay {}", quoted(&files.trace))?;
        if matches!(told.broken.exhaustive.explored, Explored::Broken { .. }) {
            writeln!(
                out,
                "in the exhaustive model      paidonce check {} --scenario {} --engine {engine} --claim {claim}",
                self.asked.settle,
                quoted(&files.scenario)
            )?;
        }
        let plan = quoted(&files.plan);
        writeln!(
            out,
            "the smaller simulation       {} --seed {seed} --faults {rates} --plan {plan}\n",
            head(self.asked)
        )?;
        Ok(())
    }

    fn exhaustively(&self, told: &Told) -> String {
        let exhaustive = &told.broken.exhaustive;
        let bounds = exhaustive.scenario.bounds();
        match &exhaustive.explored {
            Explored::Broken { steps } => format!("the exhaustive model breaks it in {steps} steps, within {bounds}"),
            Explored::NotFound { given_up: true } => {
                format!("the exhaustive model has too many states to tell, within {bounds}")
            }
            Explored::NotFound { given_up: false } => format!("the exhaustive model does not break it within {bounds}"),
            Explored::TooLarge { problem } => format!("what is left is too large for the exhaustive model: {problem}"),
        }
    }

    fn verdict(&self) -> String {
        let summary = self.summary();
        let broken = match summary.violations.first() {
            None => "no claim is broken".to_owned(),
            Some(first) => format!("{} is broken", first.claim),
        };
        let real = match self.real {
            [] => String::new(),
            real => {
                let whole =
                    real.iter().filter(|(_, real)| matches!(real, Real::Followed { .. }) && !differs(real)).count();
                let cut_off = real.iter().filter(|(_, real)| matches!(real, Real::CutOff { .. })).count();
                format!(" · real: {whole} equal, {} different, {cut_off} cut off", real.len() - whole - cut_off)
            }
        };
        let speed = self.a_second().map(|speed| format!(", {} a second", grouped(speed))).unwrap_or_default();
        format!(
            "{broken}{real} · {} seed{}, {} orders, {} calls{speed}, {} faults · digest {:016x}",
            grouped(summary.count()),
            if summary.count() == 1 { "" } else { "s" },
            grouped(summary.orders),
            grouped(summary.calls),
            grouped(summary.faults),
            summary.digest
        )
    }

    /// For machines: what `--merge` reads, and what follows from it.
    pub(super) fn json(&self) -> Value {
        let summary = self.summary();
        let percentiles: serde_json::Map<String, Value> =
            PERCENTS.iter().map(|percent| (percent.to_string(), summary.latency.percentile(*percent).into())).collect();
        let real = |(seed, real): &(u64, Real)| match real {
            Real::Followed { replayed, steps, compared, .. } => json!({
                "seed": seed, "agrees": replayed.agrees(), "steps": steps, "compared": compared,
                "difference": replayed.difference,
            }),
            Real::CutOff { step, steps, says } => json!({
                "seed": seed, "agrees": null, "steps": steps, "cut_off_at": step, "says": says,
            }),
        };
        let broken = self.told.map(|told| {
            let shrunk = &told.broken.shrunk;
            json!({
                "seed": told.report.options.seed,
                "claim": shrunk.found.claim.name(),
                "sentence": shrunk.found.sentence,
                "plan": shrunk.options.plan,
                "steps": shrunk.trace.steps.len(),
                "runs": shrunk.runs,
                "untold": shrunk.untold.iter().map(|untold| untold.says()).collect::<Vec<_>>(),
                "replay": told.replay,
                "exhaustive": self.exhaustively(told),
                "files": told.files,
            })
        });
        json!({
            "of": self.campaign.of,
            "summary": summary,
            "calls_a_second": self.a_second(),
            "latency_ms": percentiles,
            "never_reached": self.never_reached(),
            "real": self.real.iter().map(real).collect::<Vec<_>>(),
            "broken": broken,
            "schedule": self.schedule,
            "ended_early": self.interrupted,
            "command": self.command,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_groups() {
        assert_eq!([0, 12, 1_204, 1_000_000].map(grouped), ["0", "12", "1 204", "1 000 000"]);
    }

    #[test]
    fn what_is_run_stands_in_the_first_line() {
        assert_eq!(seeds(7, 1, 1, None), "seed 7");
        assert_eq!(seeds(2, 50, 4, None), "50 seeds from 2 on, every 4th");
        assert_eq!(seeds(1, u64::MAX, 1, Some(Duration::from_secs(60))), "seeds from 1 on, for 60 s");
    }
}
