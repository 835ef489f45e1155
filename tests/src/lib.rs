//! What the tests that cross crates share: the files of this workspace, and [`schedules`] of concurrent code.
//!
//! | test | holds |
//! |---|---|
//! | `tests/architecture.rs` | who may depend on whom, and what stands at the top level |
//! | `tests/tidy/` | what no code here does: read a clock, sleep, draw by chance, iterate in hash order, … |
//! | `tests/sql_on_sqlite/` | what the model takes SQL to mean against what SQLite makes of it |
//! | `tests/reference/` | `settle`, `cancel` and `worker`, one request after the other, against a plain account of the shop |
//! | `tests/schedules.rs` | concurrent code of ours under shuttle's schedules, over the model database |
//! | `tests/agreement/` | the exhaustive model, the simulation, shuttle and a real engine say the same of each protocol |
//! | `tests/loom.rs` | what threads share, in every order that loom knows |
//! | `tests/zz_left_out.rs` | nothing: it says last which servers were left out of all the tests, and why |
//! | `tests/book.rs` | links, pages and tables of `docs/` against the files and the code that they are about |

pub mod schedules;

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

// `standalone_crate`: behind examples that are compiled together rustdoc prints a line of its own, and what `.ci/run`
// prints last is to be a test result.
/// Every file that belongs to the project, as a path below [`root`] with `/` between its parts, in order. What
/// `.gitignore` names does not belong to it, whether there is a repository around the files or not.
///
/// ```standalone_crate
/// let files = paidonce_tests::files();
/// assert!(files.iter().any(|file| file == "protocol/src/lib.rs"));
/// assert!(!files.iter().any(|file| file.starts_with("target/") || file.starts_with(".git/")));
/// ```
///
/// # Panics
/// When a folder cannot be read.
pub fn files() -> Vec<String> {
    let root = root();
    // Only the project's own rules: what somebody keeps out of all their repositories still belongs to the files here.
    let walk = WalkBuilder::new(&root)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let entries = walk.map(|entry| entry.expect("the workspace's folders are readable"));
    let files = entries.filter(|entry| entry.file_type().is_some_and(|kind| !kind.is_dir()));
    let mut paths: Vec<String> = files
        .map(|file| {
            let below = file.path().strip_prefix(&root).expect("the walk stays below the root");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            parts.join("/")
        })
        .collect();
    paths.sort_unstable();
    paths
}

/// The text of a file below [`root`], or `None` when it is not text.
///
/// # Panics
/// When there is no such file, or it cannot be read.
pub fn text(file: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    String::from_utf8(bytes).ok()
}
