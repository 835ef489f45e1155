//! The table: what the drivers say of each protocol, side by side.

use std::thread;

use paidonce::report::Manifest;
use paidonce_model::Engine;

use crate::drivers::{Campaigns, Exhaustive, Pair, exhaustive, pairs, real, shuttle, simulation};

/// The engines on which every protocol is explored, simulated and scheduled; a real one is asked when it is embedded.
const ENGINES: [Engine; 2] = [Engine::SqliteImmediate, Engine::PostgresReadCommitted];

/// What is said of two protocols on an engine.
pub(crate) struct Row {
    pub(crate) pair: Pair,
    pub(crate) engine: Engine,
    pub(crate) exhaustive: Exhaustive,
    pub(crate) simulation: Campaigns,
    pub(crate) shuttle: Campaigns,
    pub(crate) real: Option<Campaigns>,
}

/// Ask every driver about every protocol.
pub(crate) fn rows() -> Vec<Row> {
    let pins = Manifest::read(None).unwrap_or_else(|error| panic!("{error}"));
    let row = |pair: Pair, engine: Engine| {
        let exhaustive = exhaustive(&pins, pair, engine);
        let is_right = exhaustive.violated.is_empty();
        let (simulation, shuttle) = (simulation(pair, engine), shuttle(pair, engine));
        let real = engine.is_embedded().then(|| real(pair, engine, is_right));
        Row { pair, engine, exhaustive, simulation, shuttle, real }
    };
    thread::scope(|scope| {
        let asked = ENGINES.into_iter().flat_map(|engine| pairs().into_iter().map(move |pair| (pair, engine)));
        let asked: Vec<_> = asked.map(|(pair, engine)| scope.spawn(move || row(pair, engine))).collect();
        let answer = |row: thread::ScopedJoinHandle<'_, Row>| row.join().expect("no driver panics");
        asked.into_iter().map(answer).collect()
    })
}

impl Row {
    /// The drivers that draw, by name.
    pub(crate) fn drawing(&self) -> impl Iterator<Item = (&'static str, &Campaigns)> {
        let always = [("simulation", &self.simulation), ("shuttle", &self.shuttle)];
        always.into_iter().chain(self.real.as_ref().map(|real| ("real engine", real)))
    }

    pub(crate) fn title(&self) -> String {
        format!("{}, {} on {}", self.pair.notice, self.pair.cancel, self.engine.name())
    }
}

impl Exhaustive {
    fn cell(&self) -> String {
        let Exhaustive { scenarios, states, violated } = self;
        let verdict = if violated.is_empty() { "holds" } else { "**violated**" };
        format!("{verdict} (scenarios: {scenarios}, states: {})", grouped(*states))
    }
}

impl Campaigns {
    /// Twice the median of what was needed: whoever found nothing needed more than all others.
    fn twice_the_median(&self) -> Option<u64> {
        let mut needed = self.needed.clone();
        needed.sort_by_key(|needed| needed.unwrap_or(u64::MAX));
        let middle = needed.len() / 2;
        Some(needed[middle - 1]? + needed[middle]?)
    }

    /// `violated after 2.5 (61 in all)`.
    pub(crate) fn cell(&self) -> String {
        let found: Vec<u64> = self.needed.iter().flatten().copied().collect();
        if found.is_empty() {
            return format!("not found within {}", grouped(self.most * self.needed.len() as u64));
        }
        let median = match self.twice_the_median() {
            Some(twice) => format!("{}{}", twice / 2, if twice % 2 == 0 { "" } else { ".5" }),
            None => format!("more than {}", self.most),
        };
        let all: u64 = self.needed.iter().map(|needed| needed.unwrap_or(self.most)).sum();
        format!("**violated** after {median} ({} in all)", grouped(all))
    }
}

/// `5 523 002`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let is_start = |place: usize| place > 0 && (digits.len() - place).is_multiple_of(3);
    let spaced =
        digits.char_indices().flat_map(|(place, digit)| is_start(place).then_some(' ').into_iter().chain([digit]));
    spaced.collect()
}

/// The tables of the page.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for engine in ENGINES {
        text += &format!("\n### {}\n\n", engine.name());
        text += "| protocols | exhaustive model | simulation: seeds | shuttle: schedules | real engine: schedules |\n|---|---|---|---|---|\n";
        for row in rows.iter().filter(|row| row.engine == engine) {
            let real = row.real.as_ref().map_or("not asked: a server".to_owned(), |real| real.cell());
            text += &format!(
                "| {}, {} | {} | {} | {} | {real} |\n",
                row.pair.notice,
                row.pair.cancel,
                row.exhaustive.cell(),
                row.simulation.cell(),
                row.shuttle.cell(),
            );
        }
    }
    text += "\n### Claims that fall by chance only\n\n| protocols | driver | claims |\n|---|---|---|\n";
    for (title, driver, claims) in by_chance_only(rows) {
        text += &format!("| {title} | {driver} | {} |\n", claims.join(", "));
    }
    text + "\n"
}

/// Claims that a driver which draws has seen fall and the exhaustive model has not, on any engine of the table.
fn by_chance_only(rows: &[Row]) -> Vec<(String, &'static str, Vec<&'static str>)> {
    let mut all = Vec::new();
    for row in rows {
        let same = || rows.iter().filter(|other| other.pair == row.pair);
        for (driver, campaigns) in row.drawing() {
            let unknown = |claim: &&str| same().all(|row| !row.exhaustive.violated.contains(*claim));
            let claims: Vec<&'static str> = campaigns.violated.iter().copied().filter(|claim| unknown(claim)).collect();
            if !claims.is_empty() {
                all.push((row.title(), driver, claims));
            }
        }
    }
    all
}
