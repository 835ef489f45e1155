//! The memory that an exploration takes, as the operating system counts it, in a process of its own.

use std::process::Command;

use crate::subject::{Form, SUBJECTS, Subject};

const ASKS: &str = "PAIDONCE_BENCH_MEMORY_OF";

/// The most memory that was in use beyond what there was before exploring, in bytes. `None` where the system does not say.
pub(crate) fn ask(subject: &Subject, form: Form) -> Option<u64> {
    let this = std::env::current_exe().ok()?;
    let asked = format!("{} {}", subject.protocol, form.name());
    let output = Command::new(this).env(ASKS, asked).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// True in a process that was started by [`ask`].
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(ASKS).is_some()
}

/// Explore what is asked for, and print how many bytes that took.
pub(crate) fn answer() {
    let asked = std::env::var(ASKS).unwrap_or_default();
    let all = SUBJECTS.iter().flat_map(|subject| Form::BOTH.map(|form| (subject, form)));
    for (subject, form) in all.filter(|(subject, form)| asked == format!("{} {}", subject.protocol, form.name())) {
        let before = kilobytes("VmRSS:");
        subject.explore(form);
        if let (Some(before), Some(most)) = (before, kilobytes("VmHWM:")) {
            println!("{}", (most - before) * 1024);
        }
    }
}

/// A line of the kernel's account of this process.
fn kilobytes(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
