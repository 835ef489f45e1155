//! A picture as numbered lines for a terminal. A gutter with one column an actor shows who is inside a section, who
//! waits and who is dead, as a version control graph does.

use textwrap::core::display_width;

use super::picture::{Cell, Flow, LaneKind, Life, Line, Picture};
use super::words;

/// The widest line, in columns.
pub(super) const WIDTH: usize = 110;
/// With more actors than this there is no gutter.
const GUTTER_LANES: usize = 12;
/// The widest actor's name here.
const ACTOR_WIDTH: usize = 20;
/// What is left for answers at least.
const RESULT_WIDTH: usize = 28;

/// The signs of the gutter, for the legend. Only those that occur are explained.
const LEGEND: [(&[char], &str); 4] =
    [(&[ACTS], "acts"), (&[ACTS_INSIDE, HOLDS], "inside a protected section"), (&[WAITS], "waits"), (&[DIES], "dies")];
const ACTS: char = '●';
const ACTS_INSIDE: char = '◉';
const HOLDS: char = '┃';
const WAITS: char = '┆';
const RUNS: char = '│';
const DIES: char = '†';

/// The picture as text.
pub(super) fn draw(picture: &Picture) -> String {
    let table = Table::of(picture);
    let rows: Vec<String> = picture.lines.iter().flat_map(|line| table.rows(line)).collect();
    let drawn = rows.join("\n");
    let signs: Vec<String> = LEGEND
        .iter()
        .filter(|(signs, _)| !table.gutter.is_empty() && signs.iter().any(|sign| drawn.contains(*sign)))
        .map(|(signs, meaning)| format!("{} {meaning}", String::from_iter(*signs)))
        .collect();
    let verdict = if picture.claim.is_some() { "✗" } else { "✓" };
    let last = format!("{verdict} {}", picture.sentence);
    let parts = [folded(&picture.headline.join(" · ")), signs.join("   "), drawn, folded(last.trim_end())];
    let mut text: String = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

fn folded(text: &str) -> String {
    textwrap::fill(text, textwrap::Options::new(WIDTH).subsequent_indent("  "))
}

/// The widths of the columns.
struct Table {
    number: usize,
    time: usize,
    /// The actors' lanes, or none of them when they are too many.
    gutter: Vec<usize>,
    actor: usize,
    label: usize,
    /// The actors' names, by lane.
    names: Vec<String>,
}

impl Table {
    fn of(picture: &Picture) -> Self {
        let lanes = || picture.lanes_of(LaneKind::Actor);
        let widest = |width: &dyn Fn(&Line) -> usize| picture.lines.iter().map(width).max().unwrap_or(0);
        let number = widest(&|line| line.number.map_or(0, |number| number.to_string().len()));
        let time = widest(&|line| words::moment(line.now_ms).len());
        let names: Vec<String> = picture.lanes.iter().map(|lane| words::clip(&lane.name, ACTOR_WIDTH)).collect();
        let actor = lanes().map(|(place, _)| display_width(&names[place])).max().unwrap_or(0);
        let gutter: Vec<usize> = lanes().map(|(place, _)| place).collect();
        let gutter = if gutter.len() > GUTTER_LANES { Vec::new() } else { gutter };
        let before = 2 + number + 2 + time + 2 + 2 * gutter.len() + 1 + actor + 2;
        // A tick stands across the columns.
        let label = widest(&|line| if line.flow == Flow::Tick { 0 } else { display_width(&line.label) });
        Table { number, time, gutter, actor, label: label.min(WIDTH.saturating_sub(before + RESULT_WIDTH)), names }
    }

    /// One row, and more where the result is too long for it.
    fn rows(&self, line: &Line) -> Vec<String> {
        let mark = if line.breaks { '✗' } else { ' ' };
        let number = line.number.map_or_else(String::new, |number| number.to_string());
        let clock =
            format!("{mark} {number:>0$}  {time:>1$}", self.number, self.time, time = words::moment(line.now_ms));
        let first = format!("{clock}  {} ", self.signs(line, true));
        if line.flow == Flow::Tick {
            return vec![format!("{first}── {} ──", line.label)];
        }
        let actor = padded(line.lane.map_or("", |lane| &self.names[lane]), self.actor);
        let label = padded(&words::clip(&line.label, self.label.max(1)), self.label);
        let first = format!("{first}{actor}  {label}  ");
        let left = WIDTH.saturating_sub(display_width(&first)).max(8);
        let mut result = line.result();
        for remark in &line.remarks {
            // A remark is not torn apart: its spaces are kept from the wrapping until that is done.
            result.push_str(&format!(" [{}]", remark.replace(' ', "\u{a0}")));
        }
        let wrapped = textwrap::wrap(result.trim_start(), left);
        let mut rows = Vec::new();
        for (place, part) in wrapped.iter().map(|part| part.replace('\u{a0}', " ")).enumerate() {
            if place == 0 {
                rows.push(format!("{first}{part}"));
            } else {
                let blank = padded("", display_width(&clock) + 2);
                let next = format!(
                    "{blank}{} {}  {}  ",
                    self.signs(line, false),
                    padded("", self.actor),
                    padded("", self.label)
                );
                rows.push(format!("{next}{part}"));
            }
        }
        rows.iter().map(|row| row.trim_end().to_owned()).collect()
    }

    fn signs(&self, line: &Line, acting: bool) -> String {
        let sign = |&place: &usize| match line.flow {
            Flow::Death if acting && line.lane == Some(place) => DIES,
            Flow::Server(_) => state(line.cells[place]),
            _ if acting && line.lane == Some(place) && line.cells[place].held > 0 => ACTS_INSIDE,
            _ if acting && line.lane == Some(place) => ACTS,
            _ => state(line.cells[place]),
        };
        self.gutter.iter().map(sign).map(|sign| format!("{sign} ")).collect()
    }
}

fn state(cell: Cell) -> char {
    match cell.life {
        _ if cell.held > 0 => HOLDS,
        Life::NotYet | Life::Over => ' ',
        Life::Running => RUNS,
        Life::Waiting => WAITS,
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}
