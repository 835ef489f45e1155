//! `paidonce script`: a schedule of SQL steps on the model, on the real engine, or on both.

use std::collections::BTreeSet;
use std::io::Write;

use paidonce_model::script::{Prepared, Script, Transcript};

use super::cli::Scripted;
use super::failure::Failure;
use super::{Exit, print_json, quoted, read_text};
use crate::script::{MOST_WAYS, Real, played_text};

/// No script of a person is longer.
pub(super) const LONGEST_SCRIPT: u64 = 1 << 20;

/// The machine's form.
#[derive(serde::Serialize)]
struct Json {
    engine: &'static str,
    /// Every transcript that the model allows, or those that were found.
    allowed: Option<Vec<String>>,
    /// Whether these are all.
    allowed_are_all: Option<bool>,
    /// The real engine's.
    real: Option<Vec<String>>,
    /// Whether the model allows what the real engine did.
    agrees: Option<bool>,
    /// Whether the script's anomaly is there.
    anomaly: Option<bool>,
}

pub(super) fn run(asked: &Scripted, out: &mut dyn Write) -> Result<Exit, Failure> {
    if asked.rewrite && asked.script == "-" {
        return Err(Failure::NowhereToRewrite);
    }
    let text = read_text(&asked.script, LONGEST_SCRIPT)?;
    let script = Script::parse(&asked.script, &text)?;
    let prepared = Prepared::new(&script, &asked.script, asked.engine)?;
    let on_model = !asked.real;
    let model = on_model.then(|| model(&prepared, MOST_WAYS)).transpose()?;
    let played = Played {
        is_cut: model.as_ref().is_some_and(|(_, are_all)| !are_all),
        allowed: model.map(|(allowed, _)| allowed),
        real: (asked.real || asked.both).then(|| real(&prepared, asked.engine.name())).transpose()?,
    };
    let agrees = played.agrees();
    if asked.rewrite {
        if played.is_cut {
            return Err(Failure::TooManyWays { path: asked.script.clone(), most: MOST_WAYS });
        }
        let Some(golden) = played.allowed_text(&script) else { return Err(Failure::NothingToRewrite) };
        let renewed = script.renewed(&text, asked.engine.name(), &golden);
        std::fs::write(&asked.script, renewed)
            .map_err(|source| Failure::Write { path: asked.script.clone(), source })?;
    }
    let as_written = match (script.golden_for(asked.engine.name()), played.allowed_text(&script)) {
        (Some(golden), Some(found)) if !asked.rewrite && !played.is_cut => Some(golden.trim_end() == found.trim_end()),
        _ => None,
    };
    if asked.json {
        print_json(out, &played.json(asked.engine.name(), &script))?;
    } else {
        played.tell(asked, &script, as_written, out)?;
    }
    Ok(match (agrees, as_written) {
        (Some(false), _) | (_, Some(false)) => Exit::Found,
        _ if played.is_cut => Exit::Undecided,
        _ => Exit::Clean,
    })
}

/// What the steps came to: for each order of them the transcripts.
type ByOrder = Vec<BTreeSet<Transcript>>;

struct Played {
    allowed: Option<ByOrder>,
    /// There are more ways through it than were taken.
    is_cut: bool,
    real: Option<ByOrder>,
}

/// What the model allows, and whether that is all: so many ways at most are taken.
fn model(prepared: &Prepared<'_>, most_ways: usize) -> Result<(ByOrder, bool), Failure> {
    let (mut by_order, mut left) = (ByOrder::new(), most_ways);
    for order in prepared.orders()? {
        let (found, ways) = prepared.transcripts_within(&order, left);
        by_order.push(found);
        let Some(ways) = ways else { return Ok((by_order, false)) };
        left -= ways;
    }
    Ok((by_order, true))
}

fn real(prepared: &Prepared<'_>, engine: &str) -> Result<ByOrder, Failure> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Executor)?;
    executor.block_on(async {
        let mut real = Real::open(engine).await?;
        let mut found = Vec::new();
        for order in prepared.orders()? {
            found.push(BTreeSet::from([real.play(prepared, &order).await?]));
        }
        real.close().await;
        Ok(found)
    })
}

impl Played {
    /// Whether the model allows everything that the real engine did, when both have played, and that is known.
    fn agrees(&self) -> Option<bool> {
        let (allowed, real) = (self.allowed.as_ref()?, self.real.as_ref()?);
        let allows =
            allowed.len() == real.len() && real.iter().zip(allowed).all(|(real, allowed)| real.is_subset(allowed));
        (allows || !self.is_cut).then_some(allows)
    }

    fn allowed_text(&self, script: &Script) -> Option<String> {
        self.allowed.as_ref().map(|allowed| played_text(script, allowed))
    }

    fn anomaly(&self, script: &Script) -> Option<bool> {
        if script.anomalies.is_empty() {
            return None;
        }
        let transcripts = self.real.as_ref().or(self.allowed.as_ref())?;
        let there = transcripts.iter().flatten().any(|transcript| script.shows_anomaly(transcript));
        (there || self.real.is_some() || !self.is_cut).then_some(there)
    }

    fn json(&self, engine: &'static str, script: &Script) -> Json {
        let texts = |by_order: &ByOrder| by_order.iter().flatten().map(Transcript::to_string).collect();
        Json {
            engine,
            allowed: self.allowed.as_ref().map(texts),
            allowed_are_all: self.allowed.as_ref().map(|_| !self.is_cut),
            real: self.real.as_ref().map(texts),
            agrees: self.agrees(),
            anomaly: self.anomaly(script),
        }
    }

    fn tell(
        &self,
        asked: &Scripted,
        script: &Script,
        as_written: Option<bool>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let engine = asked.engine.name();
        let where_to = match (asked.real, asked.both) {
            (true, _) => "the real engine",
            (_, true) => "the model and the real engine",
            _ => "the model",
        };
        writeln!(out, "script {} · {engine} · on {where_to}\n", asked.script)?;
        for (name, by_order) in [("the model allows", &self.allowed), ("the real engine does", &self.real)] {
            let Some(by_order) = by_order else { continue };
            if asked.both {
                writeln!(out, "{name}:\n")?;
            }
            writeln!(out, "{}", played_text(script, by_order))?;
        }
        let mut verdict = Vec::new();
        verdict.extend(self.agrees().map(|agrees| match agrees {
            true => "the model allows what the real engine does",
            false => "the model does not allow what the real engine does",
        }));
        verdict.extend(self.anomaly(script).map(|there| if there { "the anomaly occurs" } else { "no anomaly" }));
        verdict.extend(as_written.map(|same| match same {
            true => "as written in the script",
            false => "not as written in the script: --rewrite renews it",
        }));
        if asked.rewrite {
            verdict.push("written into the script");
        }
        let cut = format!(
            "undecided: the model has more than {MOST_WAYS} ways through it, and these are not all; take steps away"
        );
        if self.is_cut {
            verdict.push(&cut);
        }
        if verdict.is_empty() {
            verdict.push("done");
        }
        writeln!(out, "{} · {}", verdict.join("; "), command(asked))?;
        Ok(())
    }
}

fn command(asked: &Scripted) -> String {
    let mut command = format!("paidonce script {} --engine {}", quoted(&asked.script), asked.engine.name());
    for (given, option) in [(asked.real, " --real"), (asked.both, " --both")] {
        if given {
            command.push_str(option);
        }
    }
    command
}
