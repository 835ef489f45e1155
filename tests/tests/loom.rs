//! What threads share, in every order that loom knows: `tests/loom/`, built with `--cfg loom` in a target directory of its own
//! and run.

use std::process::Command;

/// The claims; each of them has variants beside it that loom refutes.
const CLAIMS: [&str; 4] = [
    "work_never_finishes_under_a_lost_lease",
    "a_paused_renewer_never_revives_an_expired_lease",
    "two_threads_unroll_one_node_once",
    "two_threads_keep_one_value_once",
];

#[test]
fn what_threads_share_is_right_in_every_order() {
    let root = paidonce_tests::root();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "test",
        "--lib",
        "--locked",
        "--manifest-path",
        "tests/loom/Cargo.toml",
        "--target-dir",
        "target/loom",
    ]);
    // Flags of whoever builds the workspace are not for this.
    cargo.current_dir(&root).env("RUSTFLAGS", "--cfg loom -D warnings").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let done = cargo.output().expect("cargo starts");
    let says = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (says(&done.stdout), says(&done.stderr));
    assert!(done.status.success(), "{err}\n{out}");
    for claim in CLAIMS {
        let passed = out.lines().any(|line| line.ends_with(&format!("::{claim} ... ok")));
        assert!(passed, "{claim} was not tried:\n{out}");
    }
}
