//! What is drawn: sessions, their steps, the order in which these are sent.

use std::fmt::Write as _;

use paidonce_model::Family;
use paidonce_model::script::{Script, ScriptError};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::names;
use super::statements::{CODES, FIT, IDS, LAST, Sql, TABLES, TEXTS, VALUES, statement};

/// So many sessions, and one that looks at the end.
const SESSIONS: std::ops::RangeInclusive<usize> = 2..=4;
/// So many statements a session at most, those that begin and end transactions not counted.
const MOST_STATEMENTS: usize = 8;
/// Between the first and the last step there is room for so many moments; steps of one moment follow each other by session.
const MOMENTS: std::ops::Range<u8> = 0..64;

/// A script that was drawn, before it is text.
#[derive(Clone, Debug)]
struct Draft {
    /// The one database that knows its words.
    only: Option<&'static str>,
    /// The rows of `t`: each key's second key and value, where there is a row.
    t: Vec<Option<(Option<i64>, i64)>>,
    u: Vec<Option<i64>>,
    /// Those of `w`: a text by its place.
    w: Vec<Option<usize>>,
    sessions: Vec<Vec<Block>>,
}

/// What a session does, with the moment of each step.
#[derive(Clone, Debug)]
enum Block {
    Alone((u8, Act)),
    Transaction { begin: u8, acts: Vec<(u8, Act)>, end: Option<(u8, &'static str)> },
}

#[derive(Clone, Debug)]
enum Act {
    Sql(String),
    Kill,
}

fn draft(only: Option<&'static str>, statement: Sql) -> BoxedStrategy<Draft> {
    let row = (prop_oneof![4 => CODES.prop_map(Some), 1 => Just(None)], VALUES);
    let t = vec(proptest::option::weighted(0.6, row), IDS.count());
    let u = vec(proptest::option::weighted(0.5, VALUES), IDS.count());
    let w = vec(proptest::option::weighted(0.5, FIT), IDS.count());
    let act = || prop_oneof![30 => statement.clone().prop_map(Act::Sql), 1 => Just(Act::Kill)];
    let end = prop_oneof![7 => Just("commit"), 2 => Just("rollback")];
    let transaction = (MOMENTS, vec((MOMENTS, act()), 1..5), proptest::option::weighted(0.9, (MOMENTS, end)));
    let block = prop_oneof![
        3 => transaction.prop_map(|(begin, acts, end)| Block::Transaction { begin, acts, end }),
        1 => (MOMENTS, act()).prop_map(Block::Alone),
    ];
    (t, u, w, vec(vec(block, 1..3), SESSIONS))
        .prop_map(move |(t, u, w, sessions)| Draft { only, t, u, w, sessions })
        .boxed()
}

impl Draft {
    /// The draft as a script's text.
    fn text(&self) -> String {
        let mut text = self.only.map_or(String::new(), |only| format!("only {only}\n"));
        text.push_str("setup\n");
        for table in TABLES {
            let _ = writeln!(text, "  {table}");
        }
        let mut codes = Vec::new();
        let mut t = Vec::new();
        for (id, (code, n)) in IDS.zip(&self.t).filter_map(|(id, row)| Some((id, (*row)?))) {
            // Two rows cannot have one key.
            let code = code.filter(|code| !codes.contains(code));
            codes.extend(code);
            t.push(format!("({id}, {}, {n})", code.map_or("NULL".to_owned(), |code| code.to_string())));
        }
        let u: Vec<String> = IDS.zip(&self.u).filter_map(|(id, n)| Some(format!("({id}, {})", (*n)?))).collect();
        let of_w = |(id, place): (i64, &Option<usize>)| Some(format!("({id}, '{}')", TEXTS[(*place)?]));
        let w: Vec<String> = IDS.zip(&self.w).filter_map(of_w).collect();
        for (into, rows) in [("t (id, code, n)", t), ("u (id, n)", u), ("w (id, s)", w)] {
            if !rows.is_empty() {
                let _ = writeln!(text, "  INSERT INTO {into} VALUES {};", rows.join(", "));
            }
        }
        text.push('\n');
        for (_, session, step) in self.steps() {
            let _ = writeln!(text, "T{}: {step}", session + 1);
        }
        for last in LAST {
            let _ = writeln!(text, "T0: {last}");
        }
        text
    }

    /// The steps of all sessions, in the order in which they are sent.
    fn steps(&self) -> Vec<(u8, usize, &str)> {
        let mut all = Vec::new();
        for (session, blocks) in self.sessions.iter().enumerate() {
            let steps: Vec<(u8, &str)> = blocks.iter().flat_map(Block::steps).collect();
            let mut moments: Vec<u8> = steps.iter().map(|(moment, _)| *moment).collect();
            moments.sort_unstable();
            let mut statements = 0;
            for (moment, (_, step)) in moments.into_iter().zip(steps) {
                let is_statement = !matches!(step, "begin" | "commit" | "rollback" | "kill");
                statements += usize::from(is_statement);
                if !is_statement || statements <= MOST_STATEMENTS {
                    all.push((moment, session, step));
                }
            }
        }
        all.sort_by_key(|(moment, session, _)| (*moment, *session));
        all
    }
}

impl Block {
    fn steps(&self) -> Vec<(u8, &str)> {
        match self {
            Block::Alone((moment, act)) => vec![(*moment, act.text())],
            Block::Transaction { begin, acts, end } => {
                let acts = acts.iter().map(|(moment, act)| (*moment, act.text()));
                std::iter::once((*begin, "begin")).chain(acts).chain(*end).collect()
            }
        }
    }
}

impl Act {
    fn text(&self) -> &str {
        match self {
            Act::Sql(sql) => sql,
            Act::Kill => "kill",
        }
    }
}

/// The scripts of one seed.
pub struct Drafts {
    seed: u64,
    strategy: BoxedStrategy<Draft>,
}

impl Drafts {
    /// The scripts of this seed.
    pub fn of_seed(seed: u64) -> Self {
        Drafts { seed, strategy: draft(None, statement()) }
    }

    /// The scripts of this seed in which locks by name are drawn, too, where the database has them.
    pub fn with_names(seed: u64, family: Family) -> Self {
        match names::of(family) {
            Some((only, statement)) => Drafts { seed, strategy: draft(Some(only), statement) },
            None => Drafts::of_seed(seed),
        }
    }

    /// Script number `n`, which depends on nothing but the seed and its number.
    ///
    /// # Errors
    /// When proptest gives up, which it does not: nothing that is drawn is thrown away.
    pub fn draw(&self, n: u64) -> Result<Draw, String> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&n.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
        let tree = self.strategy.new_tree(&mut runner).map_err(|reason| reason.to_string())?;
        Ok(Draw { tree: Box::new(tree) })
    }
}

/// A script that was drawn, and smaller ones like it.
pub struct Draw {
    tree: Box<dyn ValueTree<Value = Draft>>,
}

impl Draw {
    /// Its text.
    pub fn text(&self) -> String {
        self.tree.current().text()
    }

    /// Turn to a smaller one. False when there is none.
    pub fn simplify(&mut self) -> bool {
        self.tree.simplify()
    }

    /// The smaller one was too small: turn to one between. False when there is none.
    pub fn complicate(&mut self) -> bool {
        self.tree.complicate()
    }
}

/// A text that was drawn, as a script.
pub(super) fn parsed(text: &str) -> Result<Script, ScriptError> {
    Script::parse("drawn", text)
}

#[cfg(test)]
mod tests {
    use paidonce_model::Engine;
    use paidonce_model::script::Prepared;

    use super::*;

    #[test]
    fn a_number_is_one_script_and_the_model_knows_all_of_it() {
        let (drafts, again) = (Drafts::of_seed(7), Drafts::of_seed(7));
        let mut texts = std::collections::BTreeSet::new();
        for n in 0..200 {
            let text = drafts.draw(n).unwrap().text();
            assert_eq!(text, again.draw(n).unwrap().text());
            let script = parsed(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            for engine in Engine::ALL {
                Prepared::new(&script, "drawn", engine).unwrap_or_else(|error| panic!("{error}\n{text}"));
            }
            texts.insert(text);
        }
        assert_eq!(texts.len(), 200);
        for engine in Engine::ALL {
            let text = Drafts::with_names(7, engine.family()).draw(0).unwrap().text();
            let script = parsed(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            Prepared::new(&script, "drawn", engine).unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
        assert_ne!(Drafts::of_seed(8).draw(0).unwrap().text(), drafts.draw(0).unwrap().text());
    }
}
