//! What a call costs when shuttle decides whose it is: the same protocol over the same database as the simulation's benchmark
//! (`model/benches/simulate/`).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paidonce_model::Engine;
use paidonce_tests::schedules::{Campaign, Order, Scenario, explore};

fn settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedules");
    for (name, order) in [("random", Order::Random), ("pct", Order::Pct(3))] {
        let campaign = Campaign { seed: 1, schedules: 200, order };
        let once = || explore(Scenario::Protocol("settle"), Engine::PostgresReadCommitted, black_box(campaign));
        let calls = once().map_or(0, |explored| explored.calls);
        group.throughput(Throughput::Elements(calls));
        group.bench_function(format!("settle/{name}"), |bencher| bencher.iter(once));
    }
    group.finish();
}

criterion_group!(benches, settle);
criterion_main!(benches);
