//! Columns of objects that stay in JavaScript; what they mean is said at `HostEvents` in core.

use std::str::Utf8Error;

use logbraid_core::columns::HostEvents;
use napi::bindgen_prelude::{Float64Array, Uint8Array, Uint32Array};
use napi_derive::napi;

#[napi(object)]
pub struct Columns {
    pub ids: Uint32Array,
    pub millis: Float64Array,
    pub nanos: Uint32Array,
    pub texts: Uint8Array,
    pub text_ends: Uint32Array,
    pub labels: Uint32Array,
    pub join_keys: Uint32Array,
    pub messages: Uint32Array,
}

impl Columns {
    /// The same, as core takes it.
    pub fn view(&self) -> Result<HostEvents<'_>, Utf8Error> {
        Ok(HostEvents {
            handles: &self.ids,
            millis: &self.millis,
            nanos: &self.nanos,
            texts: std::str::from_utf8(&self.texts)?,
            text_ends: &self.text_ends,
            labels: &self.labels,
            join_keys: &self.join_keys,
            messages: &self.messages,
        })
    }
}
