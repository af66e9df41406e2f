//! The Logbraid engine: what belongs together in streams of logs, metrics and events, found while
//! they arrive.
//!
//! No I/O, no clock, no threads, no randomness: the host pushes bytes and tells the time.

pub mod decode;
pub mod event;
pub mod id;
pub mod key;
pub mod limits;
pub mod plan;
pub mod query;
pub mod select;
pub mod time;
