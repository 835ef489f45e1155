//! SQL text, read once: scripts that are drawn say the same few things again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlparser::ast::Statement as Ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};

/// So many texts are kept; others are read each time.
const MOST_KEPT: usize = 10_000;

/// The statements of a text.
pub(super) fn parsed(sql: &str) -> Result<Arc<Vec<Ast>>, ParserError> {
    static KNOWN: Mutex<BTreeMap<String, Arc<Vec<Ast>>>> = Mutex::new(BTreeMap::new());
    if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Ok(Arc::clone(known));
    }
    let parsed = Arc::new(Parser::parse_sql(&PostgreSqlDialect {}, sql)?);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() < MOST_KEPT {
        known.insert(sql.to_owned(), Arc::clone(&parsed));
    }
    Ok(parsed)
}
