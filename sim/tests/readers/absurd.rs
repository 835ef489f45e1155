//! What is of the form, and of no use to anybody: too many, too deep, too far.

use std::fmt::Write as _;

use paidonce::show::{Format, show};
use paidonce::trace_file::read;
use paidonce_model::Engine;
use paidonce_model::history::History;
use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::script::{Prepared, Script};
use paidonce_model::trace::{Step, Trace};

use crate::traces::traces;

const SETUP: &str = "setup\n  CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT);\n  \
    INSERT INTO t (id, n) VALUES (1, 9223372036854775807);\n  INSERT INTO t (id, n) VALUES (2, -9223372036854775807);\n";

/// Why a script is refused on this engine, by the reader or before the first step.
fn refused_on(engine: Engine, steps: &str) -> Option<String> {
    let text = format!("{SETUP}{steps}");
    let script = match Script::parse("absurd", &text) {
        Ok(script) => script,
        Err(error) => return Some(error.to_string()),
    };
    let prepared = match Prepared::new(&script, "absurd", engine) {
        Ok(prepared) => prepared,
        Err(error) => return Some(error.to_string()),
    };
    match prepared.orders() {
        Ok(orders) => {
            orders.iter().take(3).for_each(|order| drop(prepared.transcripts_within(order, 10)));
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

fn refused(steps: &str) -> String {
    refused_on(Engine::PostgresSerializable, steps).expect("it is absurd")
}

#[test]
fn a_script_has_a_bounded_number_of_sessions_steps_and_interleavings() {
    let sessions = |count: usize| (0..count).fold(String::new(), |all, one| all + &format!("T{one}: begin\n"));
    assert_eq!(refused_on(Engine::PostgresSerializable, &sessions(16)), None);
    assert_eq!(refused(&sessions(17)), "absurd:21: there are more than 16 sessions");
    assert!(refused(&"T1: begin\nT1: commit\n".repeat(600)).contains("there are more than 1000 steps"));
    let two = "T1: begin\nT2: begin\n".repeat(500);
    assert!(refused(&format!("permutations: all\n{two}")).contains("more than 100000 interleavings"));
}

#[test]
fn what_is_wrong_with_a_table_or_an_anomaly_is_told_with_its_own_line() {
    let table = "  CREATE TABLE u (\n    id BIGINT NOT NULL PRIMARY KEY, x FLOAT);\nT1: begin\n";
    assert!(refused(table).starts_with("absurd:5: schema, table u: `FLOAT` is a type"), "{}", refused(table));
    let anomaly = "anomaly: 1 done\nanomaly: 7 done\nT1: begin\n";
    assert_eq!(refused(anomaly), "absurd:6: an anomaly looks at step 7, and there are steps 1 to 1");
}

#[test]
fn more_ways_than_can_be_looked_at_are_refused() {
    let begins = (0..12).fold(String::new(), |all, one| all + &format!("T{one}: begin\n"));
    let writes = (0..12).fold(begins, |all, one| all + &format!("T{one}: UPDATE t SET n = {one} WHERE id = 1\n"));
    let all = (0..12).fold(writes, |all, one| all + &format!("T{one}: commit\n"));
    let text = format!("{SETUP}{all}");
    let script = Script::parse("absurd", &text).unwrap();
    let prepared = Prepared::new(&script, "absurd", Engine::PostgresReadCommitted).unwrap();
    let error = prepared.transcripts(&prepared.orders().unwrap()[0]).expect_err("it takes for ever");
    assert!(error.to_string().contains("more than 20000 ways"), "{error}");
}

#[test]
fn sixteen_sessions_that_all_wait_are_played() {
    for engine in Engine::ALL {
        let steps = (0..16).fold(String::new(), |all, one| {
            all + &format!("T{one}: begin\nT{one}: UPDATE t SET n = {one} WHERE id = 1\n")
        });
        assert_eq!(refused_on(engine, &format!("{steps}T0: commit\nT5: kill\n")), None, "{}", engine.name());
    }
}

#[test]
fn many_transactions_one_after_the_other_are_played() {
    let round = "T1: begin\nT1: SELECT n FROM t WHERE id = 1\nT2: begin\nT2: UPDATE t SET n = 1 WHERE id = 1\nT2: commit\nT1: commit\n";
    for engine in Engine::ALL {
        assert_eq!(refused_on(engine, &round.repeat(160)), None, "{}", engine.name());
    }
}

#[test]
fn sql_that_is_too_deep_or_too_long_is_refused() {
    for deep in [
        format!("SELECT {}1 FROM t", "1 + ".repeat(50_000)),
        format!("SELECT n FROM t WHERE {}n = 1", "n = 1 AND ".repeat(50_000)),
        format!("SELECT n FROM t WHERE {}n = 1", "n = 1 OR ".repeat(50_000)),
        format!("SELECT n FROM t WHERE {}n = 1", "NOT ".repeat(50_000)),
        format!("SELECT {}1{} FROM t", "(".repeat(50_000), ")".repeat(50_000)),
        format!("SELECT {}1 FROM t", "- ".repeat(50_000)),
        format!("SELECT n FROM t WHERE n{}", " IS NULL".repeat(50_000)),
    ] {
        let said = refused(&format!("T1: {deep}\n"));
        assert!(said.starts_with("absurd:5: ") && said.len() < 1_000, "{}", &said[..said.len().min(1_000)]);
    }
}

#[test]
fn numbers_at_their_ends_are_errors_and_no_panics() {
    for engine in Engine::ALL {
        for sql in [
            "UPDATE t SET n = n + 1",
            "UPDATE t SET n = n - 2",
            "UPDATE t SET n = n * n",
            "UPDATE t SET n = -n",
            "UPDATE t SET n = n % -1",
            "SELECT SUM(n) FROM t",
            "SELECT SUM(n - 2) FROM t",
            "SELECT -9223372036854775808 FROM t",
            "SELECT 9223372036854775808 FROM t",
            "SELECT n FROM t LIMIT 9223372036854775807",
            "SELECT n FROM t LIMIT 18446744073709551616",
            "SELECT n FROM t WHERE n < $18446744073709551616",
            "SELECT n FROM t WHERE n < $0",
            "INSERT INTO t (id, n) VALUES (9223372036854775807, 0)",
        ] {
            refused_on(engine, &format!("T1: {sql}\n"));
        }
    }
}

fn scenario(text: &str) -> String {
    let error = Scenario::from_toml("absurd.toml", text).expect_err("it is absurd");
    let said = error.to_string();
    said.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_scenario_of_thousands_is_refused() {
    let (_, default) = FILES[0];
    let mut text = default.to_owned();
    for number in 0..2_000 {
        let letters: String = format!("{number:04}").bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
        let _ = write!(text, "\n[[actors]]\nname = \"{letters}\"\nservers = [\"web-1\"]\ncancel = \"1\"\n");
    }
    assert!(scenario(&text).contains("expected at most 16"), "{}", scenario(&text));
    let orders = (0..20_000).fold(String::new(), |mut all, number| {
        let _ = write!(all, "\n[[stock]]\nsku = \"sku {number}\"\non_hand = 1\n");
        all
    });
    assert!(scenario(&format!("{default}{orders}")).contains("expected at most 100"));
}

#[test]
fn what_is_nested_thousands_deep_is_refused() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let deep = format!("story = {}1{}\n", open.repeat(20_000), close.repeat(20_000));
        assert!(Scenario::from_toml("deep.toml", &deep).is_err());
    }
    let tables = format!("[{}a]\n", "a.".repeat(20_000));
    assert!(Scenario::from_toml("deep.toml", &tables).is_err());
    let deep = format!("{{\"version\": 1, \"steps\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_err());
    assert!(History::parse(&deep).is_err());
}

#[test]
fn a_trace_of_thousands_is_refused() {
    let trace = &traces()[0];
    let step = trace.steps[0].clone();
    let with = |steps: Vec<Step>| {
        let text = serde_json::to_string(&Trace { steps, ..trace.clone() }).unwrap();
        read(&text).expect_err("nobody can read that").to_string()
    };
    let many = (0..65).map(|number| Step { actor: Some(format!("ipn-{number}")), ..step.clone() });
    assert_eq!(with(many.collect()), "this trace has 65 actors in its steps, and none of use has more than 64");
    let long = vec![step.clone(); 20_001];
    assert_eq!(with(long), "this trace has 20001 steps, and none of use has more than 20000");
}

#[test]
fn names_that_are_empty_and_moments_at_their_ends_are_shown() {
    let mut trace: Trace = traces()[0].clone();
    for step in &mut trace.steps {
        step.actor = Some(String::new());
        step.now_ms = i64::MIN;
        step.outcome = Some(String::new());
    }
    (trace.protocol, trace.engine, trace.scenario.name) = Default::default();
    trace.scenario.actors.clear();
    trace.scenario.servers.clear();
    for format in Format::ALL {
        show(&trace, format).unwrap();
    }
}
