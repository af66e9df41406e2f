//! Which held events belong together.
//!
//! `shape` derives from the plan which events can match; `table` and `list` find them by key and
//! time; `session` connects them and knows when a component is closed; `results` says what a
//! component means.

pub(crate) mod list;
pub(crate) mod results;
pub(crate) mod session;
pub(crate) mod shape;
pub(crate) mod table;
