//! `SELECT pg_advisory_lock(…)`, `SELECT GET_LOCK(…)` and their like.

use paidonce_protocol::{Dialect, Statement};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, Query, SelectItem, SetExpr, Statement as Ast, UnaryOperator,
    Value as Literal,
};

use super::scalar::plain_call;
use super::{Compiler, Kind, Scalar, Scope, SqlError};
use crate::db::Val;
use crate::sql::named::{Asks, Named, owner};

/// MariaDB's manual gives a name 64 characters ("GET_LOCK").
const LONGEST_NAME: usize = 64;

/// A statement's text on MariaDB, when it is one about locks by name that is spelled out there: what PostgreSQL calls them
/// says nothing about MariaDB.
pub(super) fn own_text(statement: &Statement, ast: &Ast, dialect: Dialect) -> Option<String> {
    let Ast::Query(query) = ast else { return None };
    let own = statement.own(dialect).filter(|_| function(query).is_some())?;
    Some(if own.contains('$') { own.to_owned() } else { numbered(own) })
}

/// `?` as `$1`, `$2`, …
fn numbered(own: &str) -> String {
    let (mut text, mut quoted, mut count) = (String::with_capacity(own.len()), false, 0);
    for character in own.chars() {
        quoted ^= character == '\'';
        if character == '?' && !quoted {
            count += 1;
            text += &format!("${count}");
        } else {
            text.push(character);
        }
    }
    text
}

/// The one function about locks by name that a read calls, with its name in capitals, when it does nothing else.
fn function(query: &Query) -> Option<(String, &Function)> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [SelectItem::UnnamedExpr(Expr::Function(function))] = select.projection.as_slice() else { return None };
    let (name, _) = plain_call(function)?;
    let alone = owner(&name).is_some() && query.to_string() == format!("SELECT {function}");
    alone.then_some((name, function))
}

impl Compiler<'_> {
    /// A statement about a lock by its name; `None` for any other.
    pub(super) fn named(&mut self, query: &Query) -> Result<Option<Named>, SqlError> {
        let Some((name, call)) = function(query) else { return Ok(None) };
        self.whose(&name, call)?;
        let Some((_, arguments)) = plain_call(call) else { return self.no(call) };
        let lock = |waits, for_transaction| Asks::Lock { waits, for_transaction };
        let asks = match name.as_str() {
            "PG_ADVISORY_LOCK" => lock(true, false),
            "PG_ADVISORY_XACT_LOCK" => lock(true, true),
            "PG_TRY_ADVISORY_LOCK" => lock(false, false),
            "PG_TRY_ADVISORY_XACT_LOCK" => lock(false, true),
            "PG_ADVISORY_UNLOCK" | "RELEASE_LOCK" => Asks::Release,
            "PG_ADVISORY_UNLOCK_ALL" | "RELEASE_ALL_LOCKS" => Asks::ReleaseAll,
            "GET_LOCK" => Asks::Get,
            "IS_FREE_LOCK" => Asks::IsFree,
            "IS_USED_LOCK" => {
                return self.fail(format!("`{call}` tells a connection's number, which differs; ask IS_FREE_LOCK"));
            }
            _ => {
                return self.fail(format!("`{call}`: the model knows no shared locks by a key; take it for one alone"));
            }
        };
        let (name, seconds) = match (asks, arguments) {
            (Asks::ReleaseAll, []) => (None, None),
            (Asks::Get, [name, seconds]) => (Some(self.lock_name(name, call)?), Some(self.seconds(seconds, call)?)),
            (Asks::Lock { .. } | Asks::Release | Asks::IsFree, [name]) => (Some(self.lock_name(name, call)?), None),
            (Asks::Lock { .. } | Asks::Release, [_, _]) => {
                return self.fail(format!("`{call}`: the model knows keys of one number; make one of the two"));
            }
            _ => return self.no(call),
        };
        if !self.subs.is_empty() {
            return self.fail(format!("`{call}`: read what a sub-select finds first, and give it as an argument"));
        }
        Ok(Some(Named { asks, name, seconds }))
    }

    /// A function about locks by name where it cannot be: in the middle of a statement, or on another engine.
    pub(super) fn whose(&self, name: &str, call: &Function) -> Result<(), SqlError> {
        match (owner(name), self.dialect) {
            (None, _) => Ok(()),
            (Some(_), Dialect::Sqlite) => self.fail(format!(
                "`{call}`: SQLite has no locks by name; its one writer has the whole database, from BEGIN IMMEDIATE on"
            )),
            (Some(Dialect::Postgres), Dialect::MariaDb) => self.fail(format!(
                "`{call}` is PostgreSQL's; MariaDB has GET_LOCK(name, seconds) and RELEASE_LOCK(name): spell it out with \
                 on_mariadb"
            )),
            (Some(Dialect::MariaDb), Dialect::Postgres) => self.fail(format!(
                "`{call}` is MariaDB's; PostgreSQL has pg_advisory_lock(key) and pg_advisory_unlock(key)"
            )),
            _ => Ok(()),
        }
    }

    /// The same where the function is not all that the statement does.
    pub(super) fn not_alone<T>(&self, name: &str, call: &Function) -> Result<T, SqlError> {
        self.whose(name, call)?;
        match owner(name) {
            Some(_) => {
                self.fail(format!("`{call}` stands alone in the model's SQL: send `SELECT {call}` as a statement"))
            }
            None => self.no(call),
        }
    }

    fn lock_name(&mut self, argument: &FunctionArg, call: &Function) -> Result<Scalar, SqlError> {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) = argument else { return self.no(call) };
        if let (Expr::Function(hash), Dialect::Postgres) = (expression, self.dialect)
            && let Some((name, [FunctionArg::Unnamed(FunctionArgExpr::Expr(text))])) = plain_call(hash)
            && name == "HASHTEXT"
        {
            return self.value_of(text, Kind::Text, call);
        }
        let kind = if self.dialect == Dialect::Postgres { Kind::Integer } else { Kind::Text };
        let name = self.value_of(expression, kind, call)?;
        match &name {
            Scalar::Constant(Val::Text(text)) => {
                let text = self.symbols.get(*text);
                if text.is_ascii() && text.len() <= LONGEST_NAME {
                    return Ok(name);
                }
                self.fail(format!("`{call}`: a lock's name is at most {LONGEST_NAME} characters, all of them ASCII"))
            }
            _ => Ok(name),
        }
    }

    fn seconds(&mut self, argument: &FunctionArg, call: &Function) -> Result<Scalar, SqlError> {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => self.value_of(expression, Kind::Integer, call),
            _ => self.no(call),
        }
    }

    /// A constant or an argument: what a lock is called depends on no row.
    fn value_of(&mut self, expression: &Expr, kind: Kind, call: &Function) -> Result<Scalar, SqlError> {
        let is_plain = match expression {
            Expr::Value(_) => true,
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                matches!(expr.as_ref(), Expr::Value(value) if matches!(value.value, Literal::Number(..)))
            }
            _ => false,
        };
        if !is_plain {
            return self.fail(format!("`{call}`: give `{expression}` as a constant or as an argument"));
        }
        let value = self.scalar(expression, Scope::Nothing)?;
        self.learn(&value, kind, call)?;
        Ok(value.0)
    }
}
