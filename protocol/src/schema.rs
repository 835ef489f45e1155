//! The shop's tables, as SQL: the normative text is in `specs/schema/`.

use crate::Dialect;

/// Which set of keys the shop's tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Schema {
    /// Primary keys only: the shops of the incident and the audit guides.
    AsFound,
    /// Ours: a payment, a refund and a mail are there at most once, by unique key.
    Paidonce,
}

impl Schema {
    /// The schema's name in scenarios and traces.
    pub fn name(self) -> &'static str {
        match self {
            Schema::AsFound => "as_found",
            Schema::Paidonce => "paidonce",
        }
    }

    /// The `CREATE TABLE` statements for a database of this dialect, separated by semicolons.
    pub fn sql(self, dialect: Dialect) -> &'static str {
        macro_rules! text {
            ($name:literal) => {
                match dialect {
                    Dialect::Postgres => include_str!(concat!("../../specs/schema/", $name, "/postgres.sql")),
                    Dialect::MariaDb => include_str!(concat!("../../specs/schema/", $name, "/mariadb.sql")),
                    Dialect::Sqlite => include_str!(concat!("../../specs/schema/", $name, "/sqlite.sql")),
                }
            };
        }
        match self {
            Schema::AsFound => text!("as_found"),
            Schema::Paidonce => text!("paidonce"),
        }
    }
}
