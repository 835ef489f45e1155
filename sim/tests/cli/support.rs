//! The real binary, run in a folder of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The machine's form.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    pub(crate) fn first_line(&self) -> &str {
        self.out.lines().next().unwrap_or_default()
    }

    /// See that it ended so, and said all of these somewhere.
    #[track_caller]
    pub(crate) fn expect(self, status: i32, says: &[&str]) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        for words in says {
            assert!(self.out.contains(words) || self.err.contains(words), "`{words}` is not said: {self:?}");
        }
        self
    }
}

/// A folder to run the command in.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).expect("a file is written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file is read")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Run with this on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        self.run_in(arguments, input, &[])
    }

    /// Run with these variables in its environment.
    pub(crate) fn run_in(&self, arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_paidonce"))
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        // A command that does not read its input may have ended before this is written.
        let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
        let done = child.wait_with_output().expect("the command ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran { status: done.status.code().expect("an exit status"), out: text(done.stdout), err: text(done.stderr) }
    }

    /// A folder with the demo shop in `shop.db`.
    pub(crate) fn with_shop() -> Self {
        let folder = Self::new();
        folder.run(&["book", "--create-demo-shop"]).expect(0, &["sqlite:shop.db", "next: paidonce book"]);
        folder
    }

    /// A folder with `trace.json`: a shortest schedule by which `unlocked` books a payment twice.
    pub(crate) fn with_trace() -> Self {
        let folder = Self::new();
        let claim = "a_payment_is_booked_at_most_once";
        let check = ["check", "unlocked", "--scenario", "unlocked_ipn_twice", "--claim", claim];
        folder.run(&[&check[..], &["--trace-out", "trace.json"]].concat()).expect(1, &["trace.json"]);
        folder
    }
}

/// A notice's body of the repository.
pub(crate) fn sample(name: &str) -> String {
    format!("{}/../specs/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}
