//! Redis.

use paidonce_protocol::{CacheCall, Error, Reply};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, cmd};

use super::{Trouble, did, found};

/// A script is one atomic step of the server. (`GET`, then `DEL`, would be two, and between them the value may run out and
/// somebody else's be put there.)
const COMPARE_AND_DELETE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/// What the server says without a kind of the crate's own, when it may do it at another time (redis.io/docs, replies of
/// errors: a script or a failover is under way).
const PASSING: [&str; 2] = ["BUSY", "NOREPLICAS"];

pub(super) struct Wire(MultiplexedConnection);

impl Wire {
    pub(super) async fn connect(client: &Client) -> Result<Self, String> {
        // All waiting has its end in `Cache`.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connected = client.get_multiplexed_async_connection_with_config(&config).await;
        connected.map(Wire).map_err(|error| error.to_string())
    }

    pub(super) async fn perform(&mut self, call: &CacheCall) -> Result<Reply, Trouble> {
        match call {
            CacheCall::Add { key, value, lifetime_ms } => {
                let mut set = cmd("SET");
                set.arg(key).arg(value).arg("NX").arg("PX").arg(lifetime_ms);
                // `OK`, or nil where there was one.
                self.ask::<Option<String>>(&set).await.map(|said| did(said.is_some()))
            }
            CacheCall::Get { key } => found(self.ask(cmd("GET").arg(key)).await?),
            CacheCall::Delete { key } => self.ask(cmd("DEL").arg(key)).await.map(Reply::Affected),
            CacheCall::CompareAndDelete { key, value } => {
                let mut script = cmd("EVAL");
                script.arg(COMPARE_AND_DELETE).arg(1).arg(key).arg(value);
                self.ask(&script).await.map(Reply::Affected)
            }
        }
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Trouble> {
        command.query_async(&mut self.0).await.map_err(|error| trouble(&error))
    }
}

fn trouble(error: &RedisError) -> Trouble {
    let code = error.code().map(str::to_owned);
    let kind = match error.kind() {
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown,
        ) => Error::Conflict,
        ErrorKind::Server(_) => Error::Refused,
        ErrorKind::Extension if code.as_deref().is_some_and(|code| PASSING.contains(&code)) => Error::Conflict,
        ErrorKind::Extension => Error::Refused,
        ErrorKind::Client => Error::Misuse,
        // The connection, or an answer that nobody understands: it may have been done.
        _ => Error::Unknown,
    };
    Trouble { kind, code, says: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_may_be_concluded() {
        let server = |line: &str| {
            let parsed = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).expect("it is a reply");
            trouble(&parsed.extract_error().expect_err("it is an error"))
        };
        for (line, kind, code) in [
            ("LOADING Redis is loading the dataset in memory", Error::Conflict, "LOADING"),
            ("BUSY Redis is busy running a script", Error::Conflict, "BUSY"),
            ("NOREPLICAS Not enough good replicas to write.", Error::Conflict, "NOREPLICAS"),
            ("READONLY You can't write against a read only replica.", Error::Refused, "READONLY"),
            ("OOM command not allowed when used memory > 'maxmemory'.", Error::Refused, "OOM"),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", Error::Refused, "WRONGTYPE"),
        ] {
            let trouble = server(line);
            assert_eq!((trouble.kind, trouble.code.as_deref()), (kind, Some(code)), "{}", trouble.says);
        }
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(trouble(&RedisError::from(broken)).kind, Error::Unknown);
    }
}
