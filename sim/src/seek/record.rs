//! The outcomes that were never seen, or seldom: each with its reason.

use serde::Deserialize;

/// What is known of outcomes that a short search does not show.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Each of them.
    #[serde(default)]
    pub outcome: Vec<Entry>,
}

/// One outcome of one script on some engines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The script: `kept/queue_at_a_row`.
    pub script: String,
    /// The engines that come to the same.
    pub engines: Vec<String>,
    /// The number of the transcript, from 1, as they stand in the script.
    pub number: usize,
    /// How often it was seen.
    pub seen: Often,
    /// Why it was not, and why the model allows it; or what it takes to see it.
    pub reason: String,
}

/// How often an outcome was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Often {
    /// Never, in searches of any length.
    Never,
    /// In a long search, but not in each short one.
    Seldom,
}

/// Why a text is no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not of the form.
    #[error(transparent)]
    Form(#[from] toml::de::Error),
    /// An entry says nothing, or says it twice.
    #[error("{script}, number {number}: {problem}")]
    Entry {
        /// The entry's script.
        script: String,
        /// The entry's number.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Record {
    /// Read a record.
    ///
    /// # Errors
    /// With the place that is not of the form, or the entry that has no reason, no engine, or is there twice.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let record: Record = toml::from_str(text)?;
        for (place, entry) in record.outcome.iter().enumerate() {
            let same = |other: &Entry| {
                let shares = || other.engines.iter().any(|engine| entry.engines.contains(engine));
                (&other.script, other.number) == (&entry.script, entry.number) && shares()
            };
            let problem = if entry.reason.trim().is_empty() {
                "there is no reason"
            } else if entry.engines.is_empty() {
                "there is no engine"
            } else if record.outcome[..place].iter().any(same) {
                "this outcome is there twice"
            } else {
                continue;
            };
            return Err(RecordError::Entry { script: entry.script.clone(), number: entry.number, problem });
        }
        Ok(record)
    }

    /// What is said of this transcript of a script, by its number from 1.
    pub fn entry(&self, script: &str, engine: &str, number: usize) -> Option<&Entry> {
        let is_it = |entry: &&Entry| {
            entry.script == script && entry.number == number && entry.engines.iter().any(|known| known == engine)
        };
        self.outcome.iter().find(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::Record;

    const ENTRY: &str =
        "[[outcome]]\nscript = 'kept/a'\nengines = ['postgres/serializable']\nnumber = 2\nseen = 'never'\n";

    #[test]
    fn an_outcome_without_a_reason_is_no_record() {
        assert!(Record::parse(&format!("{ENTRY}reason = 'the model is wide'")).is_ok());
        assert!(Record::parse(&format!("{ENTRY}reason = ' '")).is_err());
        assert!(Record::parse(ENTRY).is_err());
    }

    #[test]
    fn an_outcome_has_one_reason() {
        let once = format!("{ENTRY}reason = 'the model is wide'\n");
        assert!(Record::parse(&format!("{once}{once}")).is_err());
        let other = once.replace("number = 2", "number = 3");
        let record = Record::parse(&format!("{once}{other}")).expect("two outcomes");
        assert!(record.entry("kept/a", "postgres/serializable", 3).is_some());
        assert!(record.entry("kept/a", "postgres/repeatable-read", 3).is_none());
    }
}
