//! The pins: what the checks are known to find. The file is `specs/manifest.toml`; a copy is built in.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use paidonce_model::Engine;
use serde::Deserialize;

/// The copy that was there when this program was built.
const BUILT_IN: &str = include_str!("../../../specs/manifest.toml");
/// Where that copy is from.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/manifest.toml");

const HEADER: &str = "\
# What the checks find, pinned: `paidonce` and `paidonce mutants` compare with it. Not to be edited: when a verdict
# changes on purpose, these two write it anew, and the difference is read before it is committed.
#
#     cargo run --release -- --rewrite
#     cargo run --release -- mutants --rewrite
#
# `states` are the distinct states of the full exploration, `steps` the length of a shortest schedule that breaks the
# claim. `drawn` are the longest runs of drawn scripts against a real engine, recorded by `paidonce differ --rewrite`:
# how many scripts of which seed, how many of them disagreed with the model, for how many it allows one transcript only,
# and for how many it has more ways than were looked at. `simulated` are campaigns of simulations, recorded by `paidonce
# simulate --rewrite`: which seeds of how many orders, what went wrong how often, and what all of it came to.
";

/// The pins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The verdicts of the bare command.
    #[serde(default)]
    pub verdict: Vec<PinnedVerdict>,
    /// What falls without a guard.
    #[serde(default)]
    pub mutant: Vec<PinnedMutant>,
    /// Runs of drawn scripts against real engines.
    #[serde(default)]
    pub drawn: Vec<DrawnRun>,
    /// Campaigns of simulations.
    #[serde(default)]
    pub simulated: Vec<SimulatedRun>,
}

/// A campaign of simulations: some seeds from one on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedRun {
    /// The protocol that handles notices.
    pub settle: String,
    /// The protocol by which an admin cancels.
    pub cancel: String,
    /// The engine.
    pub engine: String,
    /// The first seed.
    pub seed: u64,
    /// So many seeds.
    pub seeds: u64,
    /// Orders of a seed.
    pub orders: u32,
    /// Web servers.
    pub servers: u16,
    /// What went wrong how often, in parts per million.
    pub faults: String,
    /// Calls answered.
    pub calls: u64,
    /// Claims broken.
    pub violations: u64,
    /// The sum of the seeds' digests.
    pub digest: String,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedVerdict {
    /// The scenario's name.
    pub scenario: String,
    /// The protocol in the notice role.
    pub protocol: String,
    /// The engine.
    pub engine: String,
    /// The claim.
    pub claim: String,
    /// The verdict's name.
    pub verdict: String,
    /// Distinct states of the full exploration.
    pub states: u64,
    /// The length of the shortest schedule that breaks the claim.
    pub steps: Option<usize>,
}

/// A protocol without a guard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedMutant {
    /// The guard that it is about.
    pub guard: String,
    /// The guards left out.
    pub without: Vec<String>,
    /// The guard's claim.
    pub claim: String,
    /// Where the claim falls, unless it does not.
    pub scenario: Option<String>,
    /// On which engine.
    pub engine: Option<String>,
    /// After how many steps.
    pub steps: Option<usize>,
}

/// A run of scripts drawn from a seed, played on the model and on a real engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnRun {
    /// The engine.
    pub engine: String,
    /// The seed.
    pub seed: u64,
    /// The number of the first script.
    pub from: u64,
    /// So many scripts were played.
    pub scripts: u64,
    /// Those on which the model does not allow what the real engine did.
    pub disagreements: u64,
    /// Those for which the model allows exactly one transcript.
    pub with_one: u64,
    /// Those with so many ways that not all were looked at, and the real one was not among them.
    pub undecided: u64,
}

/// Why there are no pins.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("the pins cannot be read: {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("the pins cannot be written: {path}: {source}; name a file with --manifest")]
    Write {
        /// The file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file has another form.
    #[error("the pins are damaged: {path}: {source}")]
    Damaged {
        /// The file.
        path: String,
        /// Where and how.
        source: Box<toml::de::Error>,
    },
}

impl Manifest {
    /// The pins in a file, or the built-in ones.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(path: Option<&str>) -> Result<Self, ManifestError> {
        let (path, text) = match path {
            None => ("specs/manifest.toml", BUILT_IN.to_owned()),
            Some(path) => {
                let unreadable = |source| ManifestError::Read { path: path.to_owned(), source };
                (path, fs::read_to_string(path).map_err(unreadable)?)
            }
        };
        let damaged = |source| ManifestError::Damaged { path: path.to_owned(), source: Box::new(source) };
        toml::from_str(&text).map_err(damaged)
    }

    /// The pins of a file that is going to be written anew: none when there is no file yet. Without a path, those of the
    /// source tree.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is damaged.
    pub fn to_rewrite(path: Option<&str>) -> Result<Self, ManifestError> {
        let path = path.unwrap_or(SOURCE);
        if Path::new(path).exists() { Manifest::read(Some(path)) } else { Ok(Manifest::default()) }
    }

    /// Write the pins to a file; without a path, to the one of the source tree. Gives the file's name.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: Option<&str>) -> Result<String, ManifestError> {
        let path = path.unwrap_or(SOURCE);
        let unwritable = |source| ManifestError::Write { path: path.to_owned(), source };
        fs::write(path, self.text()).map_err(unwritable)?;
        // The name of the source tree's file has a detour in it.
        Ok(fs::canonicalize(path).map_or_else(|_| path.to_owned(), |whole| whole.display().to_string()))
    }

    /// The file's text: one line a pin, so that a difference is one line too.
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}\nverdict = [\n");
        let mut before = None;
        for pin in &self.verdict {
            let group = (&pin.scenario, &pin.protocol, &pin.engine);
            if before.replace(group).is_some_and(|before| before != group) {
                text.push('\n');
            }
            let steps = pin.steps.map(|steps| format!(", steps = {steps}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "  {{ scenario = {}, protocol = {}, engine = {}, claim = {}, verdict = {}, states = {}{steps} }},",
                string(&pin.scenario),
                string(&pin.protocol),
                string(&pin.engine),
                string(&pin.claim),
                string(&pin.verdict),
                pin.states
            );
        }
        text.push_str("]\n\nmutant = [\n");
        for pin in &self.mutant {
            let without = pin.without.iter().map(|guard| string(guard)).collect::<Vec<_>>().join(", ");
            let _ = write!(
                text,
                "  {{ guard = {}, without = [{without}], claim = {}",
                string(&pin.guard),
                string(&pin.claim)
            );
            if let (Some(scenario), Some(engine), Some(steps)) = (&pin.scenario, &pin.engine, pin.steps) {
                let _ = write!(text, ", scenario = {}, engine = {}, steps = {steps}", string(scenario), string(engine));
            }
            text.push_str(" },\n");
        }
        text.push_str("]\n\ndrawn = [\n");
        for run in &self.drawn {
            let DrawnRun { engine, seed, from, scripts, disagreements, with_one, undecided } = run;
            let engine = string(engine);
            let _ = writeln!(
                text,
                "  {{ engine = {engine}, seed = {seed}, from = {from}, scripts = {scripts}, disagreements = {disagreements}, with_one = {with_one}, undecided = {undecided} }},"
            );
        }
        text.push_str("]\n\nsimulated = [\n");
        for run in &self.simulated {
            let SimulatedRun { seed, seeds, orders, servers, calls, violations, .. } = run;
            let [settle, cancel, engine, faults, digest] =
                [&run.settle, &run.cancel, &run.engine, &run.faults, &run.digest].map(|text| string(text));
            let _ = writeln!(
                text,
                "  {{ settle = {settle}, cancel = {cancel}, engine = {engine}, seed = {seed}, seeds = {seeds}, orders = {orders}, servers = {servers}, faults = {faults}, calls = {calls}, violations = {violations}, digest = {digest} }},"
            );
        }
        text.push_str("]\n");
        text
    }

    /// Record a campaign. It takes the place of one with the same protocols, engine, faults and first seed.
    pub fn record_simulated(&mut self, run: SimulatedRun) {
        let key = |run: &SimulatedRun| {
            let place = Engine::ALL.into_iter().position(|engine| engine.name() == run.engine);
            (run.settle.clone(), run.cancel.clone(), place, run.faults.clone(), run.seed)
        };
        self.simulated.retain(|known| key(known) != key(&run));
        self.simulated.push(run);
        self.simulated.sort_by_key(key);
    }

    /// Record a run. One that begins where a recorded one of the same engine and seed ended continues it; one that begins
    /// where it began takes its place.
    pub fn record(&mut self, run: DrawnRun) {
        let same = |known: &&mut DrawnRun| known.engine == run.engine && known.seed == run.seed;
        match self.drawn.iter_mut().find(same) {
            Some(known) if known.from + known.scripts == run.from => {
                known.scripts += run.scripts;
                known.disagreements += run.disagreements;
                known.with_one += run.with_one;
                known.undecided += run.undecided;
            }
            Some(known) if known.from == run.from => *known = run,
            _ => self.drawn.push(run),
        }
        let place = |run: &DrawnRun| Engine::ALL.into_iter().position(|engine| engine.name() == run.engine);
        self.drawn.sort_by_key(|run| (place(run), run.seed, run.from));
    }
}

fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(from: u64, scripts: u64) -> DrawnRun {
        let engine = "sqlite/immediate".to_owned();
        DrawnRun { engine, seed: 1, from, scripts, disagreements: 0, with_one: scripts, undecided: 0 }
    }

    #[test]
    fn a_run_that_goes_on_where_another_ended_continues_it() {
        let mut pins = Manifest::default();
        pins.record(run(0, 5));
        pins.record(run(5, 2));
        assert_eq!(pins.drawn, [run(0, 7)]);
        pins.record(run(0, 3));
        assert_eq!(pins.drawn, [run(0, 3)]);
        pins.record(run(50, 3));
        assert_eq!(pins.drawn, [run(0, 3), run(50, 3)], "there is a gap between them");
    }

    fn simulated(seed: u64, seeds: u64) -> SimulatedRun {
        SimulatedRun {
            settle: "settle".to_owned(),
            cancel: "cancel".to_owned(),
            engine: "sqlite/immediate".to_owned(),
            seed,
            seeds,
            orders: 10_000,
            servers: 8,
            faults: "none,crash=2000".to_owned(),
            calls: 7,
            violations: 0,
            digest: "0123456789abcdef".to_owned(),
        }
    }

    #[test]
    fn a_campaign_takes_the_place_of_one_from_the_same_seed_on() {
        let mut pins = Manifest::default();
        pins.record_simulated(simulated(6, 5));
        pins.record_simulated(simulated(1, 5));
        pins.record_simulated(simulated(6, 9));
        assert_eq!(pins.simulated, [simulated(1, 5), simulated(6, 9)]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let verdict = |steps| PinnedVerdict {
            scenario: "default".to_owned(),
            protocol: "unlocked".to_owned(),
            engine: "sqlite/immediate".to_owned(),
            claim: "the_buyer_is_mailed_once".to_owned(),
            verdict: "violated".to_owned(),
            states: 7,
            steps,
        };
        let mutant = |scenario: Option<&str>| PinnedMutant {
            guard: "UniqueKey".to_owned(),
            without: vec!["UniqueKey".to_owned(), "LocksFirst".to_owned()],
            claim: "stock_agrees_with_orders".to_owned(),
            scenario: scenario.map(str::to_owned),
            engine: scenario.map(|_| "sqlite/immediate".to_owned()),
            steps: scenario.map(|_| 9),
        };
        let pins = Manifest {
            verdict: vec![verdict(Some(4)), verdict(None)],
            mutant: vec![mutant(Some("default")), mutant(None)],
            drawn: vec![run(0, 5)],
            simulated: vec![simulated(1, 5), simulated(6, 5)],
        };
        assert_eq!(toml::from_str::<Manifest>(&pins.text()).unwrap(), pins);
        assert_eq!(toml::from_str::<Manifest>(&Manifest::default().text()).unwrap(), Manifest::default());
    }

    #[test]
    fn the_built_in_pins_are_written_as_they_are() {
        let pins = Manifest::read(None).unwrap();
        assert_eq!(pins.text(), BUILT_IN);
    }
}
