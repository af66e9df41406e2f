//! What the benches share: the workload they run on, and asking the engine about it.

use std::hint::black_box;

use logbraid_core::decode::{BadLine, Sink};
use logbraid_core::event::Event;

pub mod answer;
pub mod live;
pub mod workload;

/// Bytes that are read and pushed at a time, as the addon does.
pub const BLOCK: usize = 256 << 10;

/// The query of the reference workload in one file, with a window of its own.
pub const WITHIN: &str = "file({service=\"frontend\"})[5m] and on(request_id) within(30s) \
                          file({service=\"backend\"})[5m]";

/// The same with nothing but the ranges.
pub const RANGES: &str = "file({service=\"frontend\"})[5m] and on(request_id) \
                          file({service=\"backend\"})[5m]";

/// Counts the events of a decoder, as a query that takes none would.
#[derive(Debug, Default)]
pub struct Count(pub u64);

impl Sink for Count {
    fn event(&mut self, event: Event<'_>) {
        black_box(event.time);
        self.0 += 1;
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        panic!("the workload has no bad lines: {bad:?}");
    }
}
