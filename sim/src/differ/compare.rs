//! One script on both sides, and a smaller one when they disagree.

use std::collections::BTreeSet;

use paidonce_model::Engine;
use paidonce_model::script::{Followed, Prepared, ScriptError, Transcript};
use paidonce_sqlx::server::Server;

use super::draft::{Draw, parsed};
use crate::script::{MOST_WAYS, Real, RealError};

/// So many smaller scripts are tried at most: each is played.
const MOST_SMALLER: usize = 400;

/// What a script came to.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What the real engine did.
    pub real: Transcript,
    /// What the model says to that.
    pub model: Followed,
}

impl Compared {
    /// Whether the model allows what the real engine did; `None` when there were too many ways to tell.
    pub fn agrees(&self) -> Option<bool> {
        match self.model {
            Followed::Only | Followed::Allowed => Some(true),
            Followed::Forbidden => Some(false),
            Followed::Undecided => None,
        }
    }
}

/// A script on which the model and the real engine disagree.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The script's text.
    pub text: String,
    /// What the model allows, or a part of it.
    pub allowed: BTreeSet<Transcript>,
    /// What the real engine did.
    pub real: Transcript,
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

    /// The same on this server; SQLite has none.
    ///
    /// # Errors
    /// When no database can be made there.
    pub async fn open_on(engine: Engine, server: Option<&Server>) -> Result<Self, RealError> {
        Ok(Differ { engine, real: Real::open_on(engine.name(), server).await? })
    }

    /// Play a script's text on both.
    ///
    /// # Errors
    /// When it is no script, or the real engine cannot be asked.
    pub async fn compare(&mut self, text: &str) -> Result<Compared, DifferError> {
        let script = parsed(text)?;
        let prepared = Prepared::new(&script, "drawn", self.engine)?;
        let order: Vec<usize> = (0..script.steps.len()).collect();
        let real = self.real.play(&prepared, &order).await?;
        let model = prepared.follow(&order, &real, MOST_WAYS);
        Ok(Compared { real, model })
    }

    /// The smallest script found on which they still disagree.
    ///
    /// # Errors
    /// As [`Differ::compare`].
    pub async fn shrink(&mut self, mut draw: Draw, compared: Compared) -> Result<Disagreement, DifferError> {
        let (mut smallest, mut compared, mut tried) = (draw.text(), compared, 0);
        let mut more = draw.simplify();
        while more && tried < MOST_SMALLER {
            let text = draw.text();
            tried += 1;
            let smaller = self.compare(&text).await?;
            more = if smaller.agrees() == Some(false) {
                (smallest, compared) = (text, smaller);
                draw.simplify()
            } else {
                draw.complicate()
            };
        }
        let script = parsed(&smallest)?;
        let prepared = Prepared::new(&script, "drawn", self.engine)?;
        let order: Vec<usize> = (0..script.steps.len()).collect();
        let (allowed, _) = prepared.transcripts_within(&order, MOST_WAYS);
        Ok(Disagreement { text: smallest, allowed, real: compared.real, tried })
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

#[cfg(test)]
mod tests {
    use super::super::Drafts;
    use super::*;

    /// Every transcript that the model allows is followed to its end, and no other is.
    #[test]
    fn following_a_transcript_tells_what_enumerating_all_tells() {
        let drafts = Drafts::of_seed(11);
        let (mut only, mut several, mut forbidden) = (0, 0, 0);
        for n in 0..80 {
            let text = drafts.draw(n).unwrap().text();
            let script = parsed(&text).unwrap();
            let order: Vec<usize> = (0..script.steps.len()).collect();
            let mut all = Vec::new();
            for engine in Engine::ALL {
                let prepared = Prepared::new(&script, "drawn", engine).unwrap();
                let (allowed, ways) = prepared.transcripts_within(&order, 2_000);
                if ways.is_some() {
                    all.push((prepared, allowed));
                }
            }
            let told: BTreeSet<&Transcript> = all.iter().flat_map(|(_, allowed)| allowed).collect();
            for (prepared, allowed) in &all {
                for transcript in &told {
                    let expected = match (allowed.contains(*transcript), allowed.len()) {
                        (true, 1) => Followed::Only,
                        (true, _) => Followed::Allowed,
                        (false, _) => Followed::Forbidden,
                    };
                    assert_eq!(prepared.follow(&order, transcript, MOST_WAYS), expected, "{n}:\n{transcript}");
                    match expected {
                        Followed::Only => only += 1,
                        Followed::Allowed => several += 1,
                        _ => forbidden += 1,
                    }
                }
                let mut cut = allowed.first().cloned().unwrap_or_default();
                cut.lines.pop();
                assert_eq!(prepared.follow(&order, &cut, MOST_WAYS), Followed::Forbidden, "{n}:\n{cut}");
            }
        }
        assert!(only > 0 && several > 0 && forbidden > 0, "{only} {several} {forbidden}");
    }
}
