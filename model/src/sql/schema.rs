//! Tables and their keys, from `CREATE TABLE`.

use sqlparser::ast::{ColumnOption, Expr, Statement as Ast, TableConstraint};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::SqlError;

/// A table, or one of its unique indexes: whatever has keys of its own. Indexes are numbered behind the tables.
pub(crate) type Space = u16;

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
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
        let parsed =
            Parser::parse_sql(&PostgreSqlDialect {}, sql).map_err(|error| SqlError::new(subject, error.to_string()))?;
        let mut tables = Vec::new();
        for statement in parsed {
            let Ast::CreateTable(create) = statement else {
                return Err(SqlError::unsupported(subject, statement));
            };
            tables.push(Table::from_create(&create)?);
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
        let mut table = Table { name, columns, not_null: Vec::new(), primary: Vec::new(), uniques: Vec::new() };
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

    /// True when the column belongs to the primary key or a unique key.
    pub(crate) fn is_key(&self, column: usize) -> bool {
        self.primary.contains(&column) || self.uniques.iter().any(|(_, columns)| columns.contains(&column))
    }
}
