//! The scenarios that tell one story each: F1, F2, … of the catalogue, by the names of their files.

use std::collections::{BTreeMap, BTreeSet};

use super::Row;

/// One line a story: `F1  paused past expiry: lock_table breaks a_lease_has_one_holder in 9 steps (52 states); …`. A story
/// is about one claim; a protocol that is held against all claims in the same scenarios has one line for all of them.
pub(crate) fn stories(rows: &[Row]) -> Vec<String> {
    let of_a_story = |row: &&Row| number(&row.scenario).is_some();
    let is_told = |row: &Row| {
        let same = |other: &&Row| (&other.scenario, &other.protocol) == (&row.scenario, &row.protocol);
        rows.iter().filter(same).count() == 1
    };
    let (told, beside): (Vec<&Row>, Vec<&Row>) = rows.iter().filter(of_a_story).partition(|row| is_told(row));
    let mut stories: Vec<(&str, String)> = told.into_iter().filter_map(story).collect();
    // Those of one number stay in their order.
    stories.sort_by_key(|(number, _)| *number);
    let mut lines: Vec<String> = stories.into_iter().map(|(_, story)| story).collect();
    let mut by_protocol: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in beside {
        by_protocol.entry(&row.protocol).or_default().push(row);
    }
    for (protocol, rows) in by_protocol {
        let scenarios: BTreeSet<&str> = rows.iter().map(|row| row.scenario.as_str()).collect();
        let broken = match rows.iter().filter(|row| row.is_violated() || row.is_undecided()).count() {
            0 => "no claim".to_owned(),
            some => format!("or leaves undecided {some} claims"),
        };
        lines.push(format!("F   {protocol}, in {} of these scenarios: breaks {broken}", scenarios.len()));
    }
    lines
}

fn story(row: &Row) -> Option<(&str, String)> {
    let (number, title) = number(&row.scenario)?;
    let found = match row.steps {
        Some(steps) => format!("{} breaks {} in {steps} steps", row.protocol, row.claim),
        None => format!("of {}, {} {}", row.protocol, row.claim, row.verdict),
    };
    let replay = row.replay.as_ref().map_or_else(|| "nothing to replay".to_owned(), |replay| replay.told());
    let title = title.replace('_', " ");
    Some((number, format!("{}  {title}: {found} ({} states); {replay}", number.to_uppercase(), row.states)))
}

/// `f1` and the rest of a name such as `f1_paused_past_expiry`.
fn number(scenario: &str) -> Option<(&str, &str)> {
    let (number, title) = scenario.split_once('_')?;
    let digits = number.strip_prefix('f')?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some((number, title))
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::row;
    use super::*;

    #[test]
    fn a_story_is_known_by_its_file_s_name() {
        let mut story = row("lock_table", "a_lease_has_one_holder", Some(9));
        story.scenario = "f1_paused_past_expiry".to_owned();
        let beside = ["a_lease_has_one_holder", "retries_end"].map(|claim| {
            let mut row = row("settle", claim, None);
            row.scenario = story.scenario.clone();
            row
        });
        let elsewhere = row("lock_table", "a_lease_has_one_holder", Some(9));
        let rows: Vec<Row> = [story, elsewhere].into_iter().chain(beside).collect();
        let told = stories(&rows);
        let expected = "F1  paused past expiry: lock_table breaks a_lease_has_one_holder in 9 steps (7 states); \
            not replayed: no server";
        assert_eq!(told, [expected, "F   settle, in 1 of these scenarios: breaks no claim"]);
    }
}
