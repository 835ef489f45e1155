//! The rules that a scenario keeps beyond the types of its fields.
//!
//! They hold for a file and for the scenario that a trace embeds alike, so they know fields and not lines.

mod actors;
mod checks;
mod limits;
mod shop;

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::Scenario;

/// No moment and no duration of a scenario is further from 0, in milliseconds: ten years. Sums of many stay far from
/// the end of `i64`.
const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// No amount is larger, in minor units.
const MOST_CENTS: i64 = 1_000_000_000_000_000;
/// No number of units is larger.
const MOST_UNITS: i64 = 1_000_000_000;

/// Something wrong with one field of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Invalid {
    /// The field: `actors[1].servers[0]`.
    pub path: String,
    /// The field of the notice, where the scenario's field is a notice as the gateway sends it.
    pub within: Option<&'static str>,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl Scenario {
    /// Check every rule. Whoever takes a scenario from elsewhere than [`Scenario::from_toml`] calls this first.
    ///
    /// # Errors
    /// Everything that is wrong, by field.
    pub fn validate(&self) -> Result<(), Vec<Invalid>> {
        self.follows(true)
    }

    /// As [`Scenario::validate`], for what is played once and not explored: there may be any number of requests, servers and
    /// faults.
    ///
    /// # Errors
    /// As [`Scenario::validate`].
    pub fn validate_played(&self) -> Result<(), Vec<Invalid>> {
        self.follows(false)
    }

    fn follows(&self, is_explored: bool) -> Result<(), Vec<Invalid>> {
        let mut rules = Rules { scenario: self, is_explored, found: Vec::new() };
        rules.story();
        rules.shop();
        rules.servers();
        rules.actors();
        rules.limits();
        rules.checks();
        if rules.found.is_empty() { Ok(()) } else { Err(rules.found) }
    }
}

/// The rules, applied to one scenario.
struct Rules<'a> {
    scenario: &'a Scenario,
    /// What is explored has to be small.
    is_explored: bool,
    found: Vec<Invalid>,
}

impl Rules<'_> {
    fn story(&mut self) {
        self.expect(!self.scenario.name.is_empty(), "name", || "is empty; expected the file's name".to_owned());
        let told = !self.scenario.story.trim().is_empty();
        self.expect(told, "story", || "is empty; expected what happens, for a reader".to_owned());
    }

    /// Say what is wrong with a field unless it is as it should be.
    fn expect(&mut self, as_it_should: bool, path: impl Display, problem: impl FnOnce() -> String) {
        if !as_it_should {
            self.found.push(Invalid { path: path.to_string(), within: None, problem: problem() });
        }
    }

    /// A number within bounds.
    fn within<N: PartialOrd + Display>(&mut self, path: impl Display, number: N, allowed: RangeInclusive<N>) {
        self.expect(allowed.contains(&number), path, || {
            format!("is {number}; expected a number from {} to {}", allowed.start(), allowed.end())
        });
    }

    /// A name out of a known set.
    fn known<'n>(
        &mut self,
        path: impl Display,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let known: Vec<&str> = known.into_iter().collect();
        let found = known.contains(&name);
        self.expect(found, path, || {
            format!("there is no {what} `{}`; expected one of: {}", shown(name), listed(&known))
        });
        found
    }

    /// A text that fits the schema's column and can stand in one line of a trace.
    fn text(&mut self, path: impl Display, text: &str, longest: usize) {
        let fits = !text.is_empty() && text.chars().count() <= longest;
        let plain = text.trim() == text && !text.chars().any(char::is_control);
        self.expect(fits && plain, path, || {
            format!(
                "is `{}`; expected 1 to {longest} characters, no space at either end and no control characters",
                shown(text)
            )
        });
    }

    /// The name of a server or an actor: small letters, digits and hyphens.
    fn plain_name(&mut self, path: &str, name: &str) {
        let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(small);
        self.expect(plain && name.len() <= 32 && !name.ends_with('-'), path, || {
            format!(
                "is `{}`; expected 1 to 32 characters out of a-z, 0-9 and -, a letter first and no hyphen last",
                shown(name)
            )
        });
    }

    /// No value twice. `list` and `field` make the path: `orders`, `.id`.
    fn each_once<T: PartialEq + Display>(&mut self, list: &str, field: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<T> = values.into_iter().collect();
        for (index, value) in values.iter().enumerate() {
            let first = values.iter().position(|earlier| earlier == value).unwrap_or(index);
            self.expect(first == index, format!("{list}[{index}]{field}"), || {
                format!("is `{}`, as {list}[{first}]{field} is; expected each once", shown(&value.to_string()))
            });
        }
    }
}

/// A value that is wrong, shortened to what fits a line.
fn shown(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if kept == text { kept } else { format!("{kept}…") }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "(there is none)".to_owned() } else { names.join(", ") }
}
