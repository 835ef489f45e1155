//! The one place where a claim is given its audit.

/// How a claim is looked for in a live database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// By a query that answers with one row a violation.
    Query {
        /// The query: the text of `specs/audit/CLAIM.sql`.
        sql: &'static str,
        /// A table beside the shop's own that it needs.
        needs: Option<Need>,
    },
    /// Not at all.
    None {
        /// Why not.
        why: &'static str,
    },
}

/// A table that only the driver of the requests can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its name.
    pub table: &'static str,
    /// An empty stand-in for it as a common table expression, where the query still means something without it.
    pub stand_in: Option<&'static str>,
    /// What only this table knows.
    pub knows: &'static str,
}

/// One claim with its audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimAudit {
    /// The claim's name.
    pub claim: &'static str,
    /// True when the claim is about a shop at rest, with no request under way.
    pub at_rest: bool,
    /// Its audit.
    pub audit: Audit,
}

/// The audit of the claim with this name.
pub(super) fn find(claim: &str) -> Option<&'static ClaimAudit> {
    AUDITS.iter().find(|audit| audit.claim == claim)
}

macro_rules! sql {
    ($claim:literal) => {
        include_str!(concat!("../../../specs/audit/", $claim, ".sql"))
    };
}

macro_rules! query {
    ($claim:literal, at_rest: $at_rest:literal, needs: $needs:expr) => {
        ClaimAudit { claim: $claim, at_rest: $at_rest, audit: Audit::Query { sql: sql!($claim), needs: $needs } }
    };
}

const fn none(claim: &'static str, at_rest: bool, why: &'static str) -> ClaimAudit {
    ClaimAudit { claim, at_rest, audit: Audit::None { why } }
}

const TAKEN: Need =
    Need { table: "world_taken", stand_in: None, knows: "what the gateway took, the shop's own tables cannot know" };

const HOLDS: Need = Need {
    table: "world_holds",
    stand_in: None,
    knows: "who believed to be alone in a section, the shop's own tables cannot know",
};

const MAILS: Need = Need {
    table: "world_mails",
    stand_in: Some("world_mails(message_id, order_id) AS (SELECT '', '' WHERE 1 = 0)"),
    knows: "the outbox alone was looked at: what else the mail server was handed is not known",
};

/// Why the past of a lock row cannot be audited.
const LOCK_ROW_IS_GONE: &str = "a deleted lock row leaves nothing behind that says whose it was, or who deleted it";

/// Every claim's audit, in the order of the catalogue.
pub static AUDITS: [ClaimAudit; 15] = [
    query!("a_payment_is_booked_at_most_once", at_rest: false, needs: None),
    none("a_capture_is_taken_at_most_once", false, "only the gateway knows how often it moved money"),
    query!("stock_is_never_oversold", at_rest: false, needs: None),
    query!("stock_agrees_with_orders", at_rest: true, needs: None),
    query!("an_order_is_never_half_settled", at_rest: true, needs: None),
    query!("taken_money_is_never_lost", at_rest: true, needs: Some(TAKEN)),
    query!("refunds_never_exceed_payments", at_rest: false, needs: None),
    none(
        "no_update_is_lost",
        false,
        "a row does not say what its last writer had been shown; what such a write breaks, other audits find",
    ),
    query!("a_lease_has_one_holder", at_rest: false, needs: Some(HOLDS)),
    none("a_request_deletes_only_the_lock_row_it_read", false, LOCK_ROW_IS_GONE),
    none("a_release_frees_only_its_own_lock", false, LOCK_ROW_IS_GONE),
    none("a_free_lock_is_granted", false, "a refusal is not written anywhere"),
    query!("the_buyer_is_mailed_once", at_rest: true, needs: Some(MAILS)),
    none("no_order_is_frozen", false, "how long a request was kept waiting, and by whom, is not in any row"),
    none("retries_end", false, "how often a request went round its loop is not in any row"),
];
