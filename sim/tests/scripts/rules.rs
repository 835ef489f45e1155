//! Each rule of an engine's file decides something in a script that is kept.

use std::collections::BTreeSet;

use paidonce_model::Rule;

use super::support::scripts;

#[test]
fn every_rule_is_come_to_by_a_script_that_is_kept() {
    let mut met: BTreeSet<Rule> = BTreeSet::new();
    for kept in ["kept", "hermitage"].into_iter().flat_map(scripts) {
        for engine in kept.engines() {
            let prepared = kept.prepared(engine);
            prepared.transcripts(&kept.order()).expect("few ways");
            met.extend(prepared.rules());
        }
    }
    let missing: Vec<&str> = Rule::ALL.iter().filter(|rule| !met.contains(rule)).map(|rule| rule.says().1).collect();
    assert!(missing.is_empty(), "no script in specs/scripts comes to these:\n{}", missing.join("\n"));
}
