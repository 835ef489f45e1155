use std::collections::BTreeMap;

use paidonce_model::trace::Trace;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::any::any_trace;
use super::text::WIDTH;
use super::{Format, mermaid, samples, show, svg, text};

#[test]
fn a_double_booking_is_drawn() {
    let trace = samples::double_booking();
    insta::assert_snapshot!("double_booking_text", text(&trace));
    insta::assert_snapshot!("double_booking_mermaid", mermaid(&trace));
    insta::assert_snapshot!("double_booking_svg", svg(&trace));
}

#[test]
fn waiting_death_time_redelivery_and_a_lost_reply_are_drawn() {
    let trace = samples::all_is_well();
    insta::assert_snapshot!("all_is_well_text", text(&trace));
    insta::assert_snapshot!("all_is_well_mermaid", mermaid(&trace));
    insta::assert_snapshot!("all_is_well_svg", svg(&trace));
}

#[test]
fn every_other_event_is_drawn() {
    let trace = samples::odds_and_ends();
    insta::assert_snapshot!("odds_and_ends_text", text(&trace));
    insta::assert_snapshot!("odds_and_ends_mermaid", mermaid(&trace));
    insta::assert_snapshot!("odds_and_ends_svg", svg(&trace));
}

#[test]
fn a_crash_of_the_server_is_drawn_with_what_it_undoes() {
    let trace = samples::seen_and_undone();
    insta::assert_snapshot!("seen_and_undone_text", text(&trace));
    insta::assert_snapshot!("seen_and_undone_mermaid", mermaid(&trace));
    insta::assert_snapshot!("seen_and_undone_svg", svg(&trace));
}

#[test]
fn an_empty_trace_is_drawn_in_every_format() {
    let trace = Trace { steps: Vec::new(), ..samples::double_booking() };
    assert_eq!(text(&trace).lines().last(), Some("  once."));
    assert!(
        mermaid(&trace)
            .starts_with("sequenceDiagram\n    participant DB as postgres/read-committed\n    Note over DB: ")
    );
    assert_eq!(xml_roots(&svg(&trace)), "svg");
}

#[test]
fn a_format_is_known_by_its_name_and_no_other() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let error = "png".parse::<Format>().unwrap_err();
    assert_eq!(error.to_string(), "a trace is shown as text, mermaid, svg or json, not as \"png\"");
}

#[test]
fn every_format_ends_with_a_newline_and_is_what_show_gives() {
    for trace in samples::all() {
        for format in Format::ALL {
            assert!(show(&trace, format).unwrap().ends_with('\n'), "{format}");
        }
        assert_eq!(show(&trace, Format::Text).unwrap(), text(&trace));
        assert_eq!(show(&trace, Format::Mermaid).unwrap(), mermaid(&trace));
        assert_eq!(show(&trace, Format::Svg).unwrap(), svg(&trace));
    }
}

/// The name of the image's root, if it is well-formed.
fn xml_roots(image: &str) -> String {
    roxmltree::Document::parse(image).unwrap().root_element().tag_name().name().to_owned()
}

/// What stands in a line of Mermaid without its entities.
fn without_entities(line: &str) -> String {
    let mut parts = line.split('#');
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, after) = part.split_once(';').expect("an entity ends");
        assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{line}");
        rest.push_str(after);
    }
    rest
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(15780), ..ProptestConfig::with_cases(200) })]

    #[test]
    fn no_trace_makes_a_line_of_text_too_wide_or_lets_a_control_character_through(trace in any_trace()) {
        for line in text(&trace).lines() {
            prop_assert!(textwrap::core::display_width(line) <= WIDTH, "{line}");
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn no_trace_breaks_out_of_a_line_of_mermaid(trace in any_trace()) {
        let diagram = mermaid(&trace);
        let mut lines = diagram.lines();
        prop_assert_eq!(lines.next(), Some("sequenceDiagram"));
        let mut bars = BTreeMap::<String, usize>::new();
        for line in lines {
            let rest = without_entities(line).replace("<br/>", " ");
            prop_assert!(!rest.contains([';', '#', '%', '<', '&', '$', '`', '\\']) , "{line}");
            prop_assert!(!rest.contains(char::is_control), "{line:?}");
            let Some((word, what)) = line.trim_start().split_once(' ') else {
                prop_assert_eq!(line, "    end");
                continue;
            };
            let known = ["participant", "Note", "rect", "activate", "deactivate"].contains(&word) || word.ends_with(':');
            prop_assert!(known, "{line}");
            // Mermaid refuses to end a bar that was never begun, and does not draw one that never ends.
            let now = bars.entry(what.to_owned()).or_default();
            match word {
                "activate" => *now += 1,
                "deactivate" => *now = now.checked_sub(1).expect("a bar ends once"),
                _ => {}
            }
        }
        prop_assert!(bars.values().all(|now| *now == 0));
    }

    #[test]
    fn every_trace_is_a_well_formed_image(trace in any_trace()) {
        prop_assert_eq!(xml_roots(&svg(&trace)), "svg");
    }
}
