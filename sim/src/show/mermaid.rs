//! A picture as a Mermaid sequence diagram.
//!
//! Only what every code host renders: participants, arrows, notes, activations, one rectangle. `destroy` is left alone:
//! it wants to stand next to a message, which a death is not.

use super::picture::{Flow, LaneKind, Line, Picture};

/// Where notes are folded, in characters: Mermaid does not fold them.
const NOTE_WIDTH: usize = 72;
/// Behind the step that breaks the claim. Half transparent, so that it can be read on a dark page, too.
const RED: &str = "rgba(220, 38, 38, 0.15)";

/// The picture as Mermaid.
pub(super) fn draw(picture: &Picture) -> String {
    let mut diagram = Diagram::of(picture);
    for (id, lane) in diagram.ids.clone().iter().zip(&picture.lanes) {
        let shown = if lane.name.trim().is_empty() { "?" } else { &lane.name };
        diagram.say(format!("participant {id} as {}", escaped(shown)));
    }
    let all = diagram.all.clone();
    diagram.note(&all, &picture.headline.join(" · "));
    for line in &picture.lines {
        if line.breaks {
            diagram.say(format!("rect {RED}"));
        }
        diagram.line(line);
        if line.breaks {
            let claim = picture.claim.as_deref().unwrap_or_default();
            diagram.note(&all, &format!("✗ this breaks the claim {claim}"));
            diagram.say("end".to_owned());
        }
    }
    let verdict = if picture.claim.is_some() { "✗" } else { "✓" };
    diagram.note(&all, format!("{verdict} {}", picture.sentence).trim_end());
    // Mermaid draws the bar of a section only once it ends.
    diagram.sections(&vec![0; picture.lanes.len()]);
    diagram.text
}

struct Diagram {
    text: String,
    ids: Vec<String>,
    /// Where a note for everyone stands: `ipn_1,DB`.
    all: String,
    /// How many bars each lane has now.
    bars: Vec<usize>,
}

impl Diagram {
    fn of(picture: &Picture) -> Self {
        let ids: Vec<String> =
            picture.lanes.iter().enumerate().map(|(place, lane)| id(place, lane.kind, &lane.name)).collect();
        let all = match ids.as_slice() {
            [first, .., last] => format!("{first},{last}"),
            ids => ids.concat(),
        };
        Diagram { text: "sequenceDiagram\n".to_owned(), bars: vec![0; ids.len()], ids, all }
    }

    fn line(&mut self, line: &Line) {
        let number = line.number.map_or_else(String::new, |number| format!("{number} "));
        let label = format!("{number}{}", line.label);
        let whole = format!("{number}{}", line.words());
        let actor = line.lane.and_then(|lane| self.ids.get(lane)).unwrap_or(&self.all).clone();
        match line.flow {
            Flow::Call(to) => {
                self.arrow(&actor, "->>", to, &label);
                // An arrow says as much as `done` does.
                if line.told != "done" {
                    self.back("-->>", to, &actor, &line.told);
                }
            }
            Flow::Ask(to) => self.arrow(&actor, "-x", to, &whole),
            Flow::Lost(to) => {
                self.arrow(&actor, "->>", to, &label);
                self.back("--x", to, &actor, &line.told);
            }
            Flow::Tell(from) => self.back("-->>", from, &actor, &whole),
            Flow::Deliver(from) => self.back("->>", from, &actor, &label),
            Flow::Server(at) => self.note(&self.ids[at].clone(), &whole),
            Flow::Own | Flow::Pause | Flow::Tick => self.note(&actor, &whole),
            Flow::Death => self.note(&actor, &format!("† {whole}")),
        }
        if !line.remarks.is_empty() {
            self.note(&actor, &line.remarks.join(" · "));
        }
        self.sections(&line.cells.iter().map(|cell| cell.held).collect::<Vec<_>>());
    }

    /// Begins and ends bars until every lane has as many as it should.
    fn sections(&mut self, held: &[usize]) {
        for (place, &wanted) in held.iter().enumerate() {
            let now = std::mem::replace(&mut self.bars[place], wanted);
            let word = if wanted > now { "activate" } else { "deactivate" };
            for _ in 0..wanted.abs_diff(now) {
                self.say(format!("{word} {}", self.ids[place]));
            }
        }
    }

    fn arrow(&mut self, from: &str, arrow: &str, to: usize, text: &str) {
        self.say(format!("{from}{arrow}{}: {}", self.ids[to], escaped(text.trim())));
    }

    fn back(&mut self, arrow: &str, from: usize, to: &str, text: &str) {
        if !text.trim().is_empty() {
            self.say(format!("{}{arrow}{to}: {}", self.ids[from], escaped(text.trim())));
        }
    }

    fn note(&mut self, over: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let folded: Vec<String> =
            textwrap::wrap(text.trim(), NOTE_WIDTH).iter().map(|part| escaped(part.trim())).collect();
        self.say(format!("Note over {over}: {}", folded.join("<br/>")));
    }

    fn say(&mut self, line: String) {
        self.text.push_str("    ");
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

/// A name for a lane that Mermaid reads as a name: `ipn_1` for `ipn-1`, and the lane's number for what is odder.
fn id(place: usize, kind: LaneKind, name: &str) -> String {
    match kind {
        LaneKind::Database => "DB".to_owned(),
        LaneKind::MailServer => "Mail".to_owned(),
        LaneKind::Sender => name.to_owned(),
        LaneKind::Actor => {
            let plain =
                |text: &str| text.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
            let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
            let numbered = name.rsplit_once('-').is_some_and(|(_, number)| number.parse::<u32>().is_ok());
            if starts && numbered && plain(name) { name.replace('-', "_") } else { format!("lane{place}") }
        }
    }
}

/// The text with every character that means something to Mermaid, to Markdown's HTML or to its formulas as an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '#' | ';' | '%' | '<' | '>' | '&' | '"' | '\\' | '$' | '{' | '}' | '`' => {
                escaped.push_str(&format!("#{};", u32::from(character)));
            }
            _ => escaped.push(character),
        }
    }
    // A colon is only a colon here, except that Mermaid takes `style x:…;` for a style and drops what ends an entity.
    if escaped.contains('#') { escaped.replace(':', "#58;") } else { escaped }
}
