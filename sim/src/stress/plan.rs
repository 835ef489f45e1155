//! What a round is: a small shop, who comes to it, and who is killed when. Drawn from a seed.

use paidonce_model::scenario::{Actor, Faults, Limits, Order, OrderLine, Scenario, ScenarioSettings, Server, Stock};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::StressError;

/// One round.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// The shop and the requests; each entry of its actors is a sender, who sends again until it is handled.
    pub(super) scenario: Scenario,
    pub(super) kills: Vec<Kill>,
    /// The server is killed when the record has so many lines.
    pub(super) server_kill: Option<usize>,
}

/// A process to be killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kill {
    pub(super) who: String,
    /// When it has written so many lines.
    pub(super) after: usize,
}

/// What is drawn.
#[derive(Clone, Debug)]
struct Draft {
    /// How many deliveries of the first IPN come at once.
    at_once: usize,
    /// The buyer's browser comes back.
    pdt: bool,
    /// How many deliveries of another order's IPN come at once: both orders want the last mugs.
    other_order: Option<usize>,
    /// The first order is paid once more, by another payment.
    paid_again: bool,
    /// An admin cancels the first order.
    cancel: bool,
    /// A sender, one of its first deliveries, and after how many of its lines it is killed.
    kills: Vec<(usize, usize, usize)>,
    server_kill: Option<usize>,
}

/// The rounds of one seed.
pub(super) struct Plans {
    seed: u64,
    drafts: BoxedStrategy<Draft>,
}

impl Plans {
    /// The rounds of this seed.
    pub(super) fn of_seed(seed: u64) -> Self {
        // A process that books writes some twenty lines, one that finds that it is booked some twelve.
        let kills = vec((0..SENDERS, 1..3_usize, 2..20_usize), 0..5);
        let server_kill = proptest::option::weighted(0.25, 8..60_usize);
        let other = proptest::option::weighted(0.5, 1..3_usize);
        let at_once = prop_oneof![1 => Just(1_usize), 3 => Just(2)];
        let drawn = (at_once, any::<bool>(), other, proptest::bool::weighted(0.3), any::<bool>(), kills, server_kill);
        let draft = |(at_once, pdt, other_order, paid_again, cancel, kills, server_kill)| Draft {
            at_once,
            pdt,
            other_order,
            paid_again,
            cancel,
            kills,
            server_kill,
        };
        Plans { seed, drafts: drawn.prop_map(draft).boxed() }
    }

    /// Round number `n`, which depends on nothing but the seed and its number.
    pub(super) fn draw(&self, n: u64, cancel: &str, may_kill_server: bool) -> Result<Plan, StressError> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&n.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
        let drawn = self.drafts.new_tree(&mut runner).map_err(|reason| StressError::Draw(reason.to_string()))?;
        let draft = drawn.current();
        let scenario = draft.scenario(cancel);
        let kill = |(sender, delivery, after): &(usize, usize, usize)| {
            let sender = &scenario.actors[sender % scenario.actors.len()];
            Kill { who: format!("{}-{delivery}", sender.name), after: *after }
        };
        let kills = draft.kills.iter().map(kill).collect();
        Ok(Plan { kills, server_kill: draft.server_kill.filter(|_| may_kill_server), scenario })
    }
}

/// So many senders there are at most.
const SENDERS: usize = 5;

/// The account that the buyers pay.
const RECEIVER: &str = "shop@example.com";

impl Draft {
    fn scenario(&self, cancel: &str) -> Scenario {
        let actor = |name: &str, overlapping: usize, deliveries: usize| Actor {
            name: name.to_owned(),
            ipn: None,
            pdt: None,
            cancel: None,
            work: false,
            servers: vec!["web-1".to_owned()],
            overlapping,
            deliveries,
            after: None,
            protocol: None,
        };
        // The last delivery of an IPN is never killed, so that each is handed over in the end.
        let mut actors = vec![Actor { ipn: Some(notice("ADA", "1", "&")), ..actor("ipn-ada", self.at_once, 5) }];
        if self.pdt {
            let answer = format!("SUCCESS\n{}\n", notice("ADA", "1", "\n"));
            actors.push(Actor { pdt: Some(answer), ..actor("pdt-ada", 1, 1) });
        }
        if self.cancel {
            let protocol = Some(cancel.to_owned());
            actors.push(Actor { cancel: Some("1".to_owned()), protocol, ..actor("admin", 1, 1) });
        }
        if let Some(at_once) = self.other_order {
            actors.push(Actor { ipn: Some(notice("BEN", "2", "&")), ..actor("ipn-ben", at_once, 4) });
        }
        if self.paid_again {
            actors.push(Actor { ipn: Some(notice("AGAIN", "1", "&")), ..actor("ipn-again", 1, 3) });
        }
        let line = |sku: &str, units| OrderLine { sku: sku.to_owned(), units };
        let order = |id: &str, lines| Order {
            id: id.to_owned(),
            total_cents: 2000,
            currency: "EUR".to_owned(),
            receiver: RECEIVER.to_owned(),
            status: "pending".to_owned(),
            lines,
        };
        let stock = |sku: &str, on_hand| Stock { sku: sku.to_owned(), on_hand };
        Scenario {
            name: "stress".to_owned(),
            story: "Two orders want two mugs each, and three are left; processes are killed on the way.".to_owned(),
            published: false,
            orders: vec![order("1", vec![line("mug", 2), line("tee", 1)]), order("2", vec![line("mug", 2)])],
            stock: vec![stock("mug", 3), stock("tee", 1)],
            locks: Vec::new(),
            servers: vec![Server { name: "web-1".to_owned(), clock_offset_ms: 0 }],
            actors,
            settings: ScenarioSettings::default(),
            // A history says itself what went wrong.
            faults: Faults::default(),
            limits: Limits::default(),
            assume: Vec::new(),
            check: Vec::new(),
        }
    }
}

/// A notice as the gateway sends it, its fields divided by `&` or, for a PDT, by lines.
fn notice(txn_id: &str, order_id: &str, between: &str) -> String {
    let (txn_id, invoice) = (format!("txn_id={txn_id}"), format!("invoice={order_id}"));
    let receiver = format!("receiver_email={}", RECEIVER.replace('@', "%40"));
    ["payment_status=Completed", "mc_gross=20.00", "mc_currency=EUR", &txn_id, &invoice, &receiver].join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_is_a_valid_scenario_and_the_same_each_time() {
        let plans = Plans::of_seed(1);
        let (mut senders, mut kills, mut server_kills) = (0, 0, 0);
        for n in 0..200 {
            let plan = plans.draw(n, "cancel", true).unwrap();
            assert_eq!(plan.scenario.validate(), Ok(()), "round {n}");
            assert_eq!(plan, Plans::of_seed(1).draw(n, "cancel", true).unwrap());
            senders = senders.max(plan.scenario.actors.len());
            kills += plan.kills.len();
            server_kills += usize::from(plan.server_kill.is_some());
            for sender in plan.scenario.actors.iter().filter(|sender| sender.ipn.is_some()) {
                let last = format!("{}-{}", sender.name, sender.deliveries);
                assert!(plan.kills.iter().all(|kill| kill.who != last), "round {n}: nobody is left to hand it over");
            }
            assert_eq!(plans.draw(n, "cancel", false).unwrap().server_kill, None);
        }
        assert_eq!(senders, SENDERS);
        assert!(kills > 100 && server_kills > 20, "{kills} {server_kills}");
    }
}
