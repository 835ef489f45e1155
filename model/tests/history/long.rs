//! A process that makes many calls.

use paidonce_model::Engine;
use paidonce_model::history::Line;
use paidonce_model::scenario::{Actor, OrderLine, Scenario, Stock};
use paidonce_model::trace::Told;

use crate::support::{Draft, drawn, scenario};

/// As many lines as an order may have. All want what the last line wants, too.
const LINES: usize = 100;

/// Ada's order has many lines, two others have one.
fn shop() -> Scenario {
    let mut scenario = scenario("last_units", 0);
    let skus: Vec<String> = (1..=LINES).map(|number| format!("mug-{number:03}")).collect();
    scenario.stock = skus.iter().map(|sku| Stock { sku: sku.clone(), on_hand: 10 }).collect();
    let mut lines = skus.into_iter().map(|sku| OrderLine { sku, units: 1 });
    scenario.orders[0].lines = lines.by_ref().collect();
    scenario.orders[1].lines = scenario.orders[0].lines[LINES - 1..].to_vec();
    let mut third = scenario.orders[1].clone();
    third.id = "3".to_owned();
    scenario.orders.push(third);
    let mut cid = scenario.actors[1].clone();
    cid.name = "ipn-cid".to_owned();
    cid.ipn = cid.ipn.map(|ipn| ipn.replace("invoice=2", "invoice=3").replace("txn_id=8JU", "txn_id=9JU"));
    scenario.actors.push(cid);
    scenario.settings.attempts = 3;
    scenario
}

/// What one of them writes down who is alone.
fn alone(scenario: &Scenario, actor: &Actor, engine: Engine) -> Draft {
    let mut alone = scenario.clone();
    alone.actors = vec![actor.clone()];
    let mut draft = Draft::of(&drawn(&alone, "settle", engine, 1));
    draft.lines.pop();
    draft
}

/// Her transaction is a hundred statements long, and fails twice at the last sku, which somebody else has changed since her
/// snapshot: far more than 255 calls.
#[test]
fn more_calls_than_a_byte_counts_are_explained() {
    let (engine, scenario) = (Engine::PostgresRepeatableRead, shop());
    let ada = alone(&scenario, &scenario.actors[0], engine);
    let takes = |line: &Line| matches!(line, Line::Asks { call, .. } if call.name == "take_stock");
    let last = ada.lines.iter().rposition(takes).expect("she takes stock");
    let (locked, who) = (ada.answer_to("ipn-ada-1", "lock_order"), "ipn-ada-1");
    let commits = &ada.lines[ada.answer_to(who, "commit") - 1];
    let Line::Asks { call: commit, .. } = commits else { panic!("{commits:?} is no call") };
    let rollback = paidonce_model::trace::Asked { name: "rollback".to_owned(), ..commit.clone() };

    let mut draft = Draft::new(scenario.clone(), "settle", engine.name());
    draft.lines.push(ada.lines[0].clone());
    for other in &scenario.actors[1..] {
        draft.lines.extend_from_slice(&ada.lines[1..=locked]);
        draft.lines.extend(alone(&scenario, other, engine).lines);
        draft.lines.extend_from_slice(&ada.lines[locked + 1..=last]);
        draft.told(who, Told::Error("conflict".to_owned())).asks(who, rollback.clone()).told(who, Told::Done);
    }
    draft.lines.extend_from_slice(&ada.lines[1..]);
    let calls =
        draft.lines.iter().filter(|line| matches!(line, Line::Asks { who: asking, .. } if asking == who)).count();
    assert!(calls > 300, "{calls}");
    draft.is_explained();

    // And what is wrong at its end is found there.
    let place = draft.lines.iter().rposition(|line| matches!(line, Line::Told { who: told, .. } if told == who));
    let place = place.expect("she is answered");
    draft.lines[place] = Line::Told { who: who.to_owned(), answer: Told::Affected(7) };
    draft.lines.truncate(place + 1);
    draft.is_refused_at(place);
}
