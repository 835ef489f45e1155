//! memcached, by its meta commands (doc/protocol.txt, "Meta Commands").

use async_memcached::{Client, Error as ClientError, ErrorKind, MetaProtocol as _, Status};
use paidonce_protocol::{CacheCall, Error, Reply};
use url::Url;

use super::{Trouble, did, found};

/// A longer lifetime is taken for a moment since 1970 (doc/protocol.txt, "Expiration times").
const LONGEST_LIFETIME_S: u64 = 60 * 60 * 24 * 30;

pub(super) struct Wire(Client);

/// Where a server is, in the client's words.
pub(super) fn address(url: &Url) -> Option<String> {
    match url.host_str().filter(|host| !host.is_empty()) {
        Some(host) => Some(format!("tcp://{host}:{}", url.port().unwrap_or(11211))),
        None if url.path().len() > 1 => Some(format!("unix://{}", url.path())),
        None => None,
    }
}

/// A lifetime in the server's whole seconds. Its clock ticks once a second, and the first of them may be as good as over:
/// one more keeps the promise that a lifetime is never shorter than was asked for.
fn seconds(lifetime_ms: u64) -> Option<u64> {
    Some(lifetime_ms.div_ceil(1_000) + 1).filter(|seconds| *seconds <= LONGEST_LIFETIME_S)
}

impl Wire {
    pub(super) async fn connect(address: &str) -> Result<Self, String> {
        Client::new(address).await.map(Wire).map_err(|error| error.to_string())
    }

    pub(super) async fn perform(&mut self, call: &CacheCall) -> Result<Reply, Trouble> {
        match call {
            CacheCall::Add { key, value, lifetime_ms } => {
                let Some(seconds) = seconds(*lifetime_ms) else {
                    let says = format!("{lifetime_ms} ms: memcached keeps nothing for longer than 30 days");
                    return Err(Trouble::new(Error::Misuse, says));
                };
                let flags = ["ME", &format!("T{seconds}")];
                let added = self.0.meta_set(key, value, false, None, Some(&flags)).await;
                done(added.map(drop)).map(did)
            }
            CacheCall::Get { key } => found(self.get(key).await?.map(|(value, _)| value)),
            CacheCall::Delete { key } => done(self.0.meta_delete(key, false, None, None).await.map(drop)).map(did),
            // Two round trips, and one step all the same: the number is another one after any write, so that only what was
            // read is deleted.
            CacheCall::CompareAndDelete { key, value } => match self.get(key).await? {
                Some((there, number)) if there == value.as_bytes() => {
                    let deleted = self.0.meta_delete(key, false, None, Some(&[&format!("C{number}")])).await;
                    done(deleted.map(drop)).map(did)
                }
                _ => Ok(did(false)),
            },
        }
    }

    /// What is there, with the number of the write that put it there.
    async fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, u64)>, Trouble> {
        let got = self.0.meta_get(key, false, None, Some(&["v", "c"])).await.map_err(|error| trouble(&error))?;
        let Some(got) = got else { return Ok(None) };
        match (got.data, got.cas) {
            (value, Some(number)) => Ok(Some((value.unwrap_or_default(), number))),
            (_, None) => Err(Trouble::new(Error::Unknown, "the value came without its number")),
        }
    }
}

/// Whether a write took place: it is no error that the key was there, or was not, or was another one by then.
fn done(answer: Result<(), ClientError>) -> Result<bool, Trouble> {
    match answer {
        Ok(()) => Ok(true),
        Err(ClientError::Protocol(Status::NotStored | Status::Exists | Status::NotFound)) => Ok(false),
        Err(error) => Err(trouble(&error)),
    }
}

fn trouble(error: &ClientError) -> Trouble {
    let kind = match error {
        ClientError::Protocol(Status::Error(kind)) => match kind {
            ErrorKind::Server(_) => Error::Refused,
            ErrorKind::Client(_) | ErrorKind::NonexistentCommand | ErrorKind::KeyTooLong | ErrorKind::OpaqueTooLong => {
                Error::Misuse
            }
            ErrorKind::Generic(_) | ErrorKind::Protocol(_) => Error::Unknown,
        },
        // The connection, or an answer that nobody understands: it may have been done.
        _ => Error::Unknown,
    };
    Trouble::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_never_shorter_than_was_asked_for() {
        assert_eq!([1, 1_000, 1_001, 60_000].map(seconds), [Some(2), Some(2), Some(3), Some(61)]);
    }

    #[test]
    fn a_lifetime_that_would_be_a_moment_is_none() {
        let days_30_ms = LONGEST_LIFETIME_S * 1_000;
        assert_eq!(seconds(days_30_ms - 1_000), Some(LONGEST_LIFETIME_S));
        assert_eq!(seconds(days_30_ms), None);
        assert_eq!(seconds(u64::MAX), None);
    }

    #[test]
    fn an_error_says_what_may_be_concluded() {
        let of = |kind| trouble(&ClientError::Protocol(Status::Error(kind))).kind;
        assert_eq!(of(ErrorKind::Server("out of memory storing object".to_owned())), Error::Refused);
        assert_eq!(of(ErrorKind::Client("bad data chunk".to_owned())), Error::Misuse);
        assert_eq!(of(ErrorKind::Protocol(None)), Error::Unknown);
        let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(trouble(&ClientError::Io(broken())).kind, Error::Unknown);
        assert_eq!(trouble(&ClientError::ConnectionClosed).kind, Error::Unknown);
    }
}
