//! Which processor a thread or a process runs on, where the operating system lets one say that: on Linux.

use rustix::process::Pid;

/// One of the machine's processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor(usize);

/// The processors that this thread may use; none where the system does not say.
pub fn processors() -> Vec<Processor> {
    system::mine().into_iter().map(Processor).collect()
}

impl Processor {
    /// Keep the calling thread here, with all threads and processes that it starts from now on, a private server among them.
    /// False where the system does not allow it.
    ///
    /// Who asks and is asked in turn, as in lockstep, is several times as fast on one processor as on two: neither has to
    /// wait until another processor wakes up.
    pub fn keep_thread(self) -> bool {
        system::keep(None, &[self.0])
    }

    /// Keep another thread or process here.
    pub(crate) fn keep(self, whose: Pid) -> bool {
        system::keep(Some(whose), &[self.0])
    }
}

/// Let another thread or process use all processors that this thread may use.
pub(crate) fn set_free(whose: Pid) -> bool {
    system::keep(Some(whose), &system::mine())
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::process::Pid;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn mine() -> Vec<usize> {
        let Ok(all) = sched_getaffinity(None) else { return Vec::new() };
        (0..CpuSet::MAX_CPU).filter(|place| all.is_set(*place)).collect()
    }

    pub(super) fn keep(whose: Option<Pid>, places: &[usize]) -> bool {
        let mut only = CpuSet::new();
        places.iter().for_each(|place| only.set(*place));
        sched_setaffinity(whose, &only).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use rustix::process::Pid;

    pub(super) fn mine() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn keep(_: Option<Pid>, _: &[usize]) -> bool {
        false
    }
}
