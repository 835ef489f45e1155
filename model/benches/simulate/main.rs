//! How many calls a second a simulation answers, and how that changes with the number of orders.
//!
//! `cargo bench -p paidonce-model --bench simulate`. The world is made before the clock runs; what is measured is all that
//! happens in it, and the judgement at its end.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use paidonce_model::Engine;
use paidonce_model::simulate::{Options, Rates, Simulation, simulate};

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn options(orders: u32, rates: Rates, engine: Engine) -> Options {
    Options { orders, servers: 8, rates, engine, ..Options::default() }
}

fn simulations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulate/settle");
    group.sample_size(10);
    let mut measure = |name: &str, options: Options| {
        let calls = simulate(options.clone()).expect("a simulation").calls;
        group.throughput(Throughput::Elements(calls));
        group.bench_with_input(BenchmarkId::new(name, options.orders), &options, |bencher, options| {
            let world = || Simulation::new(options.clone()).expect("a world");
            bencher.iter_batched(world, |world| world.finish().expect("a report"), BatchSize::PerIteration);
        });
    };
    for (name, rates) in [("without-faults", Rates::NOTHING), ("faults", Rates::default())] {
        for orders in [100, 1_000, 10_000, 100_000] {
            measure(name, options(orders, rates.clone(), Engine::PostgresReadCommitted));
        }
    }
    measure("faults/sqlite/immediate", options(10_000, Rates::default(), Engine::SqliteImmediate));
    group.finish();
}

criterion_group!(benches, simulations);
criterion_main!(benches);
