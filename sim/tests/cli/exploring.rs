//! `paidonce check --explore`: a page in a browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::Folder;

/// Ended with the test, however that ends.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    // The command says where it serves before it does.
    let mut stream = std::iter::repeat_with(|| TcpStream::connect(address)).take(1_000_000).find_map(Result::ok);
    let stream = stream.as_mut().expect("the page is served");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("the page is asked for");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the page answers in text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    assert!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}

#[test]
fn a_person_takes_the_steps_on_a_page() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let address = free.to_string();
    let mut served = Served(
        Command::new(env!("CARGO_BIN_EXE_paidonce"))
            .args(["check", "unlocked", "--scenario", "unlocked_ipn_twice", "--explore", &address])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts"),
    );
    let mut said = BufReader::new(served.0.stdout.take().expect("standard output")).lines();
    assert!(said.any(|line| line.expect("text").contains(&format!("http://{address}"))));

    assert!(get(&address, "/").contains("<html"));
    let first: Value = serde_json::from_str(&get(&address, "/.states/")).expect("JSON");
    let properties = first[0]["properties"].as_array().expect("the claims");
    assert_eq!(properties.len(), paidonce_model::Claim::ALL.len());
    let after: Value = serde_json::from_str(&get(&address, "/.states/0/0")).expect("JSON");
    let action = |step: &Value| step["action"].as_str().map(str::to_owned);
    let actions: Vec<_> = after.as_array().expect("the steps").iter().filter_map(action).collect();
    assert!(actions.contains(&"ipn-1 makes its next call".to_owned()), "{actions:?}");
    assert!(actions.contains(&"ipn-2 makes its next call".to_owned()), "{actions:?}");
    assert!(after[0]["svg"].as_str().expect("a drawing").contains("read_status"));
    assert!(after[0]["state"].as_str().expect("the state").contains("orders: '1', 'pending'"));
}

#[test]
fn a_page_shows_one_protocol_at_an_address_that_is_free() {
    let folder = Folder::new();
    folder.run(&["check", "--explore"]).expect(2, &["one protocol", "settle"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    folder.run(&["check", "settle", "--explore", &address]).expect(2, &["cannot listen on", &address]);
}
