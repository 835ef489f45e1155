use paidonce_model::*;
use paidonce_model::scenario::{FILES, Scenario};
use std::sync::Arc;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let progress = Arc::new(Progress::default());
    for (name, text) in FILES {
        if args.len() > 1 && !name.contains(&args[1]) { continue; }
        let scenario = Scenario::from_toml(name, text).unwrap();
        for check in &scenario.check {
            if args.len() > 2 && check.protocol != args[2] { continue; }
            for engine in &check.engines {
                let protocol = paidonce_protocol::catalogue::find(&check.protocol).unwrap().name;
                let red = if args.len() > 3 { match args[3].as_str() { "none" => Reductions::NONE, "merge" => Reductions{merge_unseen: true, symmetry:false}, "sym" => Reductions{merge_unseen:false, symmetry:true}, _ => Reductions::ALL } } else { Reductions::ALL };
                let setup = Setup { scenario: &scenario, protocol, engine: Engine::find(engine).unwrap(), without: Default::default(), reductions: red };
                let t = std::time::Instant::now();
                match explore(&setup, Limits { most_states: 20_000_000 }, &progress) {
                    Ok(e) => {
                        let dt = t.elapsed().as_secs_f64();
                        println!("{name} {protocol} {engine}: {} states, {} generated, {:.1}s {:.0}/s complete={} ", e.states, e.generated, dt, e.generated as f64/dt, e.complete);
                        for c in Claim::ALL { 
                            let v = if e.broken.contains(c) {"VIOLATED"} else if e.arisen.contains(c) {"holds"} else {"n/a"};
                            if v == "VIOLATED" {
                                let t = std::time::Instant::now();
                                let s = shortest(&setup, *c, Limits { most_states: 20_000_000 }, &progress).unwrap();
                                println!("    {} {v} {:?} steps {:.1}s ({} states)", c.name(), s.map(|s| s.actions.len()), t.elapsed().as_secs_f64(), progress.states.load(std::sync::atomic::Ordering::Relaxed));
                            } else { println!("    {} {v}", c.name()); }
                        }
                    }
                    Err(e) => println!("{name} {protocol} {engine}: {e}"),
                }
            }
        }
    }
}
