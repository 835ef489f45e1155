//! Values into a statement and out of a row.

use paidonce_protocol::{Row, Value};
use sqlx::postgres::{PgArguments, PgRow, PgStatement, PgValueFormat, PgValueRef};
use sqlx::{Arguments as _, Either, Row as _, Statement as _, TypeInfo as _, ValueRef as _};

use crate::connection::{ForeignType, Trouble};

/// A statement's arguments in their order, each as the type that the server takes there.
pub(super) fn bind(values: &[Value], statement: &PgStatement) -> Result<PgArguments, Trouble> {
    let Some(Either::Left(types)) = statement.parameters() else { return Ok(PgArguments::default()) };
    let mut arguments = PgArguments::default();
    for (place, (value, taken)) in values.iter().zip(types).enumerate() {
        let no_such =
            |value: &dyn std::fmt::Display| Trouble::Rule(format!("argument {} is {taken}, not {value}", place + 1));
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(n) | Value::Instant(n) => match taken.name() {
                "INT8" => arguments.add(*n),
                "INT4" => arguments.add(i32::try_from(*n).map_err(|_| no_such(n))?),
                "INT2" => arguments.add(i16::try_from(*n).map_err(|_| no_such(n))?),
                _ => return Err(no_such(n)),
            },
            Value::Text(text) => match taken.name() {
                "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => arguments.add(text.clone()),
                _ => return Err(no_such(&format_args!("'{text}'"))),
            },
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A row's values: integers, text and `NULL`, which are all that the shop's tables hold. A truth value is 0 or 1, as it
/// is on the other engines, and a sum is an integer, although it is NUMERIC here.
pub(super) fn decode(row: &PgRow) -> Result<Row, ForeignType> {
    (0..row.len()).map(|column| field(row, column)).collect::<Result<_, _>>().map(Row)
}

fn field(row: &PgRow, column: usize) -> Result<Value, ForeignType> {
    let foreign = |found: String| ForeignType { column, found };
    let raw = row.try_get_raw(column).map_err(|error| foreign(error.to_string()))?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let found = raw.type_info().name().to_owned();
    let value = match found.as_str() {
        "INT8" | "INT4" | "INT2" => row.try_get_unchecked::<i64, _>(column).map(Value::Int),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" => row.try_get_unchecked::<String, _>(column).map(Value::Text),
        "BOOL" => row.try_get_unchecked::<bool, _>(column).map(|truth| Value::Int(truth.into())),
        "NUMERIC" => return numeric(raw).map(Value::Int).ok_or_else(|| foreign("NUMERIC".to_owned())),
        // What a function without a result answers, such as pg_advisory_lock.
        "VOID" => Ok(Value::Null),
        _ => return Err(foreign(found)),
    };
    value.map_err(|error| foreign(error.to_string()))
}

/// A whole number that is kept as a NUMERIC: its binary form is four words of header and then digits to the base of ten
/// thousand (numeric_send in src/backend/utils/adt/numeric.c).
fn numeric(raw: PgValueRef<'_>) -> Option<i64> {
    if raw.format() == PgValueFormat::Text {
        return raw.as_str().ok()?.parse().ok();
    }
    let words: Vec<u16> =
        raw.as_bytes().ok()?.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
    let [_, weight, sign, _, digits @ ..] = words.as_slice() else { return None };
    let places = usize::try_from(i64::from(weight.cast_signed()) + 1).ok()?;
    if digits.iter().skip(places).any(|digit| *digit != 0) {
        return None;
    }
    let mut whole: i64 = 0;
    for place in 0..places {
        let digit = i64::from(digits.get(place).copied().unwrap_or(0));
        whole = whole.checked_mul(10_000)?;
        whole = if *sign == 0 { whole.checked_add(digit)? } else { whole.checked_sub(digit)? };
    }
    matches!(sign, 0 | 0x4000).then_some(whole)
}
