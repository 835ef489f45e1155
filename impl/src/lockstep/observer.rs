//! The engine's own word on who waits, from a connection beside.

use paidonce_protocol::{Dialect, Reply, Row, Statement, Value};

use crate::{Connection, DbError, Engine, OpenError, Options};

static POSTGRES_ID: Statement =
    Statement::new("server_id", "SELECT pg_backend_pid()").on_mariadb("SELECT CONNECTION_ID()");

/// Row, table and advisory locks alike, and also who stands before it in the queue
/// (postgresql.org/docs/current/functions-info.html).
static BLOCKERS: Statement = Statement::new("blockers", "SELECT DISTINCT unnest(pg_blocking_pids($1))");

static LISTED: Statement = Statement::new("listed", "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1")
    .on_mariadb("SELECT COUNT(*) FROM information_schema.processlist WHERE id = ?");

static TERMINATE: Statement = Statement::new("terminate", "SELECT pg_terminate_backend($1)");

/// What a connection is at that waits for a lock which is none of InnoDB's, and what it was asked.
static STATE: Statement =
    Statement::new("state", "SELECT state, info FROM information_schema.processlist WHERE id = $1");

static OWNER: Statement = Statement::new("owner", "SELECT IS_USED_LOCK($1)");

/// Reading this status takes the mutex that InnoDB holds from the moment when a transaction begins to wait until its
/// search for a deadlock has ended (lock_wait in storage/innobase/lock/lock0lock.cc).
const SEARCH_HAS_ENDED: &str = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'";

/// The connection that looks on.
pub(super) struct Observer {
    connection: Connection,
}

/// By which its server knows a connection; 0 on SQLite, which has no server.
pub(super) async fn server_id(connection: &mut Connection) -> Result<i64, DbError> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    let rows = connection.read(&POSTGRES_ID, Vec::new()).await?;
    Ok(number(&rows))
}

impl Observer {
    pub(super) async fn open(url: &str, engine: Engine) -> Result<Self, OpenError> {
        // It reads what is committed, one statement at a time, whatever those do whom it looks at.
        let options = Options { idle_timeout: None, ..Options::shop(Engine::of_shop(engine.dialect())) };
        Ok(Observer { connection: Connection::open(url, options).await? })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Who is in this connection's way, when it waits; `None` when it does not. MariaDB does not say who.
    ///
    /// `unless_victim`: only when it will go on waiting, and is not about to be told that it is a deadlock's victim.
    pub(super) async fn blockers(&mut self, id: i64, unless_victim: bool) -> Result<Option<Vec<i64>>, DbError> {
        match self.connection.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => {
                let rows = self.connection.read(&BLOCKERS, vec![Value::Int(id)]).await?;
                let ids: Vec<i64> = rows.iter().filter_map(|row| row.int(0).ok()).collect();
                Ok((!ids.is_empty()).then_some(ids))
            }
            Dialect::MariaDb => {
                let mut waits = self.waits(id).await?;
                if waits && unless_victim {
                    self.connection.send_sql(SEARCH_HAS_ENDED).await?;
                    waits = self.waits(id).await?;
                }
                Ok(waits.then(Vec::new))
            }
        }
    }

    /// True for a connection to MariaDB that waits for a lock.
    async fn waits(&mut self, id: i64) -> Result<bool, DbError> {
        let Reply::Rows(rows) = self.connection.send_sql("SHOW ENGINE INNODB STATUS").await? else { return Ok(false) };
        let status = rows.first().and_then(|row| row.text(2).ok()).unwrap_or_default();
        if waits_for_a_row(status, id) {
            return Ok(true);
        }
        let rows = self.connection.read(&STATE, vec![Value::Int(id)]).await?;
        let text = |column| rows.first().and_then(|row| row.text(column).ok()).unwrap_or_default();
        // A state is what the connection's own thread said last, which may be that it waits when it has been let in and
        // has not woken up yet. Of a named lock it can be asked who has it.
        match (text(0), named_lock(text(1))) {
            ("User lock", Some(name)) => {
                let rows = self.connection.read(&OWNER, vec![name.into()]).await?;
                Ok(!matches!(number(&rows), owner if owner == 0 || owner == id))
            }
            (state, _) => Ok(state == "User lock" || state.starts_with("Waiting for") && state.ends_with("lock")),
        }
    }

    /// Tell the server to end a connection.
    pub(super) async fn terminate(&mut self, id: i64) -> Result<(), DbError> {
        match self.connection.dialect() {
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                self.connection.read(&TERMINATE, vec![Value::Int(id)]).await?;
            }
            Dialect::MariaDb => {
                match self.connection.send_sql(&format!("KILL CONNECTION {id}")).await {
                    // There is no such connection any more.
                    Err(error) if error.code() == Some("1094") => {}
                    answer => drop(answer?),
                }
            }
        }
        Ok(())
    }

    /// Wait until the server no longer lists a connection, which is after it has rolled its transaction back.
    pub(super) async fn outlast(&mut self, id: i64) -> Result<(), DbError> {
        if self.connection.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        while number(&self.connection.read(&LISTED, vec![Value::Int(id)]).await?) > 0 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

fn number(rows: &[Row]) -> i64 {
    rows.first().and_then(|row| row.int(0).ok()).unwrap_or_default()
}

/// The name in `GET_LOCK('name', …)`.
fn named_lock(asked: &str) -> Option<&str> {
    let call = asked.to_ascii_uppercase().find("GET_LOCK(")?;
    let mut parts = asked.get(call..)?.split('\'');
    parts.nth(1)
}

/// What InnoDB prints of each transaction: a line that begins it, one that begins with `LOCK WAIT` when it waits, and one
/// with the connection's id (trx_print_low in storage/innobase/trx/trx0trx.cc). Before that list it may tell of the latest
/// deadlock, with the same words for transactions that may be over.
fn waits_for_a_row(status: &str, id: i64) -> bool {
    let connection = format!("MariaDB thread id {id},");
    let mut waits = false;
    for line in status.lines().skip_while(|line| !line.starts_with("LIST OF TRANSACTIONS")) {
        if line.starts_with("---TRANSACTION ") {
            waits = false;
        } else if line.starts_with("LOCK WAIT ") {
            waits = true;
        } else if line.starts_with(&connection) {
            return waits;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
LATEST DETECTED DEADLOCK
*** (1) TRANSACTION:
TRANSACTION 20, ACTIVE 0 sec starting index read
LOCK WAIT 4 lock struct(s), heap size 1128, 2 row lock(s), undo log entries 1
MariaDB thread id 4, OS thread handle 140645149034176, query id 6 localhost root Updating
LIST OF TRANSACTIONS FOR EACH SESSION:
---TRANSACTION 24, ACTIVE 1 sec starting index read
mysql tables in use 1, locked 1
LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)
MariaDB thread id 5, OS thread handle 140645148726976, query id 8 localhost root Updating
update t.t set v=3 where id=1
---TRANSACTION 23, ACTIVE 1 sec
2 lock struct(s), heap size 1128, 1 row lock(s), undo log entries 1
MariaDB thread id 4, OS thread handle 140645149034176, query id 7 localhost root User sleep
";

    #[test]
    fn a_named_lock_is_read_from_what_was_asked() {
        assert_eq!(named_lock("SELECT get_lock('order-1', 10)"), Some("order-1"));
        assert_eq!(named_lock("SELECT GET_LOCK(?, 10)"), None);
        assert_eq!(named_lock("SELECT 'order-1'"), None);
    }

    #[test]
    fn who_waits_is_read_from_what_innodb_prints() {
        assert!(waits_for_a_row(STATUS, 5));
        assert!(!waits_for_a_row(STATUS, 4));
        assert!(!waits_for_a_row(STATUS, 50));
    }
}
