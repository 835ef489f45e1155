use jsonschema::Validator;
use paidonce_model::trace::Trace;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::{TraceFileError, read, write};
use crate::show::any::any_trace;
use crate::show::samples;

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../../../specs/trace.schema.json")).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn json_of(trace: &Trace) -> Value {
    serde_json::to_value(trace).unwrap()
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read_again_the_same() {
    for trace in samples::all() {
        assert_eq!(read(&write(&trace).unwrap()).unwrap(), trace);
    }
}

#[test]
fn a_trace_of_another_version_is_refused_before_anything_else_is_looked_at() {
    let error = refused(r#"{"version": 2, "steps": "of a kind that version 1 never heard of"}"#);
    assert_eq!(error, "this trace is of version 2, and this paidonce reads version 1 only");
    assert_eq!(
        refused(r#"{"version": "1.0"}"#),
        "this trace is of version \"1.0\", and this paidonce reads version 1 only"
    );
}

#[test]
fn json_that_says_no_version_is_no_trace() {
    for text in ["{}", "[]", "7", r#"{"version": null}"#] {
        assert!(matches!(read(text), Err(TraceFileError::NoVersion)), "{text}");
    }
}

#[test]
fn text_that_is_not_json_is_refused_with_line_and_column() {
    assert_eq!(refused("{\n  \"version\": 1,\n  oops\n}"), "this is not JSON: key must be a string at line 3 column 3");
    assert_eq!(refused(""), "this is not JSON: EOF while parsing a value at line 1 column 0");
}

#[test]
fn damage_is_named_with_its_place_and_what_was_expected() {
    let mut json = json_of(&samples::double_booking());
    json["scenario"]["orders"][0]["total_cents"] = json!("many");
    let text = serde_json::to_string_pretty(&json).unwrap();
    let line = text.lines().position(|line| line.contains("many")).unwrap() + 1;
    let error = refused(&text);
    let start = "this trace is damaged at scenario.orders[0].total_cents: invalid type: string \"many\", expected i64";
    assert!(error.starts_with(&format!("{start} at line {line} column ")), "{error}");
}

#[test]
fn a_damaged_step_is_named_by_its_place() {
    let mut json = json_of(&samples::double_booking());
    json["steps"][3]["event"] = json!("exploded");
    let error = refused(&json.to_string());
    assert!(
        error.starts_with("this trace is damaged at steps[3]: unknown variant `exploded`, expected one of"),
        "{error}"
    );
}

#[test]
fn the_samples_fit_the_published_schema() {
    for trace in samples::all() {
        let errors: Vec<String> = schema().iter_errors(&json_of(&trace)).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn the_schema_refuses_an_unknown_field_wherever_the_reader_does() {
    let schema = schema();
    for trace in samples::all() {
        let whole = json_of(&trace);
        for place in objects(&whole, String::new()) {
            // The tables are the engine's own, and the one object whose fields nobody can know.
            if place == "/rows" {
                continue;
            }
            let mut odd = whole.clone();
            odd.pointer_mut(&place).unwrap()["surprise"] = json!(1);
            assert!(!schema.is_valid(&odd), "the schema lets an unknown field into {place}");
            // serde cannot refuse a field beside the tag of a variant that has none of its own.
            let event = odd.pointer(&place).unwrap()["event"].as_str();
            if !matches!(event, Some("landed" | "reaped")) {
                assert!(read(&odd.to_string()).is_err(), "the reader lets an unknown field into {place}");
            }
        }
    }
}

/// Where the objects in a JSON value are, as pointers.
fn objects(value: &Value, place: String) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let inner = fields.iter().flat_map(|(name, value)| objects(value, format!("{place}/{name}")));
            inner.chain([place.clone()]).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, value)| objects(value, format!("{place}/{at}"))).collect()
        }
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(15780), ..ProptestConfig::with_cases(100) })]

    #[test]
    fn every_trace_fits_the_schema_and_is_read_again_the_same(trace in any_trace()) {
        let json = json_of(&trace);
        let schema = schema();
        let errors: Vec<String> = schema.iter_errors(&json).map(|error| error.to_string()).collect();
        prop_assert_eq!(errors, Vec::<String>::new());
        prop_assert_eq!(read(&write(&trace).unwrap()).unwrap(), trace);
    }
}
