//! The SQL that is drawn: few rows, and values that collide.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

/// The tables: one with a second unique key, which may be empty, one without, and one with a short text.
pub(super) const TABLES: [&str; 3] = [
    "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, code BIGINT, n BIGINT NOT NULL, UNIQUE (code));",
    "CREATE TABLE u (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL);",
    "CREATE TABLE w (id BIGINT NOT NULL PRIMARY KEY, s VARCHAR(2) NOT NULL);",
];

/// What everybody sees in the end.
pub(super) const LAST: [&str; 3] =
    ["SELECT id, code, n FROM t ORDER BY id", "SELECT id, n FROM u ORDER BY id", "SELECT id, s FROM w ORDER BY id"];

/// Primary keys. Every second one is there at the start, or thereabouts.
pub(super) const IDS: std::ops::Range<i64> = 1..6;
/// Second keys.
pub(super) const CODES: std::ops::Range<i64> = 1..5;
/// Plain values.
pub(super) const VALUES: std::ops::Range<i64> = 0..3;

/// Texts, of which some are too long: the last one only by a space.
pub(super) const TEXTS: [&str; 5] = ["a", "bb", "b", "ccc", "d  "];
/// So many of them fit.
pub(super) const FIT: std::ops::Range<usize> = 0..3;

/// A statement, or a part of one.
pub(super) type Sql = BoxedStrategy<String>;

fn id() -> BoxedStrategy<i64> {
    IDS.boxed()
}

fn value() -> BoxedStrategy<i64> {
    VALUES.boxed()
}

/// A second key, or none.
fn code() -> Sql {
    prop_oneof![6 => CODES.prop_map(|code| code.to_string()), 1 => Just("NULL".to_owned())].boxed()
}

/// Which rows of `t`.
fn of_t() -> Sql {
    prop_oneof![
        6 => id().prop_map(|id| format!(" WHERE id = {id}")),
        3 => CODES.prop_map(|code| format!(" WHERE code = {code}")),
        3 => (id(), value()).prop_map(|(id, n)| format!(" WHERE id = {id} AND n = {n}")),
        2 => value().prop_map(|n| format!(" WHERE n = {n}")),
        1 => (id(), id()).prop_map(|(a, b)| format!(" WHERE id IN ({a}, {b})")),
        1 => id().prop_map(|id| format!(" WHERE id >= {id}")),
        1 => value().prop_map(|n| format!(" WHERE n >= {n}")),
        1 => Just(String::new()),
    ]
    .boxed()
}

/// Which rows of `u`.
fn of_u() -> Sql {
    prop_oneof![
        4 => id().prop_map(|id| format!(" WHERE id = {id}")),
        1 => value().prop_map(|n| format!(" WHERE n = {n}")),
        1 => Just(String::new()),
    ]
    .boxed()
}

fn reads() -> Sql {
    prop_oneof![
        6 => of_t().prop_map(|of| format!("SELECT id, code, n FROM t{of} ORDER BY id")),
        1 => of_t().prop_map(|of| format!("SELECT id, n FROM t{of}")),
        2 => of_u().prop_map(|of| format!("SELECT id, n FROM u{of} ORDER BY id")),
        1 => of_t().prop_map(|of| format!("SELECT n FROM t{of} ORDER BY id LIMIT 1")),
        2 => of_t().prop_map(|of| format!("SELECT COUNT(*), COALESCE(CAST(SUM(n) AS BIGINT), 0), MAX(code) FROM t{of}")),
        1 => of_u().prop_map(|of| format!("SELECT id FROM t WHERE n IN (SELECT n FROM u{of}) ORDER BY id")),
    ]
    .boxed()
}

fn locking_reads() -> Sql {
    let strength = select(&["FOR UPDATE", "FOR UPDATE", "FOR SHARE"][..]);
    let wait = prop_oneof![8 => Just(""), 1 => Just(" NOWAIT"), 1 => Just(" SKIP LOCKED")];
    let of = prop_oneof![
        3 => of_t().prop_map(|of| format!("SELECT id, n FROM t{of} ORDER BY id")),
        1 => of_t().prop_map(|of| format!("SELECT id, n FROM t{of} ORDER BY id LIMIT 1")),
        1 => of_u().prop_map(|of| format!("SELECT id, n FROM u{of} ORDER BY id")),
    ];
    (of, strength, wait).prop_map(|(of, strength, wait)| format!("{of} {strength}{wait}")).boxed()
}

fn updates() -> Sql {
    prop_oneof![
        4 => (value(), of_t()).prop_map(|(n, of)| format!("UPDATE t SET n = {n}{of}")),
        4 => of_t().prop_map(|of| format!("UPDATE t SET n = n + 1{of}")),
        2 => of_u().prop_map(|of| format!("UPDATE u SET n = n + 1{of}")),
        1 => (of_u(), of_t()).prop_map(|(sub, of)| format!("UPDATE t SET n = (SELECT COUNT(*) FROM u{sub}){of}")),
        1 => (of_t(), of_u()).prop_map(|(sub, of)| {
            format!("UPDATE u SET n = n + (SELECT COALESCE(CAST(SUM(n) AS BIGINT), 0) FROM t{sub}){of}")
        }),
    ]
    .boxed()
}

fn deletes() -> Sql {
    prop_oneof![
        4 => of_t().prop_map(|of| format!("DELETE FROM t{of}")),
        2 => of_u().prop_map(|of| format!("DELETE FROM u{of}")),
    ]
    .boxed()
}

fn inserts() -> Sql {
    let row = (id(), code(), value()).prop_map(|(id, code, n)| format!("({id}, {code}, {n})")).boxed();
    let small = (id(), value()).prop_map(|(id, n)| format!("({id}, {n})")).boxed();
    prop_oneof![
        6 => row.clone().prop_map(|row| format!("INSERT INTO t (id, code, n) VALUES {row}")),
        1 => (row.clone(), row.clone()).prop_map(|(a, b)| format!("INSERT INTO t (id, code, n) VALUES {a}, {b}")),
        2 => row.clone().prop_map(|row| format!("INSERT INTO t (id, code, n) VALUES {row} ON CONFLICT DO NOTHING")),
        2 => row.prop_map(|row| {
            format!("INSERT INTO t (id, code, n) VALUES {row} ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n")
        }),
        2 => small.clone().prop_map(|row| format!("INSERT INTO u (id, n) VALUES {row}")),
        1 => (small, value()).prop_map(|(row, n)| {
            format!("INSERT INTO u (id, n) VALUES {row} ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE u.n = {n}")
        }),
        1 => of_t().prop_map(|of| format!("INSERT INTO u (id, n) SELECT id, n FROM t{of}")),
        1 => (id(), value(), of_t()).prop_map(|(id, n, of)| {
            format!("INSERT INTO u (id, n) SELECT {id}, {n} WHERE NOT EXISTS (SELECT 1 FROM t{of})")
        }),
    ]
    .boxed()
}

/// What is about texts.
fn texts() -> Sql {
    let text = || select(&TEXTS[..]);
    let of = || {
        prop_oneof![
            4 => id().prop_map(|id| format!(" WHERE id = {id}")),
            1 => text().prop_map(|text| format!(" WHERE s = '{text}'")),
            1 => Just(String::new()),
        ]
    };
    let row = || (id(), text()).prop_map(|(id, text)| format!("({id}, '{text}')"));
    prop_oneof![
        4 => (text(), of()).prop_map(|(text, of)| format!("UPDATE w SET s = '{text}'{of}")),
        2 => row().prop_map(|row| format!("INSERT INTO w (id, s) VALUES {row}")),
        1 => (row(), row()).prop_map(|(a, b)| format!("INSERT INTO w (id, s) VALUES {a}, {b}")),
        1 => row().prop_map(|row| format!("INSERT INTO w (id, s) VALUES {row} ON CONFLICT DO NOTHING")),
        1 => row().prop_map(|row| {
            format!("INSERT INTO w (id, s) VALUES {row} ON CONFLICT (id) DO UPDATE SET s = excluded.s")
        }),
        1 => of().prop_map(|of| format!("DELETE FROM w{of}")),
        1 => of().prop_map(|of| format!("SELECT id, s FROM w{of} ORDER BY id FOR UPDATE")),
        1 => of().prop_map(|of| format!("SELECT id, s FROM w{of} ORDER BY id")),
    ]
    .boxed()
}

/// Any statement.
pub(super) fn statement() -> Sql {
    let all = [(6, reads()), (4, locking_reads()), (8, updates()), (3, deletes()), (6, inserts()), (3, texts())];
    Union::new_weighted(all.to_vec()).boxed()
}
