//! Every claim's audit: a query that finds on a live database what the model checker finds in a schedule.
//!
//! The queries are in `specs/audit/`, one file a claim; each answers with one row a violation, in the shop's words. Some
//! need what only the driver of the requests can know, in the `world_` tables beside the shop's own: see [`world`].
//! A query sees committed rows, all of one moment; two queries may see two moments.

mod registry;
pub mod world;

pub use registry::{AUDITS, Audit, ClaimAudit, Need};

use std::collections::BTreeSet;

use paidonce_protocol::{Error, Row};

use crate::{Connection, DbError};

/// What an audit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The query ran. No violation means that it found none.
    Ran {
        /// One sentence a violation.
        violations: Vec<String>,
        /// What the query could not take into account, if anything.
        partly: Option<&'static str>,
    },
    /// The query could not run here. That is not clean.
    Skipped {
        /// Why not.
        why: String,
    },
    /// There is no query for this claim.
    NoAudit {
        /// Why not.
        why: &'static str,
    },
}

impl Finding {
    /// The violations found: none also when nothing was looked at.
    pub fn violations(&self) -> &[String] {
        match self {
            Finding::Ran { violations, .. } => violations,
            Finding::Skipped { .. } | Finding::NoAudit { .. } => &[],
        }
    }
}

/// One claim's audit on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The claim.
    pub claim: &'static str,
    /// True when the claim is about a shop at rest: while requests are under way, a finding may be theirs.
    pub at_rest: bool,
    /// What was found.
    pub finding: Finding,
}

/// Every claim's audit on one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// One a claim, in the order of the catalogue.
    pub audits: Vec<Audited>,
}

impl AuditReport {
    /// How many violations were found in all.
    pub fn violations(&self) -> usize {
        self.audits.iter().map(|audited| audited.finding.violations().len()).sum()
    }

    /// How many queries ran.
    pub fn ran(&self) -> usize {
        self.count(|finding| matches!(finding, Finding::Ran { .. }))
    }

    /// How many queries could not run here.
    pub fn skipped(&self) -> usize {
        self.count(|finding| matches!(finding, Finding::Skipped { .. }))
    }

    /// How many claims have no query.
    pub fn without_audit(&self) -> usize {
        self.count(|finding| matches!(finding, Finding::NoAudit { .. }))
    }

    fn count(&self, is: impl Fn(&Finding) -> bool) -> usize {
        self.audits.iter().filter(|audited| is(&audited.finding)).count()
    }
}

/// An audit that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no such claim.
    #[error("there is no claim `{given}`; the claims are {}", names().join(", "))]
    UnknownClaim {
        /// What was asked for.
        given: String,
    },
    /// The engine said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Run one claim's audit.
///
/// # Errors
/// When there is no such claim, and when the engine says no: a database that is no shop has no such tables.
pub async fn run(connection: &mut Connection, claim: &str) -> Result<Audited, AuditError> {
    let Some(audit) = registry::find(claim) else {
        return Err(AuditError::UnknownClaim { given: claim.to_owned() });
    };
    let tables = connection.every_table().await?;
    Ok(run_one(connection, &tables, audit).await?)
}

/// Run every claim's audit.
///
/// # Errors
/// When the engine says no.
pub async fn run_all(connection: &mut Connection) -> Result<AuditReport, DbError> {
    let tables = connection.every_table().await?;
    let mut audits = Vec::with_capacity(AUDITS.len());
    for audit in &AUDITS {
        audits.push(run_one(connection, &tables, audit).await?);
    }
    Ok(AuditReport { audits })
}

async fn run_one(
    connection: &mut Connection,
    tables: &BTreeSet<String>,
    audit: &'static ClaimAudit,
) -> Result<Audited, DbError> {
    let finding = match &audit.audit {
        Audit::None { why } => Finding::NoAudit { why },
        Audit::Query { sql, needs } => {
            let lacks = needs.as_ref().filter(|need| !tables.contains(need.table));
            query(connection, audit.claim, sql, lacks).await?
        }
    };
    Ok(Audited { claim: audit.claim, at_rest: audit.at_rest, finding })
}

async fn query(
    connection: &mut Connection,
    claim: &'static str,
    sql: &str,
    lacks: Option<&'static Need>,
) -> Result<Finding, DbError> {
    let (sql, partly) = match lacks {
        None => (sql.to_owned(), None),
        Some(Need { table, stand_in: None, knows }) => {
            return Ok(Finding::Skipped { why: format!("there is no table {table}: {knows}") });
        }
        // An empty table of that name, for this query only: an audit writes nothing into a shop.
        Some(Need { stand_in: Some(stand_in), knows, .. }) => (format!("WITH {stand_in}\n{sql}"), Some(*knows)),
    };
    let rows = connection.select(claim, sql, Vec::new()).await?;
    let sentence = |row: &Row| row.text(0).map(str::to_owned);
    let violations = rows.iter().map(sentence).collect::<Result<_, _>>();
    let violations =
        violations.map_err(|_| connection.rule(Error::Misuse, claim, "a violation that is no sentence"))?;
    Ok(Finding::Ran { violations, partly })
}

fn names() -> Vec<&'static str> {
    AUDITS.iter().map(|audit| audit.claim).collect()
}
