//! Statements drawn from a seed.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};

use super::{Real, compare};

type Sql = BoxedStrategy<String>;

/// A number over these columns.
fn number(columns: &'static [&'static str]) -> Sql {
    let column = proptest::sample::select(columns).prop_map(str::to_owned);
    let leaf = prop_oneof![4 => column, 3 => (-3_i64..6).prop_map(|n| n.to_string()), 1 => Just("CAST(NULL AS BIGINT)".to_owned())];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), "[-+*]", inner.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (inner.clone(), prop_oneof![Just(2), Just(3), Just(-2)]).prop_map(|(a, by)| format!("({a} % {by})")),
            inner.clone().prop_map(|a| format!("(-({a}))")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("COALESCE({a}, {b})")),
        ]
    })
    .boxed()
}

/// A condition over the columns of `t` (with sub-selects) or of `u`.
fn condition(columns: &'static [&'static str], with_subs: bool) -> Sql {
    let pair = (number(columns), proptest::sample::select(&["=", "<>", "<", "<=", ">", ">="][..]), number(columns));
    let list = (number(columns), proptest::bool::ANY, proptest::collection::vec(number(columns), 1..4));
    let between = (number(columns), proptest::bool::ANY, number(columns), number(columns));
    let not = |negated: bool| if negated { "NOT " } else { "" };
    let mut leaves = vec![
        pair.prop_map(|(a, sign, b)| format!("{a} {sign} {b}")).boxed(),
        number(columns).prop_map(|a| format!("{a} IS NULL")).boxed(),
        list.prop_map(move |(a, negated, list)| format!("{a} {}IN ({})", not(negated), list.join(", "))).boxed(),
        between.prop_map(move |(a, negated, b, c)| format!("{a} {}BETWEEN {b} AND {c}", not(negated))).boxed(),
    ];
    if with_subs {
        let text = prop_oneof![Just("s = 'a'"), Just("s > 'a'"), Just("s IN ('b', 'c')"), Just("s NOT IN ('a', NULL)")];
        leaves.push(text.prop_map(str::to_owned).boxed());
        leaves.push((number(columns), sub_value()).prop_map(|(a, sub)| format!("{a} <= {sub}")).boxed());
        let exists = (proptest::bool::ANY, condition(U, false));
        leaves.push(
            exists.prop_map(move |(negated, c)| format!("{}EXISTS (SELECT 1 FROM u WHERE {c})", not(negated))).boxed(),
        );
        let among = (number(columns), proptest::bool::ANY, number(U), condition(U, false));
        let among =
            among.prop_map(move |(a, negated, of, c)| format!("{a} {}IN (SELECT {of} FROM u WHERE {c})", not(negated)));
        leaves.push(among.boxed());
    }
    proptest::strategy::Union::new(leaves)
        .prop_recursive(2, 4, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
                inner.prop_map(|a| format!("(NOT ({a}))")),
            ]
        })
        .boxed()
}

const T: &[&str] = &["id", "n", "m", "t.m"];
const U: &[&str] = &["a", "b", "q", "r"];

fn total(columns: &'static [&'static str]) -> Sql {
    prop_oneof![
        Just("COUNT(*)".to_owned()),
        number(columns).prop_map(|of| format!("COUNT({of})")),
        number(columns).prop_map(|of| format!("CAST(SUM({of}) AS BIGINT)")),
        number(columns).prop_map(|of| format!("COALESCE(MIN({of}), 0)")),
        number(columns).prop_map(|of| format!("MAX({of})")),
    ]
    .boxed()
}

fn sub_value() -> Sql {
    let by_key =
        (number(U), 1..3, 1..3).prop_map(|(of, a, b)| format!("(SELECT {of} FROM u WHERE a = {a} AND b = {b})"));
    let totals = (total(U), condition(U, false)).prop_map(|(of, c)| format!("(SELECT {of} FROM u WHERE {c})"));
    prop_oneof![by_key, totals].boxed()
}

fn read() -> Sql {
    let order = prop_oneof![Just("id"), Just("id DESC"), Just("n, id"), Just("s DESC, id"), Just("m DESC, n, id DESC")];
    let rows = (number(T), number(T), condition(T, true), order, 0..5);
    prop_oneof![
        rows.prop_map(|(a, b, c, order, limit)| {
            format!("SELECT {a}, {b}, s FROM t WHERE {c} ORDER BY {order} LIMIT {limit}")
        }),
        (number(T), condition(T, true)).prop_map(|(a, c)| format!("SELECT {a}, s FROM t WHERE {c}")),
        (total(T), total(T), condition(T, true)).prop_map(|(a, b, c)| format!("SELECT {a}, 2 * {b} FROM t WHERE {c}")),
    ]
    .boxed()
}

fn insert() -> Sql {
    let row = (1..7, prop_oneof![Just("NULL"), Just("1"), Just("3"), Just("5")], number(&["1"]), "'[a-c]'");
    let row = row.prop_map(|(id, n, m, s)| format!("({id}, {n}, {m}, {s})"));
    let values = proptest::collection::vec(row, 1..4).prop_map(|rows| format!("VALUES {}", rows.join(", ")));
    let source = (number(U), condition(U, false), "'[a-c]'");
    let source = source.prop_map(|(m, c, s)| format!("SELECT a + b, q, {m}, {s} FROM u WHERE {c} ORDER BY a, b"));
    let both: &[&str] = &["t.m", "excluded.m", "t.id", "excluded.n"];
    let update =
        (proptest::sample::select(&["id", "n"][..]), number(both), proptest::option::of(condition(both, false)));
    let on = prop_oneof![
        Just(String::new()),
        Just("ON CONFLICT DO NOTHING".to_owned()),
        Just("ON CONFLICT (id) DO NOTHING".to_owned()),
        update.prop_map(|(key, to, c)| {
            let guard = c.map_or(String::new(), |c| format!(" WHERE {c}"));
            format!("ON CONFLICT ({key}) DO UPDATE SET m = {to}, s = excluded.s{guard}")
        }),
    ];
    let rows = prop_oneof![2 => values.boxed(), 1 => source.boxed()];
    (rows, on).prop_map(|(rows, on)| format!("INSERT INTO t (id, n, m, s) {rows} {on}")).boxed()
}

fn write() -> Sql {
    let to = prop_oneof![3 => number(T), 1 => sub_value()];
    prop_oneof![
        (to, condition(T, true)).prop_map(|(to, c)| format!("UPDATE t SET m = {to}, s = 'z' WHERE {c}")),
        condition(T, true).prop_map(|c| format!("DELETE FROM t WHERE {c}")),
        insert(),
        insert(),
    ]
    .boxed()
}

#[test]
fn drawn_statements_answer_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let real = RefCell::new(runtime.block_on(Real::new()));
    let config =
        ProptestConfig { cases: 1_000, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..Default::default() };
    let run = TestRunner::new(config).run(&prop_oneof![read(), write()], |sql| {
        let compared = runtime.block_on(compare(&mut real.borrow_mut(), &sql, &[]));
        compared.map_err(TestCaseError::fail)
    });
    if let Err(failure) = run {
        panic!("{failure}");
    }
}
