//! Answers of servers, for adapters that fetch them.

use js_sys::{Object, Reflect, Uint8Array};
use logbraid_core::decode::response;
use logbraid_core::time::Timestamp;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{Result, coded, usage};

/// Reads the answers of a server, one after the other.
#[wasm_bindgen]
pub struct ResponseReader {
    inner: response::ResponseReader,
}

#[wasm_bindgen]
impl ResponseReader {
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<Self> {
        let options = serde_wasm_bindgen::from_value(options).map_err(usage)?;
        let seed = getrandom::u64().map_err(usage)?;
        Ok(Self { inner: response::ResponseReader::new(options, seed) })
    }

    /// Events before that time, in nanoseconds since the epoch, will not come again.
    pub fn forget(&mut self, before: i64) {
        self.inner.forget(Timestamp::from_nanos(before));
    }

    /// Reads one answer; what came before is left out. Times are nanoseconds since the epoch.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2⁵³ entries")]
    pub fn read(&mut self, body: &[u8]) -> Result<JsValue> {
        let content =
            self.inner.read(body).map_err(|error| coded(error.code(), &error.to_string()))?;
        let object = Object::new();
        let set = |name: &str, value: JsValue| {
            // An object that was just made takes any property.
            let _ = Reflect::set(&object, &name.into(), &value);
        };
        set("lines", Uint8Array::from(content.lines.as_slice()).into());
        let counts =
            [("entries", content.entries), ("fresh", content.fresh), ("dropped", content.dropped)];
        for (name, count) in counts {
            set(name, (count as f64).into());
        }
        let times = [
            ("first", content.first),
            ("last", content.last),
            ("rememberedFrom", content.remembered_from),
            ("droppedFrom", content.dropped_from),
            ("droppedTo", content.dropped_to),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                set(name, time.as_nanos().into());
            }
        }
        Ok(object.into())
    }
}
