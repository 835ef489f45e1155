//! Redis and memcached: what a lock in a cache is worth, and what its answers mean.

use std::future::{Future as _, poll_fn};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use paidonce_protocol::{CacheCall, Error, Reply, Schema, Session as _};
use paidonce_sqlx::cache::{Cache, CacheOptions};
use paidonce_sqlx::server::{Durability, Server, Software, Stop};
use paidonce_sqlx::{DbError, ShopSession};

use crate::relay::{Fate, Relay};
use crate::shops::server;
use crate::support::Place;

const CACHES: [Software; 2] = [Software::Redis, Software::Memcached];
/// Longer than any test, and short enough for what a failed test leaves on somebody's server.
const MINUTE_MS: u64 = 60_000;

/// Keys that nobody else has.
fn options() -> CacheOptions {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    CacheOptions { prefix: format!("paidonce_{}_{number}:", std::process::id()), ..CacheOptions::default() }
}

/// Both caches that are here, each with keys of its own.
fn caches() -> impl Iterator<Item = Cache> {
    let here = CACHES.into_iter().filter_map(server);
    here.map(|server| Cache::at(server.url(), options()).unwrap())
}

/// One of our own that forgets, also where the environment names another, with its socket.
fn private(software: Software) -> Option<(Server, PathBuf)> {
    server(software)?;
    let started = Server::start(software, Durability::MeaningOnly).unwrap_or_else(|error| panic!("{error}"));
    let socket = PathBuf::from(started.url().split_once("://").expect("a socket's URL").1);
    Some((started, socket))
}

/// The cache behind this socket.
fn at(software: Software, socket: &Path, options: CacheOptions) -> Cache {
    let scheme = if software == Software::Redis { "unix" } else { "memcached" };
    Cache::at(&format!("{scheme}://{}", socket.display()), options).unwrap()
}

/// Ask a server in its own words.
fn raw(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut buffer = [0; 1_024];
    let size = stream.read(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..size]).trim_end().to_owned()
}

async fn write(cache: &mut Cache, call: CacheCall) -> Result<bool, DbError> {
    match cache.perform(&call).await? {
        Reply::Affected(keys) => Ok(keys == 1),
        other => panic!("{call:?} was answered {other:?}"),
    }
}

async fn add(cache: &mut Cache, key: &str, value: &str, lifetime_ms: u64) -> Result<bool, DbError> {
    write(cache, CacheCall::Add { key: key.to_owned(), value: value.to_owned(), lifetime_ms }).await
}

async fn delete(cache: &mut Cache, key: &str) -> Result<bool, DbError> {
    write(cache, CacheCall::Delete { key: key.to_owned() }).await
}

async fn compare_and_delete(cache: &mut Cache, key: &str, value: &str) -> Result<bool, DbError> {
    write(cache, CacheCall::CompareAndDelete { key: key.to_owned(), value: value.to_owned() }).await
}

async fn get(cache: &mut Cache, key: &str) -> Result<Option<String>, DbError> {
    match cache.perform(&CacheCall::Get { key: key.to_owned() }).await? {
        Reply::Rows(rows) => Ok(rows.first().map(|row| row.text(0).unwrap().to_owned())),
        other => panic!("a get was answered {other:?}"),
    }
}

#[tokio::test]
async fn a_key_is_added_once_until_it_is_deleted() {
    for mut cache in caches() {
        assert_eq!(get(&mut cache, "order-1").await.unwrap(), None);
        assert!(add(&mut cache, "order-1", "ipn-1", MINUTE_MS).await.unwrap());
        assert!(!add(&mut cache, "order-1", "ipn-2", MINUTE_MS).await.unwrap());
        assert_eq!(get(&mut cache, "order-1").await.unwrap().as_deref(), Some("ipn-1"));
        assert!(!compare_and_delete(&mut cache, "order-1", "ipn-2").await.unwrap());
        assert!(compare_and_delete(&mut cache, "order-1", "ipn-1").await.unwrap());
        assert!(!compare_and_delete(&mut cache, "order-1", "ipn-1").await.unwrap());
        assert!(add(&mut cache, "order-1", "", MINUTE_MS).await.unwrap());
        assert_eq!(get(&mut cache, "order-1").await.unwrap().as_deref(), Some(""));
        assert!(delete(&mut cache, "order-1").await.unwrap());
        assert!(!delete(&mut cache, "order-1").await.unwrap());
    }
}

#[tokio::test]
async fn a_plain_delete_frees_somebody_elses_lock() {
    for mut cache in caches() {
        assert!(add(&mut cache, "order-1", "ipn-2", MINUTE_MS).await.unwrap());
        // ipn-1 had it once, was paused for too long, and releases it now.
        assert!(delete(&mut cache, "order-1").await.unwrap());
        assert!(add(&mut cache, "order-1", "ipn-3", MINUTE_MS).await.unwrap(), "ipn-2 still believes to hold it");
        delete(&mut cache, "order-1").await.unwrap();
    }
}

#[tokio::test]
async fn a_late_compare_and_delete_frees_nobody() {
    for mut cache in caches() {
        assert!(add(&mut cache, "order-1", "ipn-1", 1).await.unwrap());
        // Its lifetime ends by itself: at once on Redis, within two seconds on memcached.
        while get(&mut cache, "order-1").await.unwrap().is_some() {}
        assert!(add(&mut cache, "order-1", "ipn-2", MINUTE_MS).await.unwrap());
        assert!(!compare_and_delete(&mut cache, "order-1", "ipn-1").await.unwrap());
        assert_eq!(get(&mut cache, "order-1").await.unwrap().as_deref(), Some("ipn-2"));
        delete(&mut cache, "order-1").await.unwrap();
    }
}

#[tokio::test]
async fn memcacheds_compare_and_delete_deletes_nothing_but_what_it_read() {
    let Some((_server, socket)) = private(Software::Memcached) else { return };
    let beside = socket.clone();
    let relay = Relay::before(&socket, move |request| {
        // Between the read and the deletion another request puts the same value there again.
        if request.starts_with("md order-1 C") {
            assert_eq!(raw(&beside, "md order-1\r\n"), "HD");
            assert_eq!(raw(&beside, "ms order-1 5 ME T60\r\nipn-1\r\n"), "HD");
        }
        Fate::Arrives
    });
    let mut cache = at(Software::Memcached, &relay.socket(), CacheOptions::default());
    assert!(add(&mut cache, "order-1", "ipn-1", MINUTE_MS).await.unwrap());
    assert!(!compare_and_delete(&mut cache, "order-1", "ipn-1").await.unwrap());
    assert_eq!(get(&mut cache, "order-1").await.unwrap().as_deref(), Some("ipn-1"));
}

#[tokio::test]
async fn memcached_counts_seconds_and_takes_a_long_lifetime_for_a_moment() {
    let Some((_server, socket)) = private(Software::Memcached) else { return };
    let mut cache = at(Software::Memcached, &socket, CacheOptions::default());
    // Eleven seconds, and one for the clock that ticks once a second.
    assert!(add(&mut cache, "order-1", "ipn-1", 10_001).await.unwrap());
    let left = raw(&socket, "mg order-1 t\r\n");
    assert!(["HD t12", "HD t11"].contains(&left.as_str()), "{left}");
    // 30 days and a second: stored, and long over.
    let month_ms = 30 * 24 * 3_600 * 1_000;
    assert_eq!(raw(&socket, "ms order-2 5 ME T2592001\r\nipn-1\r\n"), "HD");
    assert_eq!(get(&mut cache, "order-2").await.unwrap(), None);
    let error = add(&mut cache, "order-2", "ipn-1", month_ms).await.unwrap_err();
    assert_eq!(error.kind(), Error::Misuse);
    assert!(error.to_string().contains("memcached keeps nothing for longer than 30 days"), "{error}");
    assert!(add(&mut cache, "order-2", "ipn-1", month_ms - 1_000).await.unwrap());
    assert_eq!(get(&mut cache, "order-2").await.unwrap().as_deref(), Some("ipn-1"));
}

#[tokio::test]
async fn a_lock_is_forgotten_by_a_cache_that_starts_again() {
    for software in CACHES {
        let Some((server, socket)) = private(software) else { continue };
        let mut cache = at(software, &socket, CacheOptions::default());
        assert!(add(&mut cache, "order-1", "ipn-1", MINUTE_MS).await.unwrap());
        server.restart(Stop::Crash).unwrap_or_else(|error| panic!("{error}"));
        let lost = get(&mut cache, "order-1").await.unwrap_err();
        assert_eq!(lost.kind(), Error::Unknown, "{lost}");
        assert!(add(&mut cache, "order-1", "ipn-2", MINUTE_MS).await.unwrap(), "ipn-1 still believes to hold it");
    }
}

#[tokio::test]
async fn a_lock_is_forgotten_by_a_cache_that_needs_the_room() {
    let Some((_server, socket)) = private(Software::Redis) else { return };
    let mut cache = at(Software::Redis, &socket, CacheOptions::default());
    assert!(add(&mut cache, "order-1", "ipn-1", MINUTE_MS).await.unwrap());
    assert_eq!(raw(&socket, "CONFIG SET maxmemory-policy allkeys-lru\r\n"), "+OK");
    assert_eq!(raw(&socket, "CONFIG SET maxmemory 1\r\n"), "+OK");
    // Even with everything thrown out there is no room.
    let full = add(&mut cache, "order-2", "ipn-1", MINUTE_MS).await.unwrap_err();
    assert_eq!((full.kind(), full.code()), (Error::Refused, Some("OOM")), "{full}");
    assert_eq!(raw(&socket, "CONFIG SET maxmemory 0\r\n"), "+OK");
    assert!(add(&mut cache, "order-1", "ipn-2", MINUTE_MS).await.unwrap(), "ipn-1 still believes to hold it");
}

#[tokio::test]
async fn an_answer_that_does_not_arrive_is_unknown() {
    for (software, fate) in
        CACHES.into_iter().flat_map(|software| [(software, Fate::Silence), (software, Fate::Broken)])
    {
        let Some((_server, socket)) = private(software) else { continue };
        let lose = move |request: &str| if request.contains("lost") { fate } else { Fate::Arrives };
        let relay = Relay::before(&socket, lose);
        let impatient = CacheOptions { patience: Duration::from_secs(1), ..CacheOptions::default() };
        let mut cache = at(software, &relay.socket(), impatient);
        assert!(add(&mut cache, "order-1", "ipn-1", MINUTE_MS).await.unwrap());
        let unknown = add(&mut cache, "lost", "ipn-1", MINUTE_MS).await.unwrap_err();
        assert_eq!(unknown.kind(), Error::Unknown, "{software} {fate:?}: {unknown}");
        // The next answer is that of the next call; and what was lost was the answer only.
        assert_eq!(get(&mut cache, "order-1").await.unwrap().as_deref(), Some("ipn-1"));
        let mut direct = at(software, &socket, CacheOptions::default());
        assert_eq!(get(&mut direct, "lost").await.unwrap().as_deref(), Some("ipn-1"));
    }
}

#[tokio::test]
async fn what_could_not_be_asked_is_refused() {
    let place = Place::new();
    for software in CACHES {
        let mut cache = at(software, &place.path("nobody"), CacheOptions::default());
        let error = add(&mut cache, "order-1", "ipn-1", MINUTE_MS).await.unwrap_err();
        assert_eq!(error.kind(), Error::Refused, "{error}");
        assert!(error.to_string().starts_with("cache_add on "), "{error}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_made_all_the_same() {
    for mut cache in caches() {
        assert_eq!(get(&mut cache, "order-2").await.unwrap(), None);
        {
            let mut dropped = pin!(add(&mut cache, "order-1", "ipn-1", MINUTE_MS));
            let polled = poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context))).await;
            assert!(polled.is_pending(), "it was asked, and not answered yet");
        }
        while get(&mut cache, "order-1").await.unwrap().is_none() {}
        // No answer of the dropped call's is taken for one of these.
        assert_eq!(get(&mut cache, "order-2").await.unwrap(), None);
        assert!(!add(&mut cache, "order-1", "ipn-2", MINUTE_MS).await.unwrap());
        assert!(compare_and_delete(&mut cache, "order-1", "ipn-1").await.unwrap());
    }
}

#[tokio::test]
async fn what_no_cache_could_do_is_misuse() {
    for mut cache in caches() {
        for key in ["order 1", "order-1\r\nflush_all", &"x".repeat(250)] {
            let error = add(&mut cache, key, "ipn-1", MINUTE_MS).await.unwrap_err();
            assert_eq!(error.kind(), Error::Misuse, "{error}");
        }
        assert_eq!(add(&mut cache, "order-1", "ipn-1", 0).await.unwrap_err().kind(), Error::Misuse);
        // What is too large for memcached is not.
        let large = "x".repeat(2_000_000);
        let added = add(&mut cache, "large", &large, MINUTE_MS).await;
        assert!(matches!(&added, Ok(true)) || added.is_err_and(|error| error.kind() == Error::Refused));
        delete(&mut cache, "large").await.unwrap();
    }
    for (url, why) in
        [("memcached:", "names no server"), ("sqlite:shop.db", "has a scheme other"), ("nowhere", "is no URL")]
    {
        let says = Cache::at(url, CacheOptions::default()).err().expect("it is no cache").to_string();
        assert!(says.contains(why) && says.contains("redis://HOST"), "{says}");
    }
}

#[tokio::test]
async fn a_protocol_asks_the_cache_of_its_session() {
    for cache in caches() {
        let place = Place::new();
        let mut session = ShopSession::new(place.shop(Schema::AsFound).await).with_cache(cache);
        assert_eq!(session.cache_add("order-1", "ipn-1", MINUTE_MS).await, Ok(true));
        assert_eq!(session.cache_get("order-1").await, Ok(Some("ipn-1".to_owned())));
        assert_eq!(session.cache_compare_and_delete("order-1", "ipn-2").await, Ok(false));
        assert_eq!(session.cache_delete("order-1").await, Ok(true));
        assert_eq!(session.cache_get("order-1").await, Ok(None));
        assert_eq!(session.cache_add("order 1", "ipn-1", MINUTE_MS).await, Err(Error::Misuse));
        assert_eq!(session.errors().len(), 1);
    }
    let place = Place::new();
    let mut without = ShopSession::new(place.shop(Schema::AsFound).await);
    assert_eq!(without.cache_get("order-1").await, Err(Error::Refused));
    assert!(without.errors()[0].to_string().contains("ShopSession::with_cache"));
}
