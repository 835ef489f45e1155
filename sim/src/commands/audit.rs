//! `paidonce audit`: every claim's audit query on a live database.

use std::io::Write;

use paidonce_protocol::Schema;
use paidonce_sqlx::audit::{self, AuditReport, Audited, Finding};
use paidonce_sqlx::{Connection, Engine, Options, without_password};
use serde::Serialize;

use super::cli::Audit;
use super::failure::Failure;
use super::{Exit, folded, print_json, quoted};

/// Under a claim's name.
const BELOW: &str = "          ";

/// The machine's form.
#[derive(Serialize)]
struct Json<'a> {
    database: String,
    violations: usize,
    ran: usize,
    skipped: usize,
    without_audit: usize,
    audits: Vec<JsonAudit<'a>>,
}

#[derive(Serialize)]
struct JsonAudit<'a> {
    claim: &'a str,
    /// `clean`, `violated`, `skipped` or `no audit`.
    finding: &'static str,
    violations: &'a [String],
    /// What was not looked at, and why.
    why: Option<&'a str>,
}

pub(super) fn run(asked: &Audit, out: &mut dyn Write) -> Result<Exit, Failure> {
    let database = without_password(&asked.database);
    if !asked.json {
        writeln!(out, "{} claims · {database}\n", audit::AUDITS.len())?;
        out.flush()?;
    }
    let report = super::book::on_executor(look(&asked.database))??;
    if asked.json {
        let audits = report.audits.iter().map(json).collect();
        let (violations, ran, skipped) = (report.violations(), report.ran(), report.skipped());
        let without_audit = report.without_audit();
        print_json(out, &Json { database, violations, ran, skipped, without_audit, audits })?;
    } else {
        for audited in &report.audits {
            tell(out, audited)?;
        }
        writeln!(out, "\n{} · paidonce audit --database {}", verdict(&report), quoted(&database))?;
    }
    Ok(if report.violations() > 0 { Exit::Found } else { Exit::Clean })
}

async fn look(database: &str) -> Result<AuditReport, Failure> {
    let mut connection = Connection::open(database, Options::shop(Engine::of_url(database)?)).await?;
    let looked = look_at(&mut connection).await;
    connection.close().await;
    looked
}

async fn look_at(connection: &mut Connection) -> Result<AuditReport, Failure> {
    // A shop with keys of its own has these tables, too: any shop can be audited.
    connection.check_schema(Schema::AsFound).await?;
    Ok(audit::run_all(connection).await?)
}

fn finding(finding: &Finding) -> (&'static str, Option<&str>) {
    match finding {
        Finding::Ran { violations, partly } if violations.is_empty() => ("clean", *partly),
        Finding::Ran { partly, .. } => ("violated", *partly),
        Finding::Skipped { why } => ("skipped", Some(why)),
        Finding::NoAudit { why } => ("no audit", Some(why)),
    }
}

fn json(audited: &Audited) -> JsonAudit<'_> {
    let (name, why) = finding(&audited.finding);
    JsonAudit { claim: audited.claim, finding: name, violations: audited.finding.violations(), why }
}

fn tell(out: &mut dyn Write, audited: &Audited) -> Result<(), Failure> {
    let (name, why) = finding(&audited.finding);
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    writeln!(out, "{}", folded(&format!("{name:<8}  "), BELOW, &format!("{}{why}", audited.claim)))?;
    for violation in audited.finding.violations() {
        let unless = if audited.at_rest { " (unless a request is still under way)" } else { "" };
        writeln!(out, "{}", folded(BELOW, BELOW, &format!("{violation}{unless}")))?;
    }
    Ok(())
}

fn verdict(report: &AuditReport) -> String {
    let looked = format!(
        "{} audits ran, {} could not run here, {} claims have none",
        report.ran(),
        report.skipped(),
        report.without_audit()
    );
    match report.violations() {
        0 => format!("clean: {looked}"),
        1 => format!("1 violation: {looked}"),
        some => format!("{some} violations: {looked}"),
    }
}
