//! House rules that no compiler holds. Each failure says where, and what to do instead.

mod bans;
mod scan;

use std::collections::BTreeSet;

use bans::{ALLOWED, BANS, LONGEST, MACHINE_PATHS};
use scan::{Token, test_modules, tokens};

/// A Rust file of the workspace.
struct Source {
    path: String,
    tokens: Vec<Token>,
    /// All of it belongs to tests.
    is_test: bool,
}

fn sources() -> Vec<Source> {
    let files = paidonce_tests::files().into_iter().filter(|file| file.ends_with(".rs"));
    let read = |path: String| {
        let text = paidonce_tests::text(&path).unwrap_or_else(|| panic!("{path} is not UTF-8"));
        (path, tokens(&text))
    };
    let read: Vec<(String, Vec<Token>)> = files.map(read).collect();
    let declared: BTreeSet<String> = read.iter().flat_map(|(path, tokens)| test_modules(path, tokens)).collect();
    let sources = read.into_iter().map(|(path, tokens)| {
        let is_test = is_in_a_test_folder(&path)
            || declared
                .iter()
                .any(|module| path == *module || module.ends_with('/') && path.starts_with(module.as_str()));
        Source { path, tokens, is_test }
    });
    sources.collect()
}

/// `model/tests/…`, and all of the package `tests`.
fn is_in_a_test_folder(path: &str) -> bool {
    path.split('/').take(2).any(|part| part == "tests")
}

fn is_allowed(source: &Source, token: &Token, ban: &str) -> bool {
    !source.is_test
        && !token.in_test
        && ALLOWED.iter().any(|(path, name, _)| *name == ban && source.path.starts_with(path))
}

/// Where these files break a ban. (The examples in its table are strings, so that they need no exception.)
fn found(sources: &[Source], ban: &bans::Ban) -> Vec<String> {
    let in_source = |source: &Source| {
        let is_within = source.path.starts_with(ban.within);
        let places = if is_within { ban.places(&source.tokens) } else { Vec::new() }.into_iter();
        let tokens =
            places.map(|place| source.tokens[place].clone()).filter(|token| !is_allowed(source, token, ban.name));
        let lines: BTreeSet<usize> = tokens.map(|token| token.line).collect();
        lines.into_iter().map(|line| format!("{}:{line}: {}", source.path, ban.name)).collect::<Vec<String>>()
    };
    sources.iter().flat_map(in_source).collect()
}

#[test]
fn no_code_does_what_is_banned() {
    let sources = sources();
    assert!(sources.iter().any(|source| source.path == "protocol/src/lib.rs"), "no source is found at all");
    let mut complaints = String::new();
    for ban in &BANS {
        for complaint in found(&sources, ban) {
            complaints += &format!("{complaint}: {}\n", ban.instead);
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn every_exception_is_used() {
    let sources = sources();
    for (path, name, why) in ALLOWED {
        // A folder that is not there yet needs no exception either, but takes none from anybody.
        if !sources.iter().any(|source| source.path.starts_with(path)) {
            continue;
        }
        let ban = BANS.iter().find(|ban| ban.name == name).unwrap_or_else(|| panic!("there is no ban `{name}`"));
        let used = sources.iter().filter(|source| source.path.starts_with(path));
        let used = used.into_iter().any(|source| !ban.places(&source.tokens).is_empty());
        assert!(used, "{path} does not need its exception from `{name}` ({why}): take it out of the table");
    }
}

#[test]
fn what_an_item_for_tests_does_is_never_an_exception() {
    let source = |is_test, text: &str| Source { path: "impl/src/session.rs".to_owned(), tokens: tokens(text), is_test };
    let clock = &BANS[0];
    let allowed = |source: Source| found(&[source], clock).is_empty();
    assert!(allowed(source(false, "fn f() { Instant::now(); }")));
    assert!(!allowed(source(true, "fn f() { Instant::now(); }")));
    assert!(!allowed(source(false, "fn f() {}\n#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }")));
    assert!(!allowed(source(false, "#[tokio::test]\nasync fn f() { Instant::now(); }")));
    assert!(allowed(source(false, "#[cfg(test)]\nmod tests {}\nfn f() { Instant::now(); }")));
    assert!(allowed(source(false, "#[cfg(not(test))]\nfn f() { Instant::now(); }")));
    assert!(allowed(source(false, "#[cfg(test)]\nmod tests;\nfn f() { Instant::now(); }")));
}

#[test]
fn a_module_for_tests_in_a_file_of_its_own_is_a_test() {
    let declared = tokens("mod a;\n#[cfg(test)]\npub(crate) mod any;\nmod b;");
    assert_eq!(test_modules("sim/src/show/mod.rs", &declared), ["sim/src/show/any.rs", "sim/src/show/any/"]);
    assert_eq!(test_modules("sim/src/file.rs", &declared), ["sim/src/file/any.rs", "sim/src/file/any/"]);
    assert!(is_in_a_test_folder("model/tests/scenario/main.rs") && is_in_a_test_folder("tests/src/lib.rs"));
    assert!(!is_in_a_test_folder("model/src/tests.rs"));
}

#[test]
fn no_file_is_longer_than_one_sitting() {
    let long = paidonce_tests::files().into_iter().filter(|file| file.ends_with(".rs") || file.ends_with(".sql"));
    let long = long.filter_map(|file| too_long(&file, &paidonce_tests::text(&file)?));
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "look for a second subject in each, and give it a file:\n{}", long.join("\n"));
}

fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONGEST).then(|| format!("{file}: {lines} lines; expected at most {LONGEST}"))
}

#[test]
fn a_file_that_is_too_long_is_found() {
    assert_eq!(too_long("a.rs", &"\n".repeat(LONGEST)), None);
    assert_eq!(too_long("a.rs", &"\n".repeat(LONGEST + 1)).as_deref(), Some("a.rs: 451 lines; expected at most 450"));
}

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    let in_file = |file: String| {
        let text = paidonce_tests::text(&file)?;
        Some(machine_paths(&text).into_iter().map(move |line| format!("{file}:{line}")).collect::<Vec<String>>())
    };
    let found: Vec<String> = paidonce_tests::files().into_iter().filter_map(in_file).flatten().collect();
    assert!(
        found.is_empty(),
        "give a path below the workspace, or an example such as sqlite:shop.db:\n{}",
        found.join("\n")
    );
}

/// The lines, counted from 1, that name a folder of a machine.
fn machine_paths(text: &str) -> Vec<usize> {
    let names = |line: &str| MACHINE_PATHS.iter().any(|path| line.contains(path));
    text.lines().enumerate().filter(|(_, line)| names(line)).map(|(index, _)| index + 1).collect()
}

#[test]
fn a_folder_of_a_machine_is_found() {
    for path in MACHINE_PATHS {
        assert_eq!(machine_paths(&format!("a\nlet p = \"{path}me/shop.db\";\n")), [2], "{path}");
    }
    assert_eq!(machine_paths("sqlite:shop.db, protocol/src/lib.rs"), [0_usize; 0]);
}
