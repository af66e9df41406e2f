//! Results to bytes: the batch that crosses into another language, and the JSON inside it.
//!
//! `batch` frames outputs, `recipe` turns what is in a record into JSON when somebody asks, `head` is
//! that of a correlation without its events, `tools` what the query tools answer. Written once, so that the bindings have
//! nothing to disagree about.

mod batch;
mod head;
mod moment;
mod recipe;
mod summary;
pub mod tools;

pub use batch::{Batch, append_output, append_released, write_output};
pub use moment::rfc3339;
pub use recipe::{Recipe, RecordError};
pub use summary::checked_json;
