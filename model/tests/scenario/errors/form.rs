//! What is no TOML or no field of a scenario, and what holds for a scenario as a whole.

use paidonce_model::scenario::Scenario;

use super::{SOUND, refusal, refused};

#[test]
fn the_sound_scenario_is_sound() {
    Scenario::from_toml("sound.toml", SOUND).unwrap();
}

#[test]
fn what_is_no_toml_is_refused_where_it_stands() {
    refused(&[
        (
            "total_cents = 2000",
            "total_cents = ",
            "4:15: orders[0].total_cents: string values must be quoted, expected literal string",
        ),
        ("[faults]", "[faults", "30:8: faults: unclosed table, expected `]`"),
        ("\"EUR\"\n", "\"EUR\n", "5:16: orders[0].currency: invalid basic string, expected `\"`"),
        ("deaths = 1", "deaths = 1\ndeaths = 2", "32:1: faults.deaths: duplicate key"),
    ]);
}

#[test]
fn a_field_that_is_missing_unknown_or_of_the_wrong_type_is_refused() {
    refused(&[
        ("story = \"One payment.\"\n", "", "1:1: story: missing field `story`"),
        ("sku = \"mug\"\non", "on", "8:1: stock[0].sku: missing field `sku`"),
        (
            "cancel = \"1\"",
            "cancels = \"1\"",
            "25:1: actors[1].cancels: unknown field `cancels`, expected one of `name`, `ipn`, `pdt`, `cancel`, `work`, `servers`, `overlapping`, `deliveries`, `after`, `protocol`",
        ),
        (
            "story",
            "title",
            "1:1: title: unknown field `title`, expected one of `story`, `published`, `orders`, `stock`, `locks`, `servers`, `actors`, `settings`, `faults`, `limits`, `assume`, `check`",
        ),
        (
            "ticks = 2",
            "tics = 2",
            "33:1: faults.tics: unknown field `tics`, expected one of `deaths`, `death_forms`, `lost_replies`, `lost_on`, `ticks`, `crashes`",
        ),
        (
            "attempts = 3",
            "attempts = \"3\"",
            "27:12: settings.attempts: invalid type: string \"3\", expected a whole number, at least 0",
        ),
        (
            "attempts = 3",
            "attempts = -3",
            "27:12: settings.attempts: invalid value: integer `-3`, expected a whole number, at least 0",
        ),
        (
            "deaths = 1",
            "deaths = 1000",
            "31:10: faults.deaths: invalid value: integer `1000`, expected a whole number from 0 to 255",
        ),
        (
            "deliveries = 3",
            "deliveries = 1.5",
            "18:14: actors[0].deliveries: invalid type: floating point `1.5`, expected a whole number, at least 0",
        ),
        (
            "on_hand = 3",
            "on_hand = 99999999999999999999",
            "10:11: stock[0].on_hand: invalid type: integer `99999999999999999999`, expected a whole number",
        ),
        (
            "engines = [\"sqlite/immediate\"]",
            "engines = \"sqlite/immediate\"",
            "39:11: check[0].engines: invalid type: string \"sqlite/immediate\", expected a list",
        ),
        (
            "ticks = 2",
            "ticks = 2\ndeath_forms = [\"soft\", \"loud\"]",
            "34:24: faults.death_forms[1]: unknown value `loud`, expected one of `soft`, `reset`, `silent`, `stop`",
        ),
        (
            "ticks = 2",
            "ticks = 2\nlost_on = \"write\"",
            "34:11: faults.lost_on: unknown value `write`, expected `commit` or `any`",
        ),
        (
            "[[orders]]",
            "assume = [\"luck\"]\n[[orders]]",
            "2:11: assume[0]: unknown value `luck`, expected `nobody_outlives_a_lease`",
        ),
        ("[[stock]]", "[stock]", "8:1: stock: invalid type: table, expected a list"),
    ]);
}

#[test]
fn the_name_is_not_written_in_the_file() {
    refused(&[("story", "name = \"bad\"\nstory", "1:1: name: the name is the file's; expected none in the file")]);
}

#[test]
fn a_story_has_to_be_told() {
    refused(&[("One payment.", " ", "1:9: story: is empty; expected what happens, for a reader")]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    let text = SOUND.replace("attempts = 3", "attempts = 0").replace("units = 2", "units = 0");
    let said = refusal(&text);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("folder/bad.toml:7:33: orders[0].lines[0].units: "), "{said}");
    assert!(lines[1].starts_with("folder/bad.toml:27:12: settings.attempts: "), "{said}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn the_scenario_in_a_trace_is_validated_by_the_same_rules() {
    let mut scenario = Scenario::from_toml("sound.toml", SOUND).unwrap();
    let json = serde_json::to_string(&scenario).unwrap();
    let mut from_json: Scenario = serde_json::from_str(&json).unwrap();
    assert_eq!(from_json, scenario);
    assert_eq!(from_json.validate(), Ok(()));
    from_json.actors[1].servers[0] = "web-9".to_owned();
    let found = from_json.validate().unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "actors[1].servers[0]: there is no server `web-9`; expected one of: web-1");
    scenario.name.clear();
    assert_eq!(scenario.validate().unwrap_err()[0].path, "name");
}
