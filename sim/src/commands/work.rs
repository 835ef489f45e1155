//! Threads that share a list of jobs, one at each desk of a meter.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::failure::Failure;
use super::meter::{Desk, Meter};

/// Do all jobs, those that cost most first, so that no thread is left with a large one at the end. The results have the
/// order of the jobs, whichever thread was first. The first failure stops everything.
pub(super) fn on_all_desks<J: Sync, R: Send>(
    jobs: &[J],
    cost: impl Fn(&J) -> u64,
    meter: &Meter,
    work: impl Fn(&J, &Desk) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|place| Reverse(cost(&jobs[*place])));
    let next = AtomicUsize::new(0);
    let one_thread = |desk: &Desk| {
        let mut done = Vec::new();
        while let Some(place) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            match work(&jobs[*place], desk) {
                Ok(result) => done.push((*place, result)),
                Err(failure) => {
                    next.store(order.len(), Ordering::Relaxed);
                    meter.stop();
                    return Err(failure);
                }
            }
            meter.one_more();
        }
        Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> = meter.desks().iter().map(|desk| scope.spawn(|| one_thread(desk))).collect();
        let mut done = Vec::new();
        let mut failed = None;
        for thread in threads {
            match thread.join() {
                Ok(Ok(results)) => done.extend(results),
                Ok(Err(failure)) => failed = failed.or(Some(failure)),
                Err(_) => failed = failed.or(Some(Failure::Worker)),
            }
        }
        failed.map_or(Ok(done), Err)
    })?;
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..50).collect();
        let done = on_all_desks(&jobs, |job| job % 7, &Meter::new(jobs.len()), |job, _| Ok(job * 2)).unwrap();
        assert_eq!(done, (0..50).map(|job| job * 2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_is_the_result() {
        let failed = on_all_desks(&[1, 2, 3], |_| 1, &Meter::new(3), |_, _| Err::<(), _>(Failure::NothingToPin(1)));
        assert!(matches!(failed, Err(Failure::NothingToPin(1))));
    }
}
