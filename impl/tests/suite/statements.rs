//! Every statement of the catalogue, as SQLite reads it.

use paidonce_protocol::catalogue::PROTOCOLS;
use paidonce_protocol::{Dialect, Schema, Statement, Value};

use crate::support::Place;

fn statements() -> impl Iterator<Item = &'static Statement> {
    PROTOCOLS.iter().flat_map(|protocol| protocol.statements).copied()
}

/// The numbers of the placeholders in a canonical text, in their order.
fn placeholders(sql: &str) -> Vec<usize> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    sql.split('$').skip(1).map(|rest| digits(rest).parse().unwrap()).collect()
}

#[tokio::test]
async fn every_statement_of_the_catalogue_is_sql_to_sqlite_in_both_schemas() {
    for schema in [Schema::AsFound, Schema::Paidonce] {
        let place = Place::new();
        let mut sqlite = place.shop(schema).await;
        for statement in statements() {
            let arguments = sqlite.prepare(statement).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(arguments, placeholders(statement.sql).len(), "{}", statement.name);
        }
    }
}

/// MariaDB's placeholders have no numbers: whoever binds in their order binds what belongs there.
#[test]
fn every_statement_has_a_form_on_mariadb_with_an_argument_for_each_placeholder() {
    for statement in statements() {
        let rendered = statement.render(Dialect::MariaDb).unwrap_or_else(|error| panic!("{error}"));
        let numbers: Vec<Value> = (1..=placeholders(statement.sql).len() as i64).map(Value::Int).collect();
        assert_eq!(rendered.sql.matches('?').count(), rendered.arguments(&numbers).len(), "{}", statement.name);
    }
}

#[test]
fn a_name_stands_for_one_text() {
    for one in statements() {
        for other in statements().filter(|other| other.name == one.name) {
            assert_eq!(one.sql, other.sql, "{}", one.name);
        }
    }
}
