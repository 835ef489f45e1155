//! What is left of a simulation when everything is taken away that a broken claim does not need: orders, senders, repeated
//! deliveries, faults, wrong clocks, time in between.
//!
//! Chance belongs to each request ([`super::lot`]), so that whoever is left comes to the same without the others, but for
//! what the others did to the database. What is taken away and what is tried next is delta debugging (Zeller and Hildebrandt:
//! Simplifying and Isolating Failure-Inducing Input, 2002): first halves, then quarters, down to single things.

use std::collections::BTreeMap;

use paidonce_protocol::catalogue::{self, Role};

use super::drawn::{drawn, server_name};
use super::{Fault, Found, Options, Plan, SimulateError, Simulation, Untold};
use crate::claims::{Claim, When};
use crate::trace::Trace;

/// What is left.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The options with the plan that is left: they make the smaller simulation.
    pub options: Options,
    /// What it breaks.
    pub found: Found,
    /// After so many deliveries of those that come by themselves, in the order in which they come, the claim is broken, and
    /// after one fewer it is not: for a claim about what is at rest.
    pub deliveries: usize,
    /// Of so many.
    pub of_deliveries: usize,
    /// It, up to the step that breaks the claim, or to its rest.
    pub trace: Trace,
    /// What in it a trace cannot say.
    pub untold: Vec<Untold>,
    /// So many simulations were run for this.
    pub runs: u64,
}

/// Somebody who comes, and when.
type Coming = (String, i64);

struct Shrinking<'a> {
    options: &'a Options,
    claim: Claim,
    runs: u64,
    most_runs: u64,
}

/// Shrink a simulation that breaks this claim. After so many runs, what is left by then is taken as it is. `None` when it does
/// not break the claim.
///
/// # Errors
/// As [`super::simulate`].
pub fn shrink(options: &Options, claim: Claim, most_runs: u64) -> Result<Option<Shrunk>, SimulateError> {
    let mut whole = Simulation::new(options.clone())?;
    if !whole.run_until_broken(claim)? {
        return Ok(None);
    }
    let mut explicit = options.clone();
    let rates = &mut explicit.rates;
    (rates.pause, rates.crash, rates.lost_reply, rates.restart) = (0, 0, 0, 0);
    let notice = catalogue::find_for(&options.settle, Role::Notice).map_err(super::Unusable::from)?;
    let drawn = drawn(options, notice.work.is_some())?;
    let mut plan = Plan { faults: whole.happened(), comes: Some(drawn.coming()), ..options.plan.clone() };
    let mut shrinking = Shrinking { options: &explicit, claim, runs: 1, most_runs };

    let mut coming: Vec<Coming> = plan
        .comes
        .iter()
        .flatten()
        .flat_map(|(name, moments)| moments.iter().map(|at_ms| (name.clone(), *at_ms)))
        .collect();
    coming.sort_by_key(|(_, at_ms)| *at_ms);
    let of_deliveries = coming.len();
    let mut shortest = shrinking.prefix(&plan, &coming)?;
    coming.truncate(shortest);
    if claim.when() != When::AtRest {
        // Such a claim falls at a step, and what comes after it does not count.
        shortest = of_deliveries;
    }

    shrinking.try_also(&mut plan, &coming, |plan| plan.in_turn = true)?;
    let order = |(name, _): &Coming| name.rsplit_once('-').map(|(_, order)| order.to_owned()).unwrap_or_default();
    let mut orders: Vec<String> = coming.iter().map(order).collect();
    orders.sort_unstable();
    orders.dedup();
    let of_orders = |orders: &[String]| -> Vec<Coming> {
        coming.iter().filter(|coming| orders.binary_search(&order(coming)).is_ok()).cloned().collect()
    };
    let orders = shrinking.fewer(orders, |orders| with(&plan, &of_orders(orders), &plan.faults))?;
    let coming = shrinking.fewer(of_orders(&orders), |coming| with(&plan, coming, &plan.faults))?;
    let faults = shrinking.fewer(plan.faults.clone(), |faults| with(&plan, &coming, faults))?;
    // Without a fault some may not be needed any more.
    let mut coming = shrinking.fewer(coming, |coming| with(&plan, coming, &faults))?;
    plan.faults = faults;

    let offsets = drawn.servers.iter().enumerate().map(|(number, server)| (server_name(number), server.offset_ms));
    let offsets: Vec<(String, i64)> = offsets.collect();
    let has_clocks = shrinking.try_also(&mut plan, &coming, |plan| plan.clocks = Some(BTreeMap::new()))?
        || shrinking.try_also(&mut plan, &coming, |plan| plan.clocks = Some(offsets.iter().cloned().collect()))?;
    if has_clocks {
        let wrong: Vec<(String, i64)> = plan.clocks.clone().unwrap_or_default().into_iter().collect();
        let wrong = shrinking.fewer(wrong, |wrong| {
            let clocks = Some(wrong.iter().cloned().collect());
            Plan { clocks, ..with(&plan, &coming, &plan.faults) }
        })?;
        plan.clocks = Some(wrong.into_iter().collect());
    }
    shrinking.earlier(&plan, &mut coming)?;
    shrinking.written(with(&plan, &coming, &plan.faults), shortest, of_deliveries)
}

/// The plan with others who come, and other faults: without those of requests whose sender does not come.
fn with(plan: &Plan, coming: &[Coming], faults: &[Fault]) -> Plan {
    let mut comes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (name, at_ms) in coming {
        comes.entry(name.clone()).or_default().push(*at_ms);
    }
    let of_coming = |fault: &&Fault| {
        let sender = fault.request.rsplit_once('-').map(|(sender, _)| sender);
        sender.is_some_and(|sender| comes.contains_key(sender))
    };
    let faults = faults.iter().filter(of_coming).cloned().collect();
    Plan { faults, comes: Some(comes), ..plan.clone() }
}

impl Shrinking<'_> {
    fn breaks(&mut self, plan: Plan) -> Result<bool, SimulateError> {
        self.runs += 1;
        let mut simulation = Simulation::new(Options { plan, ..self.options.clone() })?;
        Ok(simulation.run_until_broken(self.claim)?)
    }

    fn is_tired(&self) -> bool {
        self.runs >= self.most_runs
    }

    /// How many of those who come, in their order, are needed: one fewer does not break the claim.
    fn prefix(&mut self, plan: &Plan, coming: &[Coming]) -> Result<usize, SimulateError> {
        let (mut too_few, mut enough) = (0, coming.len());
        while enough - too_few > 1 && !self.is_tired() {
            let middle = too_few + (enough - too_few) / 2;
            if self.breaks(with(plan, &coming[..middle], &plan.faults))? { enough = middle } else { too_few = middle }
        }
        Ok(enough)
    }

    /// Fewer of some things, as long as the plan without the others breaks the claim.
    fn fewer<T: Clone>(&mut self, mut all: Vec<T>, plan: impl Fn(&[T]) -> Plan) -> Result<Vec<T>, SimulateError> {
        let mut size = all.len().div_ceil(2);
        while size > 0 {
            let (mut at, before) = (0, all.len());
            while at < all.len() && !self.is_tired() {
                let mut rest = all[..at].to_vec();
                rest.extend_from_slice(&all[(at + size).min(all.len())..]);
                if self.breaks(plan(&rest))? { all = rest } else { at += size }
            }
            // What was needed may not be, once others are gone.
            size = if size == 1 && all.len() < before && !self.is_tired() { 1 } else { size / 2 };
        }
        Ok(all)
    }

    /// Change the plan, if it breaks the claim also then.
    fn try_also(
        &mut self,
        plan: &mut Plan,
        coming: &[Coming],
        change: impl Fn(&mut Plan),
    ) -> Result<bool, SimulateError> {
        let mut changed = plan.clone();
        change(&mut changed);
        let breaks = self.breaks(with(&changed, coming, &changed.faults))?;
        if breaks {
            *plan = changed;
        }
        Ok(breaks)
    }

    /// Without the time in between: from 0 on, and where it may be, at once.
    fn earlier(&mut self, plan: &Plan, coming: &mut Vec<Coming>) -> Result<(), SimulateError> {
        let first_ms = coming.iter().map(|(_, at_ms)| *at_ms).min().unwrap_or(0);
        let from_0: Vec<Coming> = coming.iter().map(|(name, at_ms)| (name.clone(), at_ms - first_ms)).collect();
        let at_once: Vec<Coming> = coming.iter().map(|(name, _)| (name.clone(), 0)).collect();
        for earlier in [at_once, from_0] {
            if self.breaks(with(plan, &earlier, &plan.faults))? {
                *coming = earlier;
                return Ok(());
            }
        }
        Ok(())
    }

    /// What is left, written down.
    fn written(&mut self, plan: Plan, deliveries: usize, of: usize) -> Result<Option<Shrunk>, SimulateError> {
        self.runs += 1;
        let mut options = Options { plan, ..self.options.clone() };
        let mut simulation = Simulation::new(options.clone())?;
        simulation.record();
        let is_broken = simulation.run_until_broken(self.claim)?;
        let found = simulation.ledger.found().iter().find(|found| found.claim == self.claim).filter(|_| is_broken);
        let Some(found) = found.cloned() else { return Ok(None) };
        // A fault that has not come to happen is none.
        options.plan.faults = simulation.happened();
        let untold = simulation.untold().collect();
        let trace = simulation.trace(Some(self.claim));
        Ok(Some(Shrunk { options, found, deliveries, of_deliveries: of, trace, untold, runs: self.runs }))
    }
}
