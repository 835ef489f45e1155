//! How a connection of any engine is asked, in sqlx's words. They are the same words for each engine, but of other types.

/// The methods of a `Wire` that only differ by their types.
///
/// Of its surroundings it takes `self.connection`, `self.statements` and `self.settled(answer)`, which waits until the
/// engine is ready again after an error, and `values::{bind, decode}`.
macro_rules! asking {
    ($statement:ty) => {
        /// Send a text that takes no arguments, and is not prepared.
        pub(crate) async fn send(&mut self, sql: Cow<'static, str>) -> Result<Reply, Trouble> {
            let kind = TextKind::of(&sql);
            let query = sqlx::raw_sql(AssertSqlSafe(sql.into_owned()));
            if kind == TextKind::Reads {
                let rows = query.fetch_all(&mut self.connection).await;
                let rows = self.settled(rows).await?;
                return Ok(Reply::Rows(rows.iter().map(values::decode).collect::<Result<_, _>>()?));
            }
            let done = query.execute(&mut self.connection).await;
            let done = self.settled(done).await?;
            Ok(if kind == TextKind::Writes { Reply::Affected(done.rows_affected()) } else { Reply::Done })
        }

        /// Have the engine read a statement.
        pub(crate) async fn prepare(&mut self, sql: Cow<'static, str>) -> Result<Prepared<$statement>, Trouble> {
            if let Some(known) = self.statements.get(&sql) {
                return Ok(known.clone());
            }
            let read = self.connection.prepare(AssertSqlSafe(sql.to_string()).into_sql_str()).await;
            let statement = self.settled(read).await?;
            let arguments = match statement.parameters() {
                Some(Either::Left(types)) => types.len(),
                Some(Either::Right(count)) => count,
                None => 0,
            };
            let reads = !statement.columns().is_empty();
            let prepared = Prepared { statement, arguments, reads };
            self.statements.insert(sql, prepared.clone());
            Ok(prepared)
        }

        /// Run a statement.
        pub(crate) async fn run(&mut self, sql: Cow<'static, str>, arguments: &[Value]) -> Result<Reply, Trouble> {
            let prepared = self.prepare(sql).await?;
            prepared.check(arguments.len())?;
            let query = prepared.statement.query_with(values::bind(arguments, &prepared.statement)?);
            if prepared.reads {
                let rows = query.fetch_all(&mut self.connection).await;
                let rows = self.settled(rows).await?;
                Ok(Reply::Rows(rows.iter().map(values::decode).collect::<Result<_, _>>()?))
            } else {
                let done = query.execute(&mut self.connection).await;
                Ok(Reply::Affected(self.settled(done).await?.rows_affected()))
            }
        }
    };
}

pub(crate) use asking;
