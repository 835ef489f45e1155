//! A flow of your own: own tables, own `async fn`s, own claim, checked under every interleaving on any engine, drawn, and
//! replayed on a real database.
//!
//! | to | see |
//! |---|---|
//! | say what there is, who comes and what has to be true | [`Flow`] |
//! | write the code that is run | [`Session`], [`Statement`] |
//! | read committed rows in a claim | [`Rows`] |
//! | check it: a [`Verdict`], with a shortest [`Trace`] when the claim is broken | [`Flow::check`] |
//! | draw the trace | [`mermaid`](crate::show::mermaid), [`text`](crate::show::text) |
//! | run its steps, one by one, on a real database | [`replay`] |
//!
//! `sim/examples/own_flow.rs` is a whole one, and the page `docs/own-flow.md` walks through it.
//!
//! ```
//! use paidonce::flow::{Error, Flow, Session, Statement, Verdict, replay};
//!
//! const SCHEMA: &str = "CREATE TABLE seats (number BIGINT NOT NULL PRIMARY KEY, guest VARCHAR(16) NOT NULL)";
//! static LOOK: Statement = Statement::new("look", "SELECT guest FROM seats WHERE number = 1");
//! static TAKE: Statement = Statement::new("take", "UPDATE seats SET guest = $1 WHERE number = 1");
//! static NOTE: Statement = Statement::new("note", "INSERT INTO tickets (guest) VALUES ($1)");
//!
//! async fn book(mut session: impl Session, guest: &str) -> Result<(), Error> {
//!     let rows = session.read(&LOOK, []).await?;
//!     if rows.first().ok_or(Error::Refused)?.text(0)? == "" {
//!         session.write(&TAKE, [guest.into()]).await?;
//!         session.write(&NOTE, [guest.into()]).await?;
//!     }
//!     Ok(())
//! }
//!
//! let flow = Flow::new("booking", &format!("{SCHEMA}; CREATE TABLE tickets (guest VARCHAR(16) NOT NULL PRIMARY KEY)"))
//!     .statements([&LOOK, &TAKE, &NOTE])
//!     .row("seats", [1.into(), "".into()])
//!     .actor("ann", |session| book(session, "ann"))
//!     .actor("bob", |session| book(session, "bob"))
//!     .always("a_seat_has_one_ticket", |rows| {
//!         let tickets = rows.texts("tickets", "guest")?;
//!         Ok((tickets.len() > 1).then(|| format!("{} have tickets for one seat", tickets.join(" and "))))
//!     });
//! let Verdict::Violated(trace) = flow.check("sqlite/immediate")?.verdict else { panic!("a right one would hold") };
//! assert_eq!(trace.verdict.sentence, "ann and bob have tickets for one seat");
//! let replayed = replay(&flow, &trace)?;
//! assert!(replayed.agrees(), "the same answers and the same rows on a real database");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use paidonce_model::flow::{ClaimError, Faults, Flow, Found, Rows};
pub use paidonce_model::trace::Trace;
pub use paidonce_model::{ExploreError, Verdict, sample};
pub use paidonce_protocol::{Answer, Error, Row, Session, Statement, Value};

pub use crate::replay::{Place, ReplayError, Replayed};

/// Run the steps of a trace of this flow, one by one, on a new database of the trace's engine that is gone afterwards:
/// embedded SQLite, or a private PostgreSQL or MariaDB that is started for it, or the one that the environment names.
///
/// # Errors
/// When the trace is another flow's or cannot have happened, when there is no server, and when the database itself is in
/// trouble. That it answers differently is no error but the result's [`difference`](Replayed::difference).
///
/// # Panics
/// Inside an asynchronous executor: await [`crate::replay::replay_flow`] there.
pub fn replay(flow: &Flow, trace: &Trace) -> Result<Replayed, ReplayError> {
    crate::replay::replay_flow_blocking(flow, trace, &Place::default())
}
