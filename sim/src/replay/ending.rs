//! The end of a replay: the rows, and what the audit finds in them.

use std::collections::BTreeMap;

use paidonce_model::flow::Flow;
use paidonce_model::trace::{Datum, Trace, WorldMail};
use paidonce_protocol::Row;
use paidonce_sqlx::Connection;
use paidonce_sqlx::audit::world::{self, Hold, Outside, SentMail, TakenPayment};
use paidonce_sqlx::audit::{self, AuditError, Audited, Finding};

use super::difference::{Difference, TableDifference};
use super::stage::Stage;
use super::steps::let_in_early;
use super::{AuditOutcome, ReplayError, Replayed};

impl Stage {
    /// Compare what is left with the trace, once all its steps came out equal.
    pub(super) async fn look_at(
        &mut self,
        trace: &Trace,
        flow: Option<&Flow>,
        steps: usize,
    ) -> Result<Replayed, ReplayError> {
        // While transactions are still open: what they have written must not be seen.
        let found = committed(self.lockstep.aside()).await?;
        let own = flow.map(|flow| flow.broken_by(found.clone())).transpose()?;
        let mut tables = differences(&trace.rows, found);
        tables.extend(TableDifference::between("world_mails", mails(&trace.world.mails), mails(&self.mails)));
        self.may_differ(&tables, steps)?;
        // The audit's tables need the write lock, which a transaction of the trace may still have.
        self.lockstep.close_all().await?;
        let audited = match own {
            Some(found) => Ok(AuditOutcome::of_own_claim(found)),
            None => audit(self.lockstep.aside(), trace).await,
        };
        Ok(Replayed {
            engine: trace.engine.clone(),
            claim: trace.verdict.claim.clone(),
            steps,
            rows_equal: tables.is_empty(),
            audit: audited?,
            difference: (!tables.is_empty()).then_some(Difference::Rows { tables }),
        })
    }

    /// Compare the committed rows after a step with what they are to be.
    pub(super) async fn compare(&mut self, expected: &Tables, step: usize) -> Result<Option<Difference>, ReplayError> {
        let tables = differences(expected, committed(self.lockstep.aside()).await?);
        self.may_differ(&tables, step)?;
        Ok((!tables.is_empty()).then_some(Difference::Rows { tables }))
    }

    /// Rows differ by chance alone where somebody was let in early.
    fn may_differ(&self, tables: &[TableDifference], step: usize) -> Result<(), ReplayError> {
        match &self.ahead {
            Some(name) if !tables.is_empty() => Err(ReplayError::Unsupported { step, says: let_in_early(name) }),
            _ => Ok(()),
        }
    }
}

type Tables = BTreeMap<String, Vec<Vec<Datum>>>;

/// The committed rows of every table of the shop.
async fn committed(observer: &mut Connection) -> Result<Tables, ReplayError> {
    let told = |rows: Vec<Row>| rows.iter().map(|row| row.0.iter().map(Datum::from).collect()).collect();
    Ok(observer.contents().await?.into_iter().map(|(table, rows)| (table, told(rows))).collect())
}

fn differences(expected: &Tables, mut found: Tables) -> Vec<TableDifference> {
    let mut differences = Vec::new();
    for (table, rows) in expected {
        let there = found.remove(table).unwrap_or_default();
        differences.extend(TableDifference::between(table, rows.clone(), there));
    }
    differences
        .extend(found.into_iter().filter_map(|(table, rows)| TableDifference::between(&table, Vec::new(), rows)));
    differences.sort_by(|left, right| left.table.cmp(&right.table));
    differences
}

fn mails(mails: &[WorldMail]) -> Vec<Vec<Datum>> {
    let row = |mail: &WorldMail| vec![Datum::Text(mail.message_id.clone()), Datum::Text(mail.order_id.clone())];
    mails.iter().map(row).collect()
}

/// Write down what happened outside, and let the audit look.
async fn audit(auditor: &mut Connection, trace: &Trace) -> Result<AuditOutcome, ReplayError> {
    write_world(auditor, trace).await?;
    let mut outcome = AuditOutcome::default();
    match &trace.verdict.claim {
        Some(claim) => outcome.add(audit::run(auditor, claim).await?, false),
        None => {
            let report = audit::run_all(auditor).await.map_err(AuditError::Db)?;
            // While requests are under way, a finding of these may be theirs.
            let applies = |audited: &Audited| trace.world.at_rest || !audited.at_rest;
            report.audits.into_iter().filter(applies).for_each(|audited| outcome.add(audited, true));
            // Claims that no query can look for do not matter where there are others.
            outcome.why_none = outcome.why_none.filter(|_| outcome.found.is_none());
        }
    }
    Ok(outcome)
}

impl AuditOutcome {
    /// A flow's claim is a function of rows: what it says of the real ones.
    fn of_own_claim(found: Option<String>) -> Self {
        AuditOutcome {
            found: Some(found.is_some()),
            queries: 0,
            violations: found.into_iter().collect(),
            why_none: None,
        }
    }

    fn add(&mut self, audited: Audited, named: bool) {
        match audited.finding {
            Finding::Ran { violations, .. } => {
                self.queries += 1;
                self.found = Some(self.found == Some(true) || !violations.is_empty());
                let named = |violation| if named { format!("{}: {violation}", audited.claim) } else { violation };
                self.violations.extend(violations.into_iter().map(named));
            }
            Finding::Skipped { why } => self.why_none = Some(why),
            Finding::NoAudit { why } => self.why_none = Some(why.to_owned()),
        }
    }
}

async fn write_world(auditor: &mut Connection, trace: &Trace) -> Result<(), ReplayError> {
    let outside = &trace.world;
    world::create_tables(auditor).await?;
    let mail = |mail: &WorldMail| SentMail { message_id: mail.message_id.clone(), order_id: mail.order_id.clone() };
    let taken = outside.taken.iter().map(|payment| TakenPayment {
        provider: payment.provider.clone(),
        txn_id: payment.txn_id.clone(),
        order_id: payment.order_id.clone(),
        amount_cents: payment.amount_cents,
        currency: payment.currency.clone(),
        receiver: payment.receiver.clone(),
    });
    let step = |step: usize| i64::try_from(step).unwrap_or(i64::MAX);
    let holds = outside.holds.iter().map(|hold| Hold {
        section: hold.section.clone(),
        actor: hold.actor.clone(),
        from_step: step(hold.from_step),
        to_step: hold.to_step.map(step),
    });
    let (taken, holds) = (taken.collect(), holds.collect());
    let mails = outside.mails.iter().map(mail).collect();
    world::write(auditor, &Outside { mails, taken, holds }).await?;
    Ok(())
}
