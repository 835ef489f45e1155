//! Texts that nobody wrote on purpose: bytes, characters, and sound texts after some edits.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

const SEED: u64 = 15_780;

/// One edit of a text.
#[derive(Clone, Debug)]
enum Edit {
    /// At some place so many characters go, and this comes instead.
    Splice(Index, usize, String),
    /// Some number becomes another.
    Number(Index, &'static str),
    /// What stands in some quotes becomes something else.
    Quoted(Index, String),
    /// Some line goes.
    Without(Index),
    /// Some line is there so many times.
    Again(Index, usize),
    /// Two lines change places.
    Swap(Index, Index),
    /// It ends somewhere.
    Cut(Index),
}

/// At the ends of what numbers can be, and beyond.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e9",
    "1e999",
    "0.5",
    "-0",
];

/// What has a meaning to one of the readers, or to what they are made of.
const PIECES: &[&str] = &[
    "",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "(",
    ")",
    ",",
    ":",
    ";",
    "=",
    "&",
    "%",
    "%00",
    "%FF",
    "%é",
    "+",
    "-",
    "--",
    "----",
    "#",
    "$1",
    "$0",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{7f}",
    "\u{202e}",
    "\u{feff}",
    "é",
    "💶",
    "null",
    "true",
    "\\u0000",
    "\\ud800",
    "1979-05-27",
    "nan",
    "SELECT",
    " NOT",
    "NULL",
    "/*",
    "*/",
    "T1: ",
    "T2: begin\n",
    "setup\n",
    "permutations: all\n",
    "anomaly: 1 shows (1)\n",
    "----\n",
    "[[actors]]\n",
    "SUCCESS\n",
];

fn piece() -> impl Strategy<Value = String> {
    let long = (proptest::sample::select(PIECES), 2_usize..3_000);
    prop_oneof![
        6 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        2 => "[ -~]{0,6}",
        1 => long.prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<Index>(), 0_usize..12, piece()).prop_map(|(at, gone, piece)| Edit::Splice(at, gone, piece)),
        4 => (any::<Index>(), proptest::sample::select(NUMBERS)).prop_map(|(at, number)| Edit::Number(at, number)),
        3 => (any::<Index>(), piece()).prop_map(|(at, piece)| Edit::Quoted(at, piece)),
        1 => any::<Index>().prop_map(Edit::Without),
        1 => (any::<Index>(), 2_usize..40).prop_map(|(at, times)| Edit::Again(at, times)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Edit::Swap(one, other)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ]
}

/// Where the runs of such characters are.
fn runs(text: &str, is_in: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, c) in text.char_indices().filter(|(_, c)| is_in(*c)) {
        match runs.last_mut().filter(|run| run.end == place) {
            Some(run) => run.end += c.len_utf8(),
            None => runs.push(place..place + c.len_utf8()),
        }
    }
    runs
}

/// Where something stands between quotes on one line.
fn quoted(text: &str) -> Vec<Range<usize>> {
    let parts: Vec<(usize, &str)> = text.match_indices(['"', '\'', '\n']).collect();
    parts.windows(2).filter(|two| two[0].1 == two[1].1 && two[0].1 != "\n").map(|two| two[0].0 + 1..two[1].0).collect()
}

impl Edit {
    fn of(&self, text: &mut String) {
        let boundary = |text: &str, at: &Index| {
            let mut place = at.index(text.len() + 1);
            while !text.is_char_boundary(place) {
                place -= 1;
            }
            place
        };
        let replace = |text: &mut String, places: Vec<Range<usize>>, at: &Index, by: &str| {
            if !places.is_empty() {
                text.replace_range(places[at.index(places.len())].clone(), by);
            }
        };
        let mut lines = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
            if !lines.is_empty() {
                change(&mut lines);
                *text = lines.concat();
            }
        };
        match self {
            Edit::Without(at) => lines(&|lines| drop(lines.remove(at.index(lines.len())))),
            Edit::Again(at, times) => lines(&|lines| {
                let place = at.index(lines.len());
                lines[place] = lines[place].repeat(*times);
            }),
            Edit::Swap(one, other) => lines(&|lines| {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
            }),
            Edit::Number(at, number) => {
                let numbers = runs(text, |c| c.is_ascii_digit());
                replace(text, numbers, at, number);
            }
            Edit::Quoted(at, piece) => {
                let places = quoted(text);
                replace(text, places, at, piece);
            }
            Edit::Splice(at, gone, piece) => {
                let from = boundary(text, at);
                let to = text[from..].char_indices().nth(*gone).map_or(text.len(), |(place, _)| from + place);
                text.replace_range(from..to, piece);
            }
            Edit::Cut(at) => text.truncate(boundary(text, at)),
        }
    }
}

/// One of these texts after some edits.
pub(crate) fn edited(samples: Vec<String>) -> impl Strategy<Value = String> {
    (proptest::sample::select(samples), proptest::collection::vec(edit(), 0..4)).prop_map(|(mut text, edits)| {
        edits.iter().for_each(|edit| edit.of(&mut text));
        text
    })
}

/// Bytes, as far as they are text; characters; pieces that mean something, in any order.
fn noise() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "\\PC{0,80}",
        proptest::collection::vec(piece(), 0..20).prop_map(|pieces| pieces.concat()),
    ]
}

/// Try this with so many texts: sound ones after some edits, and noise.
pub(crate) fn each_text(samples: Vec<String>, cases: u32, test: impl Fn(&str) -> Result<(), String>) {
    let texts = prop_oneof![3 => edited(samples), 1 => noise()];
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let run = TestRunner::new(config).run(&texts, |text| test(&text).map_err(TestCaseError::fail));
    if let Err(failure) = run {
        panic!("seed {SEED}: {failure}");
    }
}

/// That a line which an error names is one of the text's.
pub(crate) fn is_line_of(line: usize, text: &str, error: impl std::fmt::Display) -> Result<(), String> {
    let lines = text.matches('\n').count() + 1;
    if (1..=lines).contains(&line) { Ok(()) } else { Err(format!("line {line} of {lines}: {error}")) }
}
