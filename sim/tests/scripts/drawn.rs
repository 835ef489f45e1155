//! Scripts drawn from a seed: the model allows what every real engine does.

use paidonce::differ::{Differ, Drafts, Tally};
use paidonce::script::transcripts_text;
use paidonce_model::{Engine, Family};

use super::support::{alone, block_on, is_here};

/// A longer run is `paidonce differ`.
const SCRIPTS: u64 = 300;
const SEED: u64 = 20_261_122;

/// In so many of a thousand scripts the model has to allow one transcript only, so that agreement means something.
const WITH_ONE: u64 = 900;

fn compare(family: Family, drafts: &Drafts, names: &str) {
    for engine in Engine::ALL.into_iter().filter(|engine| engine.family() == family && is_here(*engine)) {
        let tally = block_on(all(engine, drafts, names));
        println!("{}: {tally:?}", engine.name());
        assert!(tally.undecided == 0 && tally.share_of_one() >= WITH_ONE, "{}: {tally:?}", engine.name());
    }
}

async fn all(engine: Engine, drafts: &Drafts, names: &str) -> Tally {
    let _alone = alone(engine).await;
    let mut differ = Differ::open(engine).await.unwrap_or_else(|error| panic!("{}: {error}", engine.name()));
    let mut tally = Tally::default();
    for n in 0..SCRIPTS {
        let draw = drafts.draw(n).expect("a script");
        let about = format!("paidonce differ --engine {}{names} --seed {SEED} --from {n} --count 1", engine.name());
        let compared = differ.compare(&draw.text()).await.unwrap_or_else(|error| panic!("{about}: {error}"));
        tally += Tally::of(&compared);
        if compared.agrees() == Some(false) {
            let found = differ.shrink(draw, compared).await.unwrap_or_else(|error| panic!("{about}: {error}"));
            let allowed = transcripts_text(found.allowed.iter());
            panic!("{about}\n\n{}\nallowed:\n{allowed}\nreal:\n{}", found.text, found.real);
        }
    }
    differ.close().await;
    tally
}

#[test]
fn the_model_allows_what_sqlite_does() {
    compare(Family::Sqlite, &Drafts::of_seed(SEED), "");
}

#[test]
fn the_model_allows_what_postgresql_does() {
    compare(Family::Postgres, &Drafts::of_seed(SEED), "");
}

#[test]
fn the_model_allows_what_mariadb_does() {
    compare(Family::MariaDb, &Drafts::of_seed(SEED), "");
}

#[test]
fn the_model_allows_what_postgresql_does_with_locks_by_name() {
    compare(Family::Postgres, &Drafts::with_names(SEED, Family::Postgres), " --names");
}

#[test]
fn the_model_allows_what_mariadb_does_with_locks_by_name() {
    compare(Family::MariaDb, &Drafts::with_names(SEED, Family::MariaDb), " --names");
}
