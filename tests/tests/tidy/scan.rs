//! Rust source as a flat list of tokens, each with its line and whether it belongs to a test. What stands in comments
//! and in string literals is no code, and is never found here.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// `::` is one token; so is each delimiter; any literal is its own text.
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// It stands in an item that is compiled for tests only.
    pub(crate) in_test: bool,
}

/// The tokens of a source file.
///
/// # Panics
/// When the text is no Rust.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let stream: TokenStream = source.parse().unwrap_or_else(|error| panic!("no Rust: {error}"));
    let mut found = Vec::new();
    flatten(stream, false, &mut found);
    found
}

fn flatten(stream: TokenStream, in_test: bool, found: &mut Vec<Token>) {
    // From an attribute that makes an item a test's until that item's end: its first block, or its semicolon.
    let mut test_item = false;
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let here = in_test || test_item;
        let mut push = |text: String| found.push(Token { text, line, in_test: here });
        match tree {
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Brace {
                    test_item = false;
                }
                flatten_group(&group, here, found);
            }
            TokenTree::Punct(punct) => {
                if punct.as_char() == ';' {
                    test_item = false;
                }
                if let ('#', Some(TokenTree::Group(attribute))) = (punct.as_char(), trees.peek()) {
                    test_item |= is_for_tests(attribute);
                }
                let is_colon = |next: &TokenTree| matches!(next, TokenTree::Punct(next) if next.as_char() == ':');
                if punct.as_char() == ':' && punct.spacing() == Spacing::Joint && trees.next_if(is_colon).is_some() {
                    push("::".to_owned());
                } else {
                    push(punct.to_string());
                }
            }
            TokenTree::Ident(ident) => push(ident.to_string()),
            TokenTree::Literal(literal) => push(literal.to_string()),
        }
    }
}

fn flatten_group(group: &Group, in_test: bool, found: &mut Vec<Token>) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    };
    let token = |text: &str, line| Token { text: text.to_owned(), line, in_test };
    found.push(token(open, group.span_open().start().line));
    flatten(group.stream(), in_test, found);
    found.push(token(close, group.span_close().start().line));
}

/// `[test]`, `[tokio::test]`, `[cfg(test)]`, but not `[cfg(not(test))]`.
fn is_for_tests(attribute: &Group) -> bool {
    let mut words = Vec::new();
    flatten(attribute.stream(), false, &mut words);
    let words: Vec<&str> = words.iter().map(|token| token.text.as_str()).collect();
    match words.first() {
        Some(&"cfg") => words.contains(&"test") && !words.contains(&"not"),
        _ => words.last() == Some(&"test"),
    }
}

/// Where in the tokens this sequence begins, each time that it is there. The sequence's parts are divided by spaces.
pub(crate) fn places(tokens: &[Token], sequence: &str) -> Vec<usize> {
    let wanted: Vec<&str> = sequence.split(' ').collect();
    let is_there = |window: &[Token]| window.iter().zip(&wanted).all(|(token, wanted)| token.text == *wanted);
    let windows = tokens.windows(wanted.len()).enumerate();
    windows.filter(|(_, window)| is_there(window)).map(|(place, _)| place).collect()
}

/// The files and folders of the modules that this file declares for tests only: `mod tests;` below `#[cfg(test)]`.
pub(crate) fn test_modules(file: &str, tokens: &[Token]) -> Vec<String> {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let below = match name.trim_end_matches(".rs") {
        "lib" | "main" | "mod" => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    };
    let declared = places(tokens, "mod")
        .into_iter()
        .filter(|place| tokens[*place].in_test && tokens.get(place + 2).is_some_and(|token| token.text == ";"));
    declared
        .flat_map(|place| {
            let name = &tokens[place + 1].text;
            [format!("{below}/{name}.rs"), format!("{below}/{name}/")]
        })
        .collect()
}

/// The names that are declared with a type, or made by a function, of a hashed collection: their order is the hash's.
pub(crate) fn hashed_names(tokens: &[Token]) -> BTreeSet<String> {
    let hashed = ["HashMap", "HashSet", "FxHashMap", "FxHashSet"];
    let mut names = BTreeSet::new();
    for place in (0..tokens.len()).filter(|place| hashed.contains(&tokens[*place].text.as_str())) {
        // Back over what may wrap it: `name: &RwLock<FxHashMap`, `let mut name = FxHashMap`.
        let mut before = place;
        while before > 0 && is_wrapping(&tokens[before - 1].text) {
            before -= 1;
        }
        if before >= 2 && matches!(tokens[before - 1].text.as_str(), ":" | "=") {
            names.insert(tokens[before - 2].text.clone());
        }
    }
    names
}

fn is_wrapping(text: &str) -> bool {
    matches!(text, "::" | "<" | "&" | "'") || text.starts_with(|first: char| first.is_alphabetic()) && text != "let"
}

/// Where something with one of these names is gone through in its own order.
pub(crate) fn iterations(tokens: &[Token], names: &BTreeSet<String>) -> Vec<usize> {
    const IN_ITS_ORDER: [&str; 11] = [
        "iter",
        "iter_mut",
        "into_iter",
        "keys",
        "into_keys",
        "values",
        "values_mut",
        "into_values",
        "drain",
        "retain",
        "extract_if",
    ];
    /// What comes between a collection's name and its own methods.
    const GUARDS: [&str; 10] =
        ["read", "write", "lock", "borrow", "borrow_mut", "get_mut", "unwrap", "unwrap_or_else", "expect", "clone"];
    let text = |place: usize| tokens.get(place).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    for place in (0..tokens.len()).filter(|place| names.contains(&tokens[*place].text)) {
        let mut next = place + 1;
        while text(next) == "." && GUARDS.contains(&text(next + 1)) && text(next + 2) == "(" {
            next = end_of_group(tokens, next + 2) + 1;
        }
        let called = text(next) == "." && IN_ITS_ORDER.contains(&text(next + 1));
        if called || text(next) == "{" && is_after_in(tokens, place) {
            found.push(place);
        }
    }
    found
}

/// The place of the delimiter that closes the one at `open`.
fn end_of_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len()
}

/// True for `for … in &mut self.name`, at the place of `name`.
fn is_after_in(tokens: &[Token], place: usize) -> bool {
    let before = tokens[..place].iter().rev().map(|token| token.text.as_str());
    before.into_iter().find(|text| !matches!(*text, "." | "self" | "&" | "mut")) == Some("in")
}
