//! `--actors` and `--faults`: other bounds for a scenario than its file has.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use paidonce_model::scenario::Scenario;

use super::failure::Failure;

/// `--actors ipn=2/4,pdt=1,admin=0`: for each entry how many overlap and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Actors(Vec<(String, usize, usize)>);

/// `--faults deaths=1,lost_replies=0,ticks=2,crashes=0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    deaths: Option<u8>,
    lost_replies: Option<u8>,
    ticks: Option<u8>,
    crashes: Option<u8>,
}

impl FromStr for Actors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut actors: Vec<(String, usize, usize)> = Vec::new();
        for part in text.split(',') {
            let expected = || {
                format!("expected NAME=OVERLAPPING/DELIVERIES such as ipn=2/4, or NAME=0 to leave it out, not `{part}`")
            };
            let (name, numbers) = part.split_once('=').ok_or_else(expected)?;
            let (overlapping, deliveries) = numbers.split_once('/').unwrap_or((numbers, numbers));
            let number = |text: &str| text.parse::<usize>().map_err(|_| expected());
            let name = name.trim();
            if actors.iter().any(|(known, ..)| known == name) {
                return Err(format!("`{name}` stands here twice; expected each actor once"));
            }
            actors.push((name.to_owned(), number(overlapping)?, number(deliveries)?));
        }
        Ok(Actors(actors))
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Faults::default();
        for part in text.split(',') {
            let expected = || {
                format!(
                    "expected some of deaths=N, lost_replies=N, ticks=N and crashes=N, each N from 0 to 255 and each once, not `{part}`"
                )
            };
            let (name, number) = part.split_once('=').ok_or_else(expected)?;
            let number: u8 = number.parse().map_err(|_| expected())?;
            let place = match name.trim() {
                "deaths" => &mut faults.deaths,
                "lost_replies" => &mut faults.lost_replies,
                "ticks" => &mut faults.ticks,
                "crashes" => &mut faults.crashes,
                _ => return Err(expected()),
            };
            if place.replace(number).is_some() {
                return Err(expected());
            }
        }
        Ok(faults)
    }
}

/// As it was given.
impl Display for Actors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let entry = |(name, overlapping, deliveries): &(String, usize, usize)| match deliveries {
            0 => format!("{name}=0"),
            _ => format!("{name}={overlapping}/{deliveries}"),
        };
        f.write_str(&self.0.iter().map(entry).collect::<Vec<_>>().join(","))
    }
}

/// As it was given.
impl Display for Faults {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all = [
            ("deaths", self.deaths),
            ("lost_replies", self.lost_replies),
            ("ticks", self.ticks),
            ("crashes", self.crashes),
        ];
        let given = all.into_iter().filter_map(|(name, number)| Some(format!("{name}={}", number?)));
        f.write_str(&given.collect::<Vec<_>>().join(","))
    }
}

/// The scenario with these bounds in place of its own. The rules of scenarios hold for it as they do for a file.
pub(super) fn applied(
    scenario: &Scenario,
    actors: Option<&Actors>,
    faults: Option<&Faults>,
) -> Result<Scenario, Failure> {
    let mut changed = scenario.clone();
    for (name, overlapping, deliveries) in actors.iter().flat_map(|actors| &actors.0) {
        let Some(place) = changed.actors.iter().position(|actor| actor.name == *name) else {
            let known: Vec<&str> = scenario.actors.iter().map(|actor| actor.name.as_str()).collect();
            let scenario = scenario.name.clone();
            return Err(Failure::NoSuchActor { scenario, given: name.clone(), known: known.join(", ") });
        };
        if *deliveries == 0 {
            changed.actors.remove(place);
        } else {
            changed.actors[place].overlapping = *overlapping;
            changed.actors[place].deliveries = *deliveries;
        }
    }
    if let Some(Faults { deaths, lost_replies, ticks, crashes }) = faults {
        let budget = &mut changed.faults;
        budget.deaths = deaths.unwrap_or(budget.deaths);
        budget.lost_replies = lost_replies.unwrap_or(budget.lost_replies);
        budget.ticks = ticks.unwrap_or(budget.ticks);
        budget.crashes = crashes.unwrap_or(budget.crashes);
    }
    let options = [actors.map(|_| "--actors"), faults.map(|_| "--faults")];
    let options = options.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    changed.validate().map_err(|found| Failure::Overridden {
        scenario: scenario.name.clone(),
        options,
        found: found.iter().map(|invalid| format!("  {invalid}")).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_scenario() -> Scenario {
        super::super::names::scenario("default").unwrap()
    }

    #[test]
    fn an_entry_is_changed_or_left_out() {
        let actors: Actors = "ipn=1/3,pdt=0".parse().unwrap();
        let faults: Faults = "lost_replies=0".parse().unwrap();
        let changed = applied(&default_scenario(), Some(&actors), Some(&faults)).unwrap();
        assert_eq!(changed.actors.len(), 2);
        assert_eq!((changed.actors[0].overlapping, changed.actors[0].deliveries), (1, 3));
        assert_eq!((changed.faults.deaths, changed.faults.lost_replies), (1, 0));
        assert_eq!((actors.to_string(), faults.to_string()), ("ipn=1/3,pdt=0".to_owned(), "lost_replies=0".to_owned()));
    }

    #[test]
    fn the_rules_of_scenarios_hold_for_other_bounds_too() {
        let actors: Actors = "ipn=2".parse().unwrap();
        let refused = applied(&default_scenario(), Some(&actors), None).unwrap_err().to_string();
        assert!(refused.contains("actors[0].deliveries: is 2"), "{refused}");
        let unknown: Actors = "cron=1".parse().unwrap();
        let refused = applied(&default_scenario(), Some(&unknown), None).unwrap_err().to_string();
        assert!(refused.contains("its actors are ipn, pdt, admin"), "{refused}");
    }

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        for text in ["ipn", "ipn=x", "ipn=1/", "ipn=1,ipn=2", "", "ipn=-1"] {
            assert!(text.parse::<Actors>().unwrap_err().contains("expected"), "{text}");
        }
        for text in ["deaths", "deaths=256", "pauses=1", "ticks=1,ticks=2", ""] {
            assert!(text.parse::<Faults>().unwrap_err().contains("expected"), "{text}");
        }
    }
}
