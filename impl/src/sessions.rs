//! Where sessions come from, for code that needs more than one.

use std::future::Future;

use paidonce_protocol::{Error, Session};

use crate::{Connection, Options, ShopSession};

/// Opens sessions to one database.
pub trait Sessions: Clone + Send + Sync + 'static {
    /// What is opened.
    type Session: Session + 'static;

    /// A further session.
    ///
    /// # Errors
    /// `Refused` when there is none to be had.
    fn open(&self) -> impl Future<Output = Result<Self::Session, Error>> + Send;

    /// End a session, with what it has open.
    fn close(&self, session: Self::Session) -> impl Future<Output = ()> + Send;
}

/// A shop's database, by its URL.
#[derive(Clone, Debug)]
pub struct ShopAt {
    url: String,
    options: Options,
}

impl ShopAt {
    /// The shop at this URL: see [`Connection::open`].
    pub fn new(url: &str, options: Options) -> Self {
        ShopAt { url: url.to_owned(), options }
    }
}

impl Sessions for ShopAt {
    type Session = ShopSession;

    async fn open(&self) -> Result<ShopSession, Error> {
        // Nothing was asked yet: whatever went wrong, it is definitely not done.
        let opened = Connection::open(&self.url, self.options).await.map_err(|_| Error::Refused)?;
        Ok(ShopSession::new(opened))
    }

    async fn close(&self, session: ShopSession) {
        session.into_parts().0.close().await;
    }
}
