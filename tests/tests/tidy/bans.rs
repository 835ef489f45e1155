//! What no code here does, what to do instead, and who may all the same.

use crate::scan::{Token, hashed_names, iterations, places, tokens};

/// One thing that no code does.
pub(crate) struct Ban {
    pub(crate) name: &'static str,
    /// The folder in which it holds; empty: everywhere.
    pub(crate) within: &'static str,
    /// What of it is searched for.
    pub(crate) what: What,
    pub(crate) instead: &'static str,
    /// Source that breaks it, one example a line. The scanner is tried on them: a ban that finds nothing is worth nothing.
    pub(crate) breaks: &'static [&'static str],
    /// Source that looks like it and does not break it.
    pub(crate) keeps: &'static [&'static str],
}

/// How a ban finds what it bans.
pub(crate) enum What {
    /// Any of these sequences of tokens, the tokens divided by spaces.
    Sequences(&'static [&'static str]),
    /// A hashed collection gone through in its own order.
    HashOrder,
    /// A property test whose cases are drawn from a seed that nobody gave.
    UnseededProptest,
}

impl Ban {
    /// Where the tokens of a file break it.
    pub(crate) fn places(&self, tokens: &[Token]) -> Vec<usize> {
        match self.what {
            What::Sequences(sequences) => sequences.iter().flat_map(|sequence| places(tokens, sequence)).collect(),
            What::HashOrder => iterations(tokens, &hashed_names(tokens)),
            What::UnseededProptest if places(tokens, "RngSeed :: Fixed").is_empty() => places(tokens, "proptest !"),
            What::UnseededProptest => Vec::new(),
        }
    }
}

/// Every ban. It holds in all code of the workspace, tests included, but for [`ALLOWED`].
pub(crate) const BANS: [Ban; 9] = [
    Ban {
        name: "wall clock",
        within: "",
        what: What::Sequences(&["Instant :: now", "SystemTime", "UNIX_EPOCH"]),
        instead: "ask the session (`session.clock()`); in a test, let a fixture own the time",
        breaks: &["let t = Instant::now();", "let t = std::time::Instant::now();", "assert!(SystemTime::now() > t);"],
        keeps: &["let v = Value::Instant(5);", "// Instant::now()\nlet s = \"SystemTime\";"],
    },
    Ban {
        name: "sleeping",
        within: "",
        what: What::Sequences(&["sleep", "sleep_until", "park_timeout"]),
        instead: "ask the session (`session.wait(..)`); in a test, step to the moment or await what has to happen",
        breaks: &["std::thread::sleep(d);", "tokio::time::sleep(d).await;", "use std::thread::sleep;"],
        keeps: &["let asleep = 1;", "/// Never `sleep`.\nfn f() {}"],
    },
    Ban {
        name: "unseeded randomness",
        within: "",
        what: What::Sequences(&[
            "thread_rng",
            "rand :: rng",
            "rand :: random",
            "from_os_rng",
            "from_entropy",
            "OsRng",
            "getrandom",
            "RandomState",
            "fastrand",
            "now_v7",
            "new_v4",
        ]),
        instead: "draw from a generator with a seed that is given, and print that seed",
        breaks: &["let x = thread_rng().next();", "let n: u8 = rand::random();", "let id = Uuid::new_v4();"],
        keeps: &["let rng = SmallRng::seed_from_u64(7);", "let random = draw(seed);"],
    },
    Ban {
        name: "unseeded property test",
        within: "",
        what: What::UnseededProptest,
        instead: "give it a seed: `ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() }`",
        breaks: &["proptest! { #[test] fn f(n: u8) {} }"],
        keeps: &["proptest! { #![proptest_config(C { rng_seed: RngSeed::Fixed(1), ..d() })] #[test] fn f(n: u8) {} }"],
    },
    Ban {
        name: "randomly hashed collection",
        within: "",
        what: What::Sequences(&["HashMap", "HashSet"]),
        instead: "use a BTreeMap, or rustc_hash's FxHashMap for looking things up",
        breaks: &["use std::collections::HashMap;", "let s: HashSet<u8> = x;"],
        keeps: &["use rustc_hash::FxHashMap;", "use std::collections::BTreeMap;"],
    },
    Ban {
        name: "hash order",
        within: "",
        what: What::HashOrder,
        instead: "use a BTreeMap, or keep a Vec beside the map: a hashed collection is for looking things up",
        breaks: &[
            "struct S { m: FxHashMap<u8, u8> } fn f(s: &S) { s.m.iter().count(); }",
            "struct S { m: RwLock<FxHashMap<u8, u8>> } fn f(s: &S) { s.m.read().unwrap().keys().count(); }",
            "fn f(m: &FxHashMap<u8, u8>) { for (k, v) in m { g(k, v); } }",
            "fn f() { let mut m = FxHashMap::default(); for k in &m { g(k); } }",
            "fn f(s: &S, m: std::collections::HashSet<u8>) { for k in m.drain() { g(k); } }",
        ],
        keeps: &[
            "fn f(m: &FxHashMap<u8, Vec<u8>>) { m.get(&1).iter().count(); for k in list { m.insert(k, v); } }",
            "struct S { m: RwLock<FxHashMap<u8, u8>> } fn f(s: &S) { if s.m.read().unwrap().len() > 1 {} }",
            "fn f(list: Vec<u8>, m: &FxHashMap<u8, u8>) { for n in list { g(m, n); } }",
        ],
    },
    Ban {
        name: "unfinished code",
        within: "",
        what: What::Sequences(&["todo !", "unimplemented !", "dbg !", "# [ ignore ]", ", ignore )"]),
        instead: "finish it or leave it out; a test that cannot run says why: `#[ignore = \"needs …\"]`",
        breaks: &["fn f() { todo!() }", "fn f() { dbg!(1); }", "#[test]\n#[ignore]\nfn f() {}"],
        keeps: &["#[test]\n#[ignore = \"needs a server\"]\nfn f() {}", "let todo = 1; // TODO!"],
    },
    Ban {
        name: "stateright",
        within: "",
        what: What::Sequences(&["stateright"]),
        instead: "go through paidonce_model: the checker and its traps are known in one place",
        breaks: &["use stateright::Model;", "let c: Box<dyn stateright::Checker<M>> = c;"],
        keeps: &["//! Explored with stateright.\nuse paidonce_model::explore;"],
    },
    Ban {
        name: "the world beside the session",
        within: "protocol/",
        what: What::Sequences(&[
            "std :: {",
            "std :: thread",
            "std :: fs",
            "std :: net",
            "std :: process",
            "std :: env",
            "std :: io",
            "std :: time",
            "include_bytes !",
            "println !",
        ]),
        instead: "a protocol awaits its session and nothing else: make it a call of the session, for every driver",
        breaks: &[
            "use std::thread;",
            "use std::{fmt, net};",
            "let text = std::fs::read_to_string(path);",
            "std::net::TcpStream::connect(a);",
        ],
        keeps: &["use std::future::Future;", "// std::thread is for drivers.\nfn f() {}"],
    },
];

/// Who may do a banned thing, and why: files and folders, and the ban's name. In tests only where the path is a test's.
pub(crate) const ALLOWED: [(&str, &str, &str); 7] = [
    ("impl/src/session.rs", "wall clock", "a real request has a real clock"),
    ("impl/src/runtime.rs", "sleeping", "a shop really waits"),
    ("impl/src/names.rs", "unseeded randomness", "a real request's id is different from all others"),
    ("impl/src/server/software.rs", "sleeping", "a server that is starting has nothing that could be awaited"),
    (
        "sim/src/stress/round.rs",
        "sleeping",
        "processes run freely beside a driver that looks at what they have written",
    ),
    ("model/benches/", "wall clock", "a benchmark measures"),
    ("model/src/explore", "stateright", "this is the one place"),
];

/// The longest file that a reader can be expected to read in one sitting, in lines.
pub(crate) const LONGEST: usize = 450;

/// Where the text has folders of somebody's machine. Written apart, so that they are not found here.
pub(crate) const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:\\", "Users"),
];

#[test]
fn every_ban_finds_what_it_bans_and_nothing_else() {
    for ban in &BANS {
        for source in ban.breaks {
            assert!(!ban.places(&tokens(source)).is_empty(), "{} is not found in: {source}", ban.name);
        }
        for source in ban.keeps {
            assert!(ban.places(&tokens(source)).is_empty(), "{} is found in: {source}", ban.name);
        }
    }
}

#[test]
fn every_exception_is_to_a_ban() {
    for (path, name, why) in ALLOWED {
        assert!(BANS.iter().any(|ban| ban.name == name), "{path}: there is no ban `{name}`");
        assert!(!why.is_empty());
    }
}
