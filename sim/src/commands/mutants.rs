//! `paidonce mutants`: each guard of the right protocols left out, and what falls.

use std::io::Write;
use std::sync::Arc;

use paidonce_model::scenario::Scenario;
use paidonce_model::{Claim, Engine, ExploreError, Limits, Reductions, Setup, Show, explore, shortest};
use paidonce_protocol::catalogue::{self, PROTOCOLS, Protocol, Role};
use paidonce_protocol::{Guard, Without};
use serde::Serialize;

use super::cli::Pinned;
use super::failure::Failure;
use super::meter::{Desk, Meter};
use super::work::on_all_desks;
use super::{Exit, jobs, names, print_json, quoted, replaying};
use crate::report::{Fall, Manifest, MutantRow};

/// The published scenarios are gone through up to so many states first, which is all of most of them: the large ones are not
/// explored to their end before the small ones have been tried.
const FIRST_STATES: u64 = 40_000;

/// Where nothing is to fall, everything is explored in the scenarios in which the protocol with all its guards has up to so many states.
const SECOND_LINE_STATES: u64 = 400_000;

/// The machine's form.
#[derive(Serialize)]
struct Json<'a> {
    as_pinned: bool,
    mutants: &'a [MutantRow],
}

/// Guards left out together.
struct Mutant {
    guard: Guard,
    without: Vec<Guard>,
    /// False for a second line alone.
    has_to_fall: bool,
}

/// One setup in which a mutant is tried.
struct Place {
    scenario: Arc<Scenario>,
    protocol: &'static str,
    engine: Engine,
    /// How large it is with all guards, as [`jobs::Job::cost`] has it.
    cost: u64,
}

pub(super) fn run(asked: &Pinned, out: &mut dyn Write) -> Result<Exit, Failure> {
    let manifest = asked.manifest.as_deref();
    let mut pins = if asked.rewrite { Manifest::to_rewrite(manifest)? } else { Manifest::read(manifest)? };
    let mutants = mutants();
    if !asked.json {
        writeln!(
            out,
            "{} guards, each left out · the published scenarios, small ones first; for a second line those of up to \
             {SECOND_LINE_STATES} states · seed none\n",
            Guard::ALL.len()
        )?;
        out.flush()?;
    }
    let meter = Meter::new(mutants.len());
    // Where nothing falls, everything is explored.
    let cost = |mutant: &Mutant| u64::from(!mutant.has_to_fall);
    let rows = on_all_desks(&mutants, cost, &meter, |mutant, desk| examine(mutant, &pins, asked.rewrite, desk))?;
    drop(meter);
    let undecided = rows.iter().filter(|row| row.verdict == "undecided").count();
    if asked.rewrite {
        if undecided > 0 {
            return Err(Failure::NothingToPin(undecided));
        }
        pins.pin_mutants(&rows);
        let written = pins.write(manifest)?;
        if !asked.json {
            writeln!(out, "pinned {} mutants in {written}\n", rows.len())?;
        }
    }
    let differences = differences(&pins, &rows);
    if asked.json {
        print_json(out, &Json { as_pinned: differences.is_empty(), mutants: &rows })?;
    } else {
        writeln!(out, "{}\n", MutantRow::drawn(&rows))?;
        for difference in &differences {
            writeln!(out, "not as pinned: {difference}")?;
        }
        let verdict = match (undecided, differences.len()) {
            (0, 0) => format!("as pinned: {} mutants", rows.len()),
            (0, some) => format!("not as pinned: {some} of {} mutants", rows.len()),
            (some, _) => format!("undecided: {some} of {} mutants", rows.len()),
        };
        let option = manifest.map(|path| format!(" --manifest {}", quoted(path))).unwrap_or_default();
        writeln!(out, "{verdict} · paidonce mutants{option}")?;
    }
    Ok(match (undecided, differences.is_empty()) {
        (0, true) => Exit::Clean,
        (0, false) => Exit::Found,
        _ => Exit::Undecided,
    })
}

/// Each guard alone; a second line also together with the first. Two guards that are each other's second line make one
/// pair.
fn mutants() -> Vec<Mutant> {
    let mut mutants: Vec<Mutant> = Vec::new();
    for guard in Guard::ALL.iter().copied() {
        let first = guard.second_line_to();
        mutants.push(Mutant { guard, without: vec![guard], has_to_fall: first.is_none() });
        let known = |mutant: &Mutant| mutant.without.first().copied() == first && mutant.without.get(1) == Some(&guard);
        if let Some(first) = first
            && !mutants.iter().any(known)
        {
            mutants.push(Mutant { guard, without: vec![guard, first], has_to_fall: true });
        }
    }
    mutants
}

/// Not as pinned, not as the catalogue says, or not so on a real database.
fn differences(pins: &Manifest, rows: &[MutantRow]) -> Vec<String> {
    let mut differences = pins.mutant_differences(rows);
    for row in rows {
        if !row.expected {
            let without = row.without.join(" and ");
            differences.push(format!("without {without}: {}, which the catalogue says otherwise", row.verdict));
        }
        if let Some(replay) = row.replay.as_ref().filter(|replay| !replay.agrees()) {
            differences.push(format!("without {}: {}", row.without.join(" and "), replay.told()));
        }
    }
    differences
}

/// Look for what is pinned where it is pinned first, unless it is to be searched for anew.
fn examine(mutant: &Mutant, pins: &Manifest, search: bool, desk: &Desk) -> Result<MutantRow, Failure> {
    let names: Vec<&str> = mutant.without.iter().map(|guard| guard.name()).collect();
    let about = format!("without {}", names.join(" and "));
    desk.begin(about.clone());
    let without = mutant.without.iter().fold(Without::NOTHING, |without, guard| without.and(*guard));
    let places = places(mutant.guard, pins)?;
    let pinned = pins.falls_at(&names).filter(|_| !search).and_then(|(scenario, engine)| {
        places.iter().find(|place| place.scenario.name == scenario && place.engine.name() == engine)
    });
    let claim = names::claim(mutant.guard.claim()).map_err(Failure::BuiltIn)?;
    let hunt = Hunt { without, claim, desk };
    let fall = if mutant.has_to_fall { hunt.falls(pinned, &places) } else { hunt.stands(&places) };
    let fall = fall.map_err(|source| Failure::explore(about, source))?;
    let replay = match &fall {
        Fall::Falls(trace) => Some(replaying::replayed(trace)?),
        Fall::Stands | Fall::Undecided => None,
    };
    Ok(MutantRow::of(mutant.guard, &mutant.without, &fall, replay, mutant.has_to_fall))
}

/// The published scenarios, small ones first, with the protocol that a guard belongs to, on SQLite and at each server's default level. An admin's
/// protocol is tried along with the protocol for notices that was written for the same schema.
fn places(guard: Guard, pins: &Manifest) -> Result<Vec<Place>, Failure> {
    let Some(guarded) = catalogue::find(guard.protocol()) else { return Ok(Vec::new()) };
    let handles = |protocol: &&Protocol| match guarded.role {
        Role::Notice | Role::Worker => protocol.name == guarded.name,
        Role::Admin => {
            protocol.role == Role::Notice && protocol.admin == guarded.name && protocol.schema == guarded.schema
        }
    };
    let Some(protocol) = PROTOCOLS.iter().find(handles) else { return Ok(Vec::new()) };
    let of_engine = |engine: Engine| engine.is_embedded() || engine.is_default();
    let wanted = |job: &jobs::Job| job.scenario.published && job.protocol == protocol.name && of_engine(job.engine);
    let mut jobs: Vec<jobs::Job> = jobs::all()?.into_iter().filter(wanted).collect();
    // What falls in a small scenario is short to find, and to read.
    jobs.sort_by_key(|job| job.cost(pins));
    let place = |job: jobs::Job| {
        let cost = job.cost(pins);
        Place { scenario: job.scenario, protocol: protocol.name, engine: job.engine, cost }
    };
    Ok(jobs.into_iter().map(place).collect())
}

/// Looking for a schedule that breaks a claim.
struct Hunt<'a> {
    without: Without,
    claim: Claim,
    desk: &'a Desk,
}

impl Hunt<'_> {
    fn setup<'p>(&self, place: &'p Place) -> Setup<'p> {
        Setup {
            scenario: &place.scenario,
            protocol: place.protocol,
            engine: place.engine,
            without: self.without,
            reductions: Reductions::ALL,
        }
    }

    /// The first place where the claim falls, small explorations before large ones; or the pinned one, if it falls there.
    fn falls(&self, pinned: Option<&Place>, places: &[Place]) -> Result<Fall, ExploreError> {
        if let Some(place) = pinned
            && let fall @ Fall::Falls(_) = self.shortest(place, self.claim)?
        {
            return Ok(fall);
        }
        let first = Limits { most_states: FIRST_STATES, ..Limits::default() };
        match self.first_of(places, &[self.claim], first)? {
            Fall::Undecided => self.first_of(places, &[self.claim], Limits::default()),
            decided => Ok(decided),
        }
    }

    /// Whether every claim stands everywhere but in the largest scenarios.
    fn stands(&self, places: &[Place]) -> Result<Fall, ExploreError> {
        let small = places.iter().filter(|place| place.cost <= SECOND_LINE_STATES);
        self.first_of(small, Claim::ALL, Limits::default())
    }

    fn first_of<'p>(
        &self,
        places: impl IntoIterator<Item = &'p Place>,
        claims: &[Claim],
        limits: Limits,
    ) -> Result<Fall, ExploreError> {
        let mut complete = true;
        for place in places {
            let explored = explore(&self.setup(place), limits, &self.desk.progress)?;
            if let Some(claim) = explored.broken.iter().find(|claim| claims.contains(claim)) {
                return self.shortest(place, *claim);
            }
            complete &= explored.complete;
        }
        Ok(if complete { Fall::Stands } else { Fall::Undecided })
    }

    fn shortest(&self, place: &Place, claim: Claim) -> Result<Fall, ExploreError> {
        let (limits, progress) = (Limits::default(), &self.desk.progress);
        let mut schedules = shortest(&self.setup(place), Show::Broken, &[claim], limits, progress)?;
        let Some((_, schedule)) = schedules.pop() else { return Ok(Fall::Undecided) };
        Ok(Fall::Falls(Box::new(schedule.trace(Some(claim))?)))
    }
}
