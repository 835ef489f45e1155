//! `paidonce simulate`

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use paidonce_sqlx::server::{Server, Software, all_engines_wanted};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::support::{Folder, Ran};

fn simulate(folder: &Folder, arguments: &[&str]) -> Ran {
    folder.run(&[&["simulate"], arguments].concat())
}

/// The command that is printed behind these words, as arguments.
fn printed<'a>(ran: &'a Ran, words: &str) -> Vec<&'a str> {
    let line = ran.out.lines().find_map(|line| line.strip_prefix(words));
    let line = line.unwrap_or_else(|| panic!("`{words}` is not printed: {ran:?}"));
    line.split_whitespace().skip_while(|word| *word != "paidonce").skip(1).collect()
}

#[test]
fn a_broken_claim_is_shown_by_a_small_trace_that_the_other_drivers_know() {
    // Of row_lock's second seed a notice is left that is delivered until the gateway gives up.
    let wrong =
        [("unlocked", 1, None), ("lock_table", 1, None), ("row_lock", 2, None), ("settle", 1, Some("cancel_unlocked"))];
    for (settle, seed, cancel) in wrong {
        let from = seed.to_string();
        let folder = Folder::new();
        let cancel = cancel.map_or(vec![], |cancel| vec!["--cancel", cancel]);
        let arguments =
            [&["--settle", settle, "--engine", "sqlite/immediate", "--seed", &from, "--seeds", "200"], &cancel[..]]
                .concat();
        let ran = simulate(&folder, &arguments);
        assert!(ran.first_line().contains(&format!(" seeds from {seed} on")), "{ran:?}");
        assert!(ran.out.contains("replayed on sqlite/immediate: all answers and rows equal"), "{ran:?}");
        assert!(ran.out.contains("the exhaustive model breaks it in "), "{ran:?}");
        assert!(ran.err.is_empty(), "{ran:?}");
        assert!(ran.last_line().contains(" is broken · "), "{ran:?}");
        assert_eq!(ran.status, 1);
        folder.run(&printed(&ran, "draw it")).expect(0, &["✗"]);
        folder.run(&printed(&ran, "on a real database")).expect(0, &["equal: the real database did"]);
        folder.run(&printed(&ran, "in the exhaustive model")).expect(1, &["1 violated"]);
        folder.run(&printed(&ran, "the smaller simulation")).expect(1, &[" is broken"]);
    }
}

#[test]
fn a_seed_comes_to_the_same_and_says_so_first_and_last() {
    let folder = Folder::new();
    let ran = simulate(&folder, &["--seed", "7", "--orders", "50"]);
    assert!(
        ran.first_line().starts_with("simulation · settle, cancel · postgres/read-committed · 50 orders"),
        "{ran:?}"
    );
    assert!(ran.first_line().ends_with(" · seed 7"), "{ran:?}");
    assert!(ran.last_line().starts_with("no claim is broken · 1 seed, 50 orders, "), "{ran:?}");
    let command = ran.last_line().rsplit(" · ").next().map(str::to_owned).expect("a command");
    let again: Vec<&str> = command.split_whitespace().skip(1).chain(["--json"]).collect();
    let json = folder.run(&again).expect(0, &[]).json();
    let digest = json["summary"]["digest"].as_str().expect("a digest").to_owned();
    ran.expect(0, &[&format!("digest {digest}"), "how requests ended", "what was reached", "virtual latency"]);
}

#[test]
fn shards_are_joined_to_the_whole_campaign() {
    let folder = Folder::new();
    let campaign = ["--seeds", "5", "--orders", "30", "--json"];
    let shard = |shard: &str| {
        let ran = simulate(&folder, &[&campaign[..], &["--shard", shard]].concat()).expect(0, &[]);
        folder.write(&format!("{}.json", shard.replace('/', "-")), &ran.out);
    };
    let whole = simulate(&folder, &campaign).expect(0, &[]).json();
    shard("1/2");
    shard("2/2");
    let joined = simulate(&folder, &["--merge", "1-2.json", "2-2.json", "--json"]).expect(0, &[]).json();
    let of = |json: &Value, field: &str| json["summary"][field].clone();
    for field in ["digest", "calls", "orders", "outcomes", "situations", "latency"] {
        assert_eq!(of(&joined, field), of(&whole, field), "{field}");
    }
    simulate(&folder, &["--merge", "1-2.json", "2-2.json"]).expect(0, &["5 seeds joined", "no claim is broken"]);
    simulate(&folder, &["--merge", "1-2.json", "1-2.json"]).expect(2, &["counted already: seed 1 is in both"]);
    let other = simulate(&folder, &["--seed", "9", "--orders", "20", "--json"]).expect(0, &[]);
    folder.write("other.json", &other.out);
    simulate(&folder, &["--merge", "1-2.json", "other.json"]).expect(2, &["other.json: it is of other options"]);
    folder.write("none.json", "{}");
    simulate(&folder, &["--merge", "none.json"]).expect(2, &["this is no campaign"]);
}

#[test]
fn a_plan_says_what_goes_wrong_and_who_comes() {
    let folder = Folder::new();
    folder.write(
        "plan.toml",
        "faults = [\"crash soft at call 3 of ipn-o3-1\"]\n[comes]\nipn-o3 = [0]\nipn-o5 = [40000]\n",
    );
    let planned = ["--faults", "none", "--plan", "plan.toml"];
    let json = simulate(&folder, &[&planned[..], &["--json"]].concat()).expect(0, &[]).json();
    let summary = &json["summary"];
    assert_eq!((&summary["faults"], &summary["requests"]), (&1.into(), &3.into()), "{json:#}");
    assert_eq!(summary["situations"]["soft"], Value::from(1), "{json:#}");
    let refused = |plan: &str, says: &str| {
        folder.write("plan.toml", plan);
        simulate(&folder, &planned).expect(2, &[says]);
    };
    refused("faults = [\"crash at call 3 of ipn-o3-1\"]", "expected `pause MS`");
    refused("faults = [\"crash soft at call 3 of ipn-o3\"]", "something go wrong with ipn-o3");
    refused("faults = [\"crash soft at call 1 of ipn-o3-1\"]", "expected call 2 or later");
    refused("[comes]\nipn-o999 = [0]", "the plan has ipn-o999 come");
    refused("[comes]\nipn-o3 = [-1]", "expected a moment from 0 to a year");
    refused("[clocks]\nweb-9 = 0", "the servers are web-1, web-2, web-3, web-4");
}

#[test]
fn what_cannot_be_simulated_is_told() {
    let folder = Folder::new();
    simulate(&folder, &["--settle", "cancel"]).expect(2, &["it is the admin's"]);
    simulate(&folder, &["--faults", "crashes=1"]).expect(2, &["the names are pause, crash, lost_reply"]);
    simulate(&folder, &["--faults", "crash=1000000"]).expect(2, &["crash is 1000000; it has to be from 0 to 900000"]);
    simulate(&folder, &["--orders", "0"]).expect(2, &["orders is 0"]);
    simulate(&folder, &["--seeds", "0"]).expect(2, &["0 is not in 1.."]);
    simulate(&folder, &["--shard", "3/2"]).expect(2, &["expected I/N"]);
    simulate(&folder, &["--shard", "1/2", "--rewrite"]).expect(2, &["cannot be used with"]);
    simulate(&folder, &["--plan", "none.toml"]).expect(2, &["cannot read none.toml"]);
}

#[test]
fn the_plan_on_the_page_about_simulations_is_one() {
    let page = include_str!("../../../docs/simulate.md");
    let (_, plan) = page.split_once("```toml\n").expect("a plan");
    let (plan, _) = plan.split_once("```").expect("its end");
    let folder = Folder::new();
    folder.write("plan.toml", plan);
    simulate(&folder, &["--plan", "plan.toml"]).expect(0, &["by plan", "a restart of the database"]);
}

#[test]
fn a_real_database_follows_the_schedule_step_by_step() {
    let postgres = match Server::is_here(Software::Postgres) {
        Ok(()) => Some("postgres/read-committed"),
        Err(error) if all_engines_wanted() => panic!("{error}"),
        Err(error) => {
            println!("left out: {error}");
            None
        }
    };
    let folder = Folder::new();
    for engine in [Some("sqlite"), postgres].into_iter().flatten() {
        let json = simulate(&folder, &["--real", "--engine", engine, "--orders", "12", "--seeds", "2", "--json"]);
        let json = json.expect(0, &[]).json();
        for real in json["real"].as_array().expect("each seed") {
            assert_eq!(real["agrees"], Value::Bool(true), "{engine}: {real:#}");
            assert!(real["compared"].as_u64() > Some(5), "{engine}: {real:#}");
        }
    }
    if postgres.is_some() {
        // The orders' versions take up more than one page when a transaction is failed that the model lets go on.
        let shop = ["--real", "--engine", "postgres/serializable", "--orders", "20", "--servers", "4", "--seed", "3"];
        let json = simulate(&folder, &[&shop[..], &["--json"]].concat()).expect(0, &[]).json();
        let cut_off = json["real"][0]["says"].as_str().expect("it is not followed to its end");
        assert!(
            cut_off.contains("more than one page is taken up by orders") || cut_off.contains("too busy"),
            "{json:#}"
        );
    }
}

#[test]
fn whoever_interrupts_is_told_what_it_has_come_to() {
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_paidonce"))
        .args(["simulate", "--for", "1h", "--orders", "50"])
        .current_dir(folder.path("."))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut out = BufReader::new(child.stdout.take().expect("standard output"));
    let mut said = String::new();
    out.read_line(&mut said).expect("a first line");
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("an id");
    kill_process(id, Signal::INT).expect("it is there");
    out.read_to_string(&mut said).expect("the rest");
    assert!(child.wait().expect("it ends").success(), "{said}");
    assert!(said.lines().last().is_some_and(|last| last.starts_with("no claim is broken · ")), "{said}");
    assert!(
        said.contains("seeds from 1 on, for 3600 s") && said.contains("ended early; the next seed: paidonce simulate"),
        "{said}"
    );
}

#[test]
fn a_campaign_is_recorded_in_the_pins_with_its_seeds() {
    let folder = Folder::new();
    let record = ["--orders", "20", "--seeds", "3", "--rewrite", "--manifest", "pins.toml"];
    simulate(&folder, &record).expect(0, &["3 seeds"]);
    let pins = folder.read("pins.toml");
    let line = "settle = \"settle\", cancel = \"cancel\", engine = \"postgres/read-committed\", seed = 1, seeds = 3, orders = 20";
    assert!(pins.contains(line), "{pins}");
    simulate(&folder, &record).expect(0, &[]);
    assert_eq!(folder.read("pins.toml"), pins);
}
