//! The words and numbers of a drawing: calls, answers, moments. Every renderer writes these same words.

use paidonce_model::trace::{Asked, Datum, DeathForm, Meaning, Remark, Told, Trace};
use textwrap::core::display_width;

/// The widest call, in columns. Arguments that do not fit are left out, and `…` says so.
const CALL_WIDTH: usize = 50;
/// The widest answer.
const ANSWER_WIDTH: usize = 36;
/// The widest single value.
const VALUE_WIDTH: usize = 24;
/// The widest bounds.
const BOUNDS_WIDTH: usize = 400;
/// The widest name of an actor, a section, an outcome.
pub(super) const NAME_WIDTH: usize = 32;

/// The text without what a terminal or an XML parser would act on, cut to this many columns.
pub(super) fn clip(text: &str, width: usize) -> String {
    let mut kept: Vec<char> = Vec::new();
    let mut used = 0;
    for character in text.chars().flat_map(visible) {
        used += display_width(character.encode_utf8(&mut [0; 4]));
        kept.push(character);
        // The second bound is for marks without a width, of which any number would fit.
        if used > width || kept.len() > 4 * width {
            while used >= width
                && let Some(last) = kept.pop()
            {
                used -= display_width(last.encode_utf8(&mut [0; 4]));
            }
            kept.push('…');
            break;
        }
    }
    kept.into_iter().collect()
}

/// The text as one paragraph, without what a terminal or an XML parser would act on.
pub(super) fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().flat_map(visible).collect()
}

/// The character itself, or its escape when it would not be seen as itself: control characters, marks that turn the
/// direction of the text round, and what XML forbids.
fn visible(character: char) -> impl Iterator<Item = char> {
    let unseen = character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let escape = unseen.then(|| character.escape_default());
    let itself = (!unseen).then_some(character);
    escape.into_iter().flatten().chain(itself)
}

/// A call: `read_status('1')`, or only the name when there is nothing to add.
pub(super) fn call(asked: &Asked) -> String {
    let mut text = clip(&asked.name, NAME_WIDTH);
    if asked.arguments.is_empty() {
        return text;
    }
    text.push('(');
    for (place, argument) in asked.arguments.iter().enumerate() {
        let next = format!("{}{}", if place == 0 { "" } else { ", " }, clip(&argument.to_string(), VALUE_WIDTH));
        let left = CALL_WIDTH.saturating_sub(display_width(&text));
        let closing = if place + 1 == asked.arguments.len() { ")" } else { ", …)" };
        if place > 0 && display_width(&next) + closing.len() > left {
            text.push_str(", …");
            break;
        }
        text.push_str(&next);
    }
    text.push(')');
    text
}

/// An answer: `'pending'`, `2 rows: …`, `1 row`, `done`, `conflict`.
pub(super) fn answer(told: &Told) -> String {
    match told {
        Told::Done => "done".to_owned(),
        Told::Affected(1) => "1 row".to_owned(),
        Told::Affected(rows) => format!("{rows} rows"),
        Told::Clock(now_ms) => moment(*now_ms),
        Told::Error(kind) => clip(kind, ANSWER_WIDTH),
        Told::Rows(rows) => match rows.as_slice() {
            [] => "no rows".to_owned(),
            [one] => clip(&row(one), ANSWER_WIDTH),
            many => {
                let shown: Vec<String> = many.iter().take(8).map(|one| row(one)).collect();
                clip(&format!("{} rows: {}", many.len(), shown.join(", ")), ANSWER_WIDTH)
            }
        },
    }
}

fn row(values: &[Datum]) -> String {
    let shown: Vec<String> = values.iter().take(12).map(|value| clip(&value.to_string(), VALUE_WIDTH)).collect();
    if let [one] = shown.as_slice() { one.clone() } else { format!("({})", shown.join(", ")) }
}

/// A moment: minutes and seconds since the start of the schedule, with hours and milliseconds where there are some.
pub(super) fn moment(now_ms: i64) -> String {
    let sign = if now_ms < 0 { "-" } else { "" };
    let ms = now_ms.unsigned_abs();
    let (hours, minutes, seconds, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
    let clock =
        if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") };
    if rest > 0 { format!("{sign}{clock}.{rest:03}") } else { format!("{sign}{clock}") }
}

/// Whom an actor waits for.
pub(super) fn waits_for(by: &[String]) -> String {
    let names: Vec<String> = by.iter().take(4).map(|name| clip(name, NAME_WIDTH)).collect();
    let more = by.len().saturating_sub(names.len());
    match (names.as_slice(), more) {
        ([], _) => String::new(),
        (names, 0) => format!(" (waits for {})", names.join(", ")),
        (names, more) => format!(" (waits for {} and {more} more)", names.join(", ")),
    }
}

/// What became of a call whose reply was lost.
pub(super) fn meaning(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Done => "it was done",
        Meaning::NotDone => "it was not done",
        Meaning::Later => "it is done later",
    }
}

/// A form of death by its name in scenarios.
fn form(form: DeathForm) -> &'static str {
    match form {
        DeathForm::Soft => "soft",
        DeathForm::Reset => "reset",
        DeathForm::Silent => "silent",
        DeathForm::Stop => "stop",
    }
}

/// That an actor dies, and what others notice of it.
pub(super) fn death(how: DeathForm) -> (String, &'static str) {
    let notice = match how {
        DeathForm::Soft => "an exception: rolled back",
        DeathForm::Reset => "its connection is seen to die: rolled back",
        DeathForm::Silent => "the server does not know: its locks stay",
        DeathForm::Stop => "it never does anything again; its locks stay",
    };
    (format!("dies ({})", form(how)), notice)
}

/// That the database's server is killed, and what goes with it.
pub(super) fn crash(lost: usize) -> String {
    match lost {
        0 => "the database crashes".to_owned(),
        1 => "the database crashes: 1 commit undone".to_owned(),
        _ => format!("the database crashes: {lost} commits undone"),
    }
}

/// What an actor said of itself.
pub(super) fn remark(remark: &Remark) -> String {
    let (verb, name) = match remark {
        Remark::Holds(section) => ("holds", section),
        Remark::Ends(section) => ("ends", section),
        Remark::Refused(section) => ("refused", section),
        Remark::Exhausted(head) => ("out of passes of", head),
    };
    format!("{verb} {}", clip(name, NAME_WIDTH))
}

/// Claim, protocol, engine, scenario, bounds, seed: the parts of a drawing's first line.
pub(super) fn headline(trace: &Trace) -> Vec<String> {
    let mut protocol = clip(&trace.protocol, NAME_WIDTH);
    if !trace.without.is_empty() {
        let guards: Vec<String> = trace.without.iter().take(8).map(|guard| clip(guard, NAME_WIDTH)).collect();
        protocol.push_str(&format!(" without {}", guards.join(", ")));
    }
    let claim = trace.verdict.claim.as_deref().map(|claim| clip(claim, 2 * NAME_WIDTH));
    vec![
        claim.unwrap_or_else(|| "no claim broken".to_owned()),
        protocol,
        clip(&trace.engine, NAME_WIDTH),
        format!("scenario {}", clip(&trace.scenario.name, 2 * NAME_WIDTH)),
        clip(&trace.scenario.bounds().to_string(), BOUNDS_WIDTH),
        trace.seed.map_or_else(|| "no seed".to_owned(), |seed| format!("seed {seed}")),
    ]
}
