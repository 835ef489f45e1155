//! Where databases lie that are about meaning only: in memory, where there is room for them.

use std::io;
use std::path::Path;

use tempfile::{Builder, TempDir};

/// Linux's directory in memory.
const MEMORY: &str = "/dev/shm";
/// So much room must be there, in bytes: two servers and their journals take a quarter of it.
const ROOM: u64 = 2 << 30;

/// An empty directory for databases that no one misses when the machine goes down, removed when it is dropped: in
/// memory, unless there are less than 2 GiB free or `TMPDIR` names another place.
///
/// # Errors
/// When there is no place for temporary files.
pub fn scratch() -> io::Result<TempDir> {
    let named = std::env::var_os("TMPDIR").is_some_and(|place| !place.is_empty());
    let in_memory = || Builder::new().prefix(PREFIX).tempdir_in(MEMORY).ok();
    let found = if !named && has_room(Path::new(MEMORY)) { in_memory() } else { None };
    found.map_or_else(temporary, Ok)
}

/// An empty directory where temporary files are kept, removed when it is dropped.
///
/// # Errors
/// When there is no place for temporary files.
pub(super) fn temporary() -> io::Result<TempDir> {
    Builder::new().prefix(PREFIX).tempdir()
}

const PREFIX: &str = "paidonce-";

#[cfg(unix)]
fn has_room(place: &Path) -> bool {
    rustix::fs::statvfs(place).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= ROOM)
}

#[cfg(not(unix))]
fn has_room(_: &Path) -> bool {
    false
}
