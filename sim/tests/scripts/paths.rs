//! Locks depend on how a statement comes to its rows: what the model says of that is what EXPLAIN says.

use std::collections::BTreeMap;

use paidonce_model::{Engine, Family, Path, Sheet};
use paidonce_protocol::catalogue::PROTOCOLS;
use paidonce_protocol::{Dialect, Reply, Schema, Statement, Value};
use paidonce_sqlx::server::{Server, Software};
use paidonce_sqlx::{Connection, Options};

use super::support::{alone, block_on, is_here, scripts};

/// How a table's rows are come to, as far as every EXPLAIN says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Primary,
    Second,
    Whole,
}

impl By {
    fn path(path: Path) -> Self {
        match path {
            Path::Primary | Path::Prefix(_) | Path::Range => By::Primary,
            Path::Unique(_) | Path::UniquePrefix(..) => By::Second,
            Path::Whole => By::Whole,
        }
    }
}

/// What EXPLAIN says of one statement: the tables that it names, each with how it is come to.
fn seen(dialect: Dialect, reply: Reply) -> BTreeMap<String, By> {
    let Reply::Rows(rows) = reply else { panic!("EXPLAIN answers with rows") };
    let text = |row: &paidonce_protocol::Row, column: usize| match row.0.get(column) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let mut found = BTreeMap::new();
    match dialect {
        // id, select_type, table, type, possible_keys, key, …
        Dialect::MariaDb => {
            for row in &rows {
                let by = match (text(row, 3).as_str(), text(row, 5).as_str()) {
                    ("ALL" | "index", _) => By::Whole,
                    ("const" | "eq_ref" | "ref" | "range", "PRIMARY") => By::Primary,
                    ("const" | "eq_ref" | "ref" | "range", _) => By::Second,
                    _ => continue,
                };
                found.insert(text(row, 2), by);
            }
        }
        Dialect::Postgres => {
            let lines: Vec<String> = rows.iter().map(|row| text(row, 0)).collect();
            for (place, line) in lines.iter().enumerate() {
                let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "->").collect();
                let on = words.iter().position(|word| *word == "on").and_then(|place| words.get(place + 1));
                let Some(table) = on else { continue };
                let has_condition =
                    lines.get(place + 1).is_some_and(|next| next.trim_start().starts_with("Index Cond"));
                let by = match (words.as_slice(), has_condition) {
                    (["Seq", "Scan", ..], _) | (["Index", ..], false) => By::Whole,
                    (["Index", ..], true) if line.contains("_pkey ") => By::Primary,
                    (["Index", ..], true) => By::Second,
                    _ => continue,
                };
                found.insert((*table).to_owned(), by);
            }
        }
        // id, parent, notused, detail: `SEARCH t USING INDEX sqlite_autoindex_t_1 (id=?)`
        Dialect::Sqlite => {
            for row in &rows {
                let detail = text(row, 3);
                let words: Vec<&str> = detail.split_whitespace().collect();
                let by = match words.as_slice() {
                    ["SCAN", ..] => By::Whole,
                    ["SEARCH", _, .., index, _] if index.ends_with("_1") => By::Primary,
                    ["SEARCH", ..] if detail.contains("_1 (") => By::Primary,
                    ["SEARCH", ..] => By::Second,
                    _ => continue,
                };
                found.insert((*words.get(1).unwrap_or(&"")).to_owned(), by);
            }
        }
    }
    found
}

/// A statement's text with a literal for each argument: quoted, it is of any type.
fn filled(sql: &str) -> String {
    let mut filled = String::new();
    let mut quoted = false;
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        quoted ^= letter == '\'';
        if quoted || !matches!(letter, '$' | '?') {
            filled.push(letter);
            continue;
        }
        while letters.next_if(char::is_ascii_digit).is_some() {}
        filled.push_str("'1'");
    }
    filled
}

struct Explainer {
    engine: Engine,
    connection: Connection,
    complaints: Vec<String>,
    compared: usize,
    /// The paths that are not compared, by the reason.
    left_out: BTreeMap<&'static str, usize>,
}

impl Explainer {
    async fn compare(&mut self, schema: &str, statement: &'static Statement) {
        let dialect = self.engine.dialect();
        // A statement may be of another schema than this one.
        let Ok(sheet) = Sheet::new(schema, dialect, &[statement], &[]) else { return };
        let paths = sheet.paths(statement).expect("it is the sheet's");
        if paths.is_empty() {
            return;
        }
        let inserts = statement.sql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("insert"));
        let sql = filled(&statement.render(dialect).expect("it was compiled").sql);
        let explain = match dialect {
            Dialect::Postgres => "EXPLAIN (COSTS OFF)",
            Dialect::MariaDb => "EXPLAIN",
            Dialect::Sqlite => "EXPLAIN QUERY PLAN",
        };
        let reply = self.connection.send_sql(&format!("{explain} {sql}")).await;
        let reply = match reply {
            // PostgreSQL finds a constant too long or too large while it plans, and has no plan then.
            Err(error) if error.kind() == paidonce_protocol::Error::Refused => return self.leave_out("no plan"),
            reply => reply.unwrap_or_else(|error| panic!("{sql}: {error}")),
        };
        let seen = seen(dialect, reply);
        // A new row is come to by its key, which no EXPLAIN says.
        for (table, path) in paths.iter().skip(usize::from(inserts)) {
            let twice = paths.iter().filter(|(other, _)| other == table).count() > 1;
            if twice {
                self.leave_out("a table that is read twice");
                continue;
            }
            let Some(by) = seen.get(*table) else {
                self.leave_out("EXPLAIN shows no table: it knows that no row is found");
                continue;
            };
            self.compared += 1;
            if *by != By::path(*path) {
                let line = format!("{table} {by:?}, model {}: {}", path.name(), statement.sql);
                self.complaints.push(line);
            }
        }
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    async fn run(&mut self, sql: &str) {
        self.connection.send_sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// One empty database after the other, for a schema each.
async fn explainer(engine: Engine, work: impl AsyncFnOnce(&mut Explainer)) -> (usize, Vec<String>) {
    let _alone = alone(engine).await;
    let real = paidonce_sqlx::Engine::find(engine.name()).expect("both know the engine");
    let options = Options { meaning_only: true, ..Options::lockstep(real) };
    let folder = tempfile::tempdir().expect("a folder");
    let software = Software::of_dialect(engine.dialect());
    let database = match software {
        None => None,
        Some(software) => {
            let server = Server::shared(software).expect("the engine is here");
            Some(server.own_database().await.expect("a database"))
        }
    };
    let connection = match &database {
        None => {
            Connection::create_empty(&format!("sqlite:{}", folder.path().join("paths.db").display()), options).await
        }
        Some(database) => Connection::open(database.url(), options).await,
    };
    let connection = connection.expect("a database");
    let mut explainer =
        Explainer { engine, connection, complaints: Vec::new(), compared: 0, left_out: BTreeMap::new() };
    work(&mut explainer).await;
    explainer.connection.close().await;
    for (why, times) in &explainer.left_out {
        println!("{}: {times} paths left out: {why}", engine.name());
    }
    (explainer.compared, explainer.complaints)
}

/// One engine of each family: its plans do not depend on the level.
fn families() -> impl Iterator<Item = Engine> {
    let first = |family: Family| Engine::ALL.into_iter().find(move |engine| engine.family() == family);
    [Family::Sqlite, Family::Postgres, Family::MariaDb].into_iter().filter_map(first).filter(|engine| is_here(*engine))
}

#[test]
fn every_script_statement_takes_the_path_that_the_model_says() {
    let mut complaints = String::new();
    for engine in families() {
        let mut compared = 0;
        for kept in ["hermitage", "kept"].into_iter().flat_map(scripts) {
            if !kept.script.is_for(engine.name()) {
                continue;
            }
            let prepared = kept.prepared(engine);
            let (count, found) = block_on(explainer(engine, async |explainer| {
                for sql in kept.script.schema.split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
                    explainer.run(sql).await;
                }
                for (_, statement) in prepared.setup() {
                    let sql = statement.render(engine.dialect()).expect("it was compiled").sql;
                    explainer.run(&sql).await;
                }
                for step in kept.order() {
                    if let Some(statement) = prepared.statement(step) {
                        explainer.compare(&kept.script.schema, statement).await;
                    }
                }
            }));
            compared += count;
            complaints.extend(found.iter().map(|found| format!("{} {}: {found}\n", engine.name(), kept.name)));
        }
        assert!(compared > 50, "{}: {compared} paths were compared", engine.name());
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn every_protocol_statement_takes_the_path_that_the_model_says() {
    let mut complaints = String::new();
    for engine in families() {
        for schema in [Schema::AsFound, Schema::Paidonce] {
            let (compared, found) = block_on(explainer(engine, async |explainer| {
                explainer.connection.create_schema(schema).await.expect("the tables");
                for statement in PROTOCOLS.iter().flat_map(|protocol| protocol.statements) {
                    explainer.compare(schema.sql(Dialect::Postgres), statement).await;
                }
            }));
            assert!(compared > 20, "{}: {compared} paths were compared", engine.name());
            complaints.extend(found.iter().map(|found| format!("{} {}: {found}\n", engine.name(), schema.name())));
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}
