//! Keep a notice for a worker.

use paidonce_protocol::protocols::worker::queue_job;
use paidonce_protocol::shop::{Input, Notice, Outcome, Request, Settings};
use paidonce_protocol::{Answer, Schema, Without};

use crate::{Connection, DbError, OpenError, ShopSession, own_name};

/// What became of a notice that is to be settled later.
#[derive(Debug)]
pub struct Kept {
    /// How the protocol ended.
    pub outcome: Outcome,
    /// What the sender is to be told.
    pub answer: Answer,
    /// What went wrong on the way, in its order.
    pub errors: Vec<DbError>,
}

/// Keep a notice in the table `jobs` with the protocol `worker`, under a request id that no other request has.
///
/// Whether the gateway really sent it has been verified before, or has not: this keeps what it is given.
///
/// # Errors
/// When the database has not our schema; nothing was done then. A notice that could not be kept is no error here but the
/// outcome [`Outcome::TryAgain`], with its reasons in [`Kept::errors`].
pub async fn book_later(mut connection: Connection, notice: Notice) -> Result<Kept, OpenError> {
    connection.check_schema(Schema::Paidonce).await?;
    let request = Request {
        id: own_name("later"),
        input: Input::Notice(notice),
        settings: Settings::default(),
        without: Without::NOTHING,
    };
    let mut session = ShopSession::new(connection);
    let outcome = queue_job(&mut session, &request).await;
    // A protocol that told its sender nothing has not accepted anything.
    let answer = session.answer_given().unwrap_or(Answer::TryAgain);
    let (mut connection, errors) = session.into_parts();
    connection.close().await;
    Ok(Kept { outcome, answer, errors })
}
