//! Values into a statement and out of a row.

use paidonce_protocol::{Row, Value};
use sqlx::mysql::{MySqlArguments, MySqlRow, MySqlStatement};
use sqlx::{Arguments as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::connection::ForeignType;

/// A statement's arguments in their order. A moment is kept as a plain integer.
pub(super) fn bind(values: &[Value], _: &MySqlStatement) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
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

/// A row's values: integers, text and `NULL`, which are all that the shop's tables hold. A sum is an integer, although it
/// is DECIMAL here.
pub(super) fn decode(row: &MySqlRow) -> Result<Row, ForeignType> {
    (0..row.len()).map(|column| field(row, column)).collect::<Result<_, _>>().map(Row)
}

fn field(row: &MySqlRow, column: usize) -> Result<Value, ForeignType> {
    let foreign = |found: String| ForeignType { column, found };
    let raw = row.try_get_raw(column).map_err(|error| foreign(error.to_string()))?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let found = raw.type_info().name().to_owned();
    let value = match found.as_str() {
        "BIGINT" | "INT" | "MEDIUMINT" | "SMALLINT" | "TINYINT" | "BOOLEAN" => {
            row.try_get_unchecked::<i64, _>(column).map(Value::Int)
        }
        "BIGINT UNSIGNED" | "INT UNSIGNED" | "MEDIUMINT UNSIGNED" | "SMALLINT UNSIGNED" | "TINYINT UNSIGNED" => {
            let number = row.try_get_unchecked::<u64, _>(column);
            return number.ok().and_then(|n| i64::try_from(n).ok()).map(Value::Int).ok_or_else(|| foreign(found));
        }
        "DECIMAL" => {
            let text = row.try_get_unchecked::<String, _>(column);
            return text.ok().and_then(|text| text.parse().ok()).map(Value::Int).ok_or_else(|| foreign(found));
        }
        // Text that compares byte for byte is told as binary.
        "VARCHAR" | "CHAR" | "TEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "VARBINARY" | "BINARY" | "BLOB"
        | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "ENUM" => {
            row.try_get_unchecked::<String, _>(column).map(Value::Text)
        }
        _ => return Err(foreign(found)),
    };
    value.map_err(|error| foreign(error.to_string()))
}
