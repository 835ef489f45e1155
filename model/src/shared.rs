//! The model database by itself, for code that runs on an executor of its own: each connection asks one thing at a time, and
//! is answered or waits. Time is what the caller says.
//!
//! Exploring and simulating decide themselves who goes on. Here somebody else does, who has several tasks at one [`Shared`]
//! database and lets one of them run at a time. Where the engine leaves something open, one way is drawn from a seed.

use std::sync::Arc;

use paidonce_protocol::shop::{Money, Notice};
use paidonce_protocol::{Call, Dialect, Error, Mail, Reply, Row, Schema, Statement, Value};

use crate::Claim;
use crate::chance::SplitMix;
use crate::claims::{Shop, sentence};
use crate::db::{Asked, Cause, Choices, Database, DbCall, Effects, Store};
use crate::engine::Engine;
use crate::sql::SqlError;
use crate::trace::{WorldMail, WorldPayment};

/// A shop in a model database, to be opened as often as one likes, each time with the rows that it begins with.
pub struct Ground {
    engine: Engine,
    store: Store,
    shop: Shop,
    start: Database,
    lock_timeout_ms: i64,
}

/// The database while it is worked on.
pub struct Shared {
    ground: Arc<Ground>,
    database: Database,
    chance: SplitMix,
    now_ms: i64,
    /// For each connection whether somebody has it, and since when it waits.
    taken: Vec<bool>,
    waits_since: Vec<Option<i64>>,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It is answered.
    Answered(Result<Reply, Error>),
    /// It waits for others: ask with [`Shared::go_on`].
    Waits,
}

impl Ground {
    /// A shop with these rows on an engine, for at most so many connections at once, which send these statements. A statement
    /// that waits for longer than `lock_timeout_ms` is a conflict.
    ///
    /// # Errors
    /// When a statement or a row cannot be used in the model.
    pub fn new(
        engine: Engine,
        schema: Schema,
        statements: &[&'static Statement],
        rows: &[(&str, Vec<Value>)],
        (connections, lock_timeout_ms): (usize, i64),
    ) -> Result<Self, SqlError> {
        let store = Store::new(schema.sql(Dialect::Postgres), statements, engine.dialect())?;
        let Some(shop) = Shop::find(&store) else {
            let problem = "is not the shop's: one of its tables is missing".to_owned();
            return Err(SqlError { subject: "the schema".to_owned(), problem });
        };
        let committed = store.contents_of(rows)?;
        let start = Database::new(committed, std::iter::repeat_n(engine, connections));
        Ok(Ground { engine, store, shop, start, lock_timeout_ms })
    }

    /// The database as it begins. The same seed leaves the same things to the same chance.
    pub fn open(self: &Arc<Self>, seed: u64) -> Shared {
        let connections = self.start.connections.len();
        Shared {
            ground: Arc::clone(self),
            database: self.start.clone(),
            chance: SplitMix::new(seed),
            now_ms: 0,
            taken: vec![false; connections],
            waits_since: vec![None; connections],
        }
    }
}

impl Shared {
    /// A connection that nobody has; none when there is no other.
    pub fn connect(&mut self) -> Option<usize> {
        let free = self.taken.iter().position(|taken| !taken)?;
        self.taken[free] = true;
        Some(free)
    }

    /// A connection ends: its transaction is rolled back.
    pub fn disconnect(&mut self, who: usize) {
        self.database.reset(&self.ground.store, who);
        (self.taken[who], self.waits_since[who]) = (false, None);
    }

    /// Ask for a connection that does not wait. The call is one to a database.
    ///
    /// # Errors
    /// When the statement is none of those that were named, or no call to a database.
    pub fn ask(&mut self, who: usize, call: &Call) -> Result<Said, SqlError> {
        let store = &self.ground.store;
        let call = match call {
            Call::Run(statement, arguments) => {
                let request = store.request(statement, arguments)?;
                DbCall::Run(if store.plan(request).reads_clock { store.at(request, self.now_ms) } else { request })
            }
            Call::Begin => DbCall::Begin,
            Call::Commit => DbCall::Commit,
            Call::Rollback => DbCall::Rollback,
            other => {
                let problem = "is no call to a database".to_owned();
                return Err(SqlError { subject: other.name().to_owned(), problem });
            }
        };
        let mut choices = Choices::drawn(&mut self.chance);
        let engine = self.ground.engine;
        let asked = self.database.ask(engine, store, who, call, &mut choices, &mut Effects::default());
        if asked == Asked::Blocked {
            self.waits_since[who] = Some(self.now_ms);
        }
        Ok(self.said(who, asked))
    }

    /// Let a connection that waits go on, if it can: when those before it have ended, when it is in a circle of waits, or when
    /// it has waited for too long.
    pub fn go_on(&mut self, who: usize) -> Said {
        let (engine, store) = (self.ground.engine, &self.ground.store);
        if self.database.can_resume(engine, store, who) {
            if engine.is_embedded()
                && let Some(wait) = &mut self.database.connections[who].wait
                && let DbCall::Run(request) = wait.call
                && store.plan(request).reads_clock
            {
                // SQLite kept nobody waiting, and is asked once more.
                wait.call = DbCall::Run(store.at(request, self.now_ms));
            }
            let mut choices = Choices::drawn(&mut self.chance);
            let asked = self.database.resume(engine, store, who, &mut choices, &mut Effects::default());
            return self.said(who, asked);
        }
        let since_ms = self.waits_since[who].unwrap_or(self.now_ms);
        let cause = if self.database.may_be_victim(engine, store, who) {
            Cause::Deadlock
        } else if self.now_ms >= since_ms.saturating_add(self.ground.lock_timeout_ms) {
            Cause::TimedOut
        } else {
            return Said::Waits;
        };
        let reply = self.database.fail_wait(engine, store, who, cause);
        self.said(who, Asked::Answered(reply))
    }

    fn said(&mut self, who: usize, asked: Asked) -> Said {
        match asked {
            Asked::Blocked => Said::Waits,
            Asked::Answered(reply) => {
                self.waits_since[who] = None;
                Said::Answered(self.ground.store.reply(reply))
            }
        }
    }

    /// The moment at which the first of those that wait gives up, in milliseconds.
    pub fn next_timeout_ms(&self) -> Option<i64> {
        let first = self.waits_since.iter().flatten().min()?;
        Some(first.saturating_add(self.ground.lock_timeout_ms))
    }

    /// True time, which is the database's, in milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Let time pass until then, unless it is later already.
    pub fn pass_to(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// The committed rows of a table, by their primary key; none of a table that is not there.
    pub fn rows(&self, table: &str) -> Vec<Row> {
        let store = &self.ground.store;
        let Some(table) = store.tables.find(table) else { return Vec::new() };
        let mut rows = store.rows_of(self.database.committed, table as u16).into_owned();
        rows.sort_by(|(left, _), (right, _)| store.compare_keys(*left, *right));
        let values = |row: u32| store.rows.get(row).iter().map(|val| store.symbols.value(*val)).collect();
        rows.into_iter().map(|(_, row)| Row(values(row))).collect()
    }

    /// What is wrong with the committed rows whatever else happens: each claim that is broken, with what shows it.
    pub fn broken(&self) -> Vec<(Claim, String)> {
        let books = self.ground.shop.books(&self.ground.store, self.database.committed);
        let found = [
            (Claim::PaymentBookedOnce, sentence::booked_twice(&books)),
            (Claim::StockNotOversold, sentence::oversold(&books)),
            (Claim::RefundsBounded, sentence::refunds_exceed(&books)),
        ];
        found.into_iter().filter_map(|(claim, wrong)| Some((claim, wrong?))).collect()
    }

    /// The same when nothing is left to happen: `told` are the notices that were accepted, `mails` is what the mail server has.
    pub fn broken_at_rest(&self, told: &[Notice], mails: &[Mail]) -> Vec<(Claim, String)> {
        let books = self.ground.shop.books(&self.ground.store, self.database.committed);
        let taken = told.iter().filter(|notice| notice.payment_status.money() == Money::Taken);
        let payment = |notice: &Notice| WorldPayment {
            provider: notice.provider.clone(),
            txn_id: notice.txn_id.clone(),
            order_id: notice.order_id.clone(),
            amount_cents: notice.amount_cents,
            currency: notice.currency.clone(),
            receiver: notice.receiver.clone(),
        };
        let taken: Vec<WorldPayment> = taken.map(payment).collect();
        let mail = |mail: &Mail| WorldMail { message_id: mail.message_id.clone(), order_id: mail.order_id.clone() };
        let mails: Vec<WorldMail> = mails.iter().map(mail).collect();
        let found = [
            (Claim::StockAgrees, sentence::stock_disagrees(&books)),
            (Claim::NotHalfSettled, sentence::half_settled(&books)),
            (Claim::MoneyNotLost, sentence::money_lost(&books, &taken.iter().collect::<Vec<_>>())),
            (Claim::MailedOnce, sentence::mailed_wrongly(&books, &mails)),
        ];
        let at_rest = found.into_iter().filter_map(|(claim, wrong)| Some((claim, wrong?)));
        self.broken().into_iter().chain(at_rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SET: Statement = Statement::new("set", "UPDATE stock SET on_hand = $1 WHERE sku = 'mug'");
    static LOOK: Statement = Statement::new("look", "SELECT on_hand FROM stock WHERE sku = 'mug'");
    static UNLISTED: Statement = Statement::new("unlisted", "SELECT on_hand FROM stock WHERE sku = 'mug'");

    fn open() -> Shared {
        let rows = [("stock", vec!["mug".into(), 3.into(), 3.into()])];
        let engine = Engine::PostgresReadCommitted;
        Arc::new(Ground::new(engine, Schema::AsFound, &[&SET, &LOOK], &rows, (2, 5_000)).unwrap()).open(1)
    }

    fn set(n: i64) -> Call {
        Call::Run(&SET, vec![n.into()])
    }

    #[test]
    fn who_waits_goes_on_when_the_other_has_ended() {
        let mut shared = open();
        let (one, other) = (shared.connect().unwrap(), shared.connect().unwrap());
        assert_eq!(shared.connect(), None);
        let answered = |reply| Ok(Said::Answered(Ok(reply)));
        assert_eq!(shared.ask(one, &Call::Begin), answered(Reply::Done));
        assert_eq!(shared.ask(one, &set(1)), answered(Reply::Affected(1)));
        assert_eq!(shared.ask(other, &set(2)), Ok(Said::Waits));
        assert_eq!((shared.go_on(other), shared.next_timeout_ms()), (Said::Waits, Some(5_000)));
        assert_eq!(shared.rows("stock")[0].int(2), Ok(3));
        shared.disconnect(one);
        assert_eq!(shared.go_on(other), Said::Answered(Ok(Reply::Affected(1))));
        assert_eq!(shared.rows("stock")[0].int(2), Ok(2));
        assert_eq!(shared.connect(), Some(one));
        assert!(shared.ask(one, &Call::Run(&UNLISTED, Vec::new())).is_err());
        assert!(shared.ask(one, &Call::Clock).is_err());
    }

    #[test]
    fn who_waits_for_too_long_has_a_conflict() {
        let mut shared = open();
        let (one, other) = (shared.connect().unwrap(), shared.connect().unwrap());
        shared.ask(one, &Call::Begin).unwrap();
        shared.ask(one, &set(1)).unwrap();
        shared.ask(other, &set(2)).unwrap();
        shared.pass_to(4_999);
        assert_eq!(shared.go_on(other), Said::Waits);
        shared.pass_to(5_000);
        assert_eq!(shared.go_on(other), Said::Answered(Err(Error::Conflict)));
        assert_eq!(shared.next_timeout_ms(), None);
    }
}
