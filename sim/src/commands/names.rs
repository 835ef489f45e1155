//! Names on the command line. Whatever is unknown is refused with the list of what is known.

use std::path::Path;
use std::time::Duration;

use paidonce_model::scenario::{FILES, Scenario};
use paidonce_model::{Claim, Engine};
use paidonce_protocol::catalogue::{self, PROTOCOLS, Role};

use crate::stress;

/// The protocols that handle a notice: those that can be checked.
pub(super) fn notice_protocols() -> Vec<&'static str> {
    PROTOCOLS.iter().filter(|protocol| protocol.role == Role::Notice).map(|protocol| protocol.name).collect()
}

/// A protocol that can be checked.
pub(super) fn protocol(name: &str) -> Result<&'static str, String> {
    let known = notice_protocols().join(", ");
    match catalogue::find(name) {
        Some(protocol) if protocol.role == Role::Notice => Ok(protocol.name),
        Some(protocol) => {
            let beside = |other: &&catalogue::Protocol| other.role == Role::Notice && other.admin == protocol.name;
            let beside: Vec<&str> = PROTOCOLS.iter().filter(beside).map(|other| other.name).collect();
            Err(format!(
                "it is the admin's, and is checked along with the protocol that handles the notices ({}); the protocols \
                 that can be checked are {known}",
                beside.join(", ")
            ))
        }
        None => Err(format!("there is no such protocol; those that can be checked are {known}")),
    }
}

/// A number of things of which there has to be one.
pub(super) fn at_least_one(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        other => other.map_err(|error: std::num::ParseIntError| error.to_string()),
    }
}

/// A protocol that handles a notice, and whose history can be compared.
pub(super) fn settling(name: &str) -> Result<&'static str, String> {
    let name = protocol(name)?;
    stress::refusal(name).map_or(Ok(name), Err)
}

/// A protocol by which an admin cancels.
pub(super) fn cancelling(name: &str) -> Result<&'static str, String> {
    let known = || PROTOCOLS.iter().filter(|protocol| protocol.role == Role::Admin);
    let found = known().find(|protocol| protocol.name == name).map(|protocol| protocol.name);
    found.ok_or_else(|| {
        let known: Vec<&str> = known().map(|protocol| protocol.name).collect();
        format!("there is no such protocol by which an admin cancels; there are {}", known.join(", "))
    })
}

/// An engine; a database's name alone means the level that it has when nobody says otherwise.
pub(super) fn engine(name: &str) -> Result<Engine, String> {
    let is_usual = |engine: &Engine| engine.is_default() || *engine == Engine::SqliteImmediate;
    let of_database = |engine: &Engine| engine.name().split('/').next() == Some(name);
    let usual = || Engine::ALL.into_iter().find(|engine| is_usual(engine) && of_database(engine));
    Engine::find(name)
        .or_else(usual)
        .ok_or_else(|| format!("there is no such engine; the engines are {}", Engine::known()))
}

/// A claim.
pub(super) fn claim(name: &str) -> Result<Claim, String> {
    let known: Vec<&str> = Claim::ALL.iter().map(|claim| claim.name()).collect();
    Claim::find(name).ok_or_else(|| format!("there is no such claim; the claims are {}", known.join(", ")))
}

/// A scenario: the name of a built-in one, or a file.
pub(super) fn scenario(given: &str) -> Result<Scenario, String> {
    if let Some((file, text)) = FILES.iter().find(|(file, _)| stem(file) == given) {
        return Scenario::from_toml(file, text).map_err(|error| error.to_string());
    }
    let path = Path::new(given);
    if !path.exists() {
        let known: Vec<&str> = FILES.iter().map(|(file, _)| stem(file)).collect();
        return Err(format!(
            "there is neither a file nor a built-in scenario of this name; the built-in ones are {}",
            known.join(", ")
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    Scenario::from_toml(given, &text).map_err(|error| error.to_string())
}

/// A scenario file's name without its ending.
fn stem(file: &str) -> &str {
    file.strip_suffix(".toml").unwrap_or(file)
}

/// A time: `90s`, `10m`, `2h`.
pub(super) fn duration(given: &str) -> Result<Duration, String> {
    let expected = || "a time is a whole number of seconds, minutes or hours: 90s, 10m, 2h".to_owned();
    let unit = given.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(expected()),
    };
    let number: u64 = given[..given.len() - 1].parse().map_err(|_| expected())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "s", "90", "1d", "-1s", "1.5h", "99999999999999999999s", "9999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
