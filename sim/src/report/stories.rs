//! The scenarios that tell one story each: F1, F2, … of the catalogue, by the names of their files.

use super::Row;

/// One line a story: `F1  paused past expiry: lock_table breaks a_lease_has_one_holder in 9 steps (52 states); …`.
pub(crate) fn stories(rows: &[Row]) -> Vec<String> {
    let mut stories: Vec<(&str, String)> = rows
        .iter()
        .filter_map(|row| {
            let (number, title) = number(&row.scenario)?;
            let found = match row.steps {
                Some(steps) => format!("{} breaks {} in {steps} steps", row.protocol, row.claim),
                None => format!("of {}, {} {}", row.protocol, row.claim, row.verdict),
            };
            let replay = row.replay.as_ref().map_or_else(|| "nothing to replay".to_owned(), |replay| replay.told());
            let title = title.replace('_', " ");
            let story = format!("{}  {title}: {found} ({} states); {replay}", number.to_uppercase(), row.states);
            Some((number, story))
        })
        .collect();
    // Those of one number stay in their order.
    stories.sort_by_key(|(number, _)| *number);
    stories.into_iter().map(|(_, story)| story).collect()
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
        let told = stories(&[story, row("lock_table", "a_lease_has_one_holder", Some(9))]);
        let expected = "F1  paused past expiry: lock_table breaks a_lease_has_one_holder in 9 steps (7 states); \
            not replayed: no server";
        assert_eq!(told, [expected]);
    }
}
