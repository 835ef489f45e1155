//! A time that a test turns: on this side's clock and, in the statements that it sends, on the database's.

use paidonce_protocol::{Answer, Call, Error, Mark, Reply, Session};
use paidonce_sqlx::runtime::Runtime;
use paidonce_sqlx::{Connection, Sessions};
use tokio::sync::watch;

use crate::shops::Shop;

#[derive(Clone)]
pub(crate) struct Turned(watch::Sender<u64>);

impl Turned {
    pub(crate) fn new() -> Self {
        Turned(watch::Sender::new(1_000))
    }

    pub(crate) fn turn(&self, by_ms: u64) {
        self.0.send_modify(|now_ms| *now_ms += by_ms);
    }

    /// The same, once somebody waits for it: a pause that begins later would count from the later moment.
    pub(crate) async fn turn_for_a_pause(&self, by_ms: u64) {
        while self.0.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        self.turn(by_ms);
    }
}

impl Runtime for Turned {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(work);
    }

    async fn pause(&self, pause_ms: u64) {
        let until_ms = self.now_ms() + pause_ms;
        self.0.subscribe().wait_for(|now_ms| *now_ms >= until_ms).await.unwrap();
    }

    fn now_ms(&self) -> u64 {
        *self.0.borrow()
    }
}

/// A session in that time.
pub(crate) struct Timed {
    pub(crate) connection: Connection,
    time: Turned,
    pub(crate) answer: Option<Answer>,
}

impl Session for Timed {
    async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        match &call {
            Call::Run(..) | Call::Begin | Call::Commit | Call::Rollback => {
                self.connection.set_clock(Some(self.time.now_ms() as i64));
                self.connection.perform(&call).await.map_err(|error| error.kind())
            }
            Call::Answer(answer) => {
                self.answer.get_or_insert(*answer);
                Ok(Reply::Done)
            }
            _ => Ok(Reply::Done),
        }
    }

    fn mark(&mut self, _: Mark) {}
}

/// Sessions to a shop in that time.
#[derive(Clone)]
pub(crate) struct TimedSessions {
    url: String,
    options: paidonce_sqlx::Options,
    pub(crate) time: Turned,
}

impl TimedSessions {
    pub(crate) fn to(shop: &Shop) -> Self {
        let options = paidonce_sqlx::Options::shop(shop.engine);
        TimedSessions { url: shop.url().to_owned(), options, time: Turned::new() }
    }
}

impl Sessions for TimedSessions {
    type Session = Timed;

    async fn open(&self) -> Result<Timed, Error> {
        let connection = Connection::open(&self.url, self.options).await.map_err(|_| Error::Refused)?;
        Ok(Timed { connection, time: self.time.clone(), answer: None })
    }

    async fn close(&self, mut session: Timed) {
        session.connection.close().await;
    }
}
