//! Results to bytes: the batch that crosses into another language, and the JSON inside it.
//!
//! `batch` frames outputs, `head` is a correlation without its events as JSON, `recipe` turns the
//! retained bytes of events into JSON when somebody asks. Written once, so that the bindings have
//! nothing to disagree about.

mod batch;
mod head;
mod recipe;
mod summary;

pub use batch::{Batch, append_output, append_released, write_output};
pub use recipe::{Recipe, RecordError};
pub use summary::checked_json;

use crate::time::Timestamp;

/// A time as RFC 3339 text in UTC with nine digits, so that no nanosecond is lost.
pub fn rfc3339(time: Timestamp) -> String {
    let nanos = i128::from(time.as_nanos());
    let instant = jiff::Timestamp::from_nanosecond(nanos)
        .expect("64-bit nanoseconds lie within the years that dates are computed for");
    format!("{instant:.9}")
}
