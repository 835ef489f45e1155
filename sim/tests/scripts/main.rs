//! Scripts of SQL steps, on the model and on every real engine that is here.

mod drawn;
mod golden;
mod isolation;
mod page;
mod paths;
mod rules;
mod seen;
mod support;
