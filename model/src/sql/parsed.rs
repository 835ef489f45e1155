//! SQL text, read once: scripts that are drawn say the same few things again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlparser::ast::Statement as Ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// So many texts are kept; others are read each time.
const MOST_KEPT: usize = 10_000;

/// The most keywords and signs in one statement. What is chained by them (`1 + 1 + …`) is nested as deep, and whoever walks
/// through it, sqlparser included, does so by recursion. Rows of values are no deeper for being many.
const MOST_SIGNS: usize = 500;

/// The statements of a text.
pub(super) fn parsed(sql: &str) -> Result<Arc<Vec<Ast>>, ParserError> {
    static KNOWN: Mutex<BTreeMap<String, Arc<Vec<Ast>>>> = Mutex::new(BTreeMap::new());
    if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Ok(Arc::clone(known));
    }
    let parsed = Arc::new(parse(sql)?);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() < MOST_KEPT {
        known.insert(sql.to_owned(), Arc::clone(&parsed));
    }
    Ok(parsed)
}

fn parse(sql: &str) -> Result<Vec<Ast>, ParserError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location()?;
    for statement in tokens.split(|token| token.token == Token::SemiColon) {
        if statement.iter().filter(|token| is_sign(token)).count() > MOST_SIGNS {
            let problem = format!("a statement has more than {MOST_SIGNS} keywords and signs; take it apart");
            return Err(ParserError::ParserError(problem));
        }
    }
    Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(tokens).parse_statements()
}

/// True for what can nest an expression: anything but names, values, commas and parentheses, of which the parser itself
/// follows few.
fn is_sign(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => !matches!(word.keyword, Keyword::NoKeyword | Keyword::NULL),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::EOF => false,
        _ => true,
    }
}
