//! The crate on real SQLite files, each in a directory of its own.

mod audits;
mod booking;
mod caches;
mod errors;
mod every_engine;
mod leases;
mod lockstep;
mod mariadb;
mod opening;
mod postgres;
mod relay;
mod servers;
mod shops;
mod statements;
mod support;
mod tables;
mod turned;
mod workers;
