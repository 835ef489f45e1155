//! Whatever a reader is given, it says what it is or where it is wrong; and what it takes, the rest can use.
//!
//! | file | is about |
//! |---|---|
//! | `edits` | texts that nobody wrote on purpose |
//! | `notices`, `scenarios`, `traces`, `scripts`, `histories`, `manifests` | one reader each, and what uses what it has read |
//! | `absurd` | what is of the form and of no use: refused, and not begun |

mod absurd;
mod edits;
mod histories;
mod manifests;
mod notices;
mod scenarios;
mod scripts;
mod traces;
