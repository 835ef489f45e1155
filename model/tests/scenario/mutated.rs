//! Files that nobody wrote on purpose.

use paidonce_model::scenario::{FILES, Scenario};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// One edit: a place, how many characters go, and what comes instead.
fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[\\[\\]{}\"'=,.#\n0-9a-z_-]{0,4}",
        prop::sample::select(vec![
            "\"\"\"",
            "'''",
            "[[",
            "]]",
            "99999999999999999999",
            "-1",
            "0",
            "nan",
            "true",
            "1979-05-27",
            "\\u0000",
            "é",
            "\r\n",
            "name",
            "[[actors]]",
            "paid",
            "cancel",
            "web-1",
        ])
        .prop_map(str::to_owned),
    ];
    (any::<prop::sample::Index>(), 0_usize..12, piece)
}

fn edited(text: &str, edits: &[(prop::sample::Index, usize, String)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, gone, piece) in edits {
        let from = place.index(characters.len() + 1);
        let to = (from + gone).min(characters.len());
        characters.splice(from..to, piece.chars());
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(15780),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_edit_of_the_default_file_makes_loading_it_panic(edits in prop::collection::vec(edit(), 1..5)) {
        let text = edited(FILES[0].1, &edits);
        match Scenario::from_toml("edited.toml", &text) {
            Ok(scenario) => {
                // What is sound can be used.
                let requests = scenario.requests();
                prop_assert_eq!(requests.len(), scenario.actors.iter().map(|actor| actor.deliveries).sum::<usize>());
                scenario.initial_rows();
                scenario.bounds().to_string();
            }
            Err(error) => {
                let lines = text.matches('\n').count() + 1;
                prop_assert!(!error.found.is_empty());
                for located in &error.found {
                    prop_assert!((1..=lines).contains(&located.line), "{}", error);
                }
            }
        }
    }
}
