//! Whether PostgreSQL's tables are as small as the model's rules have them.
//!
//! At serializable PostgreSQL remembers what a transaction has read by the page where it cannot do it by the row, and a row
//! whose page is full goes to another one, where its new version needs an entry in every index: two transactions may then
//! meet that never read and wrote the same row, and one of them is told to try again. The model's rules are those of tables
//! of which the rows fit on one page, and each index, too.

use paidonce_model::trace::Told;
use paidonce_protocol::{Error, Reply, Value};
use paidonce_sqlx::{Engine, PostgresLevel};

use super::ReplayError;
use super::stage::{Reaction, Stage};
use super::turn::Halt;

/// The tables and indexes of more than a page. An index has one more page, about itself.
const OF_SEVERAL_PAGES: &str = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
     AND (relkind = 'r' AND pg_relation_size(oid) > current_setting('block_size')::int \
     OR relkind = 'i' AND pg_relation_size(oid) > 2 * current_setting('block_size')::int) ORDER BY relname";

impl Stage {
    /// One of both, the trace or PostgreSQL, may tell a caller to try again, and the other not. That is no difference at
    /// serializable, where tables are larger than those that the model is for.
    ///
    /// # Errors
    /// Then, and when the database is in trouble.
    pub(super) async fn may_hang_on_pages(&mut self, traced: Option<&Told>, reaction: &Reaction) -> Result<(), Halt> {
        let is_serializable = self.lockstep.engine() == Engine::Postgres(PostgresLevel::Serializable);
        let is_conflict = traced.is_some_and(|told| *told == Told::from(&Err(Error::Conflict)));
        if !is_serializable || is_conflict == reaction.is_conflict() {
            return Ok(());
        }
        let reply = self.lockstep.aside().send_sql(OF_SEVERAL_PAGES).await.map_err(ReplayError::from)?;
        let Reply::Rows(rows) = reply else { return Ok(()) };
        let names = rows.iter().filter_map(|row| match row.0.first() {
            Some(Value::Text(name)) => Some(name.as_str()),
            _ => None,
        });
        match names.collect::<Vec<_>>()[..] {
            [] => Ok(()),
            ref names => Err(Halt::Unsupported(format!(
                "PostgreSQL fails another transaction than the model: it notes by the page what was read, and more than one \
                 page is taken up by {}",
                names.join(", ")
            ))),
        }
    }
}
