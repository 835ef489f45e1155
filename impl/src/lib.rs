//! The protocols of paidonce on real databases, over sqlx.
//!
//! | to | see |
//! |---|---|
//! | hold one connection to a SQLite database | [`Sqlite`] |
//! | run a protocol on it | [`SqliteSession`] |
//! | settle one notice and be told what the rows say | [`book()`] |
//! | make a small shop to try it on | [`create_demo_shop`] |
//! | run every claim's audit query | [`audit`] |
//!
//! Database work never runs in a future that a caller could drop half-way: see [`Sqlite`].

mod book;
mod demo;
mod error;
mod session;
mod sqlite;

pub mod audit;

pub use book::{BookError, Booking, OrderRow, PaymentRow, RefundRow, book, read_notice};
pub use demo::create_demo_shop;
pub use error::{DbError, OpenError};
pub use session::SqliteSession;
pub use sqlite::{BeginMode, Sqlite, SqliteOptions};
