//! Reads a scenario file. What is wrong is told with its line, its field and what was expected there.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Invalid, Scenario};

/// Why a file is no scenario: everything that was found, in the order of the lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, as the caller named it.
    pub file: String,
    /// What is wrong.
    pub found: Vec<Located>,
}

/// Something wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The field: `actors[1].servers[0]`. Empty when it is the file as a whole.
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// One line for each thing that is wrong: `default.toml:31:12: actors[1].servers[0]: …`.
impl Display for ScenarioError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, Located { line, column, field, problem }) in self.found.iter().enumerate() {
            let newline = if index > 0 { "\n" } else { "" };
            let field = if field.is_empty() { "the file" } else { field };
            write!(f, "{newline}{}:{line}:{column}: {field}: {problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// Read and validate a scenario. Its name is the file's, without folder and ending.
    ///
    /// # Errors
    /// What is wrong, with line, column and field: the first thing that is no TOML or no scenario's field, or else
    /// everything that [`Scenario::validate`] finds.
    pub fn from_toml(file_name: &str, text: &str) -> Result<Self, ScenarioError> {
        let refuse = |found| ScenarioError { file: file_name.to_owned(), found };
        let (root, errors) = DeTable::parse_recoverable(text);
        let fields = Fields { text, root: root.get_ref() };
        if let Some(error) = errors.first() {
            let start = error.span().map_or(text.len(), |span| span.start);
            let field = fields.written_before(start);
            return Err(refuse(vec![fields.located(start, field, error.message().to_owned())]));
        }
        if let Some((key, _)) = root.get_ref().iter().find(|(key, _)| key.get_ref() == "name") {
            let problem = "the name is the file's; expected none in the file".to_owned();
            return Err(refuse(vec![fields.located(key.span().start, "name".to_owned(), problem)]));
        }
        let scenario = deserialize(file_name, &root).map_err(|error| refuse(vec![fields.mistyped(&error)]))?;
        scenario.validate().map_err(|found| {
            let mut found: Vec<Located> = found.into_iter().map(|invalid| fields.invalid(invalid)).collect();
            found.sort_by_key(|located| (located.line, located.column));
            refuse(found)
        })?;
        Ok(scenario)
    }
}

/// The struct is the one that a trace embeds, with its name in it; a file's name goes in here.
fn deserialize(file_name: &str, root: &Spanned<DeTable<'_>>) -> Result<Scenario, toml::de::Error> {
    let stem = Path::new(file_name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut named = root.clone();
    let name = DeValue::String(stem.into());
    named.get_mut().insert(Spanned::new(0..0, "name".into()), Spanned::new(0..0, name));
    Scenario::deserialize(toml::Deserializer::from(named))
}

/// Knows where each field stands in the file.
struct Fields<'a> {
    text: &'a str,
    root: &'a DeTable<'a>,
}

/// A field of a file: its path, where its key or, in an array, its element stands, and its value.
struct Field<'a> {
    path: String,
    start: usize,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Fields<'a> {
    /// Every field, outer before inner.
    fn all(&self) -> Vec<Field<'a>> {
        let mut all = Vec::new();
        collect_table("", self.root, &mut all);
        all
    }

    /// What serde says of a field that has the wrong type, should not be there or is missing.
    fn mistyped(&self, error: &toml::de::Error) -> Located {
        let span = error.span().unwrap_or_default();
        let all = self.all();
        let mut path = match all.iter().rev().find(|field| field.start == span.start || field.value.span() == span) {
            Some(field) if span != Range::default() => field.path.clone(),
            _ => String::new(),
        };
        let message = error.message();
        if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            path = join(&path, missing);
        }
        let at_root = !path.contains(['.', '[']);
        // At the root serde would also offer the name, which is not written in a file.
        let message = if at_root { message.replacen("one of `name`, ", "one of ", 1) } else { message.to_owned() };
        self.located(span.start, path, in_words(&message))
    }

    fn invalid(&self, invalid: Invalid) -> Located {
        let Invalid { path, within, problem } = invalid;
        let all = self.all();
        let field = ancestors(&path).find_map(|path| all.iter().find(|field| field.path == path));
        let span = field.map_or(0..0, |field| field.value.span());
        // A notice is many fields in one text: point at the one that is wrong, if it is there.
        let inside = within.and_then(|name| self.text.get(span.clone())?.find(&format!("{name}=")));
        self.located(span.start + inside.unwrap_or(0), path, problem)
    }

    /// The field that was being written at this place of the text: the table of a broken header, or the last field.
    fn written_before(&self, offset: usize) -> String {
        let line_start = self.text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default().trim();
        if line.starts_with('[') {
            return line.trim_matches(['[', ']', ' ']).to_owned();
        }
        let before = self.all().into_iter().filter(|field| field.start <= offset);
        before.max_by_key(|field| field.start).map_or(String::new(), |field| field.path)
    }

    fn located(&self, offset: usize, field: String, problem: String) -> Located {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Located {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            field,
            problem,
        }
    }
}

fn collect_table<'a>(path: &str, table: &'a DeTable<'a>, all: &mut Vec<Field<'a>>) {
    for (key, value) in table {
        let path = join(path, key.get_ref());
        all.push(Field { path: path.clone(), start: key.span().start, value });
        collect_value(&path, value, all);
    }
}

fn collect_value<'a>(path: &str, value: &'a Spanned<DeValue<'a>>, all: &mut Vec<Field<'a>>) {
    match value.get_ref() {
        DeValue::Table(table) => collect_table(path, table, all),
        DeValue::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                let path = format!("{path}[{index}]");
                all.push(Field { path: path.clone(), start: value.span().start, value });
                collect_value(&path, value, all);
            }
        }
        _ => {}
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `a[1].b`, `a[1]`, `a`: a field that was left out is shown where it belongs.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let shorter = path.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '[')).map(|(end, _)| &path[..end]);
    std::iter::once(path).chain(shorter)
}

/// Serde names Rust's types; a scenario's author knows numbers.
fn in_words(message: &str) -> String {
    [
        (" as i128", ""),
        ("unknown variant", "unknown value"),
        ("type: map", "type: table"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected usize", "expected a whole number, at least 0"),
        ("expected u64", "expected a whole number, at least 0"),
        ("expected i64", "expected a whole number"),
        ("expected a sequence", "expected a list"),
    ]
    .iter()
    .fold(message.to_owned(), |message, (type_name, words)| message.replace(type_name, words))
}
