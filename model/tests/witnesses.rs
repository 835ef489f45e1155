//! A claim that holds says something only where its situation arises. Each claim has a witness: a shortest schedule of a
//! protocol that is right about the claim, at whose end the situation is there to be seen in the trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::trace::{Datum, Event, Remark, Told, Trace};
use paidonce_model::{Claim, Engine, Limits, Progress, Reductions, Setup, Show, explore, shortest};
use paidonce_protocol::Without;

fn scenario(file: &str) -> Scenario {
    let (_, text) = FILES.iter().find(|(known, _)| *known == file).expect("a built-in scenario");
    Scenario::from_toml(file, text).expect("built-in scenarios are valid")
}

/// A witness of each of these claims whose situation arises.
fn witnesses(protocol: &'static str, file: &str, wanted: &[Claim]) -> Vec<(Claim, Trace)> {
    let scenario = scenario(file);
    let (engine, reductions) = (Engine::SqliteImmediate, Reductions::ALL);
    let setup = Setup { scenario: &scenario, protocol, engine, without: Without::NOTHING, reductions };
    let progress = Arc::new(Progress::default());
    let found = explore(&setup, Limits::default(), &progress).expect("explored");
    assert!(found.complete, "{file}");
    let arisen: Vec<Claim> = wanted.iter().copied().filter(|claim| found.arisen.contains(claim)).collect();
    let schedules = shortest(&setup, Show::Arisen, &arisen, Limits::default(), &progress).expect("searched");
    assert!(schedules.iter().map(|(claim, _)| *claim).eq(arisen), "{file}: what arises has a shortest schedule");
    schedules.into_iter().map(|(claim, schedule)| (claim, schedule.trace(None).expect("a trace"))).collect()
}

/// Whether a trace ends in the claim's situation, by its rows and steps alone (`docs/claims.md` says what it is).
fn shows(trace: &Trace, claim: Claim) -> bool {
    let rows = |table: &str| trace.rows[table].as_slice();
    let text = |row: &[Datum], column: usize| matches!(&row[column], Datum::Text(text) if !text.is_empty());
    let is = |row: &[Datum], column: usize, wanted: &str| row[column] == Datum::Text(wanted.to_owned());
    let calls = |wanted: &dyn Fn(&str) -> bool| {
        trace.steps.iter().any(|step| matches!(&step.event, Event::Answered { call, .. } if wanted(&call.name)))
    };
    let marks = |wanted: &dyn Fn(&Remark) -> bool| trace.steps.iter().any(|step| step.marks.iter().any(wanted));
    let under_way = || {
        let mut open: BTreeMap<&str, bool> = BTreeMap::new();
        for step in &trace.steps {
            let Some(actor) = &step.actor else { continue };
            open.insert(actor, step.outcome.is_none() && !matches!(step.event, Event::Died { .. }));
        }
        open.values().filter(|open| **open).count()
    };
    match claim {
        Claim::PaymentBookedOnce => rows("payments").iter().any(|row| is(row, 7, "booked")) && under_way() >= 1,
        Claim::StockNotOversold => {
            let units = |sku: &Datum| {
                let lines = trace.scenario.orders.iter().flat_map(|order| &order.lines);
                lines.filter(|line| Datum::Text(line.sku.clone()) == *sku).map(|line| line.units).sum::<i64>()
            };
            rows("stock").iter().any(|row| matches!(row[1], Datum::Int(owned) if units(&row[0]) > owned))
        }
        Claim::StockAgrees => rows("orders").iter().any(|row| !is(row, 1, "pending")),
        Claim::NotHalfSettled => !rows("payments").is_empty(),
        Claim::MoneyNotLost => !trace.world.taken.is_empty(),
        Claim::RefundsBounded => !rows("refunds").is_empty(),
        // Somebody was shown the order, and it was changed before that somebody came to an end.
        Claim::NoLostUpdate => rows("orders").iter().any(|row| row[7] != Datum::Int(0)) && under_way() >= 1,
        Claim::OneHolder => marks(&|mark| matches!(mark, Remark::Holds(_))) && under_way() >= 2,
        Claim::DeletesOnlyReadLock | Claim::ReleasesOnlyOwnLock => calls(&|name| name == "delete_lock"),
        Claim::FreeLockGranted => calls(&|name| name == "insert_lock" || name == "take_lease"),
        Claim::MailedOnce => rows("orders").iter().any(|row| is(row, 1, "paid") && text(row, 6)),
        Claim::NoOrderIsFrozen => trace.steps.iter().any(|step| matches!(step.event, Event::Died { .. })),
        // Whoever is told of a conflict begins again.
        Claim::RetriesEnd => {
            let conflict = Told::Error("conflict".to_owned());
            trace.steps.iter().any(|step| match &step.event {
                Event::Answered { answer, .. } | Event::Granted { answer } | Event::Deadlock { answer } => {
                    *answer == conflict
                }
                Event::Ticked { woken, .. } => woken.iter().any(|woken| woken.answer == conflict),
                _ => false,
            })
        }
        Claim::Own => false,
    }
}

/// The claims about rows in `locks`, which `settle` does not use: marked not applicable to it.
const OF_LOCK_ROWS: [Claim; 3] = [Claim::DeletesOnlyReadLock, Claim::ReleasesOnlyOwnLock, Claim::FreeLockGranted];

#[test]
fn every_claim_has_a_witness_in_the_right_protocol_or_is_not_applicable_to_it() {
    let mut open = Claim::ALL.to_vec();
    // The default scenario has most of it, and ten times the states of all these.
    let files = ["last_units.toml", "late_notice.toml", "two_payments.toml", "lost_anywhere.toml"];
    for file in files {
        for (claim, trace) in witnesses("settle", file, &open) {
            assert!(shows(&trace, claim), "{file}: {} in {trace:#?}", claim.name());
            open.retain(|other| *other != claim);
        }
    }
    assert_eq!(open, OF_LOCK_ROWS, "without a witness");
}

#[test]
fn the_claims_about_lock_rows_have_a_witness_where_there_are_lock_rows() {
    let mut open = OF_LOCK_ROWS.to_vec();
    for file in ["f2_stolen_delete.toml", "f5_released_between.toml"] {
        for (claim, trace) in witnesses("lock_table", file, &open) {
            assert!(shows(&trace, claim), "{file}: {} in {trace:#?}", claim.name());
            open.retain(|other| *other != claim);
        }
    }
    assert_eq!(open, [], "without a witness");
}

#[test]
fn the_claims_about_leases_have_a_witness_where_there_are_leases() {
    let mut open = vec![Claim::OneHolder, Claim::FreeLockGranted, Claim::NoOrderIsFrozen, Claim::RefundsBounded];
    for file in ["lease_holder_dies.toml", "lease_and_cancel.toml"] {
        for (claim, trace) in witnesses("fenced_lease", file, &open) {
            assert!(shows(&trace, claim), "{file}: {} in {trace:#?}", claim.name());
            open.retain(|other| *other != claim);
        }
    }
    assert_eq!(open, [], "without a witness");
}

#[test]
fn the_claims_about_work_have_a_witness_where_there_are_workers() {
    let of_work = [
        Claim::PaymentBookedOnce,
        Claim::StockAgrees,
        Claim::NotHalfSettled,
        Claim::MoneyNotLost,
        Claim::RefundsBounded,
        Claim::OneHolder,
        Claim::MailedOnce,
        Claim::NoOrderIsFrozen,
    ];
    let mut open = of_work.to_vec();
    for file in ["two_workers.toml", "worker_dies.toml", "worker_and_cancel.toml"] {
        for (claim, trace) in witnesses("worker", file, &open) {
            assert!(shows(&trace, claim), "{file}: {} in {trace:#?}", claim.name());
            open.retain(|other| *other != claim);
        }
    }
    assert_eq!(open, [], "without a witness");
    // The one claim that queue keeps with two workers.
    let kept = witnesses("queue", "two_workers.toml", &[Claim::MoneyNotLost]);
    assert!(matches!(&kept[..], [(claim, trace)] if shows(trace, *claim)), "without a witness");
}

#[test]
fn a_schedule_without_the_situation_is_no_witness() {
    let traces = witnesses("settle", "last_units.toml", Claim::ALL);
    let (_, shortest) = traces.iter().min_by_key(|(_, trace)| trace.steps.len()).expect("a witness");
    // Nothing much has happened after so few steps.
    let later = [Claim::PaymentBookedOnce, Claim::StockAgrees, Claim::NotHalfSettled, Claim::RefundsBounded];
    for claim in later.into_iter().chain([Claim::MailedOnce, Claim::NoOrderIsFrozen, Claim::RetriesEnd]) {
        assert!(!shows(shortest, claim), "{} after {} steps", claim.name(), shortest.steps.len());
    }
}
