//! Answers of servers, for adapters that fetch them.

use logbraid_core::decode::response;
use logbraid_core::time::Timestamp;
use napi::bindgen_prelude::{BigInt, Uint8Array};
use napi_derive::napi;

use crate::{Result, usage};

/// What an answer held; see `ResponseContent` of core. Times are nanoseconds since the epoch.
#[napi(object, object_from_js = false)]
pub struct ResponseContent {
    pub lines: Uint8Array,
    pub entries: i64,
    pub fresh: i64,
    pub first: Option<BigInt>,
    pub last: Option<BigInt>,
    pub remembered_from: Option<BigInt>,
    pub dropped: i64,
    pub dropped_from: Option<BigInt>,
    pub dropped_to: Option<BigInt>,
}

/// Reads the answers of a server, one after the other.
#[napi]
pub struct ResponseReader {
    inner: response::ResponseReader,
}

#[napi]
impl ResponseReader {
    #[napi(constructor, catch_unwind)]
    pub fn new(options_json: String) -> Result<Self> {
        let options = serde_json::from_str(&options_json).map_err(usage)?;
        let seed = getrandom::u64().map_err(usage)?;
        Ok(Self { inner: response::ResponseReader::new(options, seed) })
    }

    /// Events before that time, in nanoseconds since the epoch, will not come again.
    #[napi(catch_unwind)]
    pub fn forget(&mut self, before: BigInt) {
        // What is beyond 64 bits is beyond all that is remembered.
        let (before, _) = before.get_i64();
        self.inner.forget(Timestamp::from_nanos(before));
    }

    /// Reads one answer; what came before is left out.
    #[napi(catch_unwind)]
    pub fn read(&mut self, body: &[u8]) -> Result<ResponseContent> {
        let content = self
            .inner
            .read(body)
            .map_err(|error| napi::Error::new(error.code(), error.to_string()))?;
        Ok(ResponseContent {
            lines: content.lines.into(),
            entries: content.entries.cast_signed(),
            fresh: content.fresh.cast_signed(),
            first: content.first.map(nanos),
            last: content.last.map(nanos),
            remembered_from: content.remembered_from.map(nanos),
            dropped: content.dropped.cast_signed(),
            dropped_from: content.dropped_from.map(nanos),
            dropped_to: content.dropped_to.map(nanos),
        })
    }
}

fn nanos(time: Timestamp) -> BigInt {
    time.as_nanos().into()
}
