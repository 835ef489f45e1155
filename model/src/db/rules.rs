//! The rules of an engine that a script has come to: each is to be held by a script that is kept.

use std::sync::atomic::{AtomicU64, Ordering};

use super::store::Store;
use super::transactions::Caller;
use crate::engine::Family;

macro_rules! rules {
    ($($rule:ident $family:ident $says:literal,)*) => {
        /// One rule of an engine's file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = $says] $rule,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)*];

            /// The rule as a sentence, and whose it is.
            pub fn says(self) -> (Family, &'static str) {
                match self {
                    $(Rule::$rule => (Family::$family, $says),)*
                }
            }
        }
    };
}

rules! {
    SqliteWaits Sqlite "Whoever has no snapshot waits for the writer.",
    SqliteStale Sqlite "Whoever has a snapshot cannot write once another has committed since.",
    SqliteBusy Sqlite "Whoever has a snapshot cannot write while another does, and is told so at once.",
    SqliteSame Sqlite "A row that is written as it was changes no snapshot.",
    SqliteClears Sqlite "A DELETE without WHERE changes other snapshots also when there is no row.",
    SqliteUndone Sqlite "A statement that fails undoes itself, and nothing else.",
    PostgresWaits Postgres "A statement waits for a row that another has locked or changed.",
    PostgresAgain Postgres "At read committed it tests its condition again after the wait.",
    PostgresPassed Postgres "A row that fails the second test stays locked.",
    PostgresGone Postgres "A row that was removed meanwhile stays away.",
    PostgresStale Postgres "At repeatable read a row with a newer version is a conflict.",
    PostgresNoWait Postgres "NOWAIT fails in place of waiting.",
    PostgresSkips Postgres "SKIP LOCKED goes on without the row.",
    PostgresKeyWaits Postgres "A new row waits at a key under which another has written.",
    PostgresKeyHeld Postgres "A new row that waits at one key is there under those before it.",
    PostgresKeyTaken Postgres "A key that is taken is an error, whatever waits behind it.",
    PostgresLeavesOut Postgres "ON CONFLICT DO NOTHING leaves out the new row whose key is taken.",
    PostgresUpdates Postgres "ON CONFLICT DO UPDATE changes the newest version of the row that is there.",
    PostgresUnseen Postgres "At repeatable read ON CONFLICT fails for the sake of a row that it cannot see.",
    PostgresTwice Postgres "A statement changes no row twice.",
    PostgresBeside Postgres "At repeatable read a new row stands beside the removed one that the snapshot shows.",
    PostgresQueue Postgres "Those who wait for one row stand in a queue, and are in each other's way there.",
    PostgresVersion Postgres "A queue is for one version of a row: it is no more when there is another.",
    PostgresPast Postgres "Whoever has locked a row in share mode asks those who have it besides, past the queue.",
    PostgresFailed Postgres "After an error everything is gone, and only a rollback is left.",
    PostgresFolds Postgres "A constant that cannot be computed, or is too long, is an error before a row is looked for.",
    PostgresNamedWaits Postgres "A lock by name that another has is waited for, first come first served.",
    PostgresNamedTries Postgres "pg_try_advisory_lock answers false in place of waiting.",
    PostgresNamedAgain Postgres "Whoever has a lock by name is given it again, and gives it back as often.",
    PostgresNamedStays Postgres "A connection's lock by name outlives its transaction.",
    PostgresNamedEnds Postgres "A transaction's lock by name ends with it.",
    PostgresNamedSnapshot Postgres "From repeatable read on a transaction has its snapshot before it waits for a lock by name.",
    InnodbWaits MariaDb "A statement waits for a record that another has locked or changed.",
    InnodbPassesOver MariaDb "Below repeatable read an UPDATE passes over a locked record whose committed row it does not want.",
    InnodbLetsGo MariaDb "Below repeatable read a record is let go again when its row is not wanted.",
    InnodbMarked MariaDb "The record of a removed row is still there, and is locked with the gap before it.",
    InnodbLeft MariaDb "Below repeatable read the record of a row whose removal is committed is passed over, also while it waits to be written anew.",
    InnodbInherits MariaDb "Who has locked a record that is taken out has locked the gap that it leaves.",
    InnodbNewWaits MariaDb "A new record waits for whoever has locked the gap it goes into.",
    InnodbTaken MariaDb "A record that is there already is locked before its key is said to be taken.",
    InnodbAnew MariaDb "A marked record of the same key is written anew.",
    InnodbStale MariaDb "With innodb_snapshot_isolation a record that is newer than the snapshot is a conflict.",
    InnodbNoWait MariaDb "NOWAIT fails in place of waiting for a record.",
    InnodbSkips MariaDb "SKIP LOCKED goes on without the record.",
    InnodbAsked MariaDb "Who has put a record in has a lock on it once somebody has asked for it.",
    InnodbMeanwhile MariaDb "A row that is in before the next one, or before it goes out again, is met by those who go on meanwhile.",
    InnodbHalfUndone MariaDb "At read uncommitted whoever waited for a new row may see what was there before it while that is rolled back.",
    InnodbHalfLocked MariaDb "Whoever waited for a new row may wait once more for a lock of its transaction while that is rolled back.",
    InnodbPutBack MariaDb "Whoever waited for a record that was taken out meets one of the same key that has come right before it.",
    InnodbWeighs MariaDb "Of those in a cycle of waits the one that weighs least is the victim.",
    InnodbUnsure MariaDb "Where one of a cycle has waited before, weights are known to two structures.",
    InnodbByNumber MariaDb "Below repeatable read who has written a row may be taken to have its records in further keys.",
    InnodbMoves MariaDb "A record that changes its size is moved, with the requests that wait for it.",
    InnodbTooLong MariaDb "A value that is too large or too long is an error when its row is there, and undoes the statement.",
    MariaDbNamedWaits MariaDb "A lock by name that another has is waited for, first come first served.",
    MariaDbNamedAgain MariaDb "Whoever has a lock by name is given it again, and gives it back as often.",
    MariaDbNamedStays MariaDb "A lock by name outlives the transaction.",
    MariaDbNamedGivesUp MariaDb "GET_LOCK answers 0 after its seconds, and nothing else happens.",
    MariaDbNamedCircle MariaDb "Of a circle of waits for names one is told, and nothing of it is undone.",
    MariaDbNamedSpared MariaDb "Of a circle of waits for names the one that was told of one least often is told.",
    MariaDbNamedBlind MariaDb "A circle of waits that leads through a name and a row is not seen.",
    SsiReader Postgres "At serializable a read that completes a cycle behind those that have committed fails.",
    SsiWriter Postgres "At serializable a write that completes one fails.",
    SsiDooms Postgres "At serializable a read dooms an open writer that stands before one that has committed.",
    SsiCommitDooms Postgres "At serializable a commit dooms an open reader that is itself read past.",
    SsiDoomed Postgres "At serializable a doomed transaction is told at its next row, write or commit.",
    SsiFades Postgres "At serializable whoever waited for one that is rolled back may still meet what that has read.",
    SsiEnding Postgres "At serializable whoever waited for one that commits may meet it before it counts as committed.",
    SsiWaiting Postgres "At serializable a new row that waits for its key is met in its table.",
    SsiLeft Postgres "At serializable a row that was put and removed in one transaction is met all the same.",
    SsiPage Postgres "At serializable more than two rows read by an index are their whole page.",
}

const BITS: usize = u64::BITS as usize;

/// Which rules were come to: each has a bit.
#[derive(Debug, Default)]
pub(crate) struct Noted([AtomicU64; Rule::ALL.len().div_ceil(BITS)]);

impl Store {
    /// A rule decides. Noted for scripts only: an exploration has no time for that.
    pub(crate) fn note(&self, rule: Rule) {
        if self.caller == Caller::Script {
            self.noted.0[rule as usize / BITS].fetch_or(1 << (rule as usize % BITS), Ordering::Relaxed);
        }
    }

    /// The rules that have decided something so far.
    pub(crate) fn noted(&self) -> impl Iterator<Item = Rule> {
        let words = self.noted.0.each_ref().map(|word| word.load(Ordering::Relaxed));
        let is_noted = move |rule: &Rule| words[*rule as usize / BITS] & (1 << (*rule as usize % BITS)) != 0;
        Rule::ALL.iter().copied().filter(is_noted)
    }
}
