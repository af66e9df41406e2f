//! What the tests of Logbraid are made of: the language-neutral cases of `tests/cases`, the naive
//! model of the query language, and random queries and events to hold the engine against it.

pub mod case;
mod columns;
pub mod consumer;
pub mod expected;
pub mod hold;
pub mod model;
pub mod oracle;
pub mod random;
pub mod run;
pub mod script;
pub mod threads;
