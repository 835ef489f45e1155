//! The database of a round: made for it, read and audited after it, and then gone.

use std::collections::BTreeMap;

use paidonce_model::history::Line;
use paidonce_model::scenario::Scenario;
use paidonce_model::trace::Datum;
use paidonce_protocol::{Row, Schema};
use paidonce_sqlx::audit::world::{self, Outside, SentMail, TakenPayment};
use paidonce_sqlx::audit::{self, Audited};
use paidonce_sqlx::server::{OwnDatabase, Server};
use paidonce_sqlx::{Connection, Engine};
use tempfile::TempDir;

use super::StressError;
use super::deliver::options;
use super::record::Record;

/// A database with the shop of a scenario.
pub(super) struct Ground {
    engine: Engine,
    url: String,
    _place: Place,
}

/// What the database goes with.
enum Place {
    File { _folder: TempDir },
    Own { _database: OwnDatabase },
}

impl Ground {
    /// Make the database, and fill it.
    pub(super) async fn make(
        engine: Engine,
        server: Option<&Server>,
        schema: Schema,
        scenario: &Scenario,
    ) -> Result<Self, StressError> {
        let ground = match server {
            Some(server) => {
                let own = server.own_database().await?;
                Ground { engine, url: own.url().to_owned(), _place: Place::Own { _database: own } }
            }
            None => {
                let folder = tempfile::Builder::new().prefix("paidonce-shop-").tempdir();
                let folder = folder.map_err(|source| StressError::Io { doing: "make a temporary folder", source })?;
                let url = format!("sqlite:{}", folder.path().join("shop.db").display());
                Connection::create_empty(&url, options(engine)).await?.close().await;
                Ground { engine, url, _place: Place::File { _folder: folder } }
            }
        };
        let mut connection = ground.connect().await?;
        let filled = fill(&mut connection, schema, scenario).await;
        connection.close().await;
        filled.map(|()| ground)
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    async fn connect(&self) -> Result<Connection, StressError> {
        Ok(Connection::open(&self.url, options(self.engine)).await?)
    }

    /// Write the rows at the end to the record, and let the audits look: what they find, each with its claim. Claims about
    /// a shop at rest are left out where it is not.
    pub(super) async fn look(
        &self,
        scenario: &Scenario,
        record: &mut Seen,
        at_rest: bool,
    ) -> Result<Vec<String>, StressError> {
        let mut connection = self.connect().await?;
        let looked = look(&mut connection, scenario, record, at_rest).await;
        connection.close().await;
        looked
    }
}

/// The record at the end of a round, with the mails that it is the server of.
pub(super) struct Seen {
    pub(super) record: Record,
    /// Message ids, each with the request that handed it over.
    pub(super) mails: Vec<(String, String)>,
}

async fn fill(connection: &mut Connection, schema: Schema, scenario: &Scenario) -> Result<(), StressError> {
    connection.create_schema(schema).await?;
    let mut tables: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for (table, values) in scenario.initial_rows() {
        tables.entry(table).or_default().push(Row(values));
    }
    connection.fill(tables).await?;
    Ok(())
}

async fn look(
    connection: &mut Connection,
    scenario: &Scenario,
    Seen { record, mails }: &mut Seen,
    at_rest: bool,
) -> Result<Vec<String>, StressError> {
    let told = |rows: Vec<Row>| rows.iter().map(|row| row.0.iter().map(Datum::from).collect()).collect();
    let rows = connection.contents().await?.into_iter().map(|(table, rows)| (table, told(rows))).collect();
    record.write(&Line::Rows { rows })?;
    write_world(connection, scenario, mails).await?;
    let report = audit::run_all(connection).await?;
    let applies = |audited: &&Audited| at_rest || !audited.at_rest;
    let sentences = |audited: &Audited| {
        let named = |sentence: &String| format!("{}: {sentence}", audited.claim);
        audited.finding.violations().iter().map(named).collect::<Vec<_>>()
    };
    Ok(report.audits.iter().filter(applies).flat_map(sentences).collect())
}

/// What the shop's own tables cannot know. Who believed to be alone is not among it: between a belief and the line that
/// tells it others go on.
async fn write_world(
    connection: &mut Connection,
    scenario: &Scenario,
    mails: &[(String, String)],
) -> Result<(), StressError> {
    world::create_tables(connection).await?;
    connection.send_sql("DROP TABLE world_holds").await?;
    let taken = scenario.taken().into_iter().map(|payment| TakenPayment {
        provider: payment.provider,
        txn_id: payment.txn_id,
        order_id: payment.order_id,
        amount_cents: payment.amount_cents,
        currency: payment.currency,
        receiver: payment.receiver,
    });
    let requests = scenario.requests();
    let mut sent: Vec<SentMail> = Vec::new();
    for (message_id, who) in mails {
        let request = requests.iter().find(|request| request.name == *who);
        let order_id = request.map_or_else(String::new, |request| request.input.order_id().to_owned());
        let mail = SentMail { message_id: message_id.clone(), order_id };
        // The mail server keeps one copy for each message id.
        if !sent.contains(&mail) {
            sent.push(mail);
        }
    }
    world::write(connection, &Outside { mails: sent, taken: taken.collect(), holds: Vec::new() }).await?;
    Ok(())
}
