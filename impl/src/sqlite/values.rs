//! Values into a statement and out of a row.

use paidonce_protocol::{Row, Value};
use sqlx::sqlite::{SqliteArguments, SqliteRow, SqliteStatement};
use sqlx::{Arguments as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::connection::ForeignType;

/// A statement's arguments in their order. A moment is kept as a plain integer.
pub(super) fn bind(values: &[Value], _: &SqliteStatement) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(n) | Value::Instant(n) => arguments.add(*n),
            Value::Text(text) => arguments.add(text.clone()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A row's values: integers, text and `NULL`, which are all that the shop's tables hold.
pub(super) fn decode(row: &SqliteRow) -> Result<Row, ForeignType> {
    (0..row.len()).map(|column| field(row, column)).collect::<Result<_, _>>().map(Row)
}

fn field(row: &SqliteRow, column: usize) -> Result<Value, ForeignType> {
    let foreign = |found: String| ForeignType { column, found };
    let raw = row.try_get_raw(column).map_err(|error| foreign(error.to_string()))?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    // The type of the value itself: in SQLite a column's declared type only leans to one.
    let found = raw.type_info().name().to_owned();
    let value = match found.as_str() {
        "INTEGER" => row.try_get_unchecked::<i64, _>(column).map(Value::Int),
        "TEXT" => row.try_get_unchecked::<String, _>(column).map(Value::Text),
        _ => return Err(foreign(found)),
    };
    value.map_err(|error| foreign(error.to_string()))
}
