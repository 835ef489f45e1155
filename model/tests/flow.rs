//! Flows of somebody's own: what they find, and what they say when something in them cannot be used.

use paidonce_model::flow::{Faults, Flow};
use paidonce_model::trace::{Event, Trace};
use paidonce_model::{Engine, Verdict, sample};
use paidonce_protocol::{Error, Port, Session, Statement, Value};

const SCHEMA: &str = "CREATE TABLE counters (name VARCHAR(16) NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";

static READ: Statement = Statement::new("read", "SELECT n FROM counters WHERE name = $1");
static WRITE: Statement = Statement::new("write", "UPDATE counters SET n = $2 WHERE name = $1");
static ADD: Statement = Statement::new("add", "UPDATE counters SET n = n + 1 WHERE name = $1");
static REMOVE: Statement = Statement::new("remove", "DELETE FROM counters WHERE name = $1");

async fn read_and_write(mut session: impl Session) -> Result<(), Error> {
    let n = session.read(&READ, ["hits".into()]).await?.first().ok_or(Error::Refused)?.int(0)?;
    session.write(&WRITE, ["hits".into(), (n + 1).into()]).await.map(drop)
}

async fn add(mut session: impl Session) -> Result<(), Error> {
    session.write(&ADD, ["hits".into()]).await.map(drop)
}

/// A counter of nothing yet, and what is to be true of it.
fn counter() -> Flow {
    Flow::new("count", SCHEMA)
        .statements([&READ, &WRITE, &ADD, &REMOVE])
        .row("counters", ["hits".into(), 0.into()])
        .always("it_is_small", |rows| Ok(rows.ints("counters", "n")?.first().filter(|n| **n > 2).map(i64::to_string)))
}

fn says(flow: &Flow) -> String {
    flow.check("sqlite/immediate").expect_err("it cannot be used").to_string()
}

fn trace(flow: &Flow, engine: &str) -> Box<Trace> {
    match flow.check(engine).unwrap().verdict {
        Verdict::Violated(trace) => trace,
        other => panic!("{engine}: {}", other.name()),
    }
}

#[test]
fn a_lost_update_is_found_on_every_engine_and_cured_by_one_statement() {
    // What was counted, and by how many: rows of those who came to their end.
    let schema = format!("{SCHEMA}; CREATE TABLE came (name VARCHAR(16) NOT NULL PRIMARY KEY)");
    static COME: Statement = Statement::new("come", "INSERT INTO came (name) VALUES ($1)");
    let flow = |how: fn(Port, &'static str) -> paidonce_protocol::Body<Result<(), Error>>| {
        let flow = Flow::new("count", &schema).statements([&READ, &WRITE, &ADD, &COME]);
        let flow = flow.row("counters", ["hits".into(), 0.into()]);
        let flow = flow.actor("ann", move |port| how(port, "ann")).actor("bob", move |port| how(port, "bob"));
        flow.at_rest("everybody_is_counted", |rows| {
            let (n, came) = (rows.ints("counters", "n")?[0], rows.texts("came", "name")?);
            Ok((n < came.len() as i64).then(|| format!("{} came, and {n} was counted", came.join(" and "))))
        })
    };
    let wrong = flow(|mut session, name| {
        Box::pin(async move {
            let n = session.read(&READ, ["hits".into()]).await?.first().ok_or(Error::Refused)?.int(0)?;
            session.write(&WRITE, ["hits".into(), (n + 1).into()]).await?;
            session.write(&COME, [name.into()]).await.map(drop)
        })
    });
    let right = flow(|mut session, name| {
        Box::pin(async move {
            session.write(&ADD, ["hits".into()]).await?;
            session.write(&COME, [name.into()]).await.map(drop)
        })
    });
    for engine in Engine::ALL.map(Engine::name) {
        let trace = trace(&wrong, engine);
        assert_eq!(trace.verdict.claim.as_deref(), Some("everybody_is_counted"));
        assert_eq!(trace.verdict.sentence, "ann and bob came, and 1 was counted");
        assert_eq!((trace.steps.len(), trace.world.at_rest), (6, true), "{engine}");
        assert_eq!(trace.steps.iter().filter(|step| step.outcome.as_deref() == Some("done")).count(), 2);
        assert_eq!(right.check(engine).unwrap().verdict, Verdict::Holds, "{engine}");
    }
}

/// Ann undoes her new row first, and what she did before it afterwards. Bob, who waits for the new row, may go on in
/// between, and where he locks nothing of what he reads he sees that.
#[test]
fn who_waits_for_a_row_that_is_rolled_back_may_see_what_came_before_it_at_read_uncommitted() {
    static LEAVE: Statement = Statement::new("leave", "DELETE FROM old WHERE id = 2");
    static CLAIM: Statement = Statement::new("claim", "INSERT INTO new (id) VALUES (1)");
    static IS_CLAIMED: Statement = Statement::new("is_claimed", "SELECT id FROM new WHERE id = 1");
    static COPY: Statement = Statement::new("copy", "INSERT INTO new (id) SELECT id FROM old");
    let schema = "CREATE TABLE old (id BIGINT NOT NULL PRIMARY KEY); CREATE TABLE new (id BIGINT NOT NULL PRIMARY KEY)";
    let flow = Flow::new("copy", schema).statements([&LEAVE, &CLAIM, &IS_CLAIMED, &COPY]);
    let flow = flow.row("old", [1.into()]).row("old", [2.into()]);
    let flow = flow.actor("ann", async |mut session| {
        session.begin().await?;
        session.write(&LEAVE, []).await?;
        session.write(&CLAIM, []).await?;
        session.rollback().await
    });
    let flow = flow.actor("bob", async |mut session| {
        if !session.read(&IS_CLAIMED, []).await?.is_empty() {
            session.write(&COPY, []).await?;
        }
        Ok(())
    });
    let flow = flow.at_rest("both_or_none_are_copied", |rows| {
        Ok((rows.ints("new", "id")?.len() == 1).then(|| "one row was copied".to_owned()))
    });
    for engine in Engine::ALL {
        let is_broken = matches!(flow.check(engine.name()).unwrap().verdict, Verdict::Violated(_));
        assert_eq!(is_broken, engine == Engine::MariaDbReadUncommitted, "{}", engine.name());
    }
}

#[test]
fn faults_are_part_of_a_flow_when_it_asks_for_them() {
    let twice = counter().actor("ann", |mut session| async move {
        session.begin().await?;
        session.write(&REMOVE, ["hits".into()]).await?;
        session.commit().await
    });
    let twice = twice.always("it_is_there", |rows| {
        let there = !rows.table("counters")?.is_empty();
        Ok((!there).then(|| "the counter is gone".to_owned()))
    });
    let done = trace(&twice, "postgres/read-committed");
    assert!(done.steps.iter().all(|step| !matches!(step.event, Event::ReplyLost { .. })));
    // One that is told nothing of its commit tries again, and then finds nothing to do.
    let again =
        counter().faults(Faults { lost_replies: 1, ..Faults::default() }).actor("ann", |mut session| async move {
            for _ in 0..2 {
                session.begin().await?;
                session.write(&ADD, ["hits".into()]).await?;
                match session.commit().await {
                    Err(Error::Unknown) => {}
                    known => return known,
                }
            }
            Err(Error::Unknown)
        });
    let again = again.always("it_counts_once", |rows| {
        let n = rows.ints("counters", "n")?[0];
        Ok((n > 1).then(|| format!("it counted {n}")))
    });
    let trace = trace(&again, "sqlite/immediate");
    assert!(trace.steps.iter().any(|step| matches!(step.event, Event::ReplyLost { .. })), "{:?}", trace.steps);
    assert_eq!(trace.verdict.sentence, "it counted 2");
}

#[test]
fn a_schedule_of_a_flow_can_be_drawn_by_seed() {
    let flow = counter().actor("ann", add).actor("bob", read_and_write);
    let drawn = sample(&flow.on("mariadb/serializable").unwrap(), 7).unwrap().trace(None).unwrap();
    assert_eq!((drawn.seed, drawn.protocol.as_str(), drawn.steps.len()), (Some(7), "count", 3));
    assert_eq!(drawn.verdict.sentence, "nothing went wrong");
}

#[test]
fn what_is_wrong_with_a_statement_is_told_by_its_name() {
    let with = |statement: &'static Statement| says(&counter().statements([statement]).actor("ann", add));
    static TABLE: Statement = Statement::new("look", "SELECT n FROM counter WHERE name = $1");
    static COLUMN: Statement = Statement::new("look", "SELECT m FROM counters WHERE name = $1");
    static CLAUSE: Statement = Statement::new("look", "SELECT n FROM counters WHERE name LIKE $1");
    static JOIN: Statement = Statement::new("look", "SELECT a.n FROM counters a JOIN counters b ON a.n = b.n");
    static NAMESAKE: Statement = Statement::new("add", "UPDATE counters SET n = n + 2 WHERE name = $1");
    for (statement, expected) in [
        (&TABLE, "look: "),
        (&TABLE, "counter"),
        (&COLUMN, "look: table counters has no column m; it has name, n"),
        (&CLAUSE, "look: `name LIKE $1` is outside the SQL that the model knows; write the statement without it"),
        (&JOIN, "look: "),
        (&JOIN, "is outside the SQL that the model knows; write the statement without it"),
        (&NAMESAKE, "add: is the name of another statement, too; give each its own"),
    ] {
        let said = with(statement);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn what_is_wrong_with_a_call_is_told_by_the_statements_name() {
    static UNLISTED: Statement = Statement::new("unlisted", "SELECT n FROM counters WHERE name = $1");
    let with = |statement: &'static Statement, arguments: Vec<Value>| {
        says(&counter().actor("ann", move |mut session| {
            let arguments = arguments.clone();
            async move { session.write(statement, arguments).await.map(drop) }
        }))
    };
    assert_eq!(with(&ADD, vec![1.into()]), "add: needs text for $1 and was given 1");
    assert_eq!(with(&WRITE, vec!["hits".into(), "many".into()]), "write: needs an integer for $2 and was given 'many'");
    assert_eq!(with(&ADD, vec![]), "add: takes 1 arguments and was given 0");
    assert_eq!(
        with(&UNLISTED, vec!["hits".into()]),
        "unlisted: is sent but not listed among the protocol's statements; add it to the list"
    );
}

#[test]
fn code_that_is_no_protocol_is_told_by_its_actors_name() {
    let said = says(&counter().actor("ann", |_| std::future::pending()));
    assert_eq!(
        said,
        "protocol ann awaits something that is not its session; a protocol awaits its session, one call at a time"
    );
    let said = says(&counter().actor("ann", |mut session| async move { session.cache_get("hits").await.map(drop) }));
    assert!(said.starts_with("protocol ann asks `cache_get`, and the model has no cache"), "{said}");
}

#[test]
fn what_is_wrong_with_tables_rows_and_actors_is_told_with_what_to_do() {
    let flow = |schema: &str| Flow::new("count", schema).actor("ann", add).statements([&ADD]);
    let claimed = |flow: Flow| says(&flow.always("nothing", |_| Ok(None)));
    let row = |values: Vec<Value>| claimed(flow(SCHEMA).row("counters", values));
    for (said, expected) in [
        (claimed(flow("CREATE TABLE counters (name TEXT)")), "has no primary key"),
        (claimed(flow("CREATE TABLE counters (at TIMESTAMP PRIMARY KEY)")), "use BIGINT, VARCHAR(n) or TEXT"),
        (claimed(flow("DROP TABLE counters")), "schema: `DROP TABLE counters` is outside the SQL"),
        (claimed(flow(SCHEMA).row("counter", [1.into()])), "rows of counter: the schema has no such table"),
        (row(vec!["hits".into()]), "rows of counters: a row has not as many values"),
        (row(vec![1.into(), 0.into()]), "rows of counters: column name needs text and was given 1"),
        (row(vec!["hits".into(), Value::Null]), "rows of counters: column n refuses NULL"),
        (says(&flow(SCHEMA)), "flow count: claims nothing; say with `always` or `at_rest` what has to be true"),
        (says(&counter()), "flow count: has 0 actors; give it 1 to 64"),
        (says(&counter().actor("ann", add).actor("ann", add)), "flow count: two actors are named ann"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let said = counter().actor("ann", add).check("oracle").unwrap_err().to_string();
    assert!(said.starts_with("flow count: there is no engine oracle; there are sqlite/immediate, "), "{said}");
}

#[test]
fn a_claim_that_reads_what_is_not_there_is_told_before_anything_runs() {
    let claims = |test: fn(&paidonce_model::flow::Rows<'_>) -> Result<Vec<i64>, paidonce_model::flow::ClaimError>| {
        says(&counter().actor("ann", add).always("it_is_well", move |rows| test(rows).map(|_| None)))
    };
    for (said, expected) in [
        (claims(|rows| rows.ints("counter", "n")), "claim it_is_well: there is no table counter; there are counters"),
        (claims(|rows| rows.ints("counters", "m")), "claim it_is_well: table counters has no column m; it has name, n"),
        (
            claims(|rows| rows.ints("counters", "name")),
            "claim it_is_well: column name of table counters holds 'hits', which is no integer",
        ),
    ] {
        assert_eq!(said, expected);
    }
}

/// One keeps a row to itself for a second; the other writes down when it came, and what it found.
fn stamped() -> Flow {
    static KEEP: Statement = Statement::new("keep", "UPDATE stamps SET kept = 1 WHERE id = 1");
    static STAMP: Statement =
        Statement::new("stamp", "UPDATE stamps SET found = kept, at_ms = clock_ms() WHERE id = 1");
    let schema = "CREATE TABLE stamps (id BIGINT NOT NULL PRIMARY KEY, kept BIGINT NOT NULL, found BIGINT NOT NULL, at_ms BIGINT NOT NULL)";
    Flow::new("stamped", schema)
        .statements([&KEEP, &STAMP])
        .row("stamps", [1.into(), 0.into(), 0.into(), (-1).into()])
        .actor("ann", |mut session| async move {
            session.begin().await?;
            session.write(&KEEP, []).await?;
            session.wait(1_000).await?;
            session.commit().await
        })
        .actor("bob", |mut session| async move { session.write(&STAMP, []).await.map(drop) })
        .faults(Faults { ticks: 1, ..Faults::default() })
        .always("who_finds_it_kept_comes_later", |rows| {
            let (found, at_ms) = (rows.ints("stamps", "found")?[0], rows.ints("stamps", "at_ms")?[0]);
            Ok((found == 1 && at_ms < 1_000).then(|| format!("it was kept by {at_ms} ms")))
        })
}

#[test]
fn a_statement_that_waits_keeps_the_moment_at_which_it_came_but_on_sqlite() {
    let mut kept = 0;
    for engine in Engine::ALL.map(Engine::name) {
        let found = stamped().check(engine).unwrap();
        match found.verdict {
            // On SQLite it is asked again, and looks at the clock again; on the others its wait ends in a conflict.
            Verdict::Holds => assert!(
                ["sqlite/immediate", "sqlite/deferred", "postgres/repeatable-read", "postgres/serializable"]
                    .contains(&engine),
                "{engine}"
            ),
            Verdict::Violated(trace) => {
                kept += 1;
                assert_eq!(trace.verdict.sentence, "it was kept by 0 ms");
                assert!(trace.steps.iter().any(|step| matches!(step.event, Event::Ticked { .. })));
            }
            other => panic!("{engine}: {}", other.name()),
        }
    }
    assert_eq!(kept, 6, "postgres/read-committed and each level of mariadb");
}

#[test]
fn the_engines_clock_moves_with_true_time_and_its_moments_are_met() {
    static LEASE: Statement = Statement::new(
        "lease",
        "UPDATE leases SET until_ms = clock_ms() + 500 WHERE id = 1 AND until_ms <= clock_ms()",
    );
    let schema = "CREATE TABLE leases (id BIGINT NOT NULL PRIMARY KEY, until_ms BIGINT NOT NULL)";
    let lease = |mut session: Port| async move { session.write(&LEASE, []).await.map(drop) };
    let flow = |ticks| {
        Flow::new("leases", schema)
            .statements([&LEASE])
            .row("leases", [1.into(), 0.into()])
            .actor("ann", lease)
            .actor("bob", lease)
            .faults(Faults { ticks, ..Faults::default() })
            .always("it_is_leased_once", |rows| {
                Ok((rows.ints("leases", "until_ms")?[0] > 500).then(|| "it is leased again".to_owned()))
            })
    };
    for engine in Engine::ALL.map(Engine::name) {
        assert_eq!(flow(0).check(engine).unwrap().verdict, Verdict::Holds, "{engine}: no time passes");
        let again = trace(&flow(1), engine);
        assert_eq!((again.steps.len(), again.verdict.sentence.as_str()), (3, "it is leased again"), "{engine}");
    }
}
