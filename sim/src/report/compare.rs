//! What was found, beside what is pinned.

use super::{Manifest, MutantRow, PinnedMutant, PinnedVerdict, Row};

impl PinnedVerdict {
    fn of(row: &Row) -> Self {
        PinnedVerdict {
            scenario: row.scenario.clone(),
            protocol: row.protocol.clone(),
            engine: row.engine.clone(),
            claim: row.claim.to_owned(),
            verdict: row.verdict.to_owned(),
            states: row.states,
            steps: row.steps,
        }
    }

    fn is_about(&self, row: &Row) -> bool {
        (self.scenario.as_str(), self.protocol.as_str(), self.engine.as_str(), self.claim.as_str())
            == (row.scenario.as_str(), row.protocol.as_str(), row.engine.as_str(), row.claim)
    }

    fn about(&self) -> String {
        format!("{} on {} in {}: {}", self.protocol, self.engine, self.scenario, self.claim)
    }

    fn told(&self) -> String {
        let steps = self.steps.map(|steps| format!(" in {steps} steps")).unwrap_or_default();
        format!("{}{steps}, {} states", self.verdict, self.states)
    }
}

impl PinnedMutant {
    fn of(row: &MutantRow) -> Self {
        PinnedMutant {
            guard: row.guard.to_owned(),
            without: row.without.iter().map(|guard| (*guard).to_owned()).collect(),
            claim: row.claim.to_owned(),
            scenario: row.scenario.clone(),
            engine: row.engine.clone(),
            steps: row.steps,
        }
    }

    fn told(&self) -> String {
        match (&self.scenario, &self.engine, self.steps) {
            (Some(scenario), Some(engine), Some(steps)) => {
                format!("{} falls in {scenario} on {engine} in {steps} steps", self.claim)
            }
            _ => "nothing falls".to_owned(),
        }
    }
}

impl Manifest {
    /// Pin these verdicts in place of all that were pinned.
    pub(crate) fn pin_verdicts(&mut self, rows: &[Row]) {
        self.verdict = rows.iter().map(PinnedVerdict::of).collect();
    }

    /// Pin these mutants in place of all that were pinned.
    pub(crate) fn pin_mutants(&mut self, rows: &[MutantRow]) {
        self.mutant = rows.iter().map(PinnedMutant::of).collect();
    }

    /// How many states this had when it was pinned, and how many of its claims were broken.
    pub(crate) fn size(&self, scenario: &str, protocol: &str, engine: &str) -> Option<(u64, u64)> {
        let this = |pin: &&PinnedVerdict| pin.scenario == scenario && pin.protocol == protocol && pin.engine == engine;
        let mut pins = self.verdict.iter().filter(this).peekable();
        let states = pins.peek()?.states;
        Some((states, pins.filter(|pin| pin.steps.is_some()).count() as u64))
    }

    /// What differs between all pinned verdicts and these, one line each.
    pub(crate) fn differences(&self, rows: &[Row]) -> Vec<String> {
        let mut differences: Vec<String> = rows.iter().filter_map(|row| self.difference(row)).collect();
        let gone = self.verdict.iter().filter(|pin| !rows.iter().any(|row| pin.is_about(row)));
        differences.extend(gone.map(|pin| format!("{}: pinned is {}; not checked any more", pin.about(), pin.told())));
        differences
    }

    /// Whether these verdicts are as pinned, or `None` when one of them is not pinned at all.
    pub(crate) fn has(&self, rows: &[Row]) -> Option<bool> {
        let pinned = |row: &Row| self.verdict.iter().any(|pin| pin.is_about(row));
        rows.iter().all(pinned).then(|| rows.iter().all(|row| self.difference(row).is_none()))
    }

    fn difference(&self, row: &Row) -> Option<String> {
        let found = PinnedVerdict::of(row);
        let pin = self.verdict.iter().find(|pin| pin.is_about(row));
        if pin == Some(&found) {
            return None;
        }
        let pinned = pin.map_or_else(|| "nothing".to_owned(), PinnedVerdict::told);
        Some(format!("{}: pinned is {pinned}; found is {} · {}", found.about(), found.told(), row.command()))
    }

    /// Where what is left without these guards falls, if it does: scenario and engine.
    pub(crate) fn falls_at(&self, without: &[&str]) -> Option<(&str, &str)> {
        let pin = self.mutant.iter().find(|pin| pin.without == without)?;
        Some((pin.scenario.as_deref()?, pin.engine.as_deref()?))
    }

    /// What differs between the pinned mutants and these, one line each.
    pub(crate) fn mutant_differences(&self, rows: &[MutantRow]) -> Vec<String> {
        let found: Vec<PinnedMutant> = rows.iter().map(PinnedMutant::of).collect();
        let same = |left: &PinnedMutant, right: &PinnedMutant| left.without == right.without;
        let mut differences = Vec::new();
        for mutant in &found {
            let pin = self.mutant.iter().find(|pin| same(pin, mutant));
            if pin != Some(mutant) {
                let pinned = pin.map_or_else(|| "nothing".to_owned(), PinnedMutant::told);
                let without = mutant.without.join(" and ");
                differences.push(format!("without {without}: pinned is {pinned}; found is {}", mutant.told()));
            }
        }
        let gone = self.mutant.iter().filter(|pin| !found.iter().any(|mutant| same(pin, mutant)));
        let gone =
            gone.map(|pin| format!("without {}: pinned is {}; not tried", pin.without.join(" and "), pin.told()));
        differences.extend(gone);
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::row;
    use super::*;

    #[test]
    fn a_verdict_is_as_pinned_or_the_difference_is_told() {
        let claim = "the_buyer_is_mailed_once";
        let rows = [row("unlocked", claim, Some(7)), row("settle", claim, None)];
        let mut pins = Manifest::default();
        assert_eq!(pins.has(&rows), None);
        pins.pin_verdicts(&rows);
        assert_eq!(pins.has(&rows), Some(true));
        assert_eq!(pins.size("default", "settle", "sqlite/immediate"), Some((7, 0)));
        assert!(pins.differences(&rows).is_empty());

        let shorter = [row("unlocked", claim, Some(6))];
        assert_eq!(pins.has(&shorter), Some(false));
        let differences = pins.differences(&shorter);
        assert!(differences[0].contains("pinned is violated in 7 steps, 7 states; found is violated in 6 steps"));
        assert!(differences[1].ends_with("not checked any more"), "{differences:?}");
    }

    #[test]
    fn a_mutant_is_known_by_the_guards_left_out() {
        let mutant = MutantRow {
            guard: "UniqueKey",
            protocol: "settle",
            says: "One row.",
            without: vec!["UniqueKey"],
            claim: "an_order_is_never_half_settled",
            verdict: "violated",
            scenario: Some("default".to_owned()),
            engine: Some("sqlite/immediate".to_owned()),
            steps: Some(9),
            replay: None,
            expected: true,
        };
        let mut pins = Manifest::default();
        assert_eq!(pins.mutant_differences(std::slice::from_ref(&mutant)).len(), 1);
        pins.pin_mutants(std::slice::from_ref(&mutant));
        assert!(pins.mutant_differences(std::slice::from_ref(&mutant)).is_empty());
        assert!(pins.mutant_differences(&[])[0].ends_with("not tried"));
    }
}
