//! A relay before a server on a socket, which can lose an answer, or do something before it hands a request on.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

/// What becomes of the answers to a request. The request itself is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// Neither this one nor any other arrives on this connection.
    Silence,
    /// The connection ends.
    Broken,
}

/// The relay. Its threads end with the connections that they serve.
pub(crate) struct Relay {
    directory: TempDir,
}

impl Relay {
    /// A relay before the server on this socket. `decide` sees each request before the server does.
    pub(crate) fn before(server: &Path, decide: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Self {
        let relay = Relay { directory: tempfile::tempdir().unwrap() };
        let listener = UnixListener::bind(relay.socket()).unwrap();
        let (server, decide) = (server.to_owned(), Arc::new(decide));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, decide) = (UnixStream::connect(&server).unwrap(), Arc::clone(&decide));
                thread::spawn(move || serve(&client, &server, &*decide));
            }
        });
        relay
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("relay")
    }
}

/// One request at a time, as the caches here ask, each with its answer in one piece.
fn serve(mut client: &UnixStream, mut server: &UnixStream, decide: &dyn Fn(&str) -> Fate) {
    let mut buffer = [0; 4_096];
    let mut fate = Fate::Arrives;
    loop {
        let Ok(size @ 1..) = client.read(&mut buffer) else { return };
        if fate == Fate::Arrives {
            fate = decide(&String::from_utf8_lossy(&buffer[..size]));
        }
        server.write_all(&buffer[..size]).unwrap();
        let Ok(size @ 1..) = server.read(&mut buffer) else { return };
        match fate {
            Fate::Arrives => client.write_all(&buffer[..size]).unwrap_or_default(),
            Fate::Silence => {}
            Fate::Broken => return,
        }
    }
}
