//! Who may depend on whom, and what the workspace is made of (the book's page `docs/architecture.md`).

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, TargetKind};

/// The workspace's folders with their packages, and for each package the packages of ours that it may use. Development
/// dependencies of a package are its tests' and count for the same rules.
const MEMBERS: [(&str, &str, &[&str]); 5] = [
    ("protocol", "paidonce-protocol", &[]),
    ("model", "paidonce-model", &["paidonce-protocol"]),
    ("impl", "paidonce-sqlx", &["paidonce-protocol"]),
    ("sim", "paidonce", &["paidonce-protocol", "paidonce-model", "paidonce-sqlx"]),
    ("tests", "paidonce-tests", &["paidonce-protocol", "paidonce-model", "paidonce-sqlx", "paidonce"]),
];

/// Packages that may not stand behind a member's own dependencies, however far behind.
const BANNED: [(&str, &[&str], &str); 3] = [
    (
        "paidonce-protocol",
        &["tokio", "sqlx", "rand", "getrandom", "futures", "async-std", "chrono", "time", "stateright"],
        "a protocol awaits its Session and nothing else: let the driver have the clock, the chance and the database",
    ),
    ("paidonce-model", &["tokio", "sqlx"], "the model has its own database: let sim bring model and impl together"),
    ("paidonce-sqlx", &["stateright"], "a shop does not run a model checker: let sim bring model and impl together"),
];

/// What stands at the top level besides the members' folders.
const TOP_LEVEL: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "specs", "docs", "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", ".ci"];

/// Configuration of tools may stand there, too.
const CONFIGURATION: [&str; 8] = [
    ".gitignore",
    ".gitattributes",
    ".cargo",
    ".config",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

fn metadata() -> Metadata {
    // Without dependencies nothing has to be fetched: what stands behind them is in Cargo.lock.
    MetadataCommand::new().current_dir(paidonce_tests::root()).no_deps().exec().expect("cargo describes the workspace")
}

fn member<'a>(metadata: &'a Metadata, name: &str) -> &'a Package {
    let package = metadata.packages.iter().find(|package| package.name.as_str() == name);
    package.unwrap_or_else(|| panic!("there is no package {name}"))
}

/// For each package of Cargo.lock, by name, what it depends on. Versions of one name are taken together.
fn lock() -> BTreeMap<String, BTreeSet<String>> {
    let text = paidonce_tests::text("Cargo.lock").expect("Cargo.lock is text");
    let lock: toml::Table = text.parse().expect("Cargo.lock is TOML");
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("Cargo.lock lists packages") {
        let dependencies = package.get("dependencies").and_then(toml::Value::as_array);
        // `name`, or `name version` where there are several.
        let names = dependencies.into_iter().flatten().filter_map(|line| line.as_str()?.split(' ').next());
        let name = package["name"].as_str().expect("a package has a name");
        packages.entry(name.to_owned()).or_default().extend(names.map(str::to_owned));
    }
    packages
}

/// Everything behind these packages, with the way to it: `a > b > c`.
fn behind(lock: &BTreeMap<String, BTreeSet<String>>, direct: &[String]) -> BTreeMap<String, String> {
    let mut ways: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Vec<(String, String)> = direct.iter().map(|name| (name.clone(), name.clone())).collect();
    while let Some((name, way)) = open.pop() {
        if ways.contains_key(&name) {
            continue;
        }
        for next in lock.get(&name).into_iter().flatten() {
            open.push((next.clone(), format!("{way} > {next}")));
        }
        ways.insert(name, way);
    }
    ways
}

#[test]
fn the_workspace_has_the_members_of_its_design() {
    let metadata = metadata();
    let root = paidonce_tests::root();
    let found: BTreeSet<(String, String)> = metadata
        .packages
        .iter()
        .map(|package| {
            let folder = package.manifest_path.as_std_path().parent().expect("a manifest is in a folder");
            let below = folder.strip_prefix(&root).expect("a member is below the root");
            (below.to_string_lossy().into_owned(), package.name.to_string())
        })
        .collect();
    let expected = MEMBERS.map(|(folder, package, _)| (folder.to_owned(), package.to_owned()));
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn dependencies_between_members_point_one_way() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = MEMBERS.iter().map(|(_, package, _)| *package).collect();
    for (_, package, allowed) in MEMBERS {
        for dependency in &member(&metadata, package).dependencies {
            let name = dependency.name.as_str();
            assert!(
                !ours.contains(name) || allowed.contains(&name),
                "{package} depends on {name}; of ours it may use {allowed:?}, so move what it needs to one of them or up"
            );
        }
    }
}

#[test]
fn what_a_member_keeps_away_from_does_not_come_in_behind_its_dependencies() {
    let (metadata, lock) = (metadata(), lock());
    for (package, banned, instead) in BANNED {
        let dependencies = member(&metadata, package).dependencies.iter();
        let direct = dependencies.filter(|dependency| dependency.kind != DependencyKind::Development);
        let direct: Vec<String> = direct.map(|dependency| dependency.name.clone()).collect();
        let ways = behind(&lock, &direct);
        for name in banned {
            if let Some(way) = ways.get(*name) {
                panic!("{package} > {way}: {instead}");
            }
        }
    }
}

#[test]
fn the_way_to_a_package_far_behind_is_found() {
    let lock = |name: &str, behind: &[&str]| (name.to_owned(), behind.iter().map(|name| (*name).to_owned()).collect());
    let lock = BTreeMap::from([lock("a", &["b", "c"]), lock("b", &["a"]), lock("c", &["tokio"])]);
    let ways = behind(&lock, &["a".to_owned()]);
    assert_eq!(ways["tokio"], "a > c > tokio");
    assert_eq!(ways.len(), 4);
}

#[test]
fn the_workspace_has_one_binary() {
    let metadata = metadata();
    let binaries: Vec<(&str, &str)> = metadata
        .packages
        .iter()
        .flat_map(|package| package.targets.iter().map(|target| (package.name.as_str(), target)))
        .filter(|(_, target)| target.kind.contains(&TargetKind::Bin))
        .map(|(package, target)| (package, target.name.as_str()))
        .collect();
    assert_eq!(binaries, [("paidonce", "paidonce")], "`cargo run` in a fresh clone has to know what to run");
}

#[test]
fn the_top_level_is_the_one_of_the_design() {
    let files = paidonce_tests::files();
    let found: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    let named: BTreeSet<&str> = MEMBERS.iter().map(|(folder, ..)| *folder).chain(TOP_LEVEL).collect();
    let missing: Vec<&&str> = named.difference(&found).collect();
    let configuration = BTreeSet::from(CONFIGURATION);
    let foreign: Vec<&&str> =
        found.iter().filter(|name| !named.contains(*name) && !configuration.contains(*name)).collect();
    assert!(
        missing.is_empty() && foreign.is_empty(),
        "missing at the top level: {missing:?}; not of the design: {foreign:?}, so move each below the folder it belongs to"
    );
}
