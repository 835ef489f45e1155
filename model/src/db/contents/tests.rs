//! Whether many versions of few rows are kept or one version of many, statements come to the same.

use paidonce_protocol::catalogue::PROTOCOLS;
use paidonce_protocol::{Dialect, Error, Reply, Row, Schema, Statement, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::db::{Asked, Cause, Choices, Database, DbCall, Effects, ReplyId, Spare, Store};
use crate::engine::Engine;
use crate::sql::Kind;

const CONNECTIONS: usize = 3;

/// What one connection does next; one that waits goes on if it can, or gives up.
#[derive(Clone, Debug)]
enum Op {
    Begin,
    Commit,
    Rollback,
    GivesUp,
    Run(prop::sample::Index, Vec<(u8, u8)>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => Just(Op::Begin),
        2 => Just(Op::Commit),
        1 => Just(Op::Rollback),
        1 => Just(Op::GivesUp),
        12 => (any::<prop::sample::Index>(), prop::collection::vec((0_u8..9, 0_u8..3), 8))
            .prop_map(|(statement, arguments)| Op::Run(statement, arguments)),
    ]
}

/// A database with its store.
struct Side {
    store: Store,
    spare: Spare,
    database: Database,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Answered(Result<Reply, Error>),
    Blocked,
    StillBlocked,
}

impl Side {
    fn new(store: Store, engine: Engine) -> Self {
        let committed = store.contents_of(&rows()).expect("rows of the shop");
        let database = Database::new(committed, std::iter::repeat_n(engine, CONNECTIONS));
        Side { store, spare: Spare::new(), database }
    }

    fn takes(&mut self, engine: Engine, who: usize, op: &Op, statements: &[&'static Statement]) -> Seen {
        let (mut choices, mut effects) = (Choices::first(), Effects::default());
        let asked = if self.database.connections[who].wait.is_some() {
            if self.database.can_resume(engine, &self.store, who) {
                self.database.resume(engine, &self.store, who, &mut choices, &mut effects)
            } else if matches!(op, Op::GivesUp) {
                Asked::Answered(self.database.fail_wait(engine, &self.store, who, Cause::TimedOut))
            } else {
                return Seen::StillBlocked;
            }
        } else {
            let call = match op {
                Op::Begin => DbCall::Begin,
                Op::Commit => DbCall::Commit,
                Op::Rollback | Op::GivesUp => DbCall::Rollback,
                Op::Run(statement, arguments) => {
                    let statement = *statement.get(statements);
                    let takes = self.store.plan_of(statement).expect("listed").arguments.clone();
                    let arguments: Vec<Value> =
                        takes.iter().zip(arguments).map(|(kind, drawn)| value(*kind, *drawn)).collect();
                    DbCall::Run(self.store.request(statement, &arguments).expect("fits"))
                }
            };
            self.database.ask(engine, &self.store, who, call, &mut choices, &mut effects)
        };
        let seen = match asked {
            Asked::Answered(reply) => Seen::Answered(self.told(reply)),
            Asked::Blocked => Seen::Blocked,
        };
        if self.store.keeps_newest() {
            self.database.forget(&self.store);
            self.database.renew(&mut self.store, &mut self.spare, std::iter::empty());
        }
        seen
    }

    /// Rows without an order of their own come in any.
    fn told(&self, reply: ReplyId) -> Result<Reply, Error> {
        self.store.reply(reply).map(|reply| match reply {
            Reply::Rows(mut rows) => {
                rows.sort_by_key(|row| format!("{row:?}"));
                Reply::Rows(rows)
            }
            other => other,
        })
    }

    fn rows(&self) -> Vec<Vec<Row>> {
        let value = |val| self.store.symbols.value(val);
        let row = |row: u32| Row(self.store.rows.get(row).iter().map(|val| value(*val)).collect());
        let rows = |space| self.store.rows_of(self.database.committed, space as u16);
        (0..self.store.tables.tables.len()).map(|space| rows(space).iter().map(|(_, id)| row(*id)).collect()).collect()
    }
}

fn value(kind: Option<Kind>, (text, number): (u8, u8)) -> Value {
    match kind {
        Some(Kind::Text) if text == 0 => "pending".into(),
        Some(Kind::Text) => ["a", "b"][usize::from(text % 2)].into(),
        Some(Kind::Integer) | None => i64::from(number).into(),
    }
}

fn rows() -> Vec<(&'static str, Vec<Value>)> {
    let order =
        |id: &str| vec![id.into(), "pending".into(), 2.into(), "a".into(), "a".into(), 0.into(), "".into(), 0.into()];
    vec![
        ("orders", order("a")),
        ("orders", order("b")),
        ("order_lines", vec!["a".into(), "a".into(), 1.into()]),
        ("order_lines", vec!["a".into(), "b".into(), 2.into()]),
        ("order_lines", vec!["b".into(), "a".into(), 1.into()]),
        ("stock", vec!["a".into(), 9.into(), 9.into()]),
        ("stock", vec!["b".into(), 1.into(), 1.into()]),
    ]
}

#[test]
fn a_database_of_many_rows_answers_as_one_of_few() {
    for engine in Engine::ALL {
        for schema in [Schema::AsFound, Schema::Paidonce] {
            let of_schema = PROTOCOLS.iter().filter(|protocol| protocol.schema == schema || schema == Schema::AsFound);
            let statements: Vec<&'static Statement> =
                of_schema.flat_map(|protocol| protocol.statements).copied().collect();
            let sql = schema.sql(Dialect::Postgres);
            let config =
                Config { cases: 60, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() };
            let steps = prop::collection::vec((0..CONNECTIONS, op()), 1..60);
            let same = |steps: Vec<(usize, Op)>| {
                let few = Store::new(sql, &statements, engine.dialect()).expect("the catalogue's");
                let many = Store::for_many(sql, &statements, engine.dialect()).expect("the catalogue's");
                let (mut few, mut many) = (Side::new(few, engine), Side::new(many, engine));
                for (who, op) in &steps {
                    let seen = few.takes(engine, *who, op, &statements);
                    prop_assert_eq!(&seen, &many.takes(engine, *who, op, &statements), "{} {:?}", engine.name(), op);
                    prop_assert_eq!(few.rows(), many.rows(), "{} {:?}", engine.name(), op);
                }
                Ok(())
            };
            if let Err(error) = TestRunner::new(config).run(&steps, same) {
                panic!("{}: {error}", engine.name());
            }
        }
    }
}
