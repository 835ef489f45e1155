//! The engine's own word on who waits, from a connection beside.

use paidonce_protocol::{Dialect, Reply, Row, Statement, Value};

use crate::{Connection, DbError, Engine, OpenError, Options};

static POSTGRES_ID: Statement =
    Statement::new("server_id", "SELECT pg_backend_pid()").on_mariadb("SELECT CONNECTION_ID()");

/// Row, table and advisory locks alike, and also who stands before it in the queue
/// (postgresql.org/docs/current/functions-info.html).
static BLOCKERS: Statement = Statement::new(
    "blockers",
    "SELECT DISTINCT pid, by FROM unnest(string_to_array($1, ',')::int[]) AS pid, unnest(pg_blocking_pids(pid)) AS by",
);

static LISTED: Statement = Statement::new("listed", "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1");

/// What MariaDB says of a connection that it does not list (`ER_NO_SUCH_THREAD`).
const NO_SUCH_THREAD: &str = "1094";

static TERMINATE: Statement = Statement::new("terminate", "SELECT pg_terminate_backend($1)");

/// What a connection is at that waits for a lock which is none of InnoDB's, and what it was asked.
static STATE: Statement =
    Statement::new("state", "SELECT state, info FROM information_schema.processlist WHERE id = $1");

static OWNER: Statement = Statement::new("owner", "SELECT IS_USED_LOCK($1)");

/// How many wait for a row on the whole server. Reading this takes the mutex that InnoDB holds from the moment when it counts a
/// transaction among them until its search for a deadlock has ended (lock_wait in storage/innobase/lock/lock0lock.cc).
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

    /// Those of these connections that wait, with who is in the way of each. MariaDB does not say who.
    ///
    /// `unless_victim`: only those that will go on waiting, and are not about to be told that they are a deadlock's victim.
    pub(super) async fn waiting(&mut self, ids: &[i64], unless_victim: bool) -> Result<Vec<(i64, Vec<i64>)>, DbError> {
        match self.connection.dialect() {
            Dialect::Sqlite => Ok(Vec::new()),
            Dialect::Postgres => {
                let list: Vec<String> = ids.iter().map(i64::to_string).collect();
                let rows = self.connection.read(&BLOCKERS, vec![Value::Text(list.join(","))]).await?;
                let pairs: Vec<(i64, i64)> =
                    rows.iter().filter_map(|row| Some((row.int(0).ok()?, row.int(1).ok()?))).collect();
                let by = |id: &i64| pairs.iter().filter(|(who, _)| who == id).map(|(_, by)| *by).collect();
                let waits = |(_, by): &(i64, Vec<i64>)| !by.is_empty();
                Ok(ids.iter().map(|id| (*id, by(id))).filter(waits).collect())
            }
            Dialect::MariaDb => {
                let mut waiting = self.wait_for_rows(ids).await?;
                if unless_victim && !waiting.is_empty() {
                    let counted = self.connection.send_sql(SEARCH_HAS_ENDED).await?;
                    // Whoever is not counted yet has not been looked for a circle.
                    let counted = rows_of(&counted).first().and_then(|row| row.text(1).ok()?.parse::<usize>().ok());
                    match counted {
                        Some(counted) if counted < waiting.len() => waiting.clear(),
                        _ => {
                            let still = self.wait_for_rows(ids).await?;
                            waiting.retain(|id| still.contains(id));
                        }
                    }
                }
                for id in ids {
                    if !waiting.contains(id) && self.waits_otherwise(*id).await? {
                        waiting.push(*id);
                    }
                }
                Ok(waiting.into_iter().map(|id| (id, Vec::new())).collect())
            }
        }
    }

    /// Those of these connections to MariaDB that wait for a row.
    async fn wait_for_rows(&mut self, ids: &[i64]) -> Result<Vec<i64>, DbError> {
        let status = self.connection.send_sql("SHOW ENGINE INNODB STATUS").await?;
        let status = rows_of(&status).first().and_then(|row| row.text(2).ok()).unwrap_or_default();
        Ok(ids.iter().copied().filter(|id| waits_for_a_row(status, *id)).collect())
    }

    /// True for a connection to MariaDB that waits for a lock which is none of InnoDB's.
    async fn waits_otherwise(&mut self, id: i64) -> Result<bool, DbError> {
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
            Dialect::MariaDb => drop(self.kill(id).await?),
        }
        Ok(())
    }

    /// End a connection to MariaDB. False when there is no such connection any more.
    async fn kill(&mut self, id: i64) -> Result<bool, DbError> {
        match self.connection.send_sql(&format!("KILL CONNECTION {id}")).await {
            Err(error) if error.code() == Some(NO_SUCH_THREAD) => Ok(false),
            answer => answer.map(|_| true),
        }
    }

    /// Wait until the server no longer lists a connection, which is after it has rolled its transaction back.
    pub(super) async fn outlast(&mut self, id: i64) -> Result<(), DbError> {
        loop {
            let is_listed = match self.connection.dialect() {
                Dialect::Sqlite => false,
                Dialect::Postgres => number(&self.connection.read(&LISTED, vec![Value::Int(id)]).await?) > 0,
                // It is to be gone in any case, and to say so costs a fraction of a look at the process list.
                Dialect::MariaDb => self.kill(id).await?,
            };
            if !is_listed {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }
}

fn rows_of(reply: &Reply) -> &[Row] {
    match reply {
        Reply::Rows(rows) => rows,
        _ => &[],
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
