//! Each rule of a scenario, broken once: the line, the column, the field, what is wrong and what was expected.

mod actors;
mod form;
mod limits;
mod shop;

use paidonce_model::Engine;
use paidonce_model::scenario::Scenario;

/// A sound scenario, small enough to count its lines.
const SOUND: &str = r#"story = "One payment."
[[orders]]
id = "1"
total_cents = 2000
currency = "EUR"
receiver = "shop@example.com"
lines = [{ sku = "mug", units = 2 }]
[[stock]]
sku = "mug"
on_hand = 3
[[servers]]
name = "web-1"
clock_offset_ms = 0
[[actors]]
name = "ipn"
servers = ["web-1"]
overlapping = 2
deliveries = 3
ipn = """
payment_status=Completed&mc_gross=20.00&\
mc_currency=EUR&txn_id=8XY&invoice=1&receiver_email=shop%40example.com"""
[[actors]]
name = "admin"
servers = ["web-1"]
cancel = "1"
[settings]
attempts = 3
lease_ms = 60000
refused_answer = "200"
[faults]
deaths = 1
lost_replies = 1
ticks = 2
[limits]
idle_limit_ms = 10000
freeze_ms = 60000
[[check]]
protocol = "settle"
engines = ["sqlite/immediate"]
claims = ["retries_end"]
"#;

fn refusal(text: &str) -> String {
    match Scenario::from_toml("folder/bad.toml", text) {
        Ok(_) => panic!("this should have been refused:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// Each case: what stands in [`SOUND`], what takes its place, and what is said of it after `folder/bad.toml:`, where
/// `ENGINES` stands for the names of all engines.
fn refused(cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (from, to, expected) in cases {
        assert_eq!(SOUND.matches(from).count(), 1, "`{from}` has to stand there once");
        let said = refusal(&SOUND.replace(from, to));
        let said: Vec<&str> = said.lines().map(|line| line.trim_start_matches("folder/bad.toml:")).collect();
        let engines = Engine::ALL.map(Engine::name).join(", ");
        if said.join("\n") != expected.replace("ENGINES", &engines) {
            wrong.push(format!("{to:?} instead of {from:?}: {:?}", said.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "these were refused in other words:\n{}", wrong.join("\n"));
}
