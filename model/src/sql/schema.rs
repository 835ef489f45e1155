//! Tables and their keys, from `CREATE TABLE`.

use sqlparser::ast::{CharacterLength, ColumnOption, DataType, Expr, Statement as Ast, TableConstraint};

use paidonce_protocol::Value;

use super::SqlError;
use super::parsed::parsed;

/// A table, or one of its unique indexes: whatever has keys of its own. Indexes are numbered behind the tables.
pub(crate) type Space = u16;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Integer,
    Text,
}

impl Kind {
    /// What a value is; NULL is anything.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Int(_) | Value::Instant(_) => Some(Kind::Integer),
            Value::Text(_) => Some(Kind::Text),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Integer => "an integer",
            Kind::Text => "text",
        }
    }
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// What each column holds.
    pub(crate) kinds: Vec<Kind>,
    /// How many characters each column of text holds; `None`: any number.
    pub(crate) widths: Vec<Option<usize>>,
    /// The columns that refuse NULL.
    pub(crate) not_null: Vec<usize>,
    /// The columns of the primary key.
    pub(crate) primary: Vec<usize>,
    /// Each further unique key: its space and its columns.
    pub(crate) uniques: Vec<(Space, Vec<usize>)>,
}

/// All tables of a schema.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) tables: Vec<Table>,
    /// Tables and unique indexes together.
    pub(crate) spaces: usize,
}

impl Tables {
    /// Read the `CREATE TABLE` statements of a schema.
    pub(crate) fn parse(sql: &str) -> Result<Self, SqlError> {
        let subject = "schema";
        let parsed = parsed(sql).map_err(|error| SqlError::new(subject, error.to_string()))?;
        let mut tables = Vec::new();
        for statement in parsed.iter() {
            let Ast::CreateTable(create) = statement else {
                return Err(SqlError::unsupported(subject, statement));
            };
            tables.push(Table::from_create(create)?);
        }
        let mut spaces = tables.len();
        for table in &mut tables {
            for (space, _) in &mut table.uniques {
                *space = spaces as Space;
                spaces += 1;
            }
        }
        Ok(Tables { tables, spaces })
    }

    /// The number of the table of this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name)
    }
}

impl Table {
    fn from_create(create: &sqlparser::ast::CreateTable) -> Result<Self, SqlError> {
        let name = create.name.to_string();
        let subject = format!("schema, table {name}");
        let columns: Vec<String> = create.columns.iter().map(|column| column.name.value.clone()).collect();
        let kinds =
            create.columns.iter().map(|column| kind_of(&subject, &column.data_type)).collect::<Result<_, _>>()?;
        let widths = create.columns.iter().map(|column| width_of(&column.data_type)).collect();
        let mut table =
            Table { name, columns, kinds, widths, not_null: Vec::new(), primary: Vec::new(), uniques: Vec::new() };
        for (index, column) in create.columns.iter().enumerate() {
            for option in &column.options {
                match &option.option {
                    ColumnOption::PrimaryKey(_) => table.primary = vec![index],
                    ColumnOption::Unique(_) => table.uniques.push((0, vec![index])),
                    ColumnOption::NotNull => table.not_null.push(index),
                    ColumnOption::Null => {}
                    other => return Err(SqlError::unsupported(&subject, other)),
                }
            }
        }
        for constraint in &create.constraints {
            match constraint {
                TableConstraint::PrimaryKey(key) => table.primary = table.key_columns(&subject, &key.columns)?,
                TableConstraint::Unique(key) => {
                    let columns = table.key_columns(&subject, &key.columns)?;
                    table.uniques.push((0, columns));
                }
                other => return Err(SqlError::unsupported(&subject, other)),
            }
        }
        if table.primary.is_empty() {
            return Err(SqlError::new(
                &subject,
                "has no primary key; the model knows a row again by it, so give it one",
            ));
        }
        // A column of the primary key refuses NULL in any case.
        let primary = table.primary.clone();
        table
            .not_null
            .extend(primary.into_iter().filter(|column| !table.not_null.contains(column)).collect::<Vec<_>>());
        Ok(table)
    }

    fn key_columns(&self, subject: &str, key: &[sqlparser::ast::IndexColumn]) -> Result<Vec<usize>, SqlError> {
        key.iter()
            .map(|part| match &part.column.expr {
                Expr::Identifier(name) => self.column(subject, &name.value),
                other => Err(SqlError::unsupported(subject, other)),
            })
            .collect()
    }

    /// The number of the column of this name.
    pub(crate) fn column(&self, subject: &str, name: &str) -> Result<usize, SqlError> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| {
            let known = self.columns.join(", ");
            SqlError::new(subject, format!("table {} has no column {name}; it has {known}", self.name))
        })
    }

    /// Why a row of as many values as there are columns cannot be one of this table's.
    pub(crate) fn misfit(&self, row: &[Value]) -> Option<String> {
        let fields = self.columns.iter().zip(&self.kinds).zip(row).enumerate();
        let misfits = fields.filter_map(|(place, ((column, kind), value))| match Kind::of(value) {
            None if self.not_null.contains(&place) => Some(format!("column {column} refuses NULL")),
            Some(is) if is != *kind => Some(format!("column {column} needs {} and was given {value}", kind.name())),
            _ => None,
        });
        misfits.into_iter().next()
    }

    /// The columns of a key: 0 is the primary one, 1 the first unique one and so on.
    pub(crate) fn key(&self, number: usize) -> &[usize] {
        match number.checked_sub(1).and_then(|unique| self.uniques.get(unique)) {
            Some((_, columns)) => columns,
            None => &self.primary,
        }
    }

    /// How many keys there are, the primary one among them.
    pub(crate) fn keys(&self) -> usize {
        1 + self.uniques.len()
    }

    /// True when the column belongs to the primary key or a unique key.
    pub(crate) fn is_key(&self, column: usize) -> bool {
        self.primary.contains(&column) || self.uniques.iter().any(|(_, columns)| columns.contains(&column))
    }
}

/// The characters of a `VARCHAR(n)`.
fn width_of(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Varchar(Some(CharacterLength::IntegerLength { length, unit: None }))
        | DataType::CharacterVarying(Some(CharacterLength::IntegerLength { length, unit: None })) => {
            usize::try_from(*length).ok()
        }
        _ => None,
    }
}

/// Whole numbers of 64 bits and text without padding are what all engines keep alike.
fn kind_of(subject: &str, data_type: &DataType) -> Result<Kind, SqlError> {
    match data_type {
        DataType::BigInt(None) => Ok(Kind::Integer),
        DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) => Ok(Kind::Text),
        other => {
            let problem = format!("`{other}` is a type that the model does not know; use BIGINT, VARCHAR(n) or TEXT");
            Err(SqlError::new(subject, problem))
        }
    }
}
