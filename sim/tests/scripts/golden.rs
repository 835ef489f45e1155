//! The scripts of the repository: what they come to is as written in them, and the real engines agree.

use paidonce::script::{Real, transcripts_text};
use paidonce_model::Engine;

use super::support::{Kept, alone, block_on, is_here, rewrites, scripts, write_anew};

/// The transcripts in each script are those of the model, for every engine.
fn as_written(folder: &str) {
    let mut complaints = String::new();
    for mut kept in scripts(folder) {
        let engines: Vec<Engine> = kept.engines().collect();
        for engine in engines {
            let found = transcripts_text(kept.allowed(engine).iter());
            if rewrites() {
                kept.text = kept.script.renewed(&kept.text, engine.name(), &found);
                kept.script = paidonce_model::script::Script::parse(&kept.name, &kept.text).expect("it was one before");
                write_anew(&kept.path, &kept.text);
            } else if kept.script.golden_for(engine.name()).map(str::trim_end) != Some(found.trim_end()) {
                complaints += &format!("{} on {}:\n{found}\n", kept.name, engine.name());
            }
        }
    }
    assert!(complaints.is_empty(), "not as written (PAIDONCE_REWRITE=1 writes it anew):\n{complaints}");
}

/// What each real engine does is among what the model allows.
fn as_on_real_engines(folder: &str, wanted: impl Fn(Engine) -> bool) {
    for engine in Engine::ALL.into_iter().filter(|engine| wanted(*engine) && is_here(*engine)) {
        block_on(async {
            let _alone = alone(engine).await;
            let mut real = Real::open(engine.name()).await.expect("the engine is here");
            for kept in scripts(folder).iter().filter(|kept| kept.script.is_for(engine.name())) {
                check(&mut real, kept, engine).await;
            }
            real.close().await;
        });
    }
}

async fn check(real: &mut Real, kept: &Kept, engine: Engine) {
    let prepared = kept.prepared(engine);
    let played = real.play(&prepared, &kept.order()).await;
    let played = played.unwrap_or_else(|error| panic!("{} on {}: {error}", kept.name, engine.name()));
    let allowed = kept.allowed(engine);
    assert!(
        allowed.contains(&played),
        "{} on {}: the real engine does\n{played}\nand the model allows\n{}",
        kept.name,
        engine.name(),
        transcripts_text(allowed.iter())
    );
    if !kept.script.anomalies.is_empty() {
        let there = kept.script.shows_anomaly(&played);
        let on_model = allowed.iter().any(|transcript| kept.script.shows_anomaly(transcript));
        assert_eq!(there, on_model, "{} on {}: is the anomaly there?", kept.name, engine.name());
    }
}

#[test]
fn the_hermitage_scripts_come_to_what_is_written_in_them() {
    as_written("hermitage");
}

#[test]
fn the_kept_scripts_come_to_what_is_written_in_them() {
    as_written("kept");
}

#[test]
fn the_hermitage_scripts_come_to_the_same_on_every_real_engine() {
    as_on_real_engines("hermitage", |_| true);
}

#[test]
fn the_kept_scripts_come_to_the_same_on_every_real_engine() {
    as_on_real_engines("kept", |_| true);
}
