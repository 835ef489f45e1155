//! The protocols of paidonce on real databases, over sqlx.
//!
//! | to | see |
//! |---|---|
//! | hold one connection to a SQLite, PostgreSQL or MariaDB database | [`Connection`] |
//! | run a protocol on it | [`ShopSession`] |
//! | settle one notice and be told what the rows say | [`book()`] |
//! | keep a notice for a worker | [`book_later`] |
//! | work through the notices that are kept | [`worker::Worker`] |
//! | hold a lease that is renewed while the work goes on | [`lease::Lease`] |
//! | make a small shop to try it on | [`create_demo_shop`] |
//! | run every claim's audit query | [`audit`] |
//! | let several connections take one step at a time | [`lockstep`] |
//! | ask a Redis or memcached | [`cache`] |
//! | start a server that is gone afterwards | [`server`] |
//!
//! Database work never runs in a future that a caller could drop half-way: see [`Connection`].

mod book;
mod connection;
mod demo;
mod engine;
mod error;
mod later;
mod mariadb;
mod names;
mod postgres;
mod retry;
mod session;
mod sessions;
mod sqlite;

pub mod audit;
pub mod cache;
pub mod lease;
pub mod lockstep;
pub mod processor;
pub mod runtime;
pub mod server;
pub mod worker;

pub use book::{BookError, Booking, OrderRow, PaymentRow, RefundRow, book, read_notice};
pub use connection::{Connection, Options, without_password};
pub use demo::create_demo_shop;
pub use engine::{BeginMode, Engine, MariaDbLevel, PostgresLevel};
pub use error::{DbError, OpenError};
pub use later::{Kept, book_later};
pub use names::own_name;
pub use retry::{Retry, Tries};
pub use session::ShopSession;
pub use sessions::{Sessions, ShopAt};
