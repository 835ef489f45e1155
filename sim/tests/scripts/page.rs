//! The examples of docs/scripts.md are run.

use paidonce::script::{Real, played_text};
use paidonce_model::Engine;
use paidonce_model::script::{Prepared, Script};

use super::support::{alone, block_on, is_here, rewrites, root, write_anew};

const PAGE: &str = "docs/scripts.md";
const FROM: &str = "```script\n";
const TO: &str = "```";

/// The example as the model plays it.
fn renewed(text: &str) -> String {
    let mut text = text.to_owned();
    let engines: Vec<String> = parsed(&text).golden.into_iter().flat_map(|(engines, _)| engines).collect();
    assert!(!engines.is_empty(), "an example shows a transcript:\n{text}");
    for name in engines {
        let engine = Engine::find(&name).unwrap_or_else(|| panic!("there is no engine {name}"));
        let script = parsed(&text);
        let prepared = Prepared::new(&script, PAGE, engine).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let orders = prepared.orders().expect("few orders");
        let allowed: Vec<_> = orders.iter().map(|order| prepared.transcripts(order).expect("few ways")).collect();
        if is_here(engine) {
            block_on(async {
                let _alone = alone(engine).await;
                let mut real = Real::open(engine.name()).await.expect("the engine is here");
                for (order, allowed) in orders.iter().zip(&allowed) {
                    let played = real.play(&prepared, order).await.unwrap_or_else(|error| panic!("{error}\n{text}"));
                    assert!(allowed.contains(&played), "{name} does\n{played}\nin\n{text}");
                }
                real.close().await;
            });
        }
        text = script.renewed(&text, &name, &played_text(&script, &allowed));
    }
    text
}

fn parsed(text: &str) -> Script {
    Script::parse(PAGE, text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_examples_of_the_page_come_to_what_it_shows() {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let mut anew = String::new();
    let mut parts = page.split(FROM);
    anew.push_str(parts.next().unwrap_or_default());
    let mut examples = 0;
    for part in parts {
        let (example, rest) = part.split_once(TO).expect("an example has an end");
        anew += &format!("{FROM}{}{TO}{rest}", renewed(example));
        examples += 1;
    }
    assert!(examples > 5, "the page has an example for each command");
    if rewrites() {
        write_anew(&path, &anew);
    } else {
        assert_eq!(page, anew, "not as run (PAIDONCE_REWRITE=1 writes it anew)");
    }
}
