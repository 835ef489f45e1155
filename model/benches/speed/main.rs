//! What unrolling an `async fn` costs an exploration: the same protocols, once unrolled and once as hand-written enums, in
//! the same world, on the same model database. See `docs/speed.md`.
//!
//! The model's own files are compiled here a second time, with [`unroll`] from `hand/` in the place of `src/unroll/`.
//! Nothing else differs: database, world, claims, reductions and explorer are the same source.

// The model's files are linted where they belong. Here not all of them is used, and a slice stands where a `Vec` did.
#![allow(dead_code, unreachable_pub, unused_imports, clippy::needless_borrow, clippy::redundant_slicing)]

mod equal;
mod memory;
mod reductions;
mod subject;

#[path = "../../src/chance.rs"]
mod chance;
#[path = "../../src/check.rs"]
mod check;
#[path = "../../src/claims/mod.rs"]
mod claims;
#[path = "../../src/db/mod.rs"]
mod db;
#[path = "../../src/engine.rs"]
mod engine;
#[path = "../../src/explore/mod.rs"]
mod explore;
#[path = "../../src/intern.rs"]
mod intern;
#[path = "../../src/made.rs"]
mod made;
#[path = "../../src/sql/mod.rs"]
mod sql;
#[path = "hand/mod.rs"]
mod unroll;
#[path = "../../src/unroll/mod.rs"]
mod unrolled;
#[path = "../../src/world/mod.rs"]
mod world;

use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput};
use paidonce_model::{scenario, trace};

use subject::{Form, Found, SUBJECTS, Subject};

fn main() {
    // A measurement of memory has a process of its own.
    if memory::is_asked_for() {
        return memory::answer();
    }
    let mut criterion = Criterion::default().configure_from_args();
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    equal::both_explore_the_same();
    let found = SUBJECTS.each_ref().map(compare);
    reductions::print();
    for (subject, found) in SUBJECTS.iter().zip(found) {
        measure(&mut criterion, subject, &found);
    }
    criterion.final_summary();
}

/// How often each form explores for the numbers that are printed.
const ROUNDS: usize = 3;

/// Both forms in turn, so that whatever else the machine does meets both; of each the median.
fn compare(subject: &Subject) -> [Found; 2] {
    let mut seconds: [Vec<f64>; 2] = Default::default();
    let mut found = Form::BOTH.map(|form| subject.explore(form));
    for _ in 0..ROUNDS {
        for (place, form) in Form::BOTH.into_iter().enumerate() {
            let start = Instant::now();
            found[place] = subject.explore(form);
            seconds[place].push(start.elapsed().as_secs_f64());
        }
    }
    println!("{}", subject.title());
    let rates = [0, 1].map(|place| {
        seconds[place].sort_by(f64::total_cmp);
        let (form, Found { states, generated, .. }) = (Form::BOTH[place], &found[place]);
        let (median, bytes) = (seconds[place][ROUNDS / 2], memory::ask(subject, form));
        let bytes = bytes.map_or("?".to_owned(), |bytes| (bytes / states).to_string());
        let rate = *generated as f64 / median;
        println!("  {:12} {rate:>8.0} generated states/s, {bytes} bytes a distinct state", form.name());
        println!("  {:12} {generated} generated, {states} distinct, in {median:.2} s", "");
        rate
    });
    println!("  unrolled at {:.0} % of the hand-written rate\n", 100.0 * rates[0] / rates[1]);
    found
}

fn measure(criterion: &mut Criterion, subject: &Subject, found: &[Found; 2]) {
    let mut group = criterion.benchmark_group(subject.protocol);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(20));
    for (form, found) in Form::BOTH.into_iter().zip(found) {
        group.throughput(Throughput::Elements(found.generated));
        group.bench_function(form.name(), |bencher| bencher.iter(|| subject.explore(form)));
    }
    group.finish();
}
