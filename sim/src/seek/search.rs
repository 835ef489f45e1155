//! A script played in one way after the other, until all that is looked for has been seen.

use std::collections::{BTreeMap, BTreeSet};

use paidonce_model::Engine;
use paidonce_model::script::{Prepared, Transcript};

use super::ways;
use crate::script::{Direction, Real, RealError};

/// What came of looking for every transcript that the model allows for one order of a script's steps.
#[derive(Clone, Debug)]
pub struct Sought {
    /// What the model allows.
    pub allowed: BTreeSet<Transcript>,
    /// What the real engine has shown: how often, and what had led it there first.
    pub seen: BTreeMap<Transcript, (u64, Direction)>,
    /// How often the script was played.
    pub plays: u64,
}

impl Sought {
    /// What is allowed and was not seen.
    pub fn unseen(&self) -> impl Iterator<Item = &Transcript> {
        self.allowed.iter().filter(|transcript| !self.seen.contains_key(*transcript))
    }

    /// What was seen although the model does not allow it.
    pub fn forbidden(&self) -> impl Iterator<Item = &Transcript> {
        self.seen.keys().filter(|transcript| !self.allowed.contains(*transcript))
    }
}

/// Play a script in every way once, and again so many rounds at most, as long as something is missing.
///
/// `wanted`: which of the transcripts, by their number from 0, are worth more than the first round. In that one all of them
/// are looked for.
///
/// # Errors
/// When the real engine cannot be asked, or the model cannot say what it allows.
pub async fn seek(
    real: &mut Real,
    engine: Engine,
    prepared: &Prepared<'_>,
    order: &[usize],
    (rounds, wanted): (u64, impl Fn(usize) -> bool),
) -> Result<Sought, RealError> {
    let allowed = prepared.transcripts(order)?;
    let ways = ways(prepared.script(), engine, &allowed);
    let mut sought = Sought { allowed, seen: BTreeMap::new(), plays: 0 };
    for round in 0..rounds {
        for way in &ways {
            let is_missing =
                |(number, transcript)| (round == 0 || wanted(number)) && !sought.seen.contains_key(transcript);
            if !sought.allowed.iter().enumerate().any(is_missing) {
                return Ok(sought);
            }
            let played = real.play_directed(prepared, order, way).await?;
            sought.plays += 1;
            sought.seen.entry(played).or_insert_with(|| (0, way.clone())).0 += 1;
        }
    }
    Ok(sought)
}
