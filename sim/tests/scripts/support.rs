//! Which engines are here, and the scripts of the repository.

use std::path::{Path, PathBuf};

use paidonce_model::script::{Prepared, Script, Transcript};
use paidonce_model::{Engine, Family};
use paidonce_sqlx::server::{Server, ServerError, Software, all_engines_wanted};

/// What makes a test write down what it finds, in place of comparing it: `PAIDONCE_REWRITE=1`.
const REWRITE: &str = "PAIDONCE_REWRITE";

/// True when pages and scripts are to be written anew.
pub(crate) fn rewrites() -> bool {
    std::env::var_os(REWRITE).is_some()
}

/// Write a page or a script anew. Who reads it meanwhile, as another test may, reads all of it: the old one or the new one.
pub(crate) fn write_anew(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).expect("there can be files beside it");
    std::fs::rename(&beside, path).expect("it can be replaced");
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// True when this engine can be asked here. One that is not here is left out with a line that says so, unless all are
/// wanted.
pub(crate) fn is_here(engine: Engine) -> bool {
    let software = match engine.family() {
        Family::Sqlite => return true,
        Family::Postgres => Software::Postgres,
        Family::MariaDb => Software::MariaDb,
    };
    match Server::shared(software) {
        Ok(_) => true,
        Err(error @ (ServerError::Absent { .. } | ServerError::LeftOut { .. })) if !all_engines_wanted() => {
            println!("left out: {}: {error}", engine.name());
            false
        }
        Err(error) => panic!("{}: {error}", engine.name()),
    }
}

/// Run something with an executor for real databases.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an executor").block_on(work)
}

/// A script of the repository.
pub(crate) struct Kept {
    /// `g0`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) script: Script,
}

/// The scripts in a folder below `specs/scripts`, by name.
pub(crate) fn scripts(folder: &str) -> Vec<Kept> {
    let folder = root().join("specs/scripts").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    paths.sort();
    let kept = |path: PathBuf| {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let text = std::fs::read_to_string(&path).expect("a script is text");
        let script = Script::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        Kept { name, path, text, script }
    };
    paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "script")).map(kept).collect()
}

impl Kept {
    /// Compiled for an engine.
    pub(crate) fn prepared(&self, engine: Engine) -> Prepared<'_> {
        Prepared::new(&self.script, &self.name, engine).unwrap_or_else(|error| panic!("{}: {error}", engine.name()))
    }

    /// The engines that it is for.
    pub(crate) fn engines(&self) -> impl Iterator<Item = Engine> {
        Engine::ALL.into_iter().filter(|engine| self.script.is_for(engine.name()))
    }

    /// The order in which its steps are written.
    pub(crate) fn order(&self) -> Vec<usize> {
        (0..self.script.steps.len()).collect()
    }

    /// Every transcript that the model allows.
    pub(crate) fn allowed(&self, engine: Engine) -> Vec<Transcript> {
        self.prepared(engine).transcripts(&self.order()).expect("few ways").into_iter().collect()
    }
}

/// Scripts are played on MariaDB one at a time, since the tests share the server: its locks by name are everybody's, and
/// transactions in any database make others older, which shows (`model/src/db/innodb/numbers.rs`).
pub(crate) async fn alone(engine: Engine) -> Option<tokio::sync::MutexGuard<'static, ()>> {
    static SERVER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    if engine.family() == Family::MariaDb { Some(SERVER.lock().await) } else { None }
}
