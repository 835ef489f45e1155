//! What no protocol may do is found, and named.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use paidonce_protocol::{Body, Error, Port, Session, Statement};

use super::*;

static READ: Statement = Statement::new("read", "SELECT n FROM t WHERE id = $1");
const SCHEMA: &str = "CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";

fn store() -> Store {
    Store::new(SCHEMA, &[&READ], paidonce_protocol::Dialect::Sqlite)
        .expect("the schema and the statement are in the model's SQL")
}

fn grow(
    start: impl Fn(Port) -> Body<Result<(), Error>> + Send + Sync + 'static,
) -> (Store, Tree, Result<NodeId, UnrollError>) {
    let store = store();
    let mut tree = Tree::new(false);
    let root = tree.add(&store, "odd", Code::Own(Arc::new(start)));
    (store, tree, root)
}

fn clock(store: &Store, now_ms: i64) -> ReplyId {
    store.replies.keep(Answered::Clock(now_ms))
}

#[test]
fn a_protocol_that_awaits_something_else_is_named() {
    let (_, _, root) = grow(|_| Box::pin(std::future::pending()));
    let error = root.expect_err("nothing was asked of the session").to_string();
    assert!(error.contains("protocol odd awaits something that is not its session"), "{error}");
}

#[test]
fn a_protocol_that_drops_a_call_unanswered_is_named() {
    let (store, tree, root) = grow(|mut port| {
        Box::pin(async move {
            // Ask, do not take the answer, and ask again.
            let mut first = true;
            std::future::poll_fn(|cx| {
                let mut call = Box::pin(port.clock());
                let polled = call.as_mut().poll(cx);
                if std::mem::take(&mut first) { std::task::Poll::Pending } else { polled.map(drop) }
            })
            .await;
            Ok(())
        })
    });
    let root = root.expect("the first call is a call like any other");
    let error = tree.advance(&store, root, clock(&store, 1), || ()).expect_err("two calls").to_string();
    assert!(error.contains("protocol odd keeps two calls in flight"), "{error}");
}

#[test]
fn a_protocol_that_asks_differently_after_the_same_answers_is_named() {
    let runs = Arc::new(AtomicU64::new(0));
    let (store, tree, root) = grow(move |mut port| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let _ = port.wait(run + 1).await;
            let _ = port.clock().await;
            Ok(())
        })
    });
    let root = root.expect("a first run");
    let done = store.replies.keep(Answered::Done);
    let error = tree.advance(&store, root, done, || ()).expect_err("another wait").to_string();
    assert!(error.contains("protocol odd is not a function of its answers"), "{error}");
}

#[test]
fn a_checkpoint_that_hides_a_difference_is_found_at_once() {
    let (store, tree, root) = grow(|mut port| {
        Box::pin(async move {
            let now = port.clock().await.unwrap_or(0);
            let _ = port.checkpoint("head", 0).await;
            let _ = port.wait(now.unsigned_abs()).await;
            Ok(())
        })
    });
    let root = root.expect("a first run");
    assert!(tree.advance(&store, root, clock(&store, 1), || ()).is_ok());
    let error = tree.advance(&store, root, clock(&store, 2), || ()).expect_err("waits differently").to_string();
    assert!(error.contains("protocol odd depends on more than its checkpoint says"), "{error}");
}

#[test]
fn a_checkpoint_that_hides_a_difference_is_found_further_down() {
    let (store, tree, root) = grow(|mut port| {
        Box::pin(async move {
            let now = port.clock().await.unwrap_or(0);
            let _ = port.checkpoint("head", 0).await;
            let _ = port.clock().await;
            let _ = port.wait(now.unsigned_abs()).await;
            Ok(())
        })
    });
    let root = root.expect("a first run");
    let first = tree.advance(&store, root, clock(&store, 1), || ()).expect("one history").to;
    let second = tree.advance(&store, root, clock(&store, 2), || ()).expect("another").to;
    assert_eq!(first, second, "the checkpoint makes one node of both");
    let error = tree.advance(&store, first, clock(&store, 3), || ()).expect_err("waits differently").to_string();
    assert!(error.contains("protocol odd depends on more than its checkpoint says"), "{error}");
}

#[test]
fn each_node_is_made_once() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let (store, tree, root) = grow(move |mut port| {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let _ = port.clock().await;
            Ok(())
        })
    });
    let root = root.expect("a first run");
    for _ in 0..10 {
        assert!(tree.advance(&store, root, clock(&store, 1), || ()).is_ok());
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2, "one run for the root, one for the node after it");
}

#[test]
fn two_threads_make_each_node_once() {
    let inside = Arc::new(AtomicU64::new(0));
    let met = Arc::clone(&inside);
    let (store, tree, root) = grow(move |mut port| {
        // Whoever is here waits a while for somebody else to come in, too.
        let alone = met.fetch_add(1, Ordering::SeqCst) + 1;
        (0..10_000).take_while(|_| met.load(Ordering::SeqCst) == alone).for_each(|_| std::thread::yield_now());
        Box::pin(async move {
            let _ = port.clock().await;
            let _ = port.clock().await;
            Ok(())
        })
    });
    let (root, answer) = (root.expect("a first run"), clock(&store, 1));
    let advance = || tree.advance(&store, root, answer, || ()).expect("a further call").to;
    let [first, second] = std::thread::scope(|scope| {
        [scope.spawn(advance), scope.spawn(advance)].map(|thread| thread.join().expect("a node"))
    });
    assert_eq!(first, second);
    assert_eq!(inside.load(Ordering::SeqCst), 2, "one run for the root, one for the node after it");
}

#[test]
fn a_statement_with_the_wrong_number_of_arguments_is_named() {
    let (_, _, root) = grow(|mut port| {
        Box::pin(async move {
            let _ = port.read(&READ, []).await;
            Ok(())
        })
    });
    let error = root.expect_err("one argument is missing").to_string();
    assert_eq!(error, "read: takes 1 arguments and was given 0");
}

#[test]
fn a_protocol_that_asks_a_cache_is_named() {
    let (_, _, root) = grow(|mut port| {
        Box::pin(async move {
            let _ = port.cache_add("order-1", "ipn-1", 60_000).await;
            Ok(())
        })
    });
    let error = root.expect_err("the model has no cache").to_string();
    assert!(error.contains("protocol odd asks `cache_add`, and the model has no cache"), "{error}");
}
