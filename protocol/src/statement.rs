//! A named statement of SQL and its form on each database.

use std::borrow::Cow;

/// The databases whose SQL a statement can be rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL: the canonical text, placeholders `$1`, `$2`, …
    Postgres,
    /// MariaDB: placeholders `?` in the order of their numbers.
    MariaDb,
    /// SQLite: placeholders `?1`, `?2`, …; no row locks, because a writer has the whole database.
    Sqlite,
}

/// One SQL statement with the name it has in code, traces and diagrams.
///
/// The canonical text is PostgreSQL's. The other two are derived by [`Statement::render`]; where a database needs
/// different words, they are spelled out beside the canonical ones with [`Statement::on_mariadb`] or
/// [`Statement::on_sqlite`].
#[derive(Debug)]
pub struct Statement {
    /// What the statement is called wherever it appears.
    pub name: &'static str,
    /// The canonical text.
    pub sql: &'static str,
    mariadb: Option<&'static str>,
    sqlite: Option<&'static str>,
}

impl Statement {
    /// A statement with its canonical (PostgreSQL) text.
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Statement { name, sql, mariadb: None, sqlite: None }
    }

    /// The same statement with MariaDB's own text, already with `?` placeholders.
    pub const fn on_mariadb(mut self, sql: &'static str) -> Self {
        self.mariadb = Some(sql);
        self
    }

    /// The same statement with SQLite's own text, already with `?1` placeholders.
    pub const fn on_sqlite(mut self, sql: &'static str) -> Self {
        self.sqlite = Some(sql);
        self
    }

    /// The text to send to a database of this dialect.
    ///
    /// Derived forms: SQLite drops a trailing `FOR UPDATE`, since a statement that waits for the one writer needs no
    /// row lock; MariaDB writes `INSERT … ON CONFLICT DO NOTHING` as `INSERT IGNORE`; both have their own placeholders.
    pub fn render(&self, dialect: Dialect) -> Cow<'static, str> {
        match dialect {
            Dialect::Postgres => Cow::Borrowed(self.sql),
            Dialect::Sqlite => match self.sqlite {
                Some(own) => Cow::Borrowed(own),
                None => {
                    let text = self.sql.strip_suffix(" FOR UPDATE").unwrap_or(self.sql);
                    Cow::Owned(text.replace('$', "?"))
                }
            },
            Dialect::MariaDb => match self.mariadb {
                Some(own) => Cow::Borrowed(own),
                None => Cow::Owned(mariadb_form(self.sql)),
            },
        }
    }
}

fn mariadb_form(canonical: &str) -> String {
    let text = match canonical.strip_suffix(" ON CONFLICT DO NOTHING") {
        Some(insert) => insert.replacen("INSERT INTO", "INSERT IGNORE INTO", 1),
        None => canonical.to_owned(),
    };
    let mut rendered = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '$' {
            rendered.push('?');
            while characters.next_if(char::is_ascii_digit).is_some() {}
        } else {
            rendered.push(character);
        }
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locking_read_loses_its_lock_clause_on_sqlite_only() {
        let read = Statement::new("read", "SELECT a FROM t WHERE id = $1 FOR UPDATE");
        assert_eq!(read.render(Dialect::Postgres), read.sql);
        assert_eq!(read.render(Dialect::Sqlite), "SELECT a FROM t WHERE id = ?1");
        assert_eq!(read.render(Dialect::MariaDb), "SELECT a FROM t WHERE id = ? FOR UPDATE");
    }

    #[test]
    fn an_insert_that_may_lose_is_insert_ignore_on_mariadb() {
        let insert = Statement::new("put", "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        assert_eq!(insert.render(Dialect::MariaDb), "INSERT IGNORE INTO t (a, b) VALUES (?, ?)");
        assert_eq!(insert.render(Dialect::Sqlite), "INSERT INTO t (a, b) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    }
}
