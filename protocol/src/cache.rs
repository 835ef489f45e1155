//! What can be asked of a cache.

/// One thing asked of a cache that all web servers share: one round trip for the caller, and one atomic step.
///
/// Keys are text of 1 to 250 bytes without blanks and control characters, which every cache takes. A cache forgets: at the
/// end of a lifetime, when it needs the room, when it starts again. So a key that is not there says nothing of why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheCall {
    /// Put a value where there is none. Answered with 1, or with 0 where there is one.
    Add {
        /// Where.
        key: String,
        /// What.
        value: String,
        /// After how many milliseconds the cache forgets it, at least 1. A cache that counts in seconds keeps it for
        /// longer, never for less.
        lifetime_ms: u64,
    },
    /// What is there: no row, or one row with one field, the value.
    Get {
        /// Where.
        key: String,
    },
    /// Delete what is there, whoever put it there. Answered with how many keys that was: 0 or 1.
    Delete {
        /// Where.
        key: String,
    },
    /// Delete what is there if it is this value. Answered with how many keys that was: 0 or 1.
    CompareAndDelete {
        /// Where.
        key: String,
        /// What has to be there.
        value: String,
    },
}

impl CacheCall {
    /// The name of this step in traces and diagrams.
    pub fn name(&self) -> &'static str {
        match self {
            CacheCall::Add { .. } => "cache_add",
            CacheCall::Get { .. } => "cache_get",
            CacheCall::Delete { .. } => "cache_delete",
            CacheCall::CompareAndDelete { .. } => "cache_compare_and_delete",
        }
    }

    /// What it is about.
    pub fn key(&self) -> &str {
        match self {
            CacheCall::Add { key, .. }
            | CacheCall::Get { key }
            | CacheCall::Delete { key }
            | CacheCall::CompareAndDelete { key, .. } => key,
        }
    }
}
