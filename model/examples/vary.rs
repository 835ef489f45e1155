use paidonce_model::*;
use paidonce_model::scenario::Scenario;
use std::sync::Arc;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let progress = Arc::new(Progress::default());
    let text = std::fs::read_to_string(&args[1]).unwrap();
    let scenario = Scenario::from_toml(&args[1], &text).unwrap();
    let protocol = paidonce_protocol::catalogue::find(&args[2]).unwrap().name;
    for red in [Reductions::ALL] {
    let setup = Setup { scenario: &scenario, protocol, engine: Engine::find(&args[3]).unwrap(), without: Default::default(), reductions: red };
    let t = std::time::Instant::now();
    let e = explore(&setup, Limits { most_states: 12_000_000 }, &progress).unwrap();
    println!("{} {:?} {} states {} generated {:.1}s complete={}", args[1], red, e.states, e.generated, t.elapsed().as_secs_f64(), e.complete);
    }
}
