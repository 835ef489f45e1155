//! Histories: what the model does explains itself, and what no engine would do is refused, at the line that is wrong.

mod drawn;
mod form;
mod killed;
mod long;
mod order;
mod support;
