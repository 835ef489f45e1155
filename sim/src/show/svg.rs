//! A picture as an SVG image: lifelines from top to bottom, one row a line, the words of every row in one column before
//! the database's lifeline. It stands alone: no script, no link, no font but what the reader has.

use super::picture::{Cell, Flow, LaneKind, Life, Line, Picture};

/// How many parts of the headline make the title: claim, protocol, engine.
const TITLE_PARTS: usize = 3;
const MARGIN: usize = 24;
const ROW: usize = 34;
/// What a row is higher by for a second line of words.
const REMARK: usize = 16;
/// About how wide a character is at 12 px, in tenths of a pixel: fixed width, proportional, and bold at 14 px.
const MONO: usize = 73;
const SANS: usize = 74;
const BOLD: usize = 98;

const INK: &str = "#1f2933";
const FAINT: &str = "#cbd2d9";
const GREY: &str = "#616e7c";
const RED: &str = "#c81e1e";
const PINK: &str = "#fde8e8";
const BLUE: &str = "#2b6cb0";
const AMBER: &str = "#b7791f";

/// The picture as SVG.
pub(super) fn draw(picture: &Picture) -> String {
    let layout = Layout::of(picture);
    let mut image = Image::default();
    image.heading(&layout, picture);
    let top = layout.top;
    for (row, line) in layout.rows.iter().zip(&picture.lines) {
        if line.breaks {
            let (y, height) = (row.y - 22, row.height - 2);
            image.body.push_str(&format!(
                "<rect x=\"8\" y=\"{y}\" width=\"{}\" height=\"{height}\" rx=\"4\" fill=\"{PINK}\"/>\n",
                layout.width.saturating_sub(16)
            ));
        }
    }
    for (place, lane) in picture.lanes.iter().enumerate() {
        let x = layout.x[place];
        image.line((x, top), (x, layout.bottom), FAINT, "");
        if lane.kind == LaneKind::Actor {
            image.spans(&layout, picture, place);
        }
    }
    for (row, line) in layout.rows.iter().zip(&picture.lines) {
        image.row(&layout, *row, line);
    }
    image.verdict(&layout, picture);
    image.finish(&layout, picture)
}

/// Where everything stands, in pixels.
struct Layout {
    /// The middle of each lane.
    x: Vec<usize>,
    /// The widths of the lanes' headers.
    boxes: Vec<usize>,
    /// Where the column of words begins.
    words: usize,
    width: usize,
    /// The headline's folded lines: what was found, and within which bounds.
    title: Vec<String>,
    explored: Vec<String>,
    /// Where the lifelines begin and end.
    top: usize,
    bottom: usize,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Row {
    y: usize,
    height: usize,
}

impl Layout {
    fn of(picture: &Picture) -> Self {
        let words =
            picture.lines.iter().map(|line| line.words().chars().count().max(line.remarks.join(" · ").chars().count()));
        let words_width = (words.max().unwrap_or(0) * MONO / 10 + 36).max(220);
        let time = picture.lines.iter().map(|line| super::words::moment(line.now_ms).len()).max().unwrap_or(0);
        let mut cursor = MARGIN + 44 + time * MONO / 10 + 12;
        let (mut x, mut boxes, mut words) = (Vec::new(), Vec::new(), None);
        for lane in &picture.lanes {
            if lane.kind >= LaneKind::Database && words.is_none() {
                words = Some(cursor + 4);
                cursor += words_width;
            }
            let width = (lane.name.chars().count() * SANS / 10 + 20).max(60);
            x.push(cursor + width / 2);
            boxes.push(width);
            cursor += width + 12;
        }
        let width = (cursor - 12 + MARGIN).max(560);
        let (found, explored) = picture.headline.split_at(picture.headline.len().min(TITLE_PARTS));
        let folded = |parts: &[String], columns: usize| -> Vec<String> {
            textwrap::wrap(&parts.join(" · "), columns).into_iter().map(std::borrow::Cow::into_owned).collect()
        };
        let title = folded(found, (width - 2 * MARGIN) * 10 / BOLD);
        let explored = folded(explored, (width - 2 * MARGIN) * 10 / SANS);
        let top = MARGIN + 20 * title.len() + 18 * explored.len() + 34;
        let mut y = top + ROW;
        let mut rows = Vec::new();
        for line in &picture.lines {
            let height = if line.remarks.is_empty() { ROW } else { ROW + REMARK };
            rows.push(Row { y, height });
            y += height;
        }
        Layout { x, boxes, words: words.unwrap_or(cursor), width, title, explored, top, bottom: y, rows }
    }
}

#[derive(Default)]
struct Image {
    body: String,
    /// How high the image has become.
    height: usize,
}

impl Image {
    fn heading(&mut self, layout: &Layout, picture: &Picture) {
        let mut y = MARGIN + 6;
        for part in &layout.title {
            self.text((MARGIN, y), part, INK, "font-size=\"14\" font-weight=\"600\"");
            y += 20;
        }
        for part in &layout.explored {
            self.text((MARGIN, y), part, GREY, "");
            y += 18;
        }
        for ((lane, &x), &width) in picture.lanes.iter().zip(&layout.x).zip(&layout.boxes) {
            let (fill, colour) = if lane.kind == LaneKind::Actor { (INK, "#ffffff") } else { ("#e4e7eb", INK) };
            let (left, top) = (x - width / 2, layout.top - 26);
            self.body.push_str(&format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"26\" rx=\"4\" fill=\"{fill}\"/>\n"
            ));
            self.text((x, layout.top - 9), &lane.name, colour, "text-anchor=\"middle\"");
        }
    }

    /// What an actor's lifeline shows of its state: running, waiting, inside a section.
    fn spans(&mut self, layout: &Layout, picture: &Picture, lane: usize) {
        let x = layout.x[lane];
        let mut begin: usize = 0;
        let cell = |place: usize| picture.lines.get(place).and_then(|line| line.cells.get(lane)).copied();
        for place in 1..=picture.lines.len() {
            let Some(before) = cell(begin) else { return };
            if cell(place).is_some_and(|now| same(now, before)) {
                continue;
            }
            let from = layout.rows[begin].y;
            let to = layout.rows.get(place).map_or(layout.bottom, |row| row.y);
            begin = place;
            if before.held > 0 {
                self.body.push_str(&format!(
                    "<rect x=\"{}\" y=\"{from}\" width=\"10\" height=\"{}\" rx=\"2\" fill=\"#bee3f8\" stroke=\"{BLUE}\"/>\n",
                    x - 5,
                    to - from
                ));
            }
            match before.life {
                Life::Running if before.held == 0 => self.line((x, from), (x, to), INK, "stroke-width=\"2\""),
                Life::Waiting => {
                    self.line((x, from), (x, to), AMBER, "stroke-width=\"3\" stroke-dasharray=\"3 3\"");
                }
                _ => {}
            }
        }
    }

    fn row(&mut self, layout: &Layout, row: Row, line: &Line) {
        let y = row.y;
        let colour = if line.breaks { RED } else { INK };
        if let Some(number) = line.number {
            let sign = if line.breaks { "✗ " } else { "" };
            self.text(
                (MARGIN + 30, y + 4),
                &format!("{sign}{number}"),
                colour,
                "text-anchor=\"end\" class=\"paidonce\"",
            );
        }
        self.text((MARGIN + 42, y + 4), &super::words::moment(line.now_ms), GREY, "class=\"paidonce\"");
        let own = line.lane.and_then(|lane| layout.x.get(lane)).copied();
        let at = |lane: usize| layout.x.get(lane).copied().unwrap_or(layout.words);
        match (line.flow, own) {
            (Flow::Call(to), Some(x)) => {
                self.arrow((x, y), at(to), colour, "");
                if line.told != "done" {
                    self.arrow((at(to), y + 6), x, GREY, "stroke-dasharray=\"4 3\"");
                }
            }
            (Flow::Ask(to), Some(x)) => {
                self.line((x, y), (at(to) - 14, y), AMBER, "");
                self.line((at(to) - 14, y - 6), (at(to) - 14, y + 6), AMBER, "stroke-width=\"3\"");
            }
            (Flow::Lost(to), Some(x)) => {
                self.arrow((x, y), at(to), colour, "");
                let end = x + (at(to) - x.min(at(to))) / 2;
                self.line((at(to), y + 6), (end, y + 6), RED, "stroke-dasharray=\"4 3\"");
                self.cross((end, y + 6), 4, RED);
            }
            (Flow::Tell(from) | Flow::Deliver(from), Some(x)) => self.arrow((at(from), y), x, colour, ""),
            (Flow::Server(lane), _) => self.dot((at(lane), y), colour),
            (Flow::Tick, _) | (_, None) => {
                let right = layout.width - MARGIN;
                self.line((MARGIN + 100, y), (right, y), GREY, "stroke-dasharray=\"6 4\"");
            }
            (Flow::Own | Flow::Pause | Flow::Death, Some(x)) => {
                self.line((x, y), (layout.words, y), FAINT, "stroke-dasharray=\"1 4\"");
            }
        }
        match (line.flow, own) {
            (Flow::Death, Some(x)) => self.cross((x, y), 7, RED),
            (Flow::Server(_) | Flow::Tell(_) | Flow::Deliver(_), _) | (_, None) => {}
            (_, Some(x)) => self.dot((x, y), colour),
        }
        let weight = if line.breaks || line.flow == Flow::Tick {
            "class=\"paidonce\" font-weight=\"600\""
        } else {
            "class=\"paidonce\""
        };
        self.text((layout.words, y - 7), &line.words(), colour, weight);
        if !line.remarks.is_empty() {
            self.text((layout.words, y + 18), &line.remarks.join(" · "), BLUE, "");
        }
    }

    fn verdict(&mut self, layout: &Layout, picture: &Picture) {
        let (sign, colour) = if picture.claim.is_some() { ("✗", RED) } else { ("✓", INK) };
        let sentence = format!("{sign} {}", picture.sentence);
        let mut y = layout.bottom + 24;
        for part in textwrap::wrap(sentence.trim_end(), (layout.width - 2 * MARGIN) * 10 / BOLD) {
            self.text((MARGIN, y), &part, colour, "font-size=\"14\" font-weight=\"600\"");
            y += 20;
        }
        self.height = y;
    }

    fn finish(self, layout: &Layout, picture: &Picture) -> String {
        let (width, height) = (layout.width, self.height);
        let title = escaped(&picture.headline.join(" · "));
        let description = escaped(&picture.sentence);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n\
             <style>.paidonce {{ font-family: ui-monospace, Menlo, Consolas, monospace }}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }

    fn text(&mut self, (x, y): (usize, usize), text: &str, colour: &str, attributes: &str) {
        let text = escaped(text);
        self.body.push_str(&format!("<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\" {attributes}>{text}</text>\n"));
    }

    fn line(&mut self, from: (usize, usize), to: (usize, usize), colour: &str, attributes: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.body.push_str(&format!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\" {attributes}/>\n"
        ));
    }

    /// A horizontal arrow with its head drawn: a marker would need an id, which two images on one page would share.
    fn arrow(&mut self, (from, y): (usize, usize), to: usize, colour: &str, attributes: &str) {
        self.line((from, y), (to, y), colour, attributes);
        let back = if from < to { to - 8 } else { to + 8 };
        self.body.push_str(&format!("<path d=\"M{to} {y}L{back} {}L{back} {}z\" fill=\"{colour}\"/>\n", y - 4, y + 4));
    }

    fn cross(&mut self, (x, y): (usize, usize), size: usize, colour: &str) {
        self.line((x - size, y - size), (x + size, y + size), colour, "stroke-width=\"3\"");
        self.line((x - size, y + size), (x + size, y - size), colour, "stroke-width=\"3\"");
    }

    fn dot(&mut self, (x, y): (usize, usize), colour: &str) {
        self.body.push_str(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{colour}\"/>\n"));
    }
}

fn same(a: Cell, b: Cell) -> bool {
    a.life == b.life && (a.held > 0) == (b.held > 0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
