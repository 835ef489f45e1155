//! The `paidonce` command as a shell sees it: what it prints, and its exit status.

mod audits;
mod bad_input;
mod booking;
mod checking;
mod drawing;
mod exploring;
mod pins;
mod published;
mod scripting;
mod seeking;
mod servers;
mod simulating;
mod stress;
mod support;
mod traces;
