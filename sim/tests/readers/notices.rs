use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::{Alone, Engine};
use paidonce_protocol::protocols::settle;
use paidonce_protocol::shop::{Input, Notice, Outcome, Request, Settings};
use paidonce_protocol::{Dialect, Schema, Without};

use crate::edits::each_text;

/// The fields that an error may be about.
const FIELDS: [&str; 8] =
    ["(first line)", "(body)", "mc_currency", "mc_gross", "receiver_email", "txn_id", "payment_status", "invoice"];

fn samples() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/samples");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Settle it in a shop that has order 1 of `default`.
fn settled(notice: Notice) -> Outcome {
    let (name, text) = FILES[0];
    let scenario = Scenario::from_toml(name, text).unwrap();
    let rows = scenario.initial_rows();
    let schema = Schema::Paidonce.sql(Dialect::Postgres);
    let mut session = Alone::new(Engine::PostgresReadCommitted, schema, &settle::STATEMENTS, &rows).unwrap();
    let request = Request {
        id: "ipn-1".to_owned(),
        input: Input::Notice(notice),
        settings: Settings::default(),
        without: Without::NOTHING,
    };
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = executor.block_on(settle::settle(&mut session, &request));
    assert_eq!(session.errors(), []);
    outcome
}

#[test]
fn a_notice_is_read_and_settled_or_its_field_is_named() {
    each_text(samples(), 3_000, |text| {
        for read in [Notice::from_ipn, Notice::from_pdt] {
            match read(text) {
                Ok(notice) if settled(notice.clone()) == Outcome::TryAgain => return Err(format!("{notice:?}")),
                Ok(_) => {}
                Err(error) if !FIELDS.contains(&error.field) => return Err(error.to_string()),
                Err(_) => {}
            }
        }
        Ok(())
    });
}
