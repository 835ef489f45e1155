//! Locks by name that are drawn, for the servers that have them: a few names, taken, waited for and given back.

use paidonce_model::Family;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::statements::{IDS, Sql, statement};

/// The names, few enough to collide.
const NAMES: std::ops::Range<i64> = 1..4;

/// The database whose words these are, and statements of which most are about locks by name. `None` where there are none.
pub(super) fn of(family: Family) -> Option<(&'static str, Sql)> {
    let (database, named) = match family {
        Family::Sqlite => return None,
        Family::Postgres => ("postgres", on_postgres()),
        Family::MariaDb => ("mariadb", on_mariadb()),
    };
    // One row at a time, so that what is open is open because of names.
    let row = prop_oneof![
        3 => IDS.prop_map(|id| format!("UPDATE t SET n = n + 1 WHERE id = {id}")),
        1 => IDS.prop_map(|id| format!("SELECT id, n FROM t WHERE id = {id} FOR UPDATE")),
        1 => IDS.prop_map(|id| format!("SELECT id, n FROM t WHERE id = {id}")),
        1 => IDS.prop_map(|id| format!("INSERT INTO t (id, code, n) VALUES ({id}, NULL, 0)")),
    ];
    Some((database, Union::new_weighted(vec![(12, named), (5, row.boxed()), (1, statement())]).boxed()))
}

fn on_postgres() -> Sql {
    prop_oneof![
        5 => NAMES.prop_map(|name| format!("SELECT pg_advisory_lock({name})")),
        4 => NAMES.prop_map(|name| format!("SELECT pg_advisory_xact_lock({name})")),
        2 => NAMES.prop_map(|name| format!("SELECT pg_try_advisory_lock({name})")),
        2 => NAMES.prop_map(|name| format!("SELECT pg_try_advisory_xact_lock({name})")),
        1 => NAMES.prop_map(|name| format!("SELECT pg_try_advisory_lock(hashtext('name-{name}'))")),
        5 => NAMES.prop_map(|name| format!("SELECT pg_advisory_unlock({name})")),
        1 => Just("SELECT pg_advisory_unlock_all()".to_owned()),
    ]
    .boxed()
}

/// Nobody's time is over before the script's end.
fn on_mariadb() -> Sql {
    let name = prop_oneof![3 => NAMES.prop_map(|name| format!("name-{name}")), 1 => NAMES.prop_map(|name| format!("NAME-{name}"))];
    let name = name.boxed();
    prop_oneof![
        8 => name.clone().prop_map(|name| format!("SELECT GET_LOCK('{name}', 600)")),
        3 => name.clone().prop_map(|name| format!("SELECT GET_LOCK('{name}', 0)")),
        5 => name.clone().prop_map(|name| format!("SELECT RELEASE_LOCK('{name}')")),
        1 => name.prop_map(|name| format!("SELECT IS_FREE_LOCK('{name}')")),
        1 => Just("SELECT RELEASE_ALL_LOCKS()".to_owned()),
    ]
    .boxed()
}
