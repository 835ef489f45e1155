//! Which processor a thread runs on.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// One of the machine's processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor(usize);

/// The processors that this thread may use; none where the machine does not say.
pub fn processors() -> Vec<Processor> {
    let Ok(all) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|place| all.is_set(*place)).map(Processor).collect()
}

impl Processor {
    /// Keep the calling thread here, with all threads and processes that it starts from now on, a private server among them.
    /// False where the machine does not allow it.
    ///
    /// Who asks and is asked in turn, as in lockstep, is several times as fast on one processor as on two: neither has to
    /// wait until another processor wakes up.
    pub fn keep_thread(self) -> bool {
        self.keep(None)
    }

    /// Keep another thread or process here.
    pub(crate) fn keep(self, whose: Option<Pid>) -> bool {
        let mut only = CpuSet::new();
        only.set(self.0);
        sched_setaffinity(whose, &only).is_ok()
    }
}
