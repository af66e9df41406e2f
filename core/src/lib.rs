//! The Logbraid engine: what belongs together in streams of logs, metrics and events, found while
//! they arrive.
//!
//! No I/O, no clock, no threads, no randomness: the host pushes bytes and tells the time. Start at
//! [`query::check`] and [`engine::Correlator`].

pub mod event;
mod growth;
pub mod id;
pub mod limits;
mod ordered;
pub mod regex_size;
pub mod time;

pub mod plan;
pub mod query;

pub mod columns;
pub mod correlation;
pub mod decode;
mod emit;
pub mod encode;
mod join;
pub mod key;
pub mod select;
pub mod stage;
mod window;

pub mod engine;
pub mod error;
pub mod inspect;
mod latency;
pub mod metrics;
pub mod options;
pub mod output;
#[cfg(feature = "stream")]
pub mod stream;

pub use emit::Emit;
