//! SQL cut into pieces whose texts make up the whole again.

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// `'…'`, with its quotes.
    Text,
    /// `$1`.
    Placeholder(usize),
    Space,
    /// One character of any other kind.
    Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

impl Token<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        match self.kind {
            Kind::Word => self.text.eq_ignore_ascii_case(word),
            Kind::Sign => self.text == word,
            Kind::Text | Kind::Placeholder(_) | Kind::Space => false,
        }
    }
}

/// Cut a text into tokens.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let length = |holds: &dyn Fn(char) -> bool| rest.find(|character| !holds(character)).unwrap_or(rest.len());
        let digits = rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        let (kind, end) = match first {
            '$' if digits > 0 => match rest[1..=digits].parse() {
                Ok(number @ 1..) => (Kind::Placeholder(number), 1 + digits),
                _ => (Kind::Sign, 1),
            },
            // A doubled quote inside closes one text and opens the next: the pieces still make up the whole.
            '\'' => (Kind::Text, rest[1..].find('\'').map_or(rest.len(), |place| place + 2)),
            _ if first.is_whitespace() => (Kind::Space, length(&char::is_whitespace)),
            _ if is_word(first) => (Kind::Word, length(&is_word)),
            _ => (Kind::Sign, first.len_utf8()),
        };
        let (text, after) = rest.split_at(end);
        tokens.push(Token { kind, text });
        rest = after;
    }
    tokens
}

/// Where these words stand one behind the other, spaces aside: the first place at or behind `from`, and the place behind
/// the last of them.
pub(super) fn find(tokens: &[Token<'_>], from: usize, words: &[&str]) -> Option<(usize, usize)> {
    (from..tokens.len()).find_map(|start| stands_at(tokens, start, words).map(|end| (start, end)))
}

/// The place behind these words, when they stand here.
pub(super) fn stands_at(tokens: &[Token<'_>], start: usize, words: &[&str]) -> Option<usize> {
    let mut place = start;
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            place = skip_space(tokens, place);
        }
        if !tokens.get(place)?.is(word) {
            return None;
        }
        place += 1;
    }
    Some(place)
}

pub(super) fn skip_space(tokens: &[Token<'_>], mut place: usize) -> usize {
    while tokens.get(place).is_some_and(|token| token.kind == Kind::Space) {
        place += 1;
    }
    place
}

/// The pieces between separators that stand outside parentheses.
pub(super) fn split<'a, 't>(tokens: &'t [Token<'a>], separator: &str) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    let mut parts = Vec::new();
    let mut start = 0;
    for (place, token) in tokens.iter().enumerate() {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is(separator) {
            parts.push(&tokens[start..place]);
            start = place + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// The text of these pieces without the space around them.
pub(super) fn text(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.text).collect::<String>().trim().to_owned()
}
