//! A cache that all web servers share: Redis, or memcached.
//!
//! | file | is about |
//! |---|---|
//! | `redis` | Redis, from 6 on, through the crate `redis` |
//! | `memcached` | memcached, from 1.6 on, by its meta commands, through the crate `async-memcached` |
//!
//! Both take the same four calls ([`CacheCall`]) and keep the same promises, which is less than each of them could do: what
//! a lock in a cache is worth is what they have in common.

mod memcached;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use paidonce_protocol::{CacheCall, Error, Reply, Row, Value};
use tokio::time::timeout;
use url::Url;

use crate::connection::without_password;
use crate::{DbError, OpenError};

/// The longest key that memcached takes, in bytes; the prefix counts.
const LONGEST_KEY: usize = 250;

/// How a cache is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// What every key begins with, so that several applications can share a cache.
    pub prefix: String,
    /// How long a connection, and then an answer, is waited for.
    pub patience: Duration,
}

impl Default for CacheOptions {
    /// No prefix, and five seconds of patience.
    fn default() -> Self {
        CacheOptions { prefix: String::new(), patience: Duration::from_secs(5) }
    }
}

/// One connection to a cache.
///
/// **Safe to cancel**, as a [`Connection`](crate::Connection) is: every call runs in a task of its own, which owns the
/// connection until it has answered. Who drops the call's future drops the handle of that task; the call is made all the
/// same, and its late answer is nobody else's.
pub struct Cache {
    place: Place,
    name: Arc<str>,
    options: CacheOptions,
    /// Absent before the first call, and after one whose connection could not be kept.
    link: Option<Link>,
}

/// Where a cache is.
#[derive(Clone, Debug)]
enum Place {
    Redis(Box<::redis::Client>),
    Memcached(String),
}

/// A live connection.
enum Link {
    Redis(redis::Wire),
    Memcached(memcached::Wire),
}

/// Why a call has no answer: what the caller may conclude, the server's own code where it gave one, and a sentence.
struct Trouble {
    kind: Error,
    code: Option<String>,
    says: String,
}

impl Trouble {
    fn new(kind: Error, says: impl Into<String>) -> Self {
        Trouble { kind, code: None, says: says.into() }
    }
}

impl Cache {
    /// Name a cache: `redis://HOST`, `unix://PATH` (Redis on a socket), `memcached://HOST`, `memcached:///PATH`. It is
    /// connected to by the first call.
    ///
    /// # Errors
    /// [`OpenError::Cache`] when the URL is none of these.
    pub fn at(url: &str, options: CacheOptions) -> Result<Self, OpenError> {
        let wrong = |why: &str| OpenError::Cache { given: without_password(url), why: why.to_owned() };
        let parsed = Url::parse(url).map_err(|_| wrong("is no URL"))?;
        let place = match parsed.scheme() {
            "redis" | "unix" | "redis+unix" => {
                let client =
                    ::redis::Client::open(parsed).map_err(|error| wrong(&format!("cannot be used ({error})")))?;
                Place::Redis(Box::new(client))
            }
            "memcached" => Place::Memcached(memcached::address(&parsed).ok_or_else(|| wrong("names no server"))?),
            _ => return Err(wrong("has a scheme other than redis, unix and memcached")),
        };
        Ok(Cache { place, name: without_password(url).into(), options, link: None })
    }

    /// The cache as it is named in messages, without a password.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ask for one thing.
    ///
    /// # Errors
    /// When nothing could be asked, or the server says that it did not do it: `Refused`, or `Conflict` where another try
    /// may help (a Redis that is loading). When the answer does not arrive, in time or at all, or cannot be understood:
    /// `Unknown`; the next call has a new connection. What no cache could do (a key with a blank in it, a lifetime of
    /// nothing) is `Misuse`.
    pub async fn perform(&mut self, call: &CacheCall) -> Result<Reply, DbError> {
        let step = call.name();
        let call = self.prefixed(call).map_err(|says| self.error(step, Trouble::new(Error::Misuse, says)))?;
        let link = self.link.take();
        let (place, patience) = (self.place.clone(), self.options.patience);
        let task = tokio::spawn(async move {
            let mut link = match link {
                Some(link) => link,
                None => match Link::connect(&place, patience).await {
                    Ok(link) => link,
                    Err(trouble) => return (None, Err(trouble)),
                },
            };
            let late = || Err(Trouble::new(Error::Unknown, format!("no answer within {patience:?}")));
            let answer = timeout(patience, link.perform(&call)).await.unwrap_or_else(|_| late());
            // An answer that is still to come must not be taken for the next call's.
            let keep = !matches!(&answer, Err(trouble) if trouble.kind == Error::Unknown);
            (keep.then_some(link), answer)
        });
        let (link, answer) = task.await.unwrap_or_else(|_| {
            (None, Err(Trouble::new(Error::Unknown, "the task that worked on the connection was ended from outside")))
        });
        self.link = link;
        answer.map_err(|trouble| self.error(step, trouble))
    }

    fn error(&self, step: &str, trouble: Trouble) -> DbError {
        DbError::rule(trouble.kind, step, &self.name, trouble.says).with_code(trouble.code)
    }

    /// The call with the key as it stands in the cache.
    fn prefixed(&self, call: &CacheCall) -> Result<CacheCall, String> {
        let key = format!("{}{}", self.options.prefix, call.key());
        if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("`{key}` is no key: take 1 to {LONGEST_KEY} bytes without blanks"));
        }
        Ok(match call.clone() {
            CacheCall::Add { lifetime_ms: 0, .. } => return Err("takes a lifetime of at least 1 ms".to_owned()),
            CacheCall::Add { value, lifetime_ms, .. } => CacheCall::Add { key, value, lifetime_ms },
            CacheCall::Get { .. } => CacheCall::Get { key },
            CacheCall::Delete { .. } => CacheCall::Delete { key },
            CacheCall::CompareAndDelete { value, .. } => CacheCall::CompareAndDelete { key, value },
        })
    }
}

impl Link {
    /// Nothing was asked yet: whatever goes wrong here, it is definitely not done.
    async fn connect(place: &Place, patience: Duration) -> Result<Self, Trouble> {
        let connecting = async {
            match place {
                Place::Redis(client) => redis::Wire::connect(client).await.map(Link::Redis),
                Place::Memcached(address) => memcached::Wire::connect(address).await.map(Link::Memcached),
            }
        };
        match timeout(patience, connecting).await {
            Ok(connected) => connected.map_err(|says| Trouble::new(Error::Refused, says)),
            Err(_) => Err(Trouble::new(Error::Refused, format!("takes no connection within {patience:?}"))),
        }
    }

    async fn perform(&mut self, call: &CacheCall) -> Result<Reply, Trouble> {
        match self {
            Link::Redis(wire) => wire.perform(call).await,
            Link::Memcached(wire) => wire.perform(call).await,
        }
    }
}

/// The answer of a call that writes.
fn did(done: bool) -> Reply {
    Reply::Affected(u64::from(done))
}

/// The answer of a call that reads.
fn found(value: Option<Vec<u8>>) -> Result<Reply, Trouble> {
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes);
        // Somebody else's: what is put here is text.
        text.map_err(|_| Trouble::new(Error::Misuse, "the value there is no text"))
    };
    let value = value.map(text).transpose()?;
    Ok(Reply::Rows(value.into_iter().map(|value| Row(vec![Value::Text(value)])).collect()))
}
