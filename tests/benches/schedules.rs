//! What a call costs when shuttle decides whose it is, and beside it in a simulation: the same protocol over the same database.
//! How that changes with the number of orders is in `model/benches/simulate/`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use paidonce_model::Engine;
use paidonce_model::simulate::{Options, Simulation, simulate};
use paidonce_tests::schedules::{Campaign, Order, Scenario, explore};

fn settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedules");
    group.sample_size(10);
    let shop = Options { orders: 10_000, servers: 8, ..Options::default() };
    let calls = simulate(shop.clone()).expect("a simulation").calls;
    group.throughput(Throughput::Elements(calls));
    group.bench_function("settle/simulation", |bencher| {
        let world = || Simulation::new(shop.clone()).expect("a world");
        bencher.iter_batched(world, |world| world.finish().expect("a report"), BatchSize::PerIteration);
    });
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
