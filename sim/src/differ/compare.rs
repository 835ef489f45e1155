//! One script on both sides, and a smaller one when they disagree.

use std::collections::BTreeSet;

use paidonce_model::Engine;
use paidonce_model::script::{Prepared, ScriptError, Transcript};

use super::draft::{Draw, parsed};
use crate::script::{Real, RealError};

/// The model takes so many ways through a script at most.
const MOST_WAYS: usize = 20_000;
/// So many smaller scripts are tried at most: each is played.
const MOST_SMALLER: usize = 400;

/// What a script came to.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The transcripts that the model allows, or a part of them.
    pub allowed: BTreeSet<Transcript>,
    /// True when these are all.
    pub all: bool,
    /// What the real engine did.
    pub real: Transcript,
}

impl Compared {
    /// Whether the model allows what the real engine did; `None` when it was not among the part that was looked at.
    pub fn agrees(&self) -> Option<bool> {
        match self.allowed.contains(&self.real) {
            false if !self.all => None,
            agrees => Some(agrees),
        }
    }
}

/// A script on which the model and the real engine disagree.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The script's text.
    pub text: String,
    /// What it came to.
    pub compared: Compared,
    /// How many smaller scripts were tried.
    pub tried: usize,
}

/// A real engine beside the model of it.
pub struct Differ {
    engine: Engine,
    real: Real,
}

impl Differ {
    /// The engine with an empty database, on a private server or on the one that the user named.
    ///
    /// # Errors
    /// When there is none.
    pub async fn open(engine: Engine) -> Result<Self, RealError> {
        Ok(Differ { engine, real: Real::open(engine.name()).await? })
    }

    /// Play a script's text on both.
    ///
    /// # Errors
    /// When it is no script, or the real engine cannot be asked.
    pub async fn compare(&mut self, text: &str) -> Result<Compared, DifferError> {
        let script = parsed(text)?;
        let prepared = Prepared::new(&script, "drawn", self.engine)?;
        let order: Vec<usize> = (0..script.steps.len()).collect();
        let (allowed, all) = prepared.transcripts_within(&order, MOST_WAYS);
        let real = self.real.play(&prepared, &order).await?;
        Ok(Compared { allowed, all, real })
    }

    /// The smallest script found on which they still disagree.
    ///
    /// # Errors
    /// As [`Differ::compare`].
    pub async fn shrink(&mut self, mut draw: Draw, compared: Compared) -> Result<Disagreement, DifferError> {
        let mut smallest = Disagreement { text: draw.text(), compared, tried: 0 };
        let mut more = draw.simplify();
        while more && smallest.tried < MOST_SMALLER {
            let text = draw.text();
            smallest.tried += 1;
            let compared = self.compare(&text).await?;
            more = if compared.agrees() == Some(false) {
                (smallest.text, smallest.compared) = (text, compared);
                draw.simplify()
            } else {
                draw.complicate()
            };
        }
        Ok(smallest)
    }

    /// End every connection.
    pub async fn close(self) {
        self.real.close().await;
    }
}

/// Why a script was not compared.
#[derive(Debug, thiserror::Error)]
pub enum DifferError {
    /// It is none, or not of the model's SQL: a bug in what is drawn.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The real engine could not be asked.
    #[error(transparent)]
    Real(#[from] RealError),
}
