//! The example of a flow of one's own: it is short, it prints what the book shows, and its traces are traces like any other.

use std::path::PathBuf;
use std::process::Command;

use paidonce::flow::{Error, Faults, Flow, Place, Session, Statement, Trace, Verdict, replay, sample};
use paidonce::{replay::replay_flow, show, trace_file};
use paidonce_model::Engine;
use paidonce_sqlx::server::{Server, Software, all_engines_wanted};

const EXAMPLE: &str = include_str!("../examples/own_flow.rs");
const PAGE: &str = include_str!("../../docs/own-flow.md");

/// What the example prints for these arguments.
fn printed(arguments: &[&str]) -> String {
    let this = std::env::current_exe().expect("a test is a file");
    // target/debug/deps/own_flow-…
    let target = this.ancestors().nth(3).map(PathBuf::from).expect("a test is in the target directory");
    // As all tests are built: after `cargo test` nothing is left to do. For the example alone each dependency that has other
    // features then is built once more.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--quiet", "--workspace", "--no-run", "--target-dir"]).arg(&target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let example = target.join(profile).join("examples").join("own_flow");
    let ran = Command::new(example).args(arguments).output().expect("the example is built");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("it prints text")
}

/// The page's blocks of this kind.
fn blocks(kind: &str) -> Vec<&'static str> {
    let starts = PAGE.split(&format!("```{kind}\n")[..]).skip(1).collect::<Vec<_>>();
    starts.into_iter().filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_example_is_short() {
    let lines = EXAMPLE.lines().count();
    assert!(lines <= 80, "{lines} lines");
    assert!(PAGE.contains(&format!(", {lines} lines that ")), "the page says how long it is: {lines} lines");
    assert!(EXAMPLE.lines().all(|line| line.chars().count() <= 120));
}

#[test]
fn the_book_shows_the_examples_code_and_what_it_prints() {
    let output = printed(&[]);
    let (code, shown) = (blocks("rust"), [blocks("text"), blocks("mermaid")].concat());
    assert!(code.len() >= 4 && shown.len() >= 3, "{} and {} blocks", code.len(), shown.len());
    for block in code {
        assert!(EXAMPLE.contains(block), "the page shows what is not in the example:\n{block}");
    }
    for block in shown {
        assert!(output.contains(block), "the page shows what is not printed:\n{block}\nbut:\n{output}");
    }
    assert!(output.contains("12 steps on a real SQLite: agrees true"), "{output}");
}

#[test]
fn the_example_takes_any_engine() {
    for engine in Engine::ALL.map(Engine::name) {
        let output = printed(&[engine]);
        assert!(output.contains(&format!("wrong on {engine}: violated, ")), "{output}");
        assert!(output.contains(&format!("right on {engine}: holds, ")), "{output}");
    }
}

static READ: Statement = Statement::new("read", "SELECT n FROM counters WHERE name = $1");
static WRITE: Statement = Statement::new("write", "UPDATE counters SET n = $2 WHERE name = $1");

async fn count(mut session: impl Session) -> Result<(), Error> {
    session.begin().await?;
    let n = session.read(&READ, ["hits".into()]).await?.first().ok_or(Error::Refused)?.int(0)?;
    session.write(&WRITE, ["hits".into(), (n + 1).into()]).await?;
    session.commit().await
}

/// Two who count by reading and writing. The claim is broken on purpose by whoever counts at all, so that every engine has
/// a trace, and with waits in it where there are any.
fn counters() -> Flow {
    Flow::new("counters", "CREATE TABLE counters (name VARCHAR(16) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
        .statements([&READ, &WRITE])
        .row("counters", ["hits".into(), 0.into()])
        .actor("ann", count)
        .actor("bob", count)
        .always("nobody_is_counted", |rows| {
            let n = rows.ints("counters", "n")?[0];
            Ok((n > 0).then(|| format!("{n} were counted")))
        })
}

fn broken(flow: &Flow, engine: &str) -> Trace {
    match flow.check(engine).unwrap().verdict {
        Verdict::Violated(trace) => *trace,
        other => panic!("{engine}: {}", other.name()),
    }
}

/// Whether the engine's server is here.
fn is_here(engine: Engine) -> bool {
    let Some(software) = Software::of_dialect(engine.dialect()) else { return true };
    match Server::shared(software) {
        Ok(_) => true,
        Err(error) if all_engines_wanted() => panic!("{error}"),
        Err(error) => {
            println!("left out: {}: {error}", engine.name());
            false
        }
    }
}

#[test]
fn a_flows_traces_are_replayed_on_every_engine_and_its_claim_looks_at_the_real_rows() {
    let flow = counters();
    for engine in Engine::ALL.into_iter().filter(|engine| is_here(*engine)) {
        let replayed = replay(&flow, &broken(&flow, engine.name())).unwrap();
        assert!(replayed.agrees() && replayed.rows_equal, "{}: {:?}", engine.name(), replayed.difference);
        assert_eq!(replayed.audit.found, Some(true));
        assert_eq!(replayed.audit.violations, ["1 were counted"]);
    }
}

#[test]
fn a_flows_schedules_drawn_by_seed_are_replayed_with_deaths_and_waits() {
    let faults = Faults { deaths: 1, lost_replies: 1, ticks: 1, ..Faults::default() };
    let flow = counters().faults(faults).always("it_is_small", |rows| {
        let n = rows.ints("counters", "n")?[0];
        Ok((n > 2).then(|| format!("{n} were counted")))
    });
    let (mut waited, mut died) = (0, 0);
    for seed in 1..=20 {
        let drawn = sample(&flow.on("sqlite/immediate").unwrap(), seed).unwrap().trace(None).unwrap();
        let text = show::text(&drawn);
        waited += usize::from(text.contains("waits"));
        died += usize::from(text.contains("dies"));
        let replayed = replay(&flow, &drawn).unwrap();
        assert!(replayed.agrees() && replayed.audit.found == Some(false), "{:?}\n{text}", replayed.difference);
    }
    assert!(waited > 0 && died > 0, "{waited} schedules have a wait and {died} a death");
}

#[test]
fn a_flow_that_looks_at_the_engines_clock_is_replayed_with_the_traces_time() {
    static LEASE: Statement = Statement::new(
        "lease",
        "UPDATE counters SET n = clock_ms() + 500 WHERE name = 'lease' AND n <= clock_ms() AND n < $1",
    );
    async fn lease(mut session: impl Session) -> Result<(), Error> {
        session.write(&LEASE, [9_000.into()]).await.map(drop)
    }
    let flow =
        Flow::new("counters", "CREATE TABLE counters (name VARCHAR(16) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)")
            .statements([&LEASE])
            .row("counters", ["lease".into(), 0.into()])
            .actor("ann", lease)
            .actor("bob", lease)
            .faults(Faults { ticks: 1, ..Faults::default() })
            .always("it_is_leased_once", |rows| {
                let until_ms = rows.ints("counters", "n")?[0];
                Ok((until_ms > 500).then(|| format!("it is leased until {until_ms} ms")))
            });
    for engine in Engine::ALL.into_iter().filter(|engine| is_here(*engine)) {
        let replayed = replay(&flow, &broken(&flow, engine.name())).unwrap();
        assert!(replayed.agrees(), "{}: {:?}", engine.name(), replayed.difference);
        assert_eq!(replayed.audit.violations, ["it is leased until 1000 ms"]);
    }
}

#[test]
fn a_claim_that_the_real_rows_keep_does_not_agree() {
    let trace = broken(&counters(), "sqlite/deferred");
    let lenient = counters().always("nobody_is_counted", |rows| rows.ints("counters", "n").map(|_| None));
    let replayed = replay(&lenient, &trace).unwrap();
    assert!(replayed.rows_equal && !replayed.agrees(), "{replayed:?}");
}

#[test]
fn other_code_than_the_traces_is_a_difference() {
    let trace = broken(&counters(), "sqlite/deferred");
    let flow =
        Flow::new("counters", "CREATE TABLE counters (name VARCHAR(16) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)");
    let flow = flow.row("counters", ["hits".into(), 0.into()]).always("nobody_is_counted", |_| Ok(None));
    let flow = flow.actor("ann", |mut session| async move { session.begin().await }).actor("bob", count);
    let replayed = replay(&flow, &trace).unwrap();
    let says = replayed.difference.expect("ann does something else").to_string();
    assert!(!replayed.rows_equal && says.contains("step 1"), "{says}");
    let other = Flow::new("other", "").always("nothing", |_| Ok(None));
    let error = replay(&other, &trace).unwrap_err().to_string();
    assert_eq!(error, "the trace is of counters, and the flow is other");
}

#[tokio::test]
async fn a_flows_trace_is_a_file_like_any_other_and_its_code_is_its_programs() {
    let trace = broken(&counters(), "postgres/repeatable-read");
    let text = trace_file::write(&trace).unwrap();
    let schema = serde_json::from_str(include_str!("../../specs/trace.schema.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    jsonschema::draft202012::new(&schema).unwrap().validate(&json).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(trace_file::read(&text).unwrap(), trace);
    // The command can draw it, and has no code to replay it with.
    assert!(show::svg(&trace).contains("nobody_is_counted"));
    let error = paidonce::replay::replay(&trace, &Place::default()).await.unwrap_err().to_string();
    assert!(error.contains("protocol counters") && error.contains("docs/own-flow.md"), "{error}");
    let elsewhere = Place { engine: Some("sqlite/immediate".to_owned()), database: None };
    assert!(replay_flow(&counters(), &trace, &elsewhere).await.is_err(), "a trace is of one engine");
}
